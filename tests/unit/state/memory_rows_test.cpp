// Rows in memory, gathered by a restoration and written one by one.
#include "core/state/memory_rows.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace kstreamd {
namespace {

struct Written {
  std::string value;
  int64_t timestamp;
  bool operator==(const Written&) const = default;
};
using Model = std::map<std::string, Written>;

Model rows_of(MemoryRows& rows, bool reverse) {
  Model got;
  std::optional<std::string> before;
  for (auto row = rows.scan(std::nullopt, std::nullopt, reverse); row->valid(); row->next()) {
    const std::string key(row->key());
    REQUIRE((!before || (reverse ? key < *before : key > *before)));
    before = key;
    got[key] = {std::string(row->value()->value), row->value()->timestamp};
  }
  return got;
}

void check(MemoryRows& rows, const Model& model) {
  CHECK(rows_of(rows, false) == model);
  CHECK(rows_of(rows, true) == model);
  uint64_t bytes = 0;
  for (const auto& [key, row] : model) {
    bytes += key.size() + row.value.size();
    const auto got = rows.get(key);
    REQUIRE((got.ok() && got->present));
    REQUIRE(got->value == row.value);
  }
  CHECK(rows.approximate_rows() == model.size());
  CHECK(rows.size_bytes() == bytes);
}

std::string some_key(std::mt19937& random, bool alike, unsigned among) {
  std::string key = alike ? "store/rows/0" : std::string(random() % 11, static_cast<char>(random() % 2 * 255));
  if (random() % 10 > 0) key += std::to_string(random() % among);
  return key;
}

TEST_CASE("rows that were gathered are in their places, whatever was there before and comes after") {
  const bool by_timestamp = GENERATE(false, true);
  const bool alike = GENERATE(false, true);  // keys that begin alike
  const unsigned among = GENERATE(20u, 3000u, 100'000u);
  CAPTURE(by_timestamp, alike, among);
  std::mt19937 random(3);
  MemoryRows rows(by_timestamp);
  Model model;
  for (int round = 0; round < 6; ++round) {
    const bool gathers = round % 3 != 1;
    const int count = round == 0 ? 40'000 : 3000;  // the first are more than wait at a time
    for (int i = 0; i < count; ++i) {
      const std::string key = some_key(random, alike, among);
      const std::string text(random() % 300, static_cast<char>('a' + random() % 26));
      const auto timestamp = static_cast<int64_t>(random() % 1000);
      const StoreValue value = random() % 4 == 0 ? StoreValue{} : StoreValue{true, text, timestamp};
      gathers ? rows.gather(key, value) : rows.write(key, value);
      if (value.present)
        model[key] = {text, timestamp};
      else
        model.erase(key);
    }
    rows.gathered();
    check(rows, model);
  }
  if (!by_timestamp) return;
  rows.expire_until(400);
  std::erase_if(model, [](const auto& row) { return row.second.timestamp <= 400; });
  check(rows, model);
}

TEST_CASE("rows that wait are not seen, and gone with their store") {
  MemoryRows rows;
  rows.gather("a", {true, "1", 1});
  CHECK(rows.approximate_rows() == 0);
  CHECK_FALSE(rows.get("a")->present);
  rows.gathered();
  rows.gather("b", {true, "2", 2});
  rows.gather("a", {});
  check(rows, {{"a", {"1", 1}}});
}

TEST_CASE("what was gathered is dropped like what was written") {
  MemoryRows rows;
  Model model;
  for (int i = 0; i < 1000; ++i) {
    const std::string key = std::to_string(1000 + i);
    rows.gather(key, {true, "v", i});
    if (key >= "1500") model[key] = {"v", i};
  }
  rows.gathered();
  rows.drop_before("1500");
  check(rows, model);
  for (int i = 500; i < 1000; ++i) rows.gather(std::to_string(1000 + i), {});
  rows.gathered();
  check(rows, {});
  rows.gather("x", {true, "y", 1});
  rows.gathered();
  check(rows, {{"x", {"y", 1}}});
}

}  // namespace
}  // namespace kstreamd
