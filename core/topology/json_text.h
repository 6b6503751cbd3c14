// Writing JSON text, for the configurations of processors and for `graph --format json`.
#pragma once
#include <string>
#include <string_view>

namespace kstreamd {

// The text as a JSON string, with its quotes. UTF-8 passes as it is.
std::string quote_json(std::string_view text);

}  // namespace kstreamd
