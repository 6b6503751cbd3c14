#include "core/spec/values.h"

#include <charconv>
#include <limits>

namespace kstreamd {
namespace {

// A number directly followed by a unit; the product, when it fits.
template <size_t n>
std::optional<uint64_t> number_with_unit(std::string_view text, const std::pair<const char*, uint64_t> (&units)[n],
                                         uint64_t most) {
  uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  std::string_view rest(end, static_cast<size_t>(text.data() + text.size() - end));
  for (const auto& [unit, factor] : units)
    if (rest == unit) return number > most / factor ? std::nullopt : std::optional(number * factor);
  return std::nullopt;
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  static constexpr std::pair<const char*, uint64_t> units[] = {
      {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  // Microseconds of it still fit 64 bits.
  auto value = number_with_unit(text, units, std::numeric_limits<int64_t>::max() / 1000);
  if (!value) return std::nullopt;
  return std::chrono::milliseconds(static_cast<int64_t>(*value));
}

std::optional<uint64_t> parse_size(std::string_view text) {
  static constexpr std::pair<const char*, uint64_t> units[] = {
      {"", 1}, {"B", 1}, {"KiB", 1ull << 10}, {"MiB", 1ull << 20}, {"GiB", 1ull << 30}, {"TiB", 1ull << 40}};
  return number_with_unit(text, units, std::numeric_limits<int64_t>::max());
}

}  // namespace kstreamd
