// Keys compared by their first bytes. Internal to core/state.
#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>

#include "kstreamd/sdk/big_endian.h"

namespace kstreamd {

// The key's first 8 bytes as a number: of keys whose numbers differ, the greater number has the greater key. A shorter
// key counts as if zeros followed.
inline uint64_t prefix_of(std::string_view key) {
  char first[sizeof(uint64_t)] = {};
  if (key.size() >= sizeof first) return read_big_endian<uint64_t>(key.data());
  if (!key.empty()) std::memcpy(first, key.data(), key.size());
  return read_big_endian<uint64_t>(first);
}

}  // namespace kstreamd
