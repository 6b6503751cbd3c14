// Tables for people to read on a terminal.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace kstreamd {

// Rows in columns as wide as need be, one a line, each with `indent` before it. The first row is the heading.
std::string table_text(const std::vector<std::vector<std::string>>& rows, const std::string& indent = "");

// "17 B", "1.2 MiB"
std::string bytes_text(uint64_t bytes);

}  // namespace kstreamd
