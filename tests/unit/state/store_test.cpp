// What every state backend does, whether in memory or on disk.
#include <catch2/catch.hpp>
#include <cstring>

#include "core/state/memory_state.h"
#include "tests/unit/state/state_fixture.h"

namespace kstreamd {
namespace {

using Strings = std::vector<std::string>;

struct Backends {
  TempFolder folder;
  ManualClock clock;
  std::unique_ptr<StateBackend> backend;
  explicit Backends(const std::string& kind)
      : backend(kind == "memory" ? make_memory_state() : open_folder(folder.path(), clock)) {}
};

#define EACH_BACKEND                                \
  std::string kind = GENERATE("memory", "rocksdb"); \
  INFO(kind);                                       \
  Backends backends(kind);                          \
  auto state = open_task(*backends.backend);        \
  auto& store = state->store(0)

Strings changes(TaskState& state) {
  Strings shown;
  auto status = state.changes([&](size_t store, std::string_view key, const StoreValue& value) {
    shown.push_back(std::to_string(store) + ":" + std::string(key) + "=" +
                    (value.present ? std::string(value.value) : "-") + "@" + std::to_string(value.timestamp));
    return Status();
  });
  REQUIRE(status.ok());
  return shown;
}

FetchedRecord record(int64_t offset, std::string_view key, const char* value, int64_t timestamp) {
  FetchedRecord r;
  r.origin.raw_key = key.data();
  r.origin.raw_key_size = static_cast<uint32_t>(key.size());
  r.origin.raw_value = value;
  r.origin.raw_value_size = value ? static_cast<uint32_t>(std::strlen(value)) : 0;
  r.origin.offset = offset;
  r.timestamp = timestamp;
  return r;
}

TEST_CASE("what was put is read at once") {
  EACH_BACKEND;
  CHECK(get(store, "a") == "-");
  put(store, "a", "1", 10);
  CHECK(get(store, "a") == "1@10");
  put(store, "a", "a longer value than before", 11);
  CHECK(get(store, "a") == "a longer value than before@11");
  remove_key(store, "a");
  CHECK(get(store, "a") == "-");
  put(store, "", "", 5);
  CHECK(get(store, "") == "@5");
  CHECK(store.uncommitted_bytes() > 0);
  CHECK(state->store_count() == 1);
  CHECK(store.name() == "counts");
}

TEST_CASE("committed rows are read back and changed again") {
  EACH_BACKEND;
  put(store, "a", "1", 10);
  put(store, "b", "2", 20);
  commit(*state, {2});
  CHECK(store.uncommitted_bytes() == 0);
  CHECK(changes(*state).empty());
  CHECK(get(store, "a") == "1@10");
  remove_key(store, "b");
  put(store, "a", "3", 30);
  commit(*state, {4});
  CHECK(rows(store) == Strings{"a=3@30"});
  CHECK(state->changelog_offset(0) == 4);
  commit(*state, {-1});
  CHECK(state->changelog_offset(0) == 4);
}

TEST_CASE("changes come once per key, in the order of first change, with the last value") {
  EACH_BACKEND;
  put(store, "b", "1", 1);
  put(store, "a", "2", 2);
  put(store, "c", "3", 3);
  remove_key(store, "a", 4);
  put(store, "b", "5", 5);
  CHECK(changes(*state) == Strings{"0:b=5@5", "0:a=-@4", "0:c=3@3"});
  commit(*state, {3});
  put(store, "c", "6", 6);
  CHECK(changes(*state) == Strings{"0:c=6@6"});
}

TEST_CASE("an error of the callback ends the changes") {
  EACH_BACKEND;
  put(store, "a", "1");
  put(store, "b", "2");
  int calls = 0;
  auto status = state->changes([&](size_t, std::string_view, const StoreValue&) -> Status {
    ++calls;
    return Error{.recovery = Recovery::abort_transaction, .message = "no"};
  });
  CHECK(calls == 1);
  REQUIRE(!status.ok());
  CHECK(status.error().recovery == Recovery::abort_transaction);
}

TEST_CASE("a rollback restores what was committed") {
  EACH_BACKEND;
  put(store, "a", "1", 1);
  put(store, "b", "2", 2);
  commit(*state, {2});
  put(store, "a", "x", 9);
  remove_key(store, "b");
  put(store, "c", "y", 9);
  state->rollback();
  CHECK(get(store, "a") == "1@1");
  CHECK(get(store, "b") == "2@2");
  CHECK(get(store, "c") == "-");
  CHECK(rows(store) == Strings{"a=1@1", "b=2@2"});
  CHECK(changes(*state).empty());
  CHECK(state->changelog_offset(0) == 2);
  CHECK(store.uncommitted_bytes() == 0);
}

TEST_CASE("a range merges committed and uncommitted rows in both directions") {
  EACH_BACKEND;
  for (const char* key : {"a", "c", "e", "g", "\xff"}) put(store, key, "old", 1);
  commit(*state, {5});
  put(store, "b", "new", 2);
  put(store, "c", "new", 2);
  remove_key(store, "e");
  put(store, "h", "new", 2);
  remove_key(store, "zz");
  CHECK(rows(store) == Strings{"a=old@1", "b=new@2", "c=new@2", "g=old@1", "h=new@2", "\xff=old@1"});
  CHECK(rows(store, {}, {}, true) == Strings{"\xff=old@1", "h=new@2", "g=old@1", "c=new@2", "b=new@2", "a=old@1"});
  CHECK(rows(store, "b", "g") == Strings{"b=new@2", "c=new@2", "g=old@1"});
  CHECK(rows(store, "b", "g", true) == Strings{"g=old@1", "c=new@2", "b=new@2"});
  CHECK(rows(store, "d", {}) == Strings{"g=old@1", "h=new@2", "\xff=old@1"});
  CHECK(rows(store, {}, "bb", true) == Strings{"b=new@2", "a=old@1"});
  CHECK(rows(store, "x", "b").empty());
  CHECK(rows(store, "e", "f").empty());
  CHECK(rows(store, "", "").empty());

  Strings first;
  REQUIRE(store
              .range({}, {}, false,
                     [&](std::string_view key, const StoreValue&) {
                       first.emplace_back(key);
                       return first.size() < 2;
                     })
              .ok());
  CHECK(first == Strings{"a", "b"});
}

TEST_CASE("views into a store survive further reads") {
  EACH_BACKEND;
  for (int i = 0; i < 2000; ++i) put(store, std::to_string(i), "value " + std::to_string(i));
  commit(*state, {2000});
  if (kind == "rocksdb") {
    state.reset();
    state = open_task(*backends.backend);
  }
  auto& reopened = state->store(0);
  std::vector<StoreValue> views;
  for (int i = 0; i < 2000; ++i) {
    auto row = reopened.get(std::to_string(i));
    REQUIRE(row.ok());
    views.push_back(*row);
  }
  for (int i = 0; i < 2000; ++i) REQUIRE(views[static_cast<size_t>(i)].value == "value " + std::to_string(i));
}

TEST_CASE("restoration applies changelog records and remembers where it is") {
  EACH_BACKEND;
  CHECK(!state->changelog_offset(0));
  CHECK(!state->changelog_mark(0));
  std::vector<FetchedRecord> records{record(3, "a", "1", 10), record(4, "b", "2", 20), record(6, "a", nullptr, 30),
                                     record(7, "c", "", 40)};
  CHECK(get(store, "b") == "-");  // also cached knowledge gives way
  REQUIRE(state->restore(0, records, 9).ok());
  REQUIRE(state->finish_restore(0).ok());
  CHECK(rows(store) == Strings{"b=2@20", "c=@40"});
  CHECK(get(store, "b") == "2@20");
  CHECK(state->changelog_offset(0) == 9);
  REQUIRE(state->changelog_mark(0));
  CHECK(state->changelog_mark(0)->offset == 7);
  CHECK(state->changelog_mark(0)->fingerprint == changelog_fingerprint("c", {true, "", 0}));
  REQUIRE(state->restore(0, {}, 12).ok());
  REQUIRE(state->finish_restore(0).ok());
  CHECK(state->changelog_offset(0) == 12);
  CHECK(state->changelog_mark(0)->offset == 7);
  CHECK(changes(*state).empty());
}

TEST_CASE("a commit marks the last record produced") {
  EACH_BACKEND;
  put(store, "b", "1", 1);
  put(store, "a", "2", 2);
  put(store, "b", "3", 3);
  commit(*state, {42});
  REQUIRE(state->changelog_mark(0));
  CHECK(state->changelog_mark(0)->offset == 41);
  CHECK(state->changelog_mark(0)->fingerprint == changelog_fingerprint("a", {true, "2", 0}));
}

TEST_CASE("plain stores keep no timestamps, before and after a commit") {
  std::string kind = GENERATE("memory", "rocksdb");
  Backends backends(kind);
  auto state = open_task(*backends.backend, task_config({{.name = "plain", .timestamped = false}}));
  auto& store = state->store(0);
  put(store, "a", "1", 99);
  CHECK(get(store, "a") == "1@0");
  CHECK(rows(store) == Strings{"a=1@0"});
  CHECK(changes(*state) == Strings{"0:a=1@99"});
  commit(*state, {1});
  CHECK(get(store, "a") == "1@0");
  CHECK(rows(store) == Strings{"a=1@0"});
}

TEST_CASE("several stores commit together and those without a changelog show no changes") {
  std::string kind = GENERATE("memory", "rocksdb");
  Backends backends(kind);
  auto state = open_task(*backends.backend, task_config({{.name = "kept"},
                                                         {.name = "unlogged", .changelogged = false},
                                                         {.name = "volatile", .persistent = false},
                                                         {.name = "plain", .timestamped = false}}));
  for (size_t i = 0; i < 4; ++i) put(state->store(i), "k", std::to_string(i), 7);
  CHECK(changes(*state) == Strings{"0:k=0@7", "2:k=2@7", "3:k=3@7"});
  commit(*state, {1, -1, 1, 1});
  CHECK(get(state->store(1), "k") == "1@7");
  CHECK(get(state->store(2), "k") == "2@7");
  CHECK(state->store(0).approximate_rows() == 1);
  CHECK(state->store(2).approximate_rows() == 1);
  CHECK(state->size_bytes() > 0);
  if (kind == "memory") return;
  state.reset();
  state = open_task(*backends.backend, task_config({{.name = "kept"},
                                                    {.name = "unlogged", .changelogged = false},
                                                    {.name = "volatile", .persistent = false},
                                                    {.name = "plain", .timestamped = false}}));
  CHECK(get(state->store(0), "k") == "0@7");
  CHECK(get(state->store(1), "k") == "1@7");
  CHECK(get(state->store(2), "k") == "-");
  CHECK(state->changelog_offset(0) == 1);
  CHECK(!state->changelog_offset(1));
  CHECK(!state->changelog_offset(2));
}

TEST_CASE("an instance has one id per topology") {
  std::string kind = GENERATE("memory", "rocksdb");
  Backends backends(kind);
  auto words = backends.backend->instance_id("words");
  REQUIRE(words.ok());
  CHECK(words->size() == 36);
  CHECK(*backends.backend->instance_id("words") == *words);
  CHECK(*backends.backend->instance_id("others") != *words);
}

}  // namespace
}  // namespace kstreamd
