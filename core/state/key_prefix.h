// Keys compared by their first bytes. Internal to core/state.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace kstreamd {

// The key's first 8 bytes as a number: of keys whose numbers differ, the greater number has the greater key. A shorter
// key counts as if zeros followed.
inline uint64_t prefix_of(std::string_view key) {
  unsigned char bytes[8] = {};
  std::memcpy(bytes, key.data(), std::min<size_t>(key.size(), sizeof bytes));
  uint64_t number = 0;
  for (unsigned char byte : bytes) number = number << 8 | byte;
  return number;
}

}  // namespace kstreamd
