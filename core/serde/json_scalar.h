// JSON texts as far as serdes look into them. Internal to core/serde; every function may be called from any thread.
#pragma once
#include <string_view>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "kstreamd/sdk/value.h"

namespace kstreamd {

// Checks a whole JSON text.
Status check_json(std::string_view text);

// A JSON scalar as the value it holds: string, bool, int64, float64, or KST_NULL for a JSON null. Any other value, an
// object, a list and an integer beyond 64 bits come back as they are.
Value unwrap_json(const Value& value, Arena& arena);

}  // namespace kstreamd
