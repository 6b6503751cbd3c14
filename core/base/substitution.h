// ${env:NAME} and ${file:/path} in texts.
#pragma once
#include <string>
#include <string_view>

namespace kstreamd {

struct Substituted {
  std::string text;
  std::string error;  // empty: fine
  std::string hint;
};

// Whether the text has anything to put in.
bool has_substitution(std::string_view text);
// Puts in ${env:NAME}, ${env:NAME:-default} and ${file:/path} (without the newline at the file's end).
Substituted substitute(std::string_view text);

}  // namespace kstreamd
