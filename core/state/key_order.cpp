#include "core/state/key_order.h"

#include <algorithm>
#include <array>

namespace kstreamd {
namespace {

constexpr int kDigits = 8;    // bytes of a prefix
constexpr size_t kFew = 128;  // rows that are compared at once

using Counts = std::array<uint32_t, 256>;

unsigned digit_of(const PlacedKey& row, int digit) { return row.prefix >> (8 * digit) & 0xff; }

// One pass of a radix sort: stable, by one digit.
void pass(const std::vector<PlacedKey>& from, std::vector<PlacedKey>& to, const Counts& counts, int digit) {
  Counts next;
  uint32_t sum = 0;
  for (size_t value = 0; value < counts.size(); ++value) {
    next[value] = sum;
    sum += counts[value];
  }
  for (const PlacedKey& row : from) to[next[digit_of(row, digit)]++] = row;
}

// Sorts by as many of the first bytes of the prefixes as it takes to tell most rows apart: these bytes as a mask.
uint64_t sort_by_first_bytes(std::vector<PlacedKey>& rows, std::vector<PlacedKey>& spare) {
  std::array<Counts, kDigits> counts{};
  for (const PlacedKey& row : rows)
    for (int digit = 0; digit < kDigits; ++digit) ++counts[digit][digit_of(row, digit)];
  std::array<int, kDigits> digits;
  size_t used = 0;
  uint64_t mask = 0;
  double ways = 1;
  for (int digit = kDigits - 1; digit >= 0 && ways < 4.0 * static_cast<double>(rows.size()); --digit) {
    mask |= uint64_t{0xff} << (8 * digit);
    const auto values = std::count_if(counts[digit].begin(), counts[digit].end(), [](uint32_t n) { return n > 0; });
    if (values == 1) continue;
    ways *= static_cast<double>(values);
    digits[used++] = digit;
  }
  if (spare.capacity() < rows.size()) std::vector<PlacedKey>(rows.size()).swap(spare);  // no more than is needed
  spare.resize(rows.size());
  while (used-- > 0) {
    pass(rows, spare, counts[digits[used]], digits[used]);
    rows.swap(spare);
  }
  return mask;
}

}  // namespace

void CommonBeginning::shorten(std::string_view key) {
  if (!first_) {
    first_ = key;
    size_ = key.size();
    return;
  }
  const auto begin = first_->begin();
  const auto end = begin + static_cast<ptrdiff_t>(std::min(size_, key.size()));
  size_ = static_cast<size_t>(std::mismatch(begin, end, key.begin()).first - begin);
}

void sort_last_of_each_key(std::vector<PlacedKey>& rows, std::vector<PlacedKey>& spare,
                           const std::function<std::string_view(uint64_t at)>& key_of) {
  const auto before = [&key_of](const PlacedKey& a, const PlacedKey& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    const int difference = key_of(a.at).compare(key_of(b.at));
    return difference != 0 ? difference < 0 : a.at < b.at;
  };
  const uint64_t sorted = rows.size() > kFew ? sort_by_first_bytes(rows, spare) : 0;
  size_t kept = 0;
  for (size_t begin = 0, end = 0; begin < rows.size(); begin = end) {
    const uint64_t prefix = rows[begin].prefix & sorted;
    while (end < rows.size() && (rows[end].prefix & sorted) == prefix) ++end;
    std::sort(rows.begin() + begin, rows.begin() + end, before);
    for (size_t i = begin; i < end; ++i) {
      const bool last =
          i + 1 == end || rows[i].prefix != rows[i + 1].prefix || key_of(rows[i].at) != key_of(rows[i + 1].at);
      if (last) rows[kept++] = rows[i];
    }
  }
  rows.resize(kept);
}

}  // namespace kstreamd
