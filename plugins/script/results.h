// From what an expression gave to a Value. Internal.
#pragma once
#include <string_view>

#include "plugins/script/state.h"

namespace kstreamd::script {

std::string_view keep(Memory& memory, std::string_view text);

// A text or integer that a variable among `uses` has is that variable's value, with its type.
Value text_result(const State& state, Scope uses, std::string_view text, Memory& memory);
Value integer_result(const State& state, Scope uses, int64_t integer);

}  // namespace kstreamd::script
