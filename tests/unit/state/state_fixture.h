// What the tests of core/state share.
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/ports/state.h"
#include "core/state/rocksdb_state.h"

namespace kstreamd {

// A folder that is there as long as this object.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  std::string path() const { return path_.string(); }
  // The task's database, of which `suffix` picks files: all, by age.
  std::vector<std::filesystem::path> files(const std::string& suffix) const;

 private:
  std::filesystem::path path_;
};

StoreConfig store_config(const std::string& name);
TaskStateConfig task_config(std::vector<StoreConfig> stores);

std::unique_ptr<StateBackend> open_folder(const std::string& path, const Clock& clock,
                                          uint64_t flush_records = 100'000);
// Both fail the test on an error.
std::unique_ptr<TaskState> open_task(StateBackend& backend, const TaskStateConfig& config);
std::unique_ptr<TaskState> open_task(StateBackend& backend);  // one store, "counts"

void put(KeyValueStore& store, const std::string& key, const std::string& value, int64_t timestamp = 0);
void remove_key(KeyValueStore& store, const std::string& key, int64_t timestamp = 0);
std::string get(KeyValueStore& store, const std::string& key);  // "-" when absent
// All rows as "key=value@timestamp".
std::vector<std::string> rows(KeyValueStore& store, std::optional<std::string_view> from = {},
                              std::optional<std::string_view> to = {}, bool reverse = false);
void commit(TaskState& state, std::vector<int64_t> offsets);

// Runs the hidden test case `name` of this program in a process of its own, with KSTREAMD_TEST_FOLDER set: its wait
// status.
int run_child(const std::string& name, const std::string& folder);
std::string child_folder();

}  // namespace kstreamd
