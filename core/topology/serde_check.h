// Whether a serde that a topology names is one.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/topology/compile.h"

namespace kstreamd {

// What is wrong with a name or spec, for its place the pointer into the spec; nothing: it is fine. `names`: the plain
// ones that there are.
std::optional<GraphProblem> serde_problem(const std::string& serde, const std::vector<std::string>& names,
                                          const ProcessorTypes& types);

}  // namespace kstreamd
