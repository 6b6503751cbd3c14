// The scalars of canonical JSON.
#pragma once
#include <string>
#include <string_view>

namespace kstreamd::script {

// A text in quotes, with only what must be escaped escaped. False, and nothing appended, if it is not UTF-8.
bool append_json_text(std::string_view text, std::string& out);

// The shortest digits that give the number back; whole numbers with a point (4.0), so that they stay floats. False, and
// nothing appended, for infinities and NaN.
bool append_json_number(double number, std::string& out);

}  // namespace kstreamd::script
