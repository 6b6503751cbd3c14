#include "core/embedded/assignment.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

namespace kstreamd::embedded {

TEST_CASE("assignments are complete, balanced, and move no more than they must") {
  std::mt19937 random(42);
  auto up_to = [&](int n) { return std::uniform_int_distribution<int>(0, n)(random); };
  for (int round = 0; round < 500; ++round) {
    int32_t partitions = up_to(20);
    std::vector<AssignmentMember> members(static_cast<size_t>(1 + up_to(5)));
    for (size_t m = 0; m < members.size(); ++m) members[m].id = "m" + std::to_string(m);
    for (int32_t p = 0; p < partitions + 3; ++p) {  // some that are gone
      auto owner = static_cast<size_t>(up_to(static_cast<int>(members.size())));
      if (owner < members.size()) members[owner].owned.insert(p);
    }
    auto result = assign_sticky(members, partitions);
    REQUIRE(result.size() == members.size());
    std::set<int32_t> all;
    size_t least = 100, most = 0, total = 0;
    for (const auto& given : result) {
      all.insert(given.begin(), given.end());
      total += given.size();
      least = std::min(least, given.size());
      most = std::max(most, given.size());
    }
    CHECK(total == static_cast<size_t>(partitions));
    CHECK(all.size() == total);
    CHECK(most - least <= 1);
    for (size_t m = 0; m < members.size(); ++m) {
      size_t kept = 0, living = 0;
      for (int32_t p : members[m].owned) {
        living += p < partitions;
        kept += result[m].contains(p);
      }
      CHECK(kept == std::min(living, result[m].size()));
    }
    auto again = members;
    for (size_t m = 0; m < members.size(); ++m) again[m].owned = result[m];
    CHECK(assign_sticky(again, partitions) == result);
  }
}

TEST_CASE("a member that returns gets back what it had") {
  std::vector<AssignmentMember> members{{"b", {0, 1, 2, 3}, {}}, {"a", {}, {0, 1}}};
  auto result = assign_sticky(members, 4);
  CHECK(result[0] == std::set<int32_t>{2, 3});
  CHECK(result[1] == std::set<int32_t>{0, 1});
}

TEST_CASE("nobody to assign to, nothing to assign") {
  CHECK(assign_sticky({}, 3).empty());
  CHECK(assign_sticky({{"a", {}, {}}}, 0).at(0).empty());
}

}  // namespace kstreamd::embedded
