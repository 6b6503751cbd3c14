#include "core/base/substitution.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "core/base/text_file.h"
#include "core/base/utf8.h"

namespace kstreamd {
namespace {

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
