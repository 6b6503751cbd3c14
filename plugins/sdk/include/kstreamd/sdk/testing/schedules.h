// Punctuations as Kafka Streams fires them. Used by one thread.
#pragma once
#include <kstreamd/abi/schedule.h>

#include <cstdint>
#include <map>
#include <optional>

namespace kstreamd::sdk::testing {

class Schedules {
 public:
  uint64_t add(uint32_t kind, int64_t interval, int64_t start, int64_t wall_time) {
    int64_t first = start != KST_NO_START ? start : kind == KST_STREAM_TIME ? 0 : wall_time + interval;
    // Where the wall clock is past the start: the first step of the interval that is not.
    if (kind == KST_WALL_CLOCK && first < wall_time) first += (wall_time - first + interval - 1) / interval * interval;
    all_[++last_] = {kind, interval, first};
    return last_;
  }
  void cancel(uint64_t number) { all_.erase(number); }
  size_t size() const { return all_.size(); }

  bool is_due(uint32_t kind, int64_t now) const { return next(kind, now).has_value(); }
  // The number of the schedule that is due first, which then is to be called once; its next time is the multiple of the
  // interval that follows now.
  std::optional<uint64_t> take(uint32_t kind, int64_t now) {
    const auto due = next(kind, now);
    if (!due) return std::nullopt;
    auto& schedule = all_.at(*due);
    schedule.next += ((now - schedule.next) / schedule.interval + 1) * schedule.interval;
    return due;
  }

 private:
  struct One {
    uint32_t kind = 0;
    int64_t interval = 0;
    int64_t next = 0;
  };

  std::optional<uint64_t> next(uint32_t kind, int64_t now) const {
    std::optional<uint64_t> first;
    for (const auto& [number, one] : all_)
      if (one.kind == kind && one.next <= now && (!first || one.next < all_.at(*first).next)) first = number;
    return first;
  }

  std::map<uint64_t, One> all_;
  uint64_t last_ = 0;
};

}  // namespace kstreamd::sdk::testing
