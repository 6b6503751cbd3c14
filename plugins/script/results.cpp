#include "plugins/script/results.h"

#include <cstring>

namespace kstreamd::script {
namespace {

// The variable whose value is `same`, if there is one. What results are made of comes first.
template <typename Same>
const Value* find_used(const State& state, Scope uses, Same&& same) {
  constexpr auto aggregate = static_cast<size_t>(Variable::aggregate);
  for (const size_t i : {aggregate, aggregate + 1, aggregate + 2, size_t{1}, size_t{0}})
    if ((uses >> i & 1) && same(state.slots[i].value)) return &state.slots[i].value;
  return nullptr;
}

}  // namespace

std::string_view keep(Memory& memory, std::string_view text) {
  if (text.empty()) return {"", 0};
  auto* at = static_cast<char*>(memory.allocate(text.size()));
  std::memcpy(at, text.data(), text.size());
  return {at, text.size()};
}

Value text_result(const State& state, Scope uses, std::string_view text, Memory& memory) {
  const Value* same = find_used(
      state, uses, [&](const Value& v) { return (v.type == KST_STRING || v.type == KST_BYTES) && data_of(v) == text; });
  return same ? *same : string_value(keep(memory, text));
}

Value integer_result(const State& state, Scope uses, int64_t integer) {
  const Value* same =
      find_used(state, uses, [&](const Value& v) { return v.type == KST_INT32 && v.u.integer == integer; });
  return same ? *same : int64_value(integer);
}

}  // namespace kstreamd::script
