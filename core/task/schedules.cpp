#include "core/task/schedules.h"

namespace kstreamd {
namespace {

// start + steps * interval; the end of time where that is beyond it. All >= 0.
int64_t step(int64_t start, int64_t steps, int64_t interval) {
  int64_t way = 0, time = 0;
  if (__builtin_mul_overflow(steps, interval, &way) || __builtin_add_overflow(start, way, &time)) return INT64_MAX;
  return time;
}

}  // namespace

int64_t first_time(int64_t start, int64_t interval, int64_t now) {
  if (start >= now) return start;
  const int64_t behind = now - start;
  return step(start, behind / interval + (behind % interval ? 1 : 0), interval);
}

void Schedules::add(uint64_t number, TaskNode* node, int64_t first, int64_t interval) {
  schedules_[number] = {node, interval, first};
  queue_.insert({first, number});
}

void Schedules::cancel(uint64_t number, const TaskNode* node) {
  const auto found = schedules_.find(number);
  if (found == schedules_.end() || found->second.node != node) return;
  queue_.erase({found->second.time, number});
  schedules_.erase(found);
}

void Schedules::clear() {
  queue_.clear();
  schedules_.clear();
}

void Schedules::put_back(const Due& due, int64_t now) {
  const auto found = schedules_.find(due.number);
  if (found == schedules_.end()) return;
  found->second.time = step(due.time, (now - due.time) / found->second.interval + 1, found->second.interval);
  queue_.insert({found->second.time, due.number});
}

}  // namespace kstreamd
