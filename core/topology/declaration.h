// What a topology file says, node by node and in file order, free of YAML. Made by core/spec; compile() turns it into a
// Topology.
#pragma once
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/topology/topology.h"

namespace kstreamd {

// What a node says otherwise than the topology's on_error.
struct ErrorOverrides {
  std::optional<ErrorAction> deserialization;
  std::optional<ErrorAction> processing;
  std::optional<ErrorAction> production;
};

// The serdes that a node, a store or the topology names; empty: not said.
struct SerdeChoice {
  std::string key;
  std::string value;
};

// An expression among an operator's arguments, by its place there: "key" of map, "hot" of branch, "add" of reduce,
// "add/clicks" of cogroup. The one expression of filter and its like has no name. An empty text is a branch's default.
struct NamedExpression {
  std::string name;
  std::string text;
};

// `group_by`; only of a table with a value.
struct GroupByDeclaration {
  std::string key;
  std::optional<std::string> value;
};

struct JoinDeclaration {
  std::string with;  // "node" or "node.OUTPUT"
  JoinType type = JoinType::inner;
  std::optional<std::chrono::milliseconds> before;  // `within`: both or none
  std::optional<std::chrono::milliseconds> after;
  std::optional<std::chrono::milliseconds> grace;
};

struct SuppressDeclaration {
  bool window_closes = false;
  std::chrono::milliseconds time_limit{0};  // otherwise
  std::optional<uint64_t> max_records;
  std::optional<uint64_t> max_bytes;
  bool stop_when_full = false;  // `full: stop`; else what is oldest goes out
};

struct NodeDeclaration {
  std::string name;
  std::string operator_name;
  // Something about this node was refused while it was read. It still has its name and inputs; compile() does not
  // complain about what follows from the rest.
  bool broken = false;
  std::vector<std::string> from;  // "node" or "node.OUTPUT"
  std::vector<NamedExpression> expressions;
  std::optional<GroupByDeclaration> group_by;

  std::vector<std::string> topics;  // sources and tables: one or more; a sink: one, or none with an expression "topic"
  std::string pattern;              // of a source, instead of topics: a regular expression for whole names
  OffsetReset reset = OffsetReset::earliest;
  SerdeChoice serde;  // of `serde:`; of a source's or sink's own key and value

  std::string process_type;
  std::string config = "{}";              // of a process: a JSON object
  std::optional<uint32_t> max_in_flight;  // of a process: otherwise than its type says
  std::vector<std::string> stores;        // process: as the plugin numbers them; any other: at most one

  std::optional<Window> window;
  Emit emit = Emit::updates;
  std::string result_serde;  // `value:` of aggregate and cogroup
  std::optional<JoinDeclaration> join;
  std::optional<SuppressDeclaration> suppress;
  std::optional<int32_t> partitions;  // of repartition
  ErrorOverrides on_error;
};

// An entry under `stores`.
struct StoreDeclaration {
  std::string name;
  std::string type = "timestamped";  // or key_value, window, session, versioned; empty: refused while it was read
  SerdeChoice serde;
  bool persistent = true;
  bool changelogged = true;
  std::map<std::string, std::string> changelog_configs;
  std::chrono::milliseconds size{0};       // windows: above 0
  std::chrono::milliseconds retention{0};  // windows: no less than their size; sessions, versioned: above 0
  std::chrono::milliseconds ttl{0};        // timestamped; 0: none
  bool duplicates = false;                 // windows
  bool typed = true;                       // false: the entry does not say its type, which is then the operator's
};

// Lua functions for the expressions of all nodes.
struct ScriptDeclaration {
  std::string file;  // its path; empty: there is none
  std::string text;
};

struct Declaration {
  std::string name;
  Guarantee guarantee = Guarantee::exactly_once;
  std::chrono::milliseconds commit_interval{100};
  std::chrono::milliseconds max_task_idle{0};
  ErrorPolicy on_error;
  std::string dead_letter_topic;
  LateRecords late_records = LateRecords::drop;
  std::chrono::milliseconds emit_interval{0};
  bool merge_repartition_topics = false;  // nodes that read the same records through a topic share it
  SerdeChoice default_serde;
  ScriptDeclaration script;
  std::vector<NodeDeclaration> nodes;
  std::vector<StoreDeclaration> stores;
};

}  // namespace kstreamd
