// Where the restoration of a store, and the reading of an input, begin and end. Pure decisions.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "core/topology/topology.h"

namespace kstreamd {

struct RestoreFacts {
  std::optional<int64_t> stored;  // next changelog offset to apply, as kept beside the data
  int64_t low = 0;                // first offset of the changelog
  int64_t high = 0;               // its high watermark
};

struct RestorePlan {
  bool rebuild = false;  // what is on disk belongs to another history: wipe it first
  std::string reason;    // why, when rebuild
  int64_t from = 0;
  int64_t to = 0;  // done once the position is here; from >= to: nothing to do
};

// A stored offset past the end means that the changelog was truncated or made anew. One below the beginning means that
// records between were deleted unseen.
RestorePlan plan_restore(const RestoreFacts& facts);

// The first offset to process of an input: the committed one; without one (-1) as the source's reset policy says.
// nullopt: the policy is `none`.
std::optional<int64_t> plan_start(int64_t committed, int64_t low, int64_t high, OffsetReset reset);

}  // namespace kstreamd
