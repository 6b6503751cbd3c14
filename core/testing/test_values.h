// Keys and values of test files against the bytes of topics and stores, through serdes.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/serde/serde.h"
#include "core/spec/test_file.h"

namespace kstreamd {

// The bytes that a value stands for; nothing for null. A number fits a text serde as it is written; a text in quotes is
// no number.
Result<std::optional<std::string>> bytes_of(const TestValue& value, const Serde& serde);

// Whether two byte strings mean the same to a serde: numbers by value (floats within 1e-9, relative), JSON by content.
bool same_value(const Serde& serde, std::optional<std::string_view> a, std::optional<std::string_view> b);

// For messages: null, 42, "text", {"a":1}, { base64: "..." }. `past_serde`: always the bytes.
std::string shown(const Serde& serde, std::optional<std::string_view> bytes, bool past_serde = false);
// A value as its file has it.
std::string as_written(const TestValue& value);

}  // namespace kstreamd
