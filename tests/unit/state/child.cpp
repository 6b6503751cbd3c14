#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>

#include "tests/unit/state/state_fixture.h"

namespace kstreamd {

namespace fs = std::filesystem;

TempFolder::TempFolder() {
  std::string name = (fs::temp_directory_path() / "kstreamd-state-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::vector<fs::path> TempFolder::files(const std::string& part) const {
  std::vector<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(path_))
    if (entry.is_regular_file() && entry.path().filename().string().find(part) != std::string::npos)
      found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

StoreConfig store_config(const std::string& name) { return {.name = name}; }

TaskStateConfig task_config(std::vector<StoreConfig> stores) {
  return {.topology = "words", .task = {"lines", 0}, .cluster_id = "cluster-a", .stores = std::move(stores)};
}

std::unique_ptr<StateBackend> open_folder(const std::string& path, const Clock& clock, uint64_t flush_records) {
  auto backend = open_state_folder({.folder = path, .flush_records = flush_records}, clock);
  INFO((backend ? "" : backend.error().text()));
  REQUIRE(backend.ok());
  return std::move(*backend);
}

std::unique_ptr<TaskState> open_task(StateBackend& backend, const TaskStateConfig& config) {
  auto state = backend.open(config);
  INFO((state ? "" : state.error().text()));
  REQUIRE(state.ok());
  return std::move(*state);
}

std::unique_ptr<TaskState> open_task(StateBackend& backend) {
  return open_task(backend, task_config({store_config("counts")}));
}

void put(KeyValueStore& store, const std::string& key, const std::string& value, int64_t timestamp) {
  REQUIRE(store.put(key, {true, value, timestamp}).ok());
}

void remove_key(KeyValueStore& store, const std::string& key, int64_t timestamp) {
  REQUIRE(store.put(key, {false, {}, timestamp}).ok());
}

std::string get(KeyValueStore& store, const std::string& key) {
  auto row = store.get(key);
  INFO((row ? "" : row.error().text()));
  REQUIRE(row.ok());
  return row->present ? std::string(row->value) + "@" + std::to_string(row->timestamp) : "-";
}

std::vector<std::string> rows(KeyValueStore& store, std::optional<std::string_view> from,
                              std::optional<std::string_view> to, bool reverse) {
  std::vector<std::string> found;
  auto status = store.range(from, to, reverse, [&](std::string_view key, const StoreValue& value) {
    REQUIRE(value.present);
    found.push_back(std::string(key) + "=" + std::string(value.value) + "@" + std::to_string(value.timestamp));
    return true;
  });
  INFO((status ? "" : status.error().text()));
  REQUIRE(status.ok());
  return found;
}

void commit(TaskState& state, std::vector<int64_t> offsets) {
  auto status = state.commit(offsets);
  INFO((status ? "" : status.error().text()));
  REQUIRE(status.ok());
}

// A fresh program rather than a mere fork: RocksDB's threads do not survive one.
int run_child(const std::string& name, const std::string& folder) {
  ::setenv("KSTREAMD_TEST_FOLDER", folder.c_str(), 1);
  pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::execl("/proc/self/exe", "test_state", name.c_str(), nullptr);
    ::_exit(99);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

std::string child_folder() {
  const char* folder = std::getenv("KSTREAMD_TEST_FOLDER");
  REQUIRE(folder != nullptr);
  return folder;
}

}  // namespace kstreamd
