// What checking a declaration finds out, and building the graph needs. Internal to core/topology.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "core/topology/compile.h"

namespace kstreamd {

struct InputRef {
  int node = -1;  // index into Declaration::nodes
  int output = 0;
  int position = 0;  // in NodeDeclaration::from
};

// What goes along an edge. Unknown behind a mistake: then nothing more is said about it.
struct Flow {
  bool known = false;
  bool table = false;
  bool key_changed = false;  // since the records were last partitioned by key
  std::string key_serde;
  std::string value_serde;
};

struct NodeAnalysis {
  bool broken = false;               // refused: what follows from it is not worth a message
  bool unresolved = false;           // an input is missing or unknown: what comes in is not known
  bool outputs_known = true;         // false: any output may be named
  std::vector<std::string> outputs;  // empty: one unnamed
  std::vector<InputRef> inputs;
  Flow in;  // all inputs merged
  Flow out;
  bool repartition = false;
  std::vector<std::string> stores;  // names, defaults filled in
};

struct Analysis {
  std::vector<NodeAnalysis> nodes;  // as Declaration::nodes
  std::vector<int> order;           // topological, without cycles
  std::vector<GraphProblem> problems;
  std::vector<GraphProblem> warnings;
};

Analysis analyze(const Declaration& declaration, const ProcessorTypes& types);
Topology build(const Declaration& declaration, const Analysis& analysis);

// The configuration of a node's processor, as README.md lists the forms.
std::string processor_config(const Declaration& declaration, const NodeDeclaration& node, bool table);
// Names of what is derived.
std::string processor_type(const NodeDeclaration& node);
std::string repartition_topic(const Declaration& declaration, const NodeDeclaration& node);
std::string changelog_topic(const Declaration& declaration, const std::string& store);

inline bool takes_table_config(const std::string& op) {
  return op == "filter" || op == "filter_not" || op == "map_values";
}

}  // namespace kstreamd
