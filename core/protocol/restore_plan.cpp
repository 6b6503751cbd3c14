#include "core/protocol/restore_plan.h"

namespace kstreamd {

RestorePlan plan_restore(const RestoreFacts& facts) {
  if (!facts.stored) return {false, "", facts.low, facts.high};
  const int64_t stored = *facts.stored;
  if (stored > facts.high)
    return {true,
            "the local state has applied the changelog up to offset " + std::to_string(stored) +
                ", but the changelog ends at " + std::to_string(facts.high) + ": it was truncated or created anew",
            facts.low, facts.high};
  if (stored < facts.low)
    return {true,
            "the changelog begins at offset " + std::to_string(facts.low) +
                ", past what the local state has applied (" + std::to_string(stored) + ")",
            facts.low, facts.high};
  return {false, "", stored, facts.high};
}

std::optional<int64_t> plan_start(int64_t committed, int64_t low, int64_t high, OffsetReset reset) {
  if (committed >= 0) return committed;
  switch (reset) {
    case OffsetReset::earliest:
      return low;
    case OffsetReset::latest:
      return high;
    case OffsetReset::none:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace kstreamd
