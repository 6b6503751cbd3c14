#include "core/protocol/restore_plan.h"

namespace kstreamd {

RestorePlan plan_restore(const RestoreFacts& facts) {
  if (!facts.stored) return {false, "", facts.low, facts.high, facts.low, false};
  const int64_t stored = *facts.stored;
  if (stored > facts.high)
    return {true,
            "the local state has applied the changelog up to offset " + std::to_string(stored) +
                ", but the changelog ends at " + std::to_string(facts.high) + ": it was truncated or created anew",
            facts.low,
            facts.high,
            facts.low,
            false};
  if (stored < facts.low)
    return {true,
            "the changelog begins at offset " + std::to_string(facts.low) +
                ", past what the local state has applied (" + std::to_string(stored) + ")",
            facts.low,
            facts.high,
            facts.low,
            false};
  const bool there = facts.marked && *facts.marked >= facts.low && *facts.marked < stored;
  return {false, "", stored, facts.high, there ? *facts.marked : stored, there};
}

std::optional<std::string> check_mark(const MarkFacts& facts) {
  const std::string applied = "the local state has applied a record at offset " + std::to_string(facts.marked);
  if (!facts.found)
    return applied + ", but the changelog has none there nor after it: it was truncated or created anew";
  if (*facts.found == facts.marked && facts.found_fingerprint != facts.fingerprint)
    return applied + ", but the changelog has another one there: it was truncated or created anew";
  if (*facts.found > facts.marked && *facts.found < facts.stored)
    return applied + " and none after it before offset " + std::to_string(facts.stored) +
           ", but the changelog has one at offset " + std::to_string(*facts.found) +
           ": it was truncated or created anew";
  return std::nullopt;
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
