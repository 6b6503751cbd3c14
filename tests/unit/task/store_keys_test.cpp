// The composite keys of window and session stores, byte for byte as Kafka Streams writes them.
#include "core/record/store_keys.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <vector>

#include "tests/unit/task/store_fixture.h"

namespace kstreamd::testing {
namespace {

TEST_CASE("window keys are key, start, sequence number") {
  std::string bytes = "what was there before";
  write_key(bytes, WindowKey{"a", 1'699'999'995'000, 0});
  CHECK(hex(bytes) == "610000018bcfe5547800000000");
  write_key(bytes, WindowKey{"k", 1000, 2});
  CHECK(hex(bytes) == "6b00000000000003e800000002");
  const auto read = read_window_key(bytes);
  REQUIRE(read);
  CHECK(read->key == "k");
  CHECK(read->start == 1000);
  CHECK(read->sequence == 2);
  write_key(bytes, WindowKey{"", 0, 0});
  CHECK(read_window_key(bytes)->key.empty());
  CHECK_FALSE(read_window_key("elevenbytes"));
  CHECK_FALSE(read_window_key(""));
}

TEST_CASE("session keys are key, end, start") {
  std::string bytes;
  write_key(bytes, SessionKey{"a", 4000, 1000});
  CHECK(hex(bytes) == "610000000000000fa000000000000003e8");
  const auto read = read_session_key(bytes);
  REQUIRE(read);
  CHECK(read->key == "a");
  CHECK(read->start == 1000);
  CHECK(read->end == 4000);
  CHECK_FALSE(read_session_key("fifteen bytes.."));
}

TEST_CASE("rows expire by the start of windows and the end of sessions") {
  std::string bytes;
  write_key(bytes, WindowKey{"key", 7, 9});
  CHECK(time_of_key(KeyLayout::window, bytes) == 7);
  write_key(bytes, SessionKey{"key", 8, 3});
  CHECK(time_of_key(KeyLayout::session, bytes) == 8);
  CHECK_FALSE(time_of_key(KeyLayout::plain, bytes));
  CHECK_FALSE(time_of_key(KeyLayout::window, "short"));
}

TEST_CASE("the greatest key of a range is that of a shorter key where that is greater") {
  CHECK(greatest_key("b", "a1") == "ba1");
  CHECK(greatest_key("ba", "c1") == "c1");
  CHECK(greatest_key("zba", "c1") == "zc1");
  CHECK(greatest_key("", "a1") == "a1");
  CHECK(greatest_key("aaaaab", "aa") == "aaaaabaa");
  // No composite key of a key in range is above it, and one reaches it.
  std::mt19937 random(5);
  auto any = [&](size_t size) {
    std::string bytes;
    for (size_t i = 0; i < size; ++i) bytes += static_cast<char>('a' + random() % 2);
    return bytes;
  };
  for (int round = 0; round < 3000; ++round) {
    const std::string to = any(random() % 6), suffix = any(3);
    std::string greatest;
    for (size_t size = 0; size <= to.size(); ++size)
      for (int bits = 0; bits < 1 << size; ++bits) {
        std::string key;
        for (size_t i = 0; i < size; ++i) key += static_cast<char>('a' + ((bits >> i) & 1));
        if (key <= to) greatest = std::max(greatest, key + suffix);
      }
    INFO(to << " " << suffix);
    REQUIRE(greatest_key(to, suffix) == greatest);
  }
}

}  // namespace
}  // namespace kstreamd::testing
