// The keys of rows as the database has them. Internal to core/state.
#pragma once
#include <string>
#include <string_view>

#include "core/ports/state.h"

namespace kstreamd {

// Appends to `to` the key under which a row of `store` lies in its column. Sorted files must be in the order of these.
inline void append_stored_key(std::string& to, const StoreConfig&, std::string_view key) { to.append(key); }

}  // namespace kstreamd
