#include "core/topology/serde_check.h"

#include "core/topology/names.h"
#include "core/topology/suggest.h"

namespace kstreamd {
namespace {

// A kind alone, as if it took no arguments.
std::string with_arguments(const std::string& kind) {
  return kind + (kind.ends_with("windowed") ? ": SERDE" : ": { schema: FILE }");
}

}  // namespace

std::optional<GraphProblem> serde_problem(const std::string& serde, const std::vector<std::string>& names,
                                          const ProcessorTypes& types) {
  if (contains(names, serde)) return std::nullopt;
  if (serde.starts_with('{')) {
    auto problem = types.check_serde(serde);
    if (!problem) return std::nullopt;
    return GraphProblem{"", std::move(problem->pointer), std::move(problem->message), std::move(problem->hint)};
  }
  if (contains(serde_kinds(), serde))
    return GraphProblem{"", "", "serde '" + serde + "' takes arguments", "write { " + with_arguments(serde) + " }"};
  return GraphProblem{"", "", "unknown serde '" + serde + "'",
                      did_you_mean(serde, names, "use one of " + join_names(names))};
}

}  // namespace kstreamd
