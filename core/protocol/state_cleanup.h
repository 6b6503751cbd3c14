// Which local states are no longer needed: those of tasks that this instance has not had for a while.
#pragma once
#include <map>
#include <set>
#include <vector>

#include "core/base/clock.h"
#include "core/record/topic_partition.h"

namespace kstreamd {

// Remembers since when tasks are gone, as far back as this object has been asked. Not thread-safe.
class StateCleanup {
 public:
  explicit StateCleanup(Duration delay) : delay_(delay) {}

  // Of the tasks whose state is kept, those that nobody here has owned since `delay`.
  std::vector<TaskId> due(const std::vector<TaskId>& kept, const std::set<TaskId>& owned, Duration now);
  // Nobody knows who owns what: time begins anew.
  void forget() { gone_since_.clear(); }

 private:
  const Duration delay_;
  std::map<TaskId, Duration> gone_since_;
};

}  // namespace kstreamd
