// From the tree of a test file to what it says.
#pragma once
#include "core/spec/reader.h"
#include "core/spec/test_file.h"

namespace kstreamd {

// `path` is the file's own.
TestFile read_test_file(const YamlNode& root, const std::string& path, Reader& reader);

// A key or a value as written; `name` is the key, for messages. Nothing: it was refused.
std::optional<TestValue> read_test_value(const YamlNode& value, const std::string& name, Reader& reader);

inline FilePlace place_of(const YamlNode& value) { return {value.place.line, value.place.column}; }

}  // namespace kstreamd
