// FNV-1a, the hash of bytes that is stored: the same everywhere and for good. Not against who chooses what is hashed.
#pragma once
#include <cstdint>
#include <string_view>

namespace kstreamd {

// Of the bytes, or of those behind the ones that gave `from`.
inline uint64_t fnv1a(std::string_view bytes, uint64_t from = 0xcbf29ce484222325u) {
  for (const char c : bytes) from = (from ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return from;
}

}  // namespace kstreamd
