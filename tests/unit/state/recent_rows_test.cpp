#include "core/state/recent_rows.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "core/record/store_keys.h"

namespace kstreamd {
namespace {

std::string whole_key(std::string_view key, int64_t time, uint32_t sequence) {
  std::string bytes;
  write_key(bytes, WindowKey{key, time, sequence});
  return bytes;
}

std::vector<std::string> found(const RecentRows& rows, std::string_view key, int64_t first, int64_t last,
                               bool reverse = false, size_t limit = 1000) {
  std::vector<std::string> values;
  rows.visit(key, first, last, reverse, [&](std::string_view, const StoreValue& value) {
    values.emplace_back(value.value);
    return values.size() < limit;
  });
  return values;
}

using Values = std::vector<std::string>;

}  // namespace

TEST_CASE("recent rows of a key come by time, then as they came") {
  RecentRows rows;
  rows.begin(0);
  rows.add(whole_key("a", 20, 1), {true, "20", 1});
  rows.add(whole_key("a", 10, 2), {true, "10", 2});
  rows.add(whole_key("b", 15, 3), {true, "b", 3});
  rows.add(whole_key("a", 20, 4), {true, "20 again", 4});
  rows.add(whole_key("a", 15, 5), {true, "15", 5});
  CHECK(found(rows, "a", 0, 100) == Values{"10", "15", "20", "20 again"});
  CHECK(found(rows, "a", 0, 100, true) == Values{"20 again", "20", "15", "10"});
  CHECK(found(rows, "a", 11, 20, false, 2) == Values{"15", "20"});
  CHECK(found(rows, "a", 11, 19) == Values{"15"});
  CHECK(found(rows, "b", 15, 15) == Values{"b"});
  CHECK(found(rows, "c", 0, 100).empty());
  rows.visit("b", 0, 100, false, [](std::string_view key, const StoreValue& value) {
    CHECK(key == whole_key("b", 15, 3));
    CHECK(value.timestamp == 3);
    return true;
  });
}

TEST_CASE("recent rows leave out what is before they begin, and know nothing once forgotten") {
  RecentRows rows;
  CHECK_FALSE(rows.begun());
  rows.begin(10);
  rows.add(whole_key("a", 9, 1), {true, "9", 0});
  rows.add(whole_key("a", 10, 2), {true, "10", 0});
  CHECK(found(rows, "a", 0, 100) == Values{"10"});
  rows.forget();
  CHECK_FALSE(rows.begun());
  CHECK(rows.bytes() == 0);
  CHECK(found(rows, "a", 0, 100).empty());
}

TEST_CASE("recent rows that were let go are those before since()") {
  // Against the whole content: whatever was let go, all from since() on are there.
  std::mt19937 random(7);
  RecentRows rows;
  rows.begin(0);
  std::map<std::string, std::multimap<int64_t, std::string>> all;
  int64_t time = 0, live = 0;
  for (uint32_t i = 1; i <= 20'000; ++i) {
    time += random() % 3;
    const std::string key = "key" + std::to_string(random() % 300);
    const int64_t at = std::max<int64_t>(0, time - static_cast<int64_t>(random() % 200));
    const std::string value = std::to_string(i) + std::string(random() % 40, 'x');
    rows.add(whole_key(key, at, i), {true, value, at});
    all[key].emplace(at, value);
    live = time - 5'000;
    rows.evict(live, 400'000);
    if (i % 97 != 0) continue;
    const int64_t from = std::max(rows.since(), at - 300);
    Values wanted;
    for (auto row = all[key].lower_bound(from); row != all[key].end(); ++row) wanted.push_back(row->second);
    REQUIRE(found(rows, key, from, time) == wanted);
    std::reverse(wanted.begin(), wanted.end());
    REQUIRE(found(rows, key, from, time, true) == wanted);
    REQUIRE(rows.bytes() <= 400'000 + (64 << 10));
  }
  CHECK(rows.since() > 0);
  CHECK(rows.since() < time - 200);
}

}  // namespace kstreamd
