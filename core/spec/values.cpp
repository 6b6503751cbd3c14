#include "core/spec/values.h"

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>

#include "core/spec/files.h"
#include "core/spec/yaml_tree.h"

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

Substituted put_in(std::string_view inside) {
  if (inside.substr(0, 4) == "env:") {
    auto name = std::string(inside.substr(4));
    std::optional<std::string> fallback;
    if (auto at = name.find(":-"); at != std::string::npos) {
      fallback = name.substr(at + 2);
      name.resize(at);
    }
    if (const char* value = std::getenv(name.c_str())) {
      if (!valid_utf8(value)) return {"", "the environment variable '" + name + "' is not UTF-8 text", "set it anew"};
      return {value, "", ""};
    }
    if (fallback) return {*fallback, "", ""};
    return {"", "the environment variable '" + name + "' is not set",
            "set it, or give a default: ${env:" + name + ":-default}"};
  }
  auto path = std::string(inside.substr(5));
  auto content = read_text_file(path, 1 << 20);
  if (!content) return {"", content.error().message, "${file:...} takes the path of a readable text file"};
  if (!valid_utf8(*content)) return {"", "'" + path + "' is not UTF-8 text", "is it the right file?"};
  if (!content->empty() && content->back() == '\n') content->pop_back();
  return {*content, "", ""};
}

size_t find_substitution(std::string_view text, size_t from) {
  return std::min(text.find("${env:", from), text.find("${file:", from));
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

bool has_substitution(std::string_view text) { return find_substitution(text, 0) != std::string_view::npos; }

Substituted substitute(std::string_view text) {
  Substituted result;
  size_t at = 0;
  for (;;) {
    auto begin = find_substitution(text, at);
    result.text += text.substr(at, begin == std::string_view::npos ? begin : begin - at);
    if (begin == std::string_view::npos) return result;
    auto end = text.find('}', begin);
    if (end == std::string_view::npos)
      return {"", "'" + std::string(text.substr(begin)) + "' has no closing brace",
              "write ${env:NAME} or ${file:/path}"};
    auto part = put_in(text.substr(begin + 2, end - begin - 2));
    if (!part.error.empty()) return part;
    result.text += part.text;
    at = end + 1;
  }
}

}  // namespace kstreamd
