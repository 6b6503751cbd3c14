// Memory for the length of one batch.
#include "core/base/arena.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

namespace kstreamd {
namespace {

TEST_CASE("what an arena hands out is its own, whatever it was used for before") {
  Arena arena(1024);
  std::mt19937 random(2);
  size_t most = 0;
  for (int round = 0; round < 50; ++round) {
    std::vector<std::pair<std::string_view, std::string>> copies;
    for (int i = 0; i < 40; ++i) {
      const std::string text(random() % 20 == 0 ? random() % 5000 : random() % 300, static_cast<char>('a' + i % 26));
      copies.emplace_back(arena.copy(text), text);
    }
    for (const auto& [copy, text] : copies) REQUIRE(copy == text);
    most = std::max(most, arena.capacity());
    if (round % 10 == 9) {
      arena.reset();
      CHECK(arena.capacity() <= 1024);
    } else {
      const size_t kept = arena.capacity();
      arena.rewind();
      CHECK(arena.capacity() == kept);
    }
  }
  CHECK(most > 4096);
}

TEST_CASE("a rewound arena needs no more memory for the same again") {
  Arena arena(1024);
  const auto use = [&arena] {
    for (int i = 0; i < 20; ++i) arena.allocate(300);
    arena.rewind();
  };
  use();
  const size_t capacity = arena.capacity();
  for (int i = 0; i < 10; ++i) use();
  CHECK(arena.capacity() == capacity);
}

}  // namespace
}  // namespace kstreamd
