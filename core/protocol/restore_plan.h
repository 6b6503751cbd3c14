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
  std::optional<int64_t> marked;  // the last record applied, where something by which to know it again is kept
};

struct RestorePlan {
  bool rebuild = false;  // what is on disk belongs to another history: wipe it first
  std::string reason;    // why, when rebuild
  int64_t from = 0;
  int64_t to = 0;  // done once the position is here; from >= to: nothing to apply
  // Where to begin to read. Less than `from`: at the marked record, which is to be looked at first (check_mark).
  int64_t read_from = 0;
  bool prove = false;
};

// A stored offset past the end means that the changelog was truncated or made anew. One below the beginning means that
// records between were deleted unseen.
RestorePlan plan_restore(const RestoreFacts& facts);

// What the changelog has where the last record applied should be.
struct MarkFacts {
  int64_t marked = 0;  // that record, as kept beside the data
  uint64_t fingerprint = 0;
  int64_t stored = 0;            // next changelog offset to apply
  std::optional<int64_t> found;  // the first record with a key from there on; nullopt: none to the end
  uint64_t found_fingerprint = 0;
};

// Why the local state belongs to another history; nullopt: nothing speaks against it.
//
// The same record at the marked offset proves that both share their history up to it. Another one there proves the
// opposite, and so does a record between it and what is stored next: nothing there was applied, so nothing was there.
// That the first one lies after what was stored proves nothing: compaction takes the marked record away once its key
// was written again. But then there is one after it; where there is none at all the changelog is another one, or lost a
// deletion that nobody has followed for a day, for which a rebuild is a small price.
std::optional<std::string> check_mark(const MarkFacts& facts);

// The first offset to process of an input: the committed one; without one (-1) as the source's reset policy says.
// nullopt: the policy is `none`.
std::optional<int64_t> plan_start(int64_t committed, int64_t low, int64_t high, OffsetReset reset);

}  // namespace kstreamd
