#include "daemon/drain_progress.h"

#include <algorithm>
#include <cstdio>

namespace kstreamd {
namespace {

constexpr Duration kLineInterval = std::chrono::seconds(2);
constexpr size_t kBarWidth = 20;

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

std::string one_decimal(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

}  // namespace

std::string grouped(int64_t number) {
  std::string text = std::to_string(number);
  const size_t first = number < 0 ? 1 : 0;
  for (size_t at = text.size(); at > first + 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

int64_t DrainProgress::done() const {
  int64_t sum = 0;
  for (const auto& [key, input] : inputs_) sum += std::max<int64_t>(0, input.position - input.first);
  return sum;
}

int64_t DrainProgress::left() const {
  int64_t sum = 0;
  for (const auto& [key, input] : inputs_) sum += input.lag;
  return sum;
}

std::string DrainProgress::update(const std::vector<TopologyStatus>& topologies, Duration now) {
  waiting_.clear();
  for (const auto& topology : topologies) {
    if (!topology.drained && topology.phase != TopologyPhase::running)
      waiting_ = topology.name + ": " +
                 (!topology.error.empty()    ? topology.error
                  : !topology.detail.empty() ? topology.detail
                                             : phase_name(topology.phase));
    for (const auto& task : topology.tasks)
      for (const auto& seen : task.inputs) {
        auto& input = inputs_[{topology.name, seen.topic, seen.partition}];
        if (seen.position < 0) continue;
        if (input.first < 0) input.first = seen.position;
        input.position = std::max(input.position, seen.position);
        input.lag = std::max<int64_t>(0, seen.lag);
      }
    if (topology.drained)
      for (auto& [key, input] : inputs_)
        if (std::get<0>(key) == topology.name) input.lag = 0;
  }
  if (terminal_) return "\033[K" + bar(now) + "\r";
  if (last_line_ >= Duration(0) && now - last_line_ < kLineInterval) return "";
  const bool first = last_line_ < Duration(0);
  last_line_ = now;
  if (first) return "";  // nothing is known yet
  return bar(now) + "\n";
}

std::string DrainProgress::bar(Duration now) const {
  const int64_t done_now = done(), left_now = left();
  if (done_now + left_now == 0) return waiting_.empty() ? "drain: starting" : "drain: waiting for " + waiting_;
  const double part = static_cast<double>(done_now) / static_cast<double>(done_now + left_now);
  const double rate = static_cast<double>(done_now) / std::max(0.001, seconds(now - begun_));
  std::string text = "drain: ";
  if (terminal_) {
    const auto full = static_cast<size_t>(part * kBarWidth);
    text += "[" + std::string(full, '#') + std::string(kBarWidth - full, '.') + "] ";
  }
  text += std::to_string(static_cast<int>(part * 100)) + "% " + grouped(done_now) + " records, " + grouped(left_now) +
          " left, " + grouped(static_cast<int64_t>(rate)) + "/s";
  return waiting_.empty() ? text : text + "; waiting for " + waiting_;
}

std::string DrainProgress::summary(Duration now) const {
  return std::string(terminal_ ? "\033[K" : "") + "drained: " + grouped(done()) + " records in " +
         one_decimal(seconds(now - begun_)) + " s\n";
}

}  // namespace kstreamd
