#include "core/protocol/state_cleanup.h"

namespace kstreamd {

std::vector<TaskId> StateCleanup::due(const std::vector<TaskId>& kept, const std::set<TaskId>& owned, Duration now) {
  std::map<TaskId, Duration> gone;
  std::vector<TaskId> result;
  for (const auto& task : kept) {
    if (owned.contains(task)) continue;
    const auto before = gone_since_.find(task);
    const Duration since = before == gone_since_.end() ? now : before->second;
    gone[task] = since;
    if (now - since >= delay_) result.push_back(task);
  }
  gone_since_ = std::move(gone);
  return result;
}

}  // namespace kstreamd
