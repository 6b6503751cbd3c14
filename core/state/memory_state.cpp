#include "core/state/memory_state.h"

#include <map>
#include <mutex>

#include "core/state/local_task_state.h"
#include "core/state/state_folder.h"

namespace kstreamd {
namespace {

// Rows are in memory already: caching them again only serves keys that are hot.
constexpr size_t kReadCacheBytes = 16 << 20;

class MemoryState final : public StateBackend {
 public:
  Result<std::unique_ptr<TaskState>> open(const TaskStateConfig& config) override {
    return std::unique_ptr<TaskState>(std::make_unique<LocalTaskState>(config.stores, nullptr, budget_));
  }

  Result<std::vector<KeptState>> kept(const std::string&) override { return std::vector<KeptState>(); }

  Status wipe(const std::string&, const TaskId&) override { return {}; }

  StateMemory memory() const override {
    StateMemory memory;
    memory.cached_rows = budget_->cached_bytes();
    memory.uncommitted = budget_->uncommitted_bytes();
    return memory;
  }

  Result<std::string> instance_id(const std::string& topology) override {
    std::lock_guard lock(mutex_);
    auto& id = instance_ids_[topology];
    if (id.empty()) id = new_instance_id();
    return id;
  }

 private:
  const std::shared_ptr<ReadCacheBudget> budget_ = std::make_shared<ReadCacheBudget>(kReadCacheBytes);
  std::mutex mutex_;  // protects what follows
  std::map<std::string, std::string> instance_ids_;
};

}  // namespace

std::unique_ptr<StateBackend> make_memory_state() { return std::make_unique<MemoryState>(); }

}  // namespace kstreamd
