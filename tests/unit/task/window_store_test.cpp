// Window stores as processors use them: boundaries, order, duplicates, and what is left after restarts.
#include <limits>

#include "tests/unit/task/store_fixture.h"

namespace kstreamd::testing {
namespace {

constexpr int64_t ever = std::numeric_limits<int64_t>::max();

kst_window_row row(std::string_view key, int64_t start, std::string_view value = {}, int64_t timestamp = 0) {
  return {string_value(key), value.data() ? string_value(value) : null_value(), timestamp, start, 0};
}

std::string text(const kst_window_row& row) {
  return testing::text(row.key) + "[" + std::to_string(row.start) + "," + std::to_string(row.end) +
         ")=" + testing::text(row.value) + "@" + std::to_string(row.timestamp);
}

void put(WindowAccess& store, std::vector<kst_window_row> rows) { REQUIRE(store.put_many(rows) == KST_OK); }

std::string get(WindowAccess& store, std::string_view key, int64_t start) {
  std::vector<kst_window_row> rows = {row(key, start, "left over", 99)};
  REQUIRE(store.get_many(rows) == KST_OK);
  return text(rows[0]);
}

Strings scan(WindowAccess& store, const std::vector<kst_window_range>& ranges, bool reverse = false,
             size_t limit = 1000) {
  struct Seen {
    Strings rows;
    size_t limit;
    std::map<size_t, size_t> of_range;
    static int take(void* self, size_t range, const kst_window_row* row) {
      auto& seen = *static_cast<Seen*>(self);
      seen.rows.push_back((range > 0 ? std::to_string(range) + ":" : "") + text(*row));
      return ++seen.of_range[range] >= seen.limit;
    }
  } seen{{}, limit, {}};
  REQUIRE(store.scan(ranges, reverse, &seen, Seen::take) == KST_OK);
  return seen.rows;
}

kst_window_range one(std::string_view key, int64_t from = 0, int64_t to = ever) {
  return {string_value(key), string_value(key), from, to};
}
const kst_window_range all = {null_value(), null_value(), std::numeric_limits<int64_t>::min(), ever};

#define EACH_BACKEND(...)                              \
  std::string backend = GENERATE("memory", "rocksdb"); \
  INFO(backend);                                       \
  StoreBed bed(backend, __VA_ARGS__);                  \
  auto& store = bed.window()

TEST_CASE("windows are put, read and deleted by key and start") {
  EACH_BACKEND(window_store(10, 100));
  put(store, {row("a", 0, "1", 3), row("a", 10, "2", 12), row("b", 10, "3", 11), row("a", 0, "4", 5)});
  CHECK(get(store, "a", 0) == "a[0,10)=4@5");
  CHECK(get(store, "a", 10) == "a[10,20)=2@12");
  CHECK(get(store, "a", 5) == "a[5,15)=-@0");
  put(store, {row("a", 10)});
  CHECK(get(store, "a", 10) == "a[10,20)=-@0");
  CHECK(scan(store, {all}) == Strings{"a[0,10)=4@5", "b[10,20)=3@11"});
  CHECK(store.kind() == KST_STORE_WINDOW);
}

TEST_CASE("a window lives until the latest start is its start plus the retention") {
  EACH_BACKEND(window_store(10, 100));
  put(store, {row("a", 0, "old", 1), row("a", 1, "older than none", 1), row("b", 99, "x", 99)});
  CHECK(get(store, "a", 0) == "a[0,10)=old@1");
  put(store, {row("b", 100, "y", 100)});
  CHECK(get(store, "a", 0) == "a[0,10)=-@0");
  CHECK(get(store, "a", 1) != "a[1,11)=-@0");
  CHECK(scan(store, {one("a")}) == Strings{"a[1,11)=older than none@1"});
  CHECK(scan(store, {all}).size() == 3);
  CHECK(bed.user.drops.empty());
  put(store, {row("c", 0, "late", 1), row("c", 1, "in time", 1), row("a", 0), row("c", 0, "late", 1)});
  CHECK(bed.user.drops == std::map<std::string, size_t>{{"expired", 3}});
  CHECK(get(store, "c", 0) == "c[0,10)=-@0");
  CHECK(get(store, "c", 1) == "c[1,11)=in time@1");
  // The value's timestamp plays no part in it.
  put(store, {row("c", 2, "now", 5000)});
  CHECK(get(store, "c", 1) == "c[1,11)=in time@1");
}

TEST_CASE("a deletion moves the store's time like any put") {
  EACH_BACKEND(window_store(10, 100));
  put(store, {row("a", 0, "1", 1), row("b", 500)});
  CHECK(get(store, "a", 0) == "a[0,10)=-@0");
  CHECK(scan(store, {all}).empty());
}

TEST_CASE("a key's windows come by start, without those of longer keys that begin like it") {
  EACH_BACKEND(window_store(10, 1'000'000, false, "bytes"));
  // "a" + start 5, sequence 0 lies between windows of "a" when read as a key.
  const std::string longer = std::string("a") + std::string("\0\0\0\0\0\0\0\x05\0\0\0\0", 12);
  const std::string zero = std::string("a\0", 2);
  std::vector<kst_window_row> rows;
  for (int64_t start : {3, 300, 5, 4, 70000})
    for (std::string_view key : {std::string_view("a"), std::string_view(longer), std::string_view(zero),
                                 std::string_view(""), std::string_view("b")})
      rows.push_back({bytes_value(key), string_value("v"), start, start, 0});
  put(store, rows);
  auto starts = [&](std::string_view key, int64_t from, int64_t to, bool reverse = false) {
    struct Seen {
      std::string_view key;
      std::vector<int64_t> starts;
      static int take(void* self, size_t, const kst_window_row* row) {
        CHECK(data_of(row->key) == static_cast<Seen*>(self)->key);
        static_cast<Seen*>(self)->starts.push_back(row->start);
        return 0;
      }
    } seen{key, {}};
    const std::vector<kst_window_range> ranges = {{bytes_value(key), bytes_value(key), from, to}};
    REQUIRE(store.scan(ranges, reverse, &seen, Seen::take) == KST_OK);
    return seen.starts;
  };
  using Starts = std::vector<int64_t>;
  for (bool committed : {false, true}) {
    for (std::string_view key : {std::string_view("a"), std::string_view(longer), std::string_view(zero),
                                 std::string_view(""), std::string_view("b")}) {
      CHECK(starts(key, 0, ever) == Starts{3, 4, 5, 300, 70000});
      CHECK(starts(key, 4, 300) == Starts{4, 5, 300});
      CHECK(starts(key, 4, 300, true) == Starts{300, 5, 4});
    }
    CHECK(starts("a", 6, 299).empty());
    CHECK(starts("a", 5, 4).empty());
    CHECK(starts("a", -10, -1).empty());
    CHECK(starts("c", 0, ever).empty());
    if (!committed) bed.commit();
  }
}

TEST_CASE("ranges of keys and of starts, one after the other, each to its own end") {
  EACH_BACKEND(window_store(10, 1000));
  put(store, {row("a", 0, "1"), row("b", 0, "2"), row("b", 10, "3"), row("c", 10, "4"), row("d", 20, "5")});
  const Value null = null_value();
  CHECK(scan(store, {{string_value("b"), string_value("c"), 0, 100}}) ==
        Strings{"b[0,10)=2@0", "b[10,20)=3@10", "c[10,20)=4@10"});
  CHECK(scan(store, {{string_value("b"), null, 10, 20}}, true) ==
        Strings{"d[20,30)=5@20", "c[10,20)=4@10", "b[10,20)=3@10"});
  CHECK(scan(store, {{null, string_value("b"), 0, 0}, one("d"), {string_value("c"), string_value("a"), 0, 100}}) ==
        Strings{"a[0,10)=1@0", "b[0,10)=2@0", "1:d[20,30)=5@20"});
  CHECK(scan(store, {all, one("b")}, false, 1) == Strings{"a[0,10)=1@0", "1:b[0,10)=2@0"});
}

TEST_CASE("what comes too late for the retention is in the changelog, and nowhere else") {
  EACH_BACKEND(window_store(10, 100, true));
  put(store, {row("a", 500, "1", 500), row("a", 400, "2", 400), row("a", 401, "3", 401)});
  CHECK(bed.user.drops == std::map<std::string, size_t>{{"expired", 1}});
  CHECK(scan(store, {one("a")}) == Strings{"a[401,411)=3@401", "a[500,510)=1@500"});
  const auto changes = bed.changes();
  REQUIRE(changes.size() == 3);
  CHECK(hex(changes[1].key) == "61000000000000019000000002");
  CHECK(changes[1].value == "2");
  CHECK(hex(changes[2].key) == "61000000000000019100000003");
  bed.commit();
  if (backend == "memory") CHECK(bed.rows_held() == 2);
  for (bool empty : {false, true}) {
    bed.reopen(empty);
    CHECK(scan(bed.window(), {one("a")}) == Strings{"a[401,411)=3@401", "a[500,510)=1@500"});
    CHECK(bed.raw().clock().time == 500);
  }
}

TEST_CASE("duplicates keep all that was put, in that order") {
  EACH_BACKEND(window_store(10, 1000, true));
  put(store, {row("a", 5, "1", 5), row("a", 5, "2", 6), row("b", 5, "3", 5), row("a", 5), row("a", 5, "1", 5)});
  put(store, {row("a", 90000)});  // does nothing, not even to the store's time, but is in the changelog
  CHECK(get(store, "a", 5) == "a[5,15)=1@5");
  CHECK(scan(store, {one("a")}) == Strings{"a[5,15)=1@5", "a[5,15)=2@6", "a[5,15)=1@5"});
  CHECK(scan(store, {one("a")}, true) == Strings{"a[5,15)=1@5", "a[5,15)=2@6", "a[5,15)=1@5"});
  const auto changes = bed.changes();
  REQUIRE(changes.size() == 6);
  CHECK(hex(changes[0].key) == "61000000000000000500000001");
  CHECK(hex(changes[3].key) == "61000000000000000500000004");
  CHECK_FALSE(changes[3].value);
  CHECK(hex(changes[4].key) == "61000000000000000500000005");
  CHECK(hex(changes[5].key) == "610000000000015f9000000006");
  bed.commit();
  // Neither another node, nor a restart, nor an abort lets a number come twice.
  auto other = bed.another();
  put(dynamic_cast<WindowAccess&>(*other), {row("a", 5, "4", 5)});
  put(store, {row("a", 5, "5", 5)});
  bed.commit();
  other.reset();
  bed.reopen();
  put(bed.window(), {row("a", 5, "lost", 5)});
  bed.rollback();
  put(bed.window(), {row("a", 5, "6", 5)});
  CHECK(scan(bed.window(), {one("a")}) ==
        Strings{"a[5,15)=1@5", "a[5,15)=2@6", "a[5,15)=1@5", "a[5,15)=4@5", "a[5,15)=5@5", "a[5,15)=6@5"});
  bed.commit();
  bed.reopen(true);
  put(bed.window(), {row("a", 5, "7", 5)});
  CHECK(scan(bed.window(), {one("a")}).size() == 7);
}

TEST_CASE("the changelog has Kafka Streams' bytes, and the value's timestamp") {
  StoreBed bed("memory", window_store(10'000, 86'400'000, false));
  put(bed.window(), {row("a", 1'699'999'995'000, "1", 1'700'000'000'000), row("a", 1'700'000'000'000, "2"),
                     row("b", 1'700'000'000'000)});
  const auto changes = bed.changes();
  REQUIRE(changes.size() == 3);
  CHECK(hex(changes[0].key) == "610000018bcfe5547800000000");
  CHECK(changes[0].value == "1");
  CHECK(changes[0].timestamp == 1'700'000'000'000);
  CHECK(changes[1].timestamp == 1'700'000'000'000);  // none was given: the start, by which the broker may keep it
  CHECK_FALSE(changes[2].value);
  CHECK(changes[2].timestamp == 1'700'000'000'000);
}

TEST_CASE("the store's time survives restarts and restorations, and goes back with an abort") {
  EACH_BACKEND(window_store(10, 100));
  put(store, {row("a", 0, "1", 0), row("b", 50, "2", 50)});
  bed.commit();
  put(store, {row("c", 1000)});
  CHECK(get(store, "a", 0) == "a[0,10)=-@0");
  bed.rollback();
  CHECK(get(bed.window(), "a", 0) == "a[0,10)=1@0");
  put(bed.window(), {row("c", 120)});
  bed.commit();
  for (bool empty : {false, true}) {
    bed.reopen(empty);
    CHECK(bed.raw().clock().time == 120);
    CHECK(scan(bed.window(), {all}) == Strings{"b[50,60)=2@50"});
    put(bed.window(), {row("a", 0, "late", 0)});
  }
  CHECK(bed.user.drops["expired"] == 2);
}

TEST_CASE("expired rows are removed in time, and the changelog hears nothing of it") {
  constexpr int64_t minute = 60'000;
  EACH_BACKEND(window_store(1000, 10 * minute));
  for (int64_t start = 0; start < 10 * minute; start += 1000) put(store, {row("key", start, "v", start)});
  bed.commit();
  const size_t written = bed.changelog.size();
  CHECK(bed.rows_held() == 600);
  put(store, {row("key", 14 * minute + 59'000, "v")});
  bed.commit();
  CHECK(scan(store, {all}).size() == 301);
  put(store, {row("key", 15 * minute, "v")});
  bed.commit();
  CHECK(bed.changelog.size() == written + 2);
  CHECK(scan(store, {all}).size() == 301);
  // A segment begins at 5 minutes. RocksDB does not say how many rows it holds: see expiry_test.cpp of core/state.
  if (backend == "memory") CHECK(bed.rows_held() == 302);
}

TEST_CASE("starts below 0, null keys and misfits are errors of the record") {
  StoreBed bed("memory", window_store(10, 100));
  auto& store = bed.window();
  std::vector<kst_window_row> rows = {row("a", -1, "v")};
  CHECK(store.put_many(rows) == KST_RECORD_ERROR);
  CHECK(bed.user.message == "store 'seen': a window cannot start at -1: the earliest start is 0");
  CHECK(store.get_many(rows) == KST_RECORD_ERROR);
  rows = {{null_value(), string_value("v"), 0, 1, 0}};
  CHECK(store.put_many(rows) == KST_RECORD_ERROR);
  CHECK(store.get_many(rows) == KST_RECORD_ERROR);
  rows = {{string_value("a"), int64_value(1), 0, 1, 0}};
  CHECK(store.put_many(rows) == KST_RECORD_ERROR);
  CHECK(bed.user.message.find("store 'seen', value: ") == 0);
  CHECK(bed.changes().empty());
  CHECK(get(store, "a", ever) == "a[" + std::to_string(ever) + "," + std::to_string(ever) + ")=-@0");
}

TEST_CASE("a key that is too short for a window stops the task") {
  StoreBed bed("memory", window_store(10, 100));
  put(bed.window(), {row("a", 1, "v")});
  REQUIRE(bed.raw().put("short", {true, "x", 0}));
  const std::vector<kst_window_range> ranges = {all};
  CHECK(bed.window().scan(ranges, false, nullptr, [](void*, size_t, const kst_window_row*) { return 0; }) == KST_STOP);
  CHECK(bed.user.message.find("its key is too short for that of a window") != std::string::npos);
}

}  // namespace
}  // namespace kstreamd::testing
