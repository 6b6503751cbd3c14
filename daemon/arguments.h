// Command lines before CLI11 sees them: options whose value is optional.
#pragma once
#include <string>
#include <vector>

namespace kstreamd {

// GNU's rule for an optional value is that it takes the form --option=VALUE. A bare --embedded becomes
// --embedded=:memory:, so that it does not swallow the topology that follows; a bare --timestamp becomes
// --timestamp=line, unless a number follows. Nothing after "--" is touched.
std::vector<std::string> spell_out_optional_values(std::vector<std::string> arguments);

}  // namespace kstreamd
