#include "core/topology/serde_text.h"

#include <cstdint>
#include <utility>

namespace kstreamd {
namespace {

bool is_plain(std::string_view text) {
  for (char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && std::string_view("._-/").find(c) == std::string_view::npos) return false;
  }
  return !text.empty();
}

// The end of the string literal that begins at `at`: the index after its closing quote.
size_t literal_end(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at)
    if (text[at] == '\\') ++at;
  return at < text.size() ? at + 1 : text.size();
}

}  // namespace

std::string duration_text(std::chrono::milliseconds duration) {
  static constexpr std::pair<int64_t, const char*> units[] = {
      {86'400'000, "d"}, {3'600'000, "h"}, {60'000, "m"}, {1'000, "s"}};
  if (duration.count() == 0) return "0s";
  for (const auto& [ms, unit] : units)
    if (duration.count() % ms == 0) return std::to_string(duration.count() / ms) + unit;
  return std::to_string(duration.count()) + "ms";
}

std::string serde_text(std::string_view name) {
  if (!name.starts_with('{')) return std::string(name);
  std::string out, key;
  for (size_t at = 0; at < name.size();) {
    const char c = name[at];
    if (c == '"') {
      const size_t end = literal_end(name, at);
      const auto content = name.substr(at + 1, end - at - 2);
      out += is_plain(content) ? content : name.substr(at, end - at);
      key = content;
      at = end;
    } else if (c >= '0' && c <= '9') {
      int64_t number = 0;
      for (; at < name.size() && name[at] >= '0' && name[at] <= '9' && number < INT64_MAX / 10 - 9; ++at)
        number = number * 10 + (name[at] - '0');
      out += key == "size" ? duration_text(std::chrono::milliseconds(number)) : std::to_string(number);
    } else {
      out += c == '{' ? "{ " : c == '}' ? " }" : c == ':' ? ": " : c == ',' ? ", " : std::string(1, c);
      ++at;
    }
  }
  return out;
}

}  // namespace kstreamd
