// A store of each kind over a backend of each kind, without a task: for the tests of the task_store files.
#pragma once
#include <catch2/catch.hpp>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/state/memory_state.h"
#include "core/state/rocksdb_state.h"
#include "core/task/task_store.h"
#include "kstreamd/sdk/value.h"

namespace kstreamd::testing {

// Takes what a store says of itself.
class FakeUser final : public StoreUser {
 public:
  Arena& arena() override { return arena_; }
  kst_status record_error(std::string text) override {
    message = std::move(text);
    return KST_RECORD_ERROR;
  }
  kst_status stop(Error error) override {
    message = error.text();
    return KST_STOP;
  }
  void drop(std::string_view reason, size_t count) override { drops[std::string(reason)] += count; }

  std::string message;
  std::map<std::string, size_t> drops;

 private:
  Arena arena_;
};

struct ChangelogRecord {
  std::string key;
  std::optional<std::string> value;
  int64_t timestamp;
};

// One store of a task. What is committed goes to a changelog as well, from which reopen() restores what the backend has
// forgotten.
class StoreBed {
 public:
  StoreBed(const std::string& backend, Store store) : declared(std::move(store)) {
    declared.name = "seen";
    declared.persistent = backend != "memory";
    if (declared.persistent) folder_ = new_folder();
    open();
  }
  ~StoreBed() {
    access.reset();
    state.reset();
    backend_.reset();
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }

  KeyValueAccess& key_value() { return dynamic_cast<KeyValueAccess&>(*access); }
  WindowAccess& window() { return dynamic_cast<WindowAccess&>(*access); }
  SessionAccess& session() { return dynamic_cast<SessionAccess&>(*access); }
  VersionedAccess& versioned() { return dynamic_cast<VersionedAccess&>(*access); }
  KeyValueStore& raw() { return state->store(0); }

  // A second node's view of the same store.
  std::unique_ptr<ProcessorStore> another() { return make_store_access(binding(), user); }

  // What would go to the changelog now.
  std::vector<ChangelogRecord> changes() {
    std::vector<ChangelogRecord> all;
    REQUIRE(state->changes([&](size_t, std::string_view key, const StoreValue& value) -> Status {
      all.push_back({std::string(key), std::nullopt, value.timestamp});
      if (value.present) all.back().value = std::string(value.value);
      return {};
    }));
    return all;
  }
  void commit() {
    for (auto& change : changes()) changelog.push_back(std::move(change));
    const int64_t next = declared.changelogged ? static_cast<int64_t>(changelog.size()) : -1;
    REQUIRE(state->commit(std::vector<int64_t>{next}));
  }
  // After an abort: new processors, and so new views of the store.
  void rollback() {
    access.reset();
    state->rollback();
    access = another();
  }
  // The task is closed, what is uncommitted is lost, and opened again; with `empty` on another instance's disk.
  void reopen(bool empty = false) {
    access.reset();
    state.reset();
    backend_.reset();
    if (empty && !folder_.empty()) {
      std::error_code error;
      std::filesystem::remove_all(folder_, error);
      std::filesystem::create_directory(folder_, error);
    }
    open();
  }
  // The same after a kill -9: what is not in the files is lost.
  void crash() {
    const std::string before = folder_;
    if (!before.empty()) {
      folder_ = new_folder();
      copy_folder(before, folder_);
    }
    access.reset();
    state.reset();
    backend_.reset();
    std::error_code ignored;
    if (!before.empty()) std::filesystem::remove_all(before, ignored);
    open();
  }
  // All rows that the backend holds, expired ones too.
  uint64_t rows_held() const { return state->store(0).approximate_rows(); }

  Store declared;
  FakeUser user;
  std::unique_ptr<TaskState> state;
  std::unique_ptr<ProcessorStore> access;
  std::vector<ChangelogRecord> changelog;

 private:
  static std::string new_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "kstreamd-store-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    return name;
  }
  // As it is at one moment: RocksDB may be tidying up.
  static void copy_folder(const std::string& from, const std::string& to) {
    namespace fs = std::filesystem;
    auto files = [](const std::string& folder) {
      std::map<std::string, uintmax_t> sizes;
      std::error_code gone;
      for (fs::recursive_directory_iterator at(folder, gone), end; at != end; at.increment(gone))
        if (at->is_regular_file(gone)) sizes[at->path().string().substr(folder.size())] = at->file_size(gone);
      return sizes;
    };
    for (auto wanted = files(from);; wanted = files(from)) {
      std::error_code gone;
      fs::remove_all(to, gone);
      fs::create_directories(to);
      for (const auto& [file, size] : wanted) {
        fs::create_directories(fs::path(to + file).parent_path());
        fs::copy_file(from + file, to + file, gone);
      }
      if (files(from) == wanted && files(to) == wanted) return;
    }
  }
  StoreBinding binding() {
    return {state->store(0), *find_serde(declared.key_serde), *find_serde(declared.value_serde), declared};
  }
  void open() {
    if (folder_.empty()) {
      backend_ = make_memory_state();
    } else {
      auto opened = open_state_folder({.folder = folder_}, clock_);
      REQUIRE(opened);
      backend_ = std::move(*opened);
    }
    auto opened = backend_->open({"t", {"in", 0}, "cluster", {store_config(declared)}});
    REQUIRE(opened);
    state = std::move(*opened);
    const auto from = static_cast<size_t>(state->changelog_offset(0).value_or(0));
    if (from < changelog.size()) restore(from);
    access = another();
  }
  void restore(size_t from) {
    std::vector<FetchedRecord> records;
    for (size_t i = from; i < changelog.size(); ++i) {
      const auto& change = changelog[i];
      FetchedRecord record{};
      record.origin.offset = static_cast<int64_t>(i);
      record.origin.raw_key = change.key.data();
      record.origin.raw_key_size = static_cast<uint32_t>(change.key.size());
      if (change.value) record.origin.raw_value = change.value->data();
      if (change.value) record.origin.raw_value_size = static_cast<uint32_t>(change.value->size());
      record.timestamp = change.timestamp;
      records.push_back(record);
    }
    REQUIRE(state->restore(0, records, static_cast<int64_t>(changelog.size())));
    REQUIRE(state->finish_restore(0));
  }

  std::string folder_;  // empty: in memory
  ManualClock clock_;
  std::unique_ptr<StateBackend> backend_;
};

inline Store store_of(const std::string& type, const std::string& key = "string", const std::string& value = "string") {
  Store store;
  store.type = type;
  store.key_serde = key;
  store.value_serde = value;
  return store;
}

inline Store window_store(int64_t size, int64_t retention, bool duplicates = false, const std::string& key = "string") {
  Store store = store_of("window", key);
  store.size = std::chrono::milliseconds(size);
  store.retention = std::chrono::milliseconds(retention);
  store.duplicates = duplicates;
  return store;
}

inline Store session_store(int64_t retention, const std::string& key = "string") {
  Store store = store_of("session", key);
  store.retention = std::chrono::milliseconds(retention);
  return store;
}

inline Store versioned_store(int64_t retention, const std::string& key = "string") {
  Store store = store_of("versioned", key);
  store.retention = std::chrono::milliseconds(retention);
  return store;
}

inline std::string text(const Value& value) {
  if (is_null(value)) return "-";
  return has_data(value) ? std::string(data_of(value)) : std::to_string(value.u.integer);
}

// Bytes by their hexadecimal digits.
inline std::string hex(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (unsigned char c : bytes) out += {digits[c >> 4], digits[c & 15]};
  return out;
}

using Strings = std::vector<std::string>;

}  // namespace kstreamd::testing
