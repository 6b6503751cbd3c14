// Keys of one node by their bytes, past any serde.
#pragma once
#include <string>

#include "kstreamd/sdk/value.h"

namespace kstreamd {

// Bytes by which two keys of one node are equal exactly when the keys are. Integers of both sizes are one type. `out`
// is replaced, and its memory used again.
void write_key_bytes(std::string& out, const Value& key);

}  // namespace kstreamd
