// Reading rows that lie by segments of time (stored_key.h). Internal to core/state.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "core/state/committed.h"

namespace kstreamd {

// The rows of segments first..last with from <= key <= to, in the order of their keys, which it gives without the
// segments. As CommittedRows::scan otherwise. `last` is no less than `first`.
std::unique_ptr<RowCursor> scan_segments(CommittedRows& rows, uint64_t first, uint64_t last,
                                         std::optional<std::string_view> from, std::optional<std::string_view> to,
                                         bool reverse);
// The same where `from` and `to` are rows of one and the same key: only rows of that key.
std::unique_ptr<RowCursor> scan_segments_of_key(CommittedRows& rows, uint64_t first, uint64_t last,
                                                std::string_view from, std::string_view to, bool reverse);

}  // namespace kstreamd
