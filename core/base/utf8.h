#pragma once
#include <cstddef>
#include <string_view>

namespace kstreamd {

// Whether the text is well-formed UTF-8; `bad` is set to the first byte that is not.
bool valid_utf8(std::string_view text, size_t* bad = nullptr);

}  // namespace kstreamd
