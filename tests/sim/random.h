// Everything that a simulation leaves to chance comes from one of these, so that a seed repeats it exactly.
#pragma once
#include <cstdint>
#include <vector>

#include "core/base/clock.h"

namespace kstreamd::sim {

// xoshiro256**, seeded by splitmix64: integers only, so that every machine draws the same. Not thread-safe.
class Random {
 public:
  explicit Random(uint64_t seed) {
    for (uint64_t& word : state_) word = mix(seed += 0x9e3779b97f4a7c15u);
  }

  uint64_t next() {
    const uint64_t result = rotate(state_[1] * 5, 7) * 9;
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }
  // 0 .. n-1; n > 0.
  uint64_t below(uint64_t n) { return next() % n; }
  // least .. most, both included.
  int64_t between(int64_t least, int64_t most) {
    return least + static_cast<int64_t>(below(static_cast<uint64_t>(most - least) + 1));
  }
  // True `in_a_million` times out of a million.
  bool chance(uint32_t in_a_million) { return in_a_million > 0 && below(1'000'000) < in_a_million; }
  bool coin() { return (next() & 1) != 0; }
  // Spread over magnitudes: as often between 1 and 2 as between 1000 and 2000.
  int64_t magnitude(int64_t least, int64_t most) {
    int doublings = 0;
    while (least << (doublings + 1) <= most) ++doublings;
    const int64_t low = least << below(static_cast<uint64_t>(doublings) + 1);
    return between(low, low * 2 < most ? low * 2 : most);
  }
  Duration magnitude(Duration least, Duration most) { return Duration(magnitude(least.count(), most.count())); }
  template <typename T>
  T& one_of(std::vector<T>& choices) {
    return choices[below(choices.size())];
  }
  // Another stream of numbers, which draws from this one only once.
  Random fork() { return Random(next()); }

 private:
  static uint64_t rotate(uint64_t x, int by) { return x << by | x >> (64 - by); }
  static uint64_t mix(uint64_t z) {
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
  uint64_t state_[4];
};

}  // namespace kstreamd::sim
