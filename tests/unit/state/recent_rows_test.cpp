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
    rows.committed();
    rows.hand_over(live, [](std::string_view, const StoreValue&) {});
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

TEST_CASE("recent rows that were not committed go, and those that wait are handed over once, in order") {
  RecentRows rows;
  rows.begin(0);
  std::vector<std::string> given;
  const RecentRows::Write give = [&](std::string_view, const StoreValue& value) { given.emplace_back(value.value); };
  rows.add(whole_key("b", 10, 1), {true, "b10", 10});
  rows.add(whole_key("a", 20, 2), {true, "a20", 20});
  CHECK(rows.waiting() == 0);
  rows.hand_over(0, give);
  CHECK(given.empty());  // not committed
  rows.committed();
  rows.add(whole_key("a", 15, 3), {true, "a15", 15});
  CHECK(rows.waiting() == 2);
  rows.hand_over(0, give);
  CHECK(given == Values{"a20", "b10"});
  CHECK(rows.waiting() == 0);
  rows.roll_back();
  CHECK(found(rows, "a", 0, 100) == Values{"a20"});
  rows.add(whole_key("a", 5, 4), {true, "a5", 5});
  rows.add(whole_key("a", 30, 5), {true, "a30", 30});
  rows.committed();
  CHECK(rows.waiting() == 2);
  rows.hand_over(6, give);  // what has expired is given to nobody
  CHECK(given == Values{"a20", "b10", "a30"});
  CHECK(rows.waiting() == 0);
}

TEST_CASE("recent rows are never let go before they have expired or are elsewhere") {
  std::mt19937 random(11);
  RecentRows rows;
  rows.begin(0);
  struct Known {
    std::string key;
    int64_t time;
    bool committed, elsewhere;
  };
  std::map<uint32_t, Known> all;  // by sequence number, which is the value
  int64_t time = 0, committed_time = 0;
  const auto live = [&] { return committed_time - 3'000; };
  for (uint32_t i = 1; i <= 30'000; ++i) {
    time += random() % 3;
    const int64_t at = std::max(rows.since(), time - static_cast<int64_t>(random() % 400));
    const std::string key = "key" + std::to_string(random() % 50);
    rows.add(whole_key(key, at, i), {true, std::to_string(i) + std::string(200, 'x'), at});
    all[i] = {key, at, false, false};
    if (random() % 100 == 0) {
      rows.roll_back();
      std::erase_if(all, [](const auto& row) { return !row.second.committed; });
      time = committed_time;
    } else if (random() % 50 == 0) {
      rows.committed();
      committed_time = time;
      for (auto& [sequence, row] : all) {
        row.elsewhere = row.elsewhere || (!row.committed && row.time < rows.since());
        row.committed = true;
      }
      rows.evict(live(), 200'000);
    }
    if (random() % 500 == 0) {
      rows.hand_over(live(), [&](std::string_view, const StoreValue& value) {
        Known& row = all.at(static_cast<uint32_t>(std::stoul(std::string(value.value))));
        REQUIRE(row.committed);
        row.elsewhere = true;
      });
      rows.evict(live(), 200'000);
    }
    if (i % 200 != 0) continue;
    std::erase_if(all, [&](const auto& row) { return row.second.time < live(); });
    std::map<std::string, std::vector<std::string>> wanted;
    for (const auto& [sequence, row] : all) {
      if (row.time >= rows.since()) continue;
      INFO(sequence << " at " << row.time << ", since " << rows.since());
      REQUIRE((row.elsewhere || !row.committed));
    }
    for (int k = 0; k < 50; ++k) {
      const std::string asked = "key" + std::to_string(k);
      std::vector<std::pair<int64_t, uint32_t>> order;
      for (const auto& [sequence, row] : all)
        if (row.key == asked && row.time >= rows.since()) order.emplace_back(row.time, sequence);
      std::sort(order.begin(), order.end());
      Values expected;
      for (const auto& row : order) expected.push_back(std::to_string(row.second) + std::string(200, 'x'));
      REQUIRE(found(rows, asked, std::max(live(), rows.since()), time, false, 100'000) == expected);
    }
  }
  CHECK(rows.since() > 0);
}

}  // namespace kstreamd
