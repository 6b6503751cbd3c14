// JSON written piece by piece, for logs and records: no document is built.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace kstreamd {

bool valid_utf8(std::string_view text);
// Quoted and escaped; bytes that are no UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);
// {"base64":"..."}: bytes that are no text.
void append_json_bytes(std::string& out, std::string_view bytes);

}  // namespace kstreamd
