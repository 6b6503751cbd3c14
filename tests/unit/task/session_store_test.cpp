// Session stores as processors use them.
#include <limits>

#include "tests/unit/task/store_fixture.h"

namespace kstreamd::testing {
namespace {

constexpr int64_t ever = std::numeric_limits<int64_t>::max();

kst_session_row row(std::string_view key, int64_t start, int64_t end, std::string_view value = {},
                    int64_t timestamp = 0) {
  return {string_value(key), value.data() ? string_value(value) : null_value(), start, end, timestamp};
}

std::string text(const kst_session_row& row) {
  return testing::text(row.key) + "[" + std::to_string(row.start) + "," + std::to_string(row.end) +
         "]=" + testing::text(row.value);
}

void put(SessionAccess& store, std::vector<kst_session_row> rows) { REQUIRE(store.put_many(rows) == KST_OK); }

std::string get(SessionAccess& store, std::string_view key, int64_t start, int64_t end) {
  std::vector<kst_session_row> rows = {row(key, start, end, "left over")};
  REQUIRE(store.get_many(rows) == KST_OK);
  return text(rows[0]);
}

Strings scan(SessionAccess& store, const std::vector<kst_session_range>& ranges, bool reverse = false) {
  Strings seen;
  auto take = [](void* self, size_t range, const kst_session_row* row) {
    static_cast<Strings*>(self)->push_back((range > 0 ? std::to_string(range) + ":" : "") + text(*row));
    return 0;
  };
  REQUIRE(store.scan(ranges, reverse, &seen, take) == KST_OK);
  return seen;
}

kst_session_range one(std::string_view key, int64_t earliest_end = 0, int64_t latest_start = ever) {
  return {string_value(key), string_value(key), earliest_end, latest_start};
}
const kst_session_range all = {null_value(), null_value(), std::numeric_limits<int64_t>::min(), ever};

#define EACH_BACKEND(...)                              \
  std::string backend = GENERATE("memory", "rocksdb"); \
  INFO(backend);                                       \
  StoreBed bed(backend, __VA_ARGS__);                  \
  auto& store = bed.session()

TEST_CASE("sessions are put, found and removed") {
  EACH_BACKEND(session_store(1000));
  put(store, {row("a", 10, 20, "1"), row("a", 30, 45, "2"), row("a", 12, 20, "3"), row("b", 0, 500, "4")});
  CHECK(get(store, "a", 10, 20) == "a[10,20]=1");
  CHECK(get(store, "a", 10, 21) == "a[10,21]=-");
  // By end, then start.
  CHECK(scan(store, {one("a")}) == Strings{"a[10,20]=1", "a[12,20]=3", "a[30,45]=2"});
  CHECK(scan(store, {one("a")}, true) == Strings{"a[30,45]=2", "a[12,20]=3", "a[10,20]=1"});
  // What a record at 22 with a gap of 5 merges with: ends from 17 on, starts up to 27.
  CHECK(scan(store, {one("a", 17, 27)}) == Strings{"a[10,20]=1", "a[12,20]=3"});
  CHECK(scan(store, {one("a", 20, 10), one("a", 21, 30), one("a", 46, 100)}) == Strings{"a[10,20]=1", "1:a[30,45]=2"});
  put(store, {row("a", 10, 20)});
  CHECK(scan(store, {all}) == Strings{"a[12,20]=3", "a[30,45]=2", "b[0,500]=4"});
  CHECK(scan(store, {{string_value("a"), string_value("b"), 40, 100}, {string_value("b"), null_value(), 0, 0}}) ==
        Strings{"a[30,45]=2", "b[0,500]=4", "1:b[0,500]=4"});
  CHECK(scan(store, {{string_value("b"), string_value("a"), 0, ever}, one("a", 0, -1)}).empty());
  CHECK(store.kind() == KST_STORE_SESSION);
}

TEST_CASE("a session lives until the latest end is its end plus the retention") {
  EACH_BACKEND(session_store(100));
  put(store, {row("a", 0, 50, "1"), row("a", 0, 51, "2"), row("b", 60, 149, "3")});
  CHECK(get(store, "a", 0, 50) == "a[0,50]=1");
  put(store, {row("b", 60, 150, "4")});
  CHECK(get(store, "a", 0, 50) == "a[0,50]=-");
  CHECK(get(store, "a", 0, 51) == "a[0,51]=2");
  CHECK(scan(store, {one("a")}) == Strings{"a[0,51]=2"});
  put(store, {row("c", 50, 50, "late"), row("a", 0, 50), row("c", 0, 51, "in time")});
  CHECK(bed.user.drops == std::map<std::string, size_t>{{"expired", 2}});
  CHECK(scan(store, {all}) == Strings{"a[0,51]=2", "b[60,149]=3", "b[60,150]=4", "c[0,51]=in time"});
  CHECK(bed.changes().size() == 6);  // what came too late is in the changelog, and nowhere else
  bed.commit();
  for (bool empty : {false, true}) {
    bed.reopen(empty);
    CHECK(scan(bed.session(), {one("a")}) == Strings{"a[0,51]=2"});
    CHECK(bed.raw().clock().time == 150);
  }
}

TEST_CASE("a key's sessions come without those of longer keys that begin like it") {
  EACH_BACKEND(session_store(1'000'000, "bytes"));
  const std::string longer = std::string("a") + std::string("\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x04", 16);
  const std::string zero = std::string("a\0", 2);
  const Strings keys = {"a", longer, zero, "", "b"};
  std::vector<kst_session_row> rows;
  for (int64_t end : {30, 5, 4, 700})
    for (const auto& key : keys) rows.push_back({bytes_value(key), string_value("v"), 3, end, 0});
  put(store, rows);
  bed.commit();
  for (const auto& key : keys) {
    const std::vector<kst_session_range> ranges = {{bytes_value(key), bytes_value(key), 5, 100}};
    CHECK(scan(store, ranges) == Strings{key + "[3,5]=v", key + "[3,30]=v", key + "[3,700]=v"});
  }
  CHECK(scan(store, {all}).size() == 20);
}

TEST_CASE("the changelog of sessions has Kafka Streams' bytes, and the record's timestamp") {
  StoreBed bed("memory", session_store(86'400'000));
  put(bed.session(), {row("a", 1000, 4000, "2", 4000), row("a", 1000, 1000, {}, 4000), row("b", 5, 7, "x")});
  const auto changes = bed.changes();
  REQUIRE(changes.size() == 3);
  CHECK(hex(changes[0].key) == "610000000000000fa000000000000003e8");
  CHECK(changes[0].timestamp == 4000);
  CHECK(hex(changes[1].key) == "6100000000000003e800000000000003e8");
  CHECK_FALSE(changes[1].value);
  CHECK(changes[1].timestamp == 4000);
  CHECK(changes[2].timestamp == 7);  // none was given: the end
}

TEST_CASE("sessions that cannot be, null keys and misfits are errors of the record") {
  StoreBed bed("memory", session_store(100));
  auto& store = bed.session();
  std::vector<kst_session_row> rows = {row("a", 5, 4, "v")};
  CHECK(store.put_many(rows) == KST_RECORD_ERROR);
  CHECK(bed.user.message.find("store 'seen': there is no session from 5 to 4") == 0);
  CHECK(store.get_many(rows) == KST_RECORD_ERROR);
  rows = {row("a", -1, 4, "v")};
  CHECK(store.put_many(rows) == KST_RECORD_ERROR);
  rows = {{null_value(), string_value("v"), 0, 1, 0}};
  CHECK(store.put_many(rows) == KST_RECORD_ERROR);
  CHECK(store.get_many(rows) == KST_RECORD_ERROR);
  rows = {{string_value("a"), int64_value(1), 0, 1, 0}};
  CHECK(store.put_many(rows) == KST_RECORD_ERROR);
  CHECK(bed.changes().empty());
  REQUIRE(bed.raw().put("short", {true, "x", 0}));
  put(store, {row("a", 0, 1, "v")});
  const std::vector<kst_session_range> ranges = {all};
  CHECK(store.scan(ranges, false, nullptr, [](void*, size_t, const kst_session_row*) { return 0; }) == KST_STOP);
  CHECK(bed.user.message.find("too short for that of a session") != std::string::npos);
}

}  // namespace
}  // namespace kstreamd::testing
