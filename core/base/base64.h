// Base64, standard alphabet, padded: how bytes that are no text are written in JSON and in YAML. Any thread.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace kstreamd {

std::string base64_encode(std::string_view bytes);
// Nothing: not base64.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace kstreamd
