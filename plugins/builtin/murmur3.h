// MurmurHash3 for 128 bits (x64), with the seed of Kafka Streams: it tells by the hash of a row which value of it an
// answer belongs to.
#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

namespace kstreamd::builtin {

namespace murmur3 {

inline constexpr uint64_t kSeed = 104729;
inline constexpr uint64_t kFirst = 0x87c37b91114253d5, kSecond = 0x4cf5ad432745937f;

inline uint64_t mix_first(uint64_t k) { return std::rotl(k * kFirst, 31) * kSecond; }
inline uint64_t mix_second(uint64_t k) { return std::rotl(k * kSecond, 33) * kFirst; }
inline uint64_t finish(uint64_t h) {
  h = (h ^ h >> 33) * 0xff51afd7ed558ccd;
  h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53;
  return h ^ h >> 33;
}
// Little-endian, of up to 8 bytes.
inline uint64_t number(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) value |= uint64_t{static_cast<uint8_t>(bytes[i])} << 8 * i;
  return value;
}

}  // namespace murmur3

inline std::array<uint64_t, 2> murmur3_128(std::string_view bytes) {
  using namespace murmur3;
  uint64_t h1 = kSeed, h2 = kSeed;
  std::string_view rest = bytes;
  for (; rest.size() >= 16; rest.remove_prefix(16)) {
    h1 = (std::rotl(h1 ^ mix_first(number(rest.substr(0, 8))), 27) + h2) * 5 + 0x52dce729;
    h2 = (std::rotl(h2 ^ mix_second(number(rest.substr(8, 8))), 31) + h1) * 5 + 0x38495ab5;
  }
  if (rest.size() > 8) h2 ^= mix_second(number(rest.substr(8)));
  if (!rest.empty()) h1 ^= mix_first(number(rest.substr(0, 8)));
  h1 ^= bytes.size();
  h2 ^= bytes.size();
  h1 += h2;
  h2 += h1;
  h1 = finish(h1);
  h2 = finish(h2);
  h1 += h2;
  return {h1, h2 + h1};
}

}  // namespace kstreamd::builtin
