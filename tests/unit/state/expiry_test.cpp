// What is left on the disk of rows that have expired: looked at with RocksDB itself, past core/state.
#include <rocksdb/db.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <thread>

#include "core/state/stored_key.h"
#include "tests/unit/state/state_fixture.h"

namespace kstreamd {
namespace {

constexpr int64_t minute = 60'000;

StoreConfig windows() { return {.name = "counts", .layout = KeyLayout::window, .retention = 10 * minute}; }
StoreConfig with_ttl() { return {.name = "counts", .retention = 10 * minute}; }

std::string window_key(const std::string& key, int64_t start) {
  std::string bytes;
  write_key(bytes, WindowKey{key, start, 0});
  return bytes;
}

// The keys of the store's column in the closed database at `path`.
std::vector<std::string> keys_on_disk(const std::string& path) {
  std::vector<std::string> names;
  REQUIRE(rocksdb::DB::ListColumnFamilies(rocksdb::DBOptions(), path, &names).ok());
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const auto& name : names) descriptors.emplace_back(name, rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> columns;
  rocksdb::DB* opened = nullptr;
  REQUIRE(rocksdb::DB::OpenForReadOnly(rocksdb::DBOptions(), path, descriptors, &columns, &opened).ok());
  std::unique_ptr<rocksdb::DB> db(opened);
  std::vector<std::string> keys;
  for (auto* column : columns) {
    if (column->GetName() == "store.counts") {
      std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(rocksdb::ReadOptions(), column));
      for (it->SeekToFirst(); it->Valid(); it->Next()) keys.push_back(it->key().ToString());
      REQUIRE(it->status().ok());
    }
    db->DestroyColumnFamilyHandle(column);
  }
  return keys;
}

std::string database_path(const TempFolder& folder) { return folder.files("CURRENT").front().parent_path().string(); }

TEST_CASE("segments are half a retention long, but a minute at least, and come before the key") {
  std::string stored;
  append_stored_key(stored, windows(), window_key("k", 5 * minute));
  CHECK(stored == std::string("\0\0\0\0\0\0\0\1", 8) + window_key("k", 5 * minute));
  CHECK(key_of_stored(windows(), stored) == window_key("k", 5 * minute));
  CHECK(segment_of(windows(), 5 * minute - 1) == 0);
  CHECK(segment_of(windows(), -7) == 0);
  CHECK(segment_interval({.name = "s", .layout = KeyLayout::session, .retention = 1000}) == minute);
  stored.clear();
  append_stored_key(stored, with_ttl(), "k");
  CHECK(stored == "k");
  CHECK(key_of_stored(with_ttl(), stored) == "k");
}

TEST_CASE("expired segments leave the disk in one stroke") {
  TempFolder folder;
  ManualClock clock;
  auto backend = open_folder(folder.path(), clock);
  auto state = open_task(*backend, task_config({windows()}));
  auto& store = state->store(0);
  for (int64_t start = 0; start < 10 * minute; start += minute) put(store, window_key("k", start), "v", start);
  commit(*state, {10});
  REQUIRE(state->flush().ok());
  put(store, window_key("k", 16 * minute), "v", 0);
  commit(*state, {11});
  CHECK(rows(store).size() == 4);  // 7, 8, 9 and 16 minutes
  state.reset();
  std::string first_live;
  append_segment(first_live, 1);
  const auto keys = keys_on_disk(database_path(folder));
  CHECK(keys.size() == 6);
  for (const auto& key : keys) CHECK(key >= first_live);
  state = open_task(*backend, task_config({windows()}));
  CHECK(rows(state->store(0)).size() == 4);
}

TEST_CASE("values past their ttl leave the disk with the next compaction") {
  const bool in_background = GENERATE(false, true);
  INFO((in_background ? "flushed in the background" : "flushed on demand"));
  TempFolder folder;
  ManualClock clock;
  auto backend = open_folder(folder.path(), clock, in_background ? 1 : 100'000);
  const auto flushed = [&](TaskState& state) { return in_background ? state.upkeep() : state.flush(); };
  auto state = open_task(*backend, task_config({with_ttl()}));
  put(state->store(0), "old", "v", minute);
  put(state->store(0), "young", "v", 2 * minute);
  // Each flush is a file; some of them are compacted to one.
  for (int64_t i = 0; i < 12; ++i) {
    put(state->store(0), "clock", "v", 11 * minute + i);
    commit(*state, {i + 1});
    REQUIRE(flushed(*state).ok());
  }
  CHECK(rows(state->store(0)) == std::vector<std::string>{"clock=v@660011", "young=v@120000"});
  const auto files = [&folder] { return folder.files(".sst").size(); };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  std::vector<std::string> keys(3);
  while (keys.size() > 2 && std::chrono::steady_clock::now() < deadline) {
    // Compactions run by themselves; more flushes make sure that there is a reason for one.
    for (int i = 0; i < 6; ++i) {
      put(state->store(0), "clock", "v", 12 * minute - 1);
      commit(*state, {20});
      REQUIRE(flushed(*state).ok());
    }
    state.reset();
    REQUIRE(files() > 0);
    keys = keys_on_disk(database_path(folder));
    state = open_task(*backend, task_config({with_ttl()}));
  }
  CHECK(keys == std::vector<std::string>{"clock", "young"});
}

TEST_CASE("a value past its ttl is hidden after a restoration, too") {
  const std::string kind = GENERATE("on disk", "in memory");
  TempFolder folder;
  ManualClock clock;
  auto backend = open_folder(folder.path(), clock);
  auto config = with_ttl();
  config.persistent = kind == "on disk";
  auto state = open_task(*backend, task_config({config}));
  std::vector<FetchedRecord> records;
  const std::string keys[] = {"old", "clock", "late"}, value = "v";
  const int64_t times[] = {minute, 20 * minute, 10 * minute};
  for (int i = 0; i < 3; ++i) {
    FetchedRecord record{};
    record.origin.raw_key = keys[i].data();
    record.origin.raw_key_size = static_cast<uint32_t>(keys[i].size());
    record.origin.raw_value = value.data();
    record.origin.raw_value_size = 1;
    record.origin.offset = i;
    record.timestamp = times[i];
    records.push_back(record);
  }
  REQUIRE(state->restore(0, records, 3).ok());
  REQUIRE(state->finish_restore(0).ok());
  CHECK(rows(state->store(0)) == std::vector<std::string>{"clock=v@1200000"});
  CHECK(get(state->store(0), "old") == "-");
  CHECK(get(state->store(0), "late") == "-");
  if (!config.persistent) CHECK(state->store(0).approximate_rows() == 1);
  put(state->store(0), "old", "again", 11 * minute);
  CHECK(get(state->store(0), "old") == "again@660000");
  state->rollback();
  CHECK(get(state->store(0), "old") == "-");
}

TEST_CASE("state of an older format is rebuilt, and that of another segment length") {
  TempFolder folder;
  ManualClock clock;
  auto backend = open_folder(folder.path(), clock);
  auto config = task_config({windows()});
  open_task(*backend, config).reset();
  SECTION("an older format") {
    const std::string path = database_path(folder);
    rocksdb::DB* opened = nullptr;
    std::vector<rocksdb::ColumnFamilyHandle*> columns;
    REQUIRE(
        rocksdb::DB::Open(rocksdb::DBOptions(), path, {{"default", {}}, {"store.counts", {}}}, &columns, &opened).ok());
    std::unique_ptr<rocksdb::DB> db(opened);
    REQUIRE(db->Put(rocksdb::WriteOptions(), columns[0], "format", "1").ok());
    for (auto* column : columns) db->DestroyColumnFamilyHandle(column);
  }
  SECTION("other segments") { config.stores[0].retention *= 3; }
  auto refused = backend->open(config);
  REQUIRE(!refused.ok());
  INFO(refused.error().text());
  CHECK(refused.error().recovery == Recovery::rebuild_state);
  CHECK(refused.error().hint.find("it is rebuilt from the changelog") == 0);
  REQUIRE(backend->wipe(config.topology, config.task).ok());
  CHECK(rows(open_task(*backend, config)->store(0)).empty());
}

}  // namespace
}  // namespace kstreamd
