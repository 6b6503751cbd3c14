#include "core/topology/compile.h"

#include <algorithm>

#include "core/topology/analysis.h"
#include "core/topology/json_text.h"

namespace kstreamd {

const std::vector<std::string>& available_operators() {
  static const std::vector<std::string> names = {"source",   "filter",          "filter_not", "map",     "map_values",
                                                 "flat_map", "flat_map_values", "select_key", "branch",  "merge",
                                                 "peek",     "to_stream",       "count",      "process", "sink"};
  return names;
}

const std::vector<std::string>& later_operators() {
  static const std::vector<std::string> names = {"table",     "global_table", "repartition", "to_table", "reduce",
                                                 "aggregate", "cogroup",      "join",        "suppress"};
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

std::string processor_type(const NodeDeclaration& node) {
  if (node.operator_name == "process") return node.process_type;
  if (node.operator_name == "source" || node.operator_name == "sink") return "";
  return "kstreamd." + node.operator_name;
}

std::string repartition_topic(const Declaration& declaration, const NodeDeclaration& node) {
  return declaration.name + "-" + node.name + "-repartition";
}

std::string changelog_topic(const Declaration& declaration, const std::string& store) {
  return declaration.name + "-" + store + "-changelog";
}

namespace {

std::string branch_config(const NodeDeclaration& node) {
  std::string list;
  for (const auto& branch : node.expressions) {
    if (!list.empty()) list += ',';
    list += "{\"name\":" + quote_json(branch.name);
    if (!branch.text.empty()) list += ",\"expr\":" + quote_json(branch.text);
    list += '}';
  }
  return "{\"branches\":[" + list + "]}";
}

}  // namespace

std::string processor_config(const NodeDeclaration& node, bool table) {
  if (node.operator_name == "process") return node.config;
  if (node.operator_name == "branch") return branch_config(node);
  std::string fields;
  for (const auto& expression : node.expressions) {
    if (!fields.empty()) fields += ',';
    fields += quote_json(expression.name.empty() ? "expr" : expression.name) + ":" + quote_json(expression.text);
  }
  if (table && takes_table_config(node.operator_name)) fields += ",\"table\":true";
  return "{" + fields + "}";
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
