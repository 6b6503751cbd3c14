// Which member of a group gets which partitions: sticky and balanced. A pure function.
#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace kstreamd::embedded {

struct AssignmentMember {
  std::string id;
  std::set<int32_t> owned;     // holds now
  std::set<int32_t> previous;  // held when it was last a member
};

// For each member, in the order given, the partitions it is to have in the end: every one of 0..partitions-1 exactly
// once, counts differing by at most one, as many as possible where they are, or else where they were.
std::vector<std::set<int32_t>> assign_sticky(const std::vector<AssignmentMember>& members, int32_t partitions);

}  // namespace kstreamd::embedded
