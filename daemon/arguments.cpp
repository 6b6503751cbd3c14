#include "daemon/arguments.h"

#include "daemon/settings.h"

namespace kstreamd {

std::vector<std::string> spell_out_optional_values(std::vector<std::string> arguments) {
  for (size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    if (arguments[i] == "--embedded") {
      arguments[i] += std::string("=") + kInMemory;
    } else if (arguments[i] == "--timestamp") {
      const bool number = i + 1 < arguments.size() && !arguments[i + 1].empty() &&
                          arguments[i + 1].find_first_not_of("0123456789") == std::string::npos;
      if (!number) arguments[i] += "=line";
    }
  }
  return arguments;
}

}  // namespace kstreamd
