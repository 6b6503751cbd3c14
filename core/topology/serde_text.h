// How serdes are shown.
#pragma once
#include <chrono>
#include <string>
#include <string_view>

namespace kstreamd {

// As YAML says it, in the greatest unit that leaves a whole number: 30s, 250ms.
std::string duration_text(std::chrono::milliseconds duration);

// The name of a serde as it is; a spec (compact JSON) as a topology file would have it: { time_windowed: string, size:
// 30s }.
std::string serde_text(std::string_view name);

}  // namespace kstreamd
