// What checking a declaration finds out, and building the graph needs. Internal to core/topology.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/topology/compile.h"

namespace kstreamd {

struct InputRef {
  int node = -1;  // index into Declaration::nodes
  int output = 0;
  std::string pointer;  // of the reference, within the node's declaration: "/from/0", "/join/with"
  uint32_t input = 0;   // as Edge::input
  bool lookup = false;  // no records come this way: a stream looks into a table
};

// What a key is the key of.
enum class KeyWindow { none, time, session };

// What goes along an edge. Unknown behind a mistake: then nothing more is said about it.
struct Flow {
  bool known = false;
  bool table = false;
  bool global = false;       // a global table: only to be joined
  bool versioned = false;    // a table whose own store is versioned
  bool key_changed = false;  // since the records were last partitioned by key
  KeyWindow window = KeyWindow::none;
  std::chrono::milliseconds closes_after{
      0};                 // the end of a window, by stream time: its grace, of a session the gap too
  std::string key_serde;  // of a windowed key: with the window
  std::string value_serde;
  // It is what the serde reads, or an operator makes for it: no expression or plugin has a say in its type.
  bool key_typed = false;
  bool value_typed = false;
};

// What goes into one of a node's inputs, and the way there.
struct InputFlow {
  Flow flow;
  std::string repartition;  // what the derived nodes and the topic on the way are named after; empty: none are needed
};

// A store that a node works on.
struct StoreUse {
  std::string pointer;  // where the node's declaration names it
  bool owned = true;    // by this node; else it belongs to another, or is shared
  Store shape;          // with name, and what the operator asks for; an entry under `stores` may say more
};

// How to look into a table: JSON as the README says, and the stores that it numbers.
struct TableLook {
  std::string view;
  std::vector<StoreUse> stores;
};

struct NodeAnalysis {
  bool broken = false;               // refused: what follows from it is not worth a message
  bool unresolved = false;           // an input is missing or unknown: what comes in is not known
  bool outputs_known = true;         // false: any output may be named
  std::vector<std::string> outputs;  // empty: one unnamed
  std::vector<InputRef> inputs;
  std::vector<InputFlow> in;  // by Edge::input
  Flow out;
  std::vector<StoreUse> stores;  // as the processor numbers them
  bool keeps_rows = false;       // of a table: its rows are in a store of its own, the first
  bool versioned_rows = false;   // and that store is versioned
  bool sends_changes = false;    // of a table: with old values
  bool passes_all = false;       // of a filter of a table: tombstones of what never passed as well
  std::string views;             // of joins: how to look into tables, as the README says; JSON fields
  TableLook sides[2];            // the same of a join by foreign key, whose sides are in tasks of their own

  bool table_in() const { return !in.empty() && in[0].flow.table; }
};

struct Analysis {
  std::vector<NodeAnalysis> nodes;  // as Declaration::nodes
  std::vector<int> order;           // topological, without cycles
  std::vector<GraphProblem> problems;
  std::vector<GraphProblem> warnings;
};

Analysis analyze(const Declaration& declaration, const ProcessorTypes& types);
Topology build(const Declaration& declaration, const Analysis& analysis);

// ---- config.cpp: what the operators' processors are and what they are given

// The type of a node's processor; empty when it has none.
std::string processor_type(const NodeDeclaration& node, const NodeAnalysis& analysis);
// Its configuration, as README.md lists the forms.
std::string processor_config(const Declaration& declaration, const NodeDeclaration& node, const NodeAnalysis& analysis);
// The same of the node that `group_by` derives.
std::string group_by_type(const NodeAnalysis& analysis);
std::string group_by_config(const Declaration& declaration, const NodeDeclaration& node);
// Adds the functions that the expressions may call.
std::string with_script(std::string config, const Declaration& declaration, bool has_expressions);
// Where in the declaration of a node a part of its processor's configuration comes from.
std::string declared_pointer(const NodeDeclaration& node, const std::string& config_pointer);

// ---- foreign_key.cpp: what a join of two tables by foreign key is made of

bool is_foreign_key_join(const NodeDeclaration& node);
// Its topics: of what rows ask for, and of the answers.
std::vector<std::string> foreign_key_topics(const Declaration& declaration, const NodeDeclaration& node);
std::string subscriptions_store(const NodeDeclaration& node);
// The configuration of the node that has the foreign key's expression.
std::string subscribe_config(const Declaration& declaration, const NodeDeclaration& node, const NodeAnalysis& analysis);
// The nodes besides the declared one, each without stores and children; subscribe takes the left table's updates,
// update those of the right one.
struct ForeignKeyNodes {
  Node subscribe, registration_sink;                        // with the left table
  Node registration_source, lookup, update, response_sink;  // with the right table
  Node response_source;                                     // with the left table, before the declared node
  StoreUse subscriptions;                                   // of lookup and update
};
ForeignKeyNodes foreign_key_nodes(const Declaration& declaration, const NodeDeclaration& node,
                                  const NodeAnalysis& analysis, const Node& base);

// ---- names.cpp
bool is_aggregation(std::string_view op);  // count, reduce, aggregate, cogroup
bool has_expression(const NodeDeclaration& node, std::string_view name);
std::string repartition_topic(const Declaration& declaration, const std::string& derived);
std::string changelog_topic(const Declaration& declaration, const std::string& store);
// The serde of (key, window) for a key's serde. `size` is that of the windows; 0 for sessions.
std::string windowed_serde(const std::string& key_serde, KeyWindow window, std::chrono::milliseconds size);
// A time_windowed serde that names no size, with that of the serde which its keys had before; any other as it is.
std::string with_size_of(const std::string& serde, const std::string& known);
// Whether it is a time_windowed serde without a size: what it reads has no end.
bool is_sizeless(const std::string& serde);
// The serde of a table's updates with their old values, in the topics before regrouped aggregations.
std::string change_serde(const std::string& value_serde);

}  // namespace kstreamd
