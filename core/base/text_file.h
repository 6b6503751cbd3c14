// Reading small files.
#pragma once
#include <string>

#include "core/base/result.h"

namespace kstreamd {

// The whole file; an error when it cannot be read or has more than `limit` bytes.
Result<std::string> read_text_file(const std::string& path, size_t limit);

}  // namespace kstreamd
