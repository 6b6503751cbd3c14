#include "core/topology/compile.h"

#include <algorithm>
#include <map>

#include "core/topology/analysis.h"

namespace kstreamd {
namespace {

// How many stream times a node keeps, as plugins/builtin does.
size_t times_of(const NodeDeclaration& node) {
  if (node.operator_name == "suppress") return 1;
  if (node.join) return node.join->before ? 1 : 0;
  if (!node.window) return 0;
  if (node.emit == Emit::on_window_close) return 2;
  return node.operator_name == "cogroup" ? node.from.size() : 1;
}

void check_times(const Declaration& declaration, const Topology& topology, std::vector<GraphProblem>& problems) {
  std::map<std::string, size_t> times;
  for (const auto& node : declaration.nodes) times[node.name] = times_of(node);
  for (const auto& sub : topology.sub_topologies) {
    size_t kept = 0;
    for (const int n : sub.nodes) {
      const Node& node = topology.nodes[n];
      if (!node.derived_for.empty()) continue;
      const size_t before = kept;
      kept += times[node.name];
      if (before > most_times || kept <= most_times) continue;
      problems.push_back(
          {node.name, "",
           "with this node sub-topology '" + sub.name + "' keeps more than " + std::to_string(most_times) +
               " stream times (one for each windowed aggregation, join of streams and suppress, two with "
               "emit: on_window_close), which Kafka has no room for beside an offset",
           "divide the topology, or put a node with repartition: {} before a part of these nodes"});
    }
  }
}

}  // namespace

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
  Compiled compiled;
  if (analysis.problems.empty()) {
    compiled.topology = build(declaration, analysis);
    check_times(declaration, *compiled.topology, analysis.problems);
    if (!analysis.problems.empty()) compiled.topology.reset();
  }
  auto file_order = [&](const GraphProblem& problem) {
    for (size_t i = 0; i < declaration.nodes.size(); ++i)
      if (declaration.nodes[i].name == problem.node) return static_cast<int>(i);
    return -1;
  };
  std::stable_sort(analysis.problems.begin(), analysis.problems.end(),
                   [&](const GraphProblem& a, const GraphProblem& b) { return file_order(a) < file_order(b); });
  compiled.problems = std::move(analysis.problems);
  compiled.warnings = std::move(analysis.warnings);
  return compiled;
}

}  // namespace kstreamd
