#include "core/embedded/assignment.h"

#include <algorithm>
#include <numeric>

namespace kstreamd::embedded {

std::vector<std::set<int32_t>> assign_sticky(const std::vector<AssignmentMember>& members, int32_t partitions) {
  std::vector<std::set<int32_t>> result(members.size());
  if (members.empty()) return result;
  std::vector<bool> taken(static_cast<size_t>(partitions), false);
  auto free = [&](int32_t p) { return p >= 0 && p < partitions && !taken[static_cast<size_t>(p)]; };
  auto give = [&](size_t member, int32_t p) {
    taken[static_cast<size_t>(p)] = true;
    result[member].insert(p);
  };

  // Those who have more are the ones to keep one more, so that nothing moves for the remainder's sake.
  std::vector<size_t> order(members.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const AssignmentMember &x = members[a], &y = members[b];
    if (x.owned.size() != y.owned.size()) return x.owned.size() > y.owned.size();
    if (x.previous.size() != y.previous.size()) return x.previous.size() > y.previous.size();
    return x.id < y.id;
  });
  size_t each = static_cast<size_t>(partitions) / members.size();
  size_t remainder = static_cast<size_t>(partitions) % members.size();
  std::vector<size_t> quota(members.size(), each);
  for (size_t i = 0; i < remainder; ++i) ++quota[order[i]];

  // Owners keep what they have, up to their share, and rather what no returning member had before.
  auto missed = [&](size_t owner, int32_t p) {
    for (size_t m = 0; m < members.size(); ++m)
      if (m != owner && members[m].previous.contains(p)) return true;
    return false;
  };
  for (bool also_missed : {false, true})
    for (size_t m : order)
      for (int32_t p : members[m].owned)
        if (result[m].size() < quota[m] && free(p) && (also_missed || !missed(m, p))) give(m, p);
  for (size_t m : order)
    for (int32_t p : members[m].previous)
      if (result[m].size() < quota[m] && free(p)) give(m, p);
  size_t at = 0;
  for (int32_t p = 0; p < partitions; ++p) {
    if (!free(p)) continue;
    while (result[order[at]].size() >= quota[order[at]]) ++at;
    give(order[at], p);
  }
  return result;
}

}  // namespace kstreamd::embedded
