// Where records are forwarded to.
#pragma once
#include <cstdint>

namespace kstreamd::sdk {

// An output of the processor by its number, the position in kOutputs; the first, or only one, is 0. Context::output
// finds one by its name, and a child of the node too.
struct Output {
  constexpr Output(uint32_t n = 0) : number(n) {}  // NOLINT: numbers are outputs
  uint32_t number;
  bool operator==(const Output&) const = default;
};

}  // namespace kstreamd::sdk
