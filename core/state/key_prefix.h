// Keys compared by their first bytes. Internal to core/state.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace kstreamd {

// The key's first 8 bytes as a number: of keys whose numbers differ, the greater number has the greater key. A shorter
// key counts as if zeros followed.
inline uint64_t prefix_of(std::string_view key) {
  static_assert(std::endian::native == std::endian::little);
  uint64_t number = 0;
  if (key.size() >= sizeof number)
    std::memcpy(&number, key.data(), sizeof number);
  else if (!key.empty())
    std::memcpy(&number, key.data(), key.size());
  return __builtin_bswap64(number);
}

}  // namespace kstreamd
