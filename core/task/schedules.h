// The punctuations of one task on one clock, and when each is due: Kafka Streams' PunctuationQueue.
//
// Times are ms: of stream time, or since 1970. What is due comes in order of its time, and where times are equal in the
// order in which the schedules were made. Missed times are not caught up: after a punctuation the next time is the
// first multiple of the interval, counted from the time that was due, after the time at which it fired. Not
// thread-safe: the task's worker.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace kstreamd {

class TaskNode;

class Schedules {
 public:
  struct Due {
    TaskNode* node = nullptr;
    uint64_t number = 0;
    int64_t time = 0;  // when it was due
  };

  bool empty() const { return queue_.empty(); }
  // When the next one is due; the end of time when there is none.
  int64_t next() const { return queue_.empty() ? INT64_MAX : queue_.begin()->first; }
  // The same of those that `may(node)` allows.
  template <typename May>
  std::optional<int64_t> next(May may) const {
    for (const auto& [time, number] : queue_)
      if (may(*schedules_.at(number).node)) return time;
    return std::nullopt;
  }

  // Numbers ascend in the order in which schedules are made. `first` >= 0; `interval` >= 1.
  void add(uint64_t number, TaskNode* node, int64_t first, int64_t interval);
  // Ignored when the number is not one of the node's.
  void cancel(uint64_t number, const TaskNode* node);
  void clear();

  // Takes out the next one that is due at `now` and that `may(node)` allows. It is then called, and put back.
  template <typename May>
  std::optional<Due> take(int64_t now, May may) {
    for (auto at = queue_.begin(); at != queue_.end() && at->first <= now; ++at) {
      const Due due{schedules_.at(at->second).node, at->second, at->first};
      if (!may(*due.node)) continue;
      queue_.erase(at);
      return due;
    }
    return std::nullopt;
  }
  // After it was called at `now`: it is due again, unless it was cancelled meanwhile.
  void put_back(const Due& due, int64_t now);

 private:
  struct Schedule {
    TaskNode* node = nullptr;
    int64_t interval = 1;
    int64_t time = 0;  // when it is due
  };
  std::map<uint64_t, Schedule> schedules_;        // by number
  std::set<std::pair<int64_t, uint64_t>> queue_;  // when, and which; without the one that is being called
};

// The first time from `start` in steps of `interval` that is not before `now`. All >= 0.
int64_t first_time(int64_t start, int64_t interval, int64_t now);

}  // namespace kstreamd
