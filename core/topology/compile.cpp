#include "core/topology/compile.h"

#include <algorithm>

#include "core/topology/analysis.h"

namespace kstreamd {

const std::vector<std::string>& available_operators() {
  static const std::vector<std::string> names = {
      "source",   "table",           "global_table", "filter", "filter_not", "map",     "map_values",
      "flat_map", "flat_map_values", "select_key",   "branch", "merge",      "peek",    "repartition",
      "to_table", "to_stream",       "count",        "reduce", "aggregate",  "cogroup", "join",
      "suppress", "process",         "sink"};
  return names;
}

const std::vector<std::string>& available_serdes() {
  static const std::vector<std::string> names = {"string", "bytes",   "bool",    "int16", "int32",
                                                 "int64",  "float32", "float64", "uuid",  "json"};
  return names;
}

const std::vector<std::string>& serde_kinds() {
  static const std::vector<std::string> names = {"time_windowed", "session_windowed", "avro", "protobuf"};
  return names;
}

Compiled compile(const Declaration& declaration, const ProcessorTypes& types) {
  auto analysis = analyze(declaration, types);
  auto file_order = [&](const GraphProblem& problem) {
    for (size_t i = 0; i < declaration.nodes.size(); ++i)
      if (declaration.nodes[i].name == problem.node) return static_cast<int>(i);
    return -1;
  };
  std::stable_sort(analysis.problems.begin(), analysis.problems.end(),
                   [&](const GraphProblem& a, const GraphProblem& b) { return file_order(a) < file_order(b); });
  Compiled compiled;
  if (analysis.problems.empty()) compiled.topology = build(declaration, analysis);
  compiled.problems = std::move(analysis.problems);
  compiled.warnings = std::move(analysis.warnings);
  return compiled;
}

}  // namespace kstreamd
