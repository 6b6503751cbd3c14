// Keys brought into order at once.
#include "core/state/key_order.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "core/state/key_prefix.h"

namespace kstreamd {
namespace {

std::vector<std::string> keys_of(const std::string& kind, size_t count) {
  std::mt19937 random(11);
  std::vector<std::string> keys;
  for (size_t i = 0; i < count; ++i) {
    const auto number = std::to_string(random() % (count / 2 + 1));
    if (kind == "numbers") keys.push_back(number);
    if (kind == "with a long beginning")
      keys.push_back("customers/by-id/" + std::string(8 - number.size(), '0') + number);
    if (kind == "different behind 8 bytes") keys.push_back(std::string(1, 'a' + random() % 3) + "--------" + number);
    if (kind == "all bytes") {
      std::string key(random() % 12, '\0');
      for (char& c : key) c = static_cast<char>(random());
      keys.push_back(key);
    }
    if (kind == "zeros and ends") keys.push_back(std::string(random() % 12, static_cast<char>(random() % 2 * 255)));
    if (kind == "one") keys.push_back("the same");
  }
  return keys;
}

TEST_CASE("keys are sorted, and the last row of each is kept") {
  const std::string kind =
      GENERATE("numbers", "with a long beginning", "different behind 8 bytes", "all bytes", "zeros and ends", "one");
  const size_t count = GENERATE(0, 1, 2, 100, 128, 129, 1000, 70'000);
  const auto keys = keys_of(kind, count);
  CAPTURE(kind, count);
  CommonBeginning common;
  for (const auto& key : keys) common.add(key);
  std::map<std::string, uint64_t> expected;
  std::vector<PlacedKey> rows, spare;
  for (size_t i = 0; i < keys.size(); ++i) {
    expected[keys[i]] = i;
    rows.push_back({prefix_of(std::string_view(keys[i]).substr(common.size())), i});
  }
  sort_last_of_each_key(rows, spare, [&keys](uint64_t at) { return std::string_view(keys[at]); });
  std::vector<uint64_t> got, wanted;
  for (const auto& row : rows) got.push_back(row.at);
  for (const auto& [key, at] : expected) wanted.push_back(at);
  CHECK(got == wanted);
}

TEST_CASE("a common beginning only grows shorter, until it is cleared") {
  CommonBeginning common;
  CHECK(common.size() == 0);
  common.add("abcdef");
  CHECK(common.size() == 6);
  common.add("abcdefgh");
  CHECK(common.size() == 6);
  common.add("abcx");
  CHECK(common.size() == 3);
  common.add("abcdef");
  CHECK(common.size() == 3);
  common.add("");
  CHECK(common.size() == 0);
  common.add("abc");
  CHECK(common.size() == 0);
  common.clear();
  common.add("xyz");
  CHECK(common.size() == 3);
}

TEST_CASE("prefixes are in the order of their keys") {
  const std::vector<std::string> keys{
      "", std::string(1, '\0'), "a", std::string("a\0", 2), "ab", "abcdefgh", "abcdefghi", "\x7f", "\x80", "\xff"};
  for (size_t i = 1; i < keys.size(); ++i) {
    CAPTURE(i);
    CHECK(keys[i - 1] < keys[i]);
    CHECK(prefix_of(keys[i - 1]) <= prefix_of(keys[i]));
  }
}

}  // namespace
}  // namespace kstreamd
