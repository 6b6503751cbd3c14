// Kafka's hash of keys: which partition a record goes to, and `hash` in expressions.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kstreamd {

// MurmurHash2 as org.apache.kafka.common.utils.Utils.murmur2 computes it (seed 0x9747b28c).
inline int32_t murmur2(std::string_view key) {
  constexpr uint32_t m = 0x5bd1e995;
  constexpr int r = 24;
  const auto* data = reinterpret_cast<const unsigned char*>(key.data());
  size_t left = key.size();
  uint32_t h = 0x9747b28cu ^ static_cast<uint32_t>(left);
  for (; left >= 4; data += 4, left -= 4) {
    uint32_t k = data[0] | data[1] << 8 | data[2] << 16 | static_cast<uint32_t>(data[3]) << 24;
    k *= m;
    k ^= k >> r;
    k *= m;
    h *= m;
    h ^= k;
  }
  if (left == 3) h ^= static_cast<uint32_t>(data[2]) << 16;
  if (left >= 2) h ^= static_cast<uint32_t>(data[1]) << 8;
  if (left >= 1) {
    h ^= data[0];
    h *= m;
  }
  h ^= h >> 13;
  h *= m;
  h ^= h >> 15;
  return static_cast<int32_t>(h);
}

}  // namespace kstreamd
