#include "core/state/rocksdb_state.h"

#include <rocksdb/cache.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <set>

#include "core/base/log.h"
#include "core/state/local_task_state.h"
#include "core/state/rocksdb_common.h"
#include "core/state/rocksdb_database.h"
#include "core/state/state_folder.h"

namespace kstreamd {
namespace {

namespace fs = std::filesystem;

// Which databases are open in this process. Thread safety: every function may be called from any thread.
class OpenDatabases {
 public:
  bool add(const std::string& path) {
    std::lock_guard lock(mutex_);
    return paths_.insert(path).second;
  }
  void remove(const std::string& path) {
    std::lock_guard lock(mutex_);
    paths_.erase(path);
  }

 private:
  std::mutex mutex_;
  std::set<std::string> paths_;  // protected by mutex_
};

// What a task's database needs of its backend for as long as it lives.
struct FolderShare {
  std::unique_ptr<StateFolder> folder;
  OpenDatabases open;
};

// One database's entry among the open ones.
class OpenEntry {
 public:
  OpenEntry(std::shared_ptr<FolderShare> share, std::string path) : share_(std::move(share)), path_(std::move(path)) {}
  ~OpenEntry() { share_->open.remove(path_); }
  OpenEntry(const OpenEntry&) = delete;
  OpenEntry& operator=(const OpenEntry&) = delete;

 private:
  const std::shared_ptr<FolderShare> share_;
  const std::string path_;
};

class RocksdbState final : public StateBackend {
 public:
  RocksdbState(StateOptions options, const Clock& clock, std::unique_ptr<StateFolder> folder)
      : options_(std::move(options)),
        clock_(clock),
        share_(std::make_shared<FolderShare>()),
        budget_(std::make_shared<ReadCacheBudget>(options_.memory_limit_bytes / 4)),
        restore_budget_(std::make_shared<RestoreBudget>(options_.restore_buffer_bytes)) {
    share_->folder = std::move(folder);
  }

  Result<std::unique_ptr<TaskState>> open(const TaskStateConfig& config) override {
    auto persistent = [](const StoreConfig& store) { return store.persistent; };
    std::unique_ptr<TaskDatabase> database;
    if (std::any_of(config.stores.begin(), config.stores.end(), persistent)) {
      auto opened = open_persistent(config);
      if (!opened) return std::move(opened).error();
      database = std::move(*opened);
    } else {
      KSTREAMD_TRY(wipe(config.topology, config.task));  // of stores that are no more
    }
    return std::unique_ptr<TaskState>(std::make_unique<LocalTaskState>(config.stores, std::move(database), budget_));
  }

  Result<std::vector<KeptState>> kept(const std::string& topology) override { return share_->folder->tasks(topology); }

  Status wipe(const std::string& topology, const TaskId& task) override {
    std::string path = share_->folder->task_path(topology, task).string();
    if (!share_->open.add(path)) return in_use(path);
    std::error_code error;
    auto removed = fs::remove_all(path, error);
    share_->open.remove(path);
    if (error)
      return Error{.message = "cannot remove the state in " + path + ": " + error.message(),
                   .hint = "check the disk and the permissions of the folder, or remove it by hand"};
    if (removed > 0) log(LogLevel::info, "local state removed", {{"folder", path}});
    return {};
  }

  StateMemory memory() const override {
    StateMemory memory;
    memory.cached_rows = budget_->cached_bytes();
    memory.uncommitted = budget_->uncommitted_bytes();
    memory.restore_buffers = restore_budget_->used();
    std::lock_guard lock(mutex_);
    if (!common_) return memory;
    // The cache counts write buffers in.
    const uint64_t together = common_->cache->GetUsage();
    memory.write_buffers = common_->buffers->memory_usage();
    memory.block_cache = together > memory.write_buffers ? together - memory.write_buffers : 0;
    return memory;
  }

  Result<std::string> instance_id(const std::string& topology) override {
    std::lock_guard lock(mutex_);
    return share_->folder->instance_id(topology);
  }

 private:
  static Error in_use(const std::string& path) {
    return Error{.message = "the state in " + path + " is already open in this process",
                 .hint = "close the task that uses it first"};
  }

  Result<std::unique_ptr<TaskDatabase>> open_persistent(const TaskStateConfig& config) {
    KSTREAMD_TRY(share_->folder->make_task_folder(config.topology, config.task));
    std::string path = share_->folder->task_path(config.topology, config.task).string();
    if (!share_->open.add(path)) return in_use(path);
    auto entry = std::make_shared<OpenEntry>(share_, path);
    return open_database({path, config, common(), clock_, options_.flush_interval, options_.flush_records,
                          restore_budget_, std::move(entry)});
  }

  // Made when the first persistent store is opened: a daemon without any stays small.
  std::shared_ptr<const RocksdbCommon> common() {
    std::lock_guard lock(mutex_);
    if (!common_) common_ = make_rocksdb_common(options_.memory_limit_bytes - options_.memory_limit_bytes / 4);
    return common_;
  }

  // Constant after construction.
  const StateOptions options_;
  const Clock& clock_;
  const std::shared_ptr<FolderShare> share_;
  const std::shared_ptr<ReadCacheBudget> budget_;
  const std::shared_ptr<RestoreBudget> restore_budget_;

  mutable std::mutex mutex_;  // protects common_ and the instance ids' files
  std::shared_ptr<const RocksdbCommon> common_;
};

}  // namespace

Result<std::unique_ptr<StateBackend>> open_state_folder(StateOptions options, const Clock& clock) {
  constexpr uint64_t kLeastMemory = 16 << 20;
  constexpr uint64_t kLeastRestoreBuffer = 64 << 10;
  options.memory_limit_bytes = std::max(options.memory_limit_bytes, kLeastMemory);
  options.restore_buffer_bytes = std::max(options.restore_buffer_bytes, kLeastRestoreBuffer);
  auto folder = StateFolder::open(options.folder);
  if (!folder) return std::move(folder).error();
  return std::unique_ptr<StateBackend>(std::make_unique<RocksdbState>(std::move(options), clock, std::move(*folder)));
}

}  // namespace kstreamd
