// Where a reset moves the committed offsets to. Pure functions.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/topology/topology.h"

namespace kstreamd {

struct ResetTarget {
  enum class Kind {
    earliest,
    latest,
    offset,  // `number`
    shift,   // from what is committed by `number`, which may be negative
    time,    // to the first record that is not older than `number`, in ms since 1970
  };
  Kind kind = Kind::earliest;
  int64_t number = 0;
};

// A partition as it is.
struct OffsetFacts {
  int64_t committed = -1;  // -1: nothing
  int64_t low = 0;
  int64_t high = 0;
  std::optional<int64_t> at_time;  // of Kind::time: the offset; nullopt: all records are older
  OffsetReset reset = OffsetReset::earliest;
};

struct NewOffset {
  int64_t offset = 0;
  std::string note;  // why it is not what was asked for; may be empty
};

// Always one that the partition has, or its end. Where nothing is committed, a shift begins where the topology would.
NewOffset new_offset(const ResetTarget& target, const OffsetFacts& facts);

// "2026-11-26T12:00:00", "2026-11-26T12:00:00.250+01:00", "...Z": ms since 1970; UTC without a zone.
std::optional<int64_t> parse_datetime(std::string_view text);

}  // namespace kstreamd
