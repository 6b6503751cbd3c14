// The immutable graph of one topology: what a topology file means, with everything derived that the engine needs. It
// knows no YAML and does no I/O. Made by compile() from a declaration; shared by all threads afterwards.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kstreamd {

enum class Guarantee { exactly_once, at_least_once };
enum class ErrorAction { fail, skip, dead_letter };
enum class OffsetReset { earliest, latest, none };
enum class JoinType { inner, left, outer, right };
// What becomes of records that come after their window has closed; they are counted either way.
enum class LateRecords { drop, dead_letter };
// When a table puts out what has changed: with each update; once, when the window has closed; of each key the last
// update of a commit.
enum class Emit { updates, on_window_close, per_commit };

// The windows of an aggregation.
struct Window {
  enum class Kind { tumbling, hopping, sliding, session };
  Kind kind = Kind::tumbling;
  std::chrono::milliseconds size{0};     // sliding: the greatest difference of times; session: the gap
  std::chrono::milliseconds advance{0};  // hopping; tumbling: the size
  std::chrono::milliseconds grace{0};
  std::optional<std::chrono::milliseconds> retention;  // nullopt: as long as a window takes records

  // How long the store keeps a window: what Kafka Streams keeps, unless the file says otherwise.
  std::chrono::milliseconds kept() const { return retention.value_or((kind == Kind::sliding ? 2 : 1) * size + grace); }
  bool operator==(const Window&) const = default;
};

struct ErrorPolicy {
  ErrorAction deserialization = ErrorAction::fail;
  ErrorAction processing = ErrorAction::fail;
  ErrorAction production = ErrorAction::fail;

  bool operator==(const ErrorPolicy&) const = default;
};

// ---- The graph

enum class NodeKind { source, processor, sink };

// To a node, by its index in Topology::nodes.
struct Edge {
  Edge(int to, uint32_t as = 0) : node(to), input(as) {}
  int node;
  uint32_t input;  // which of the node's inputs this is, for processors that tell them apart: 0 left, 1 right of a join

  bool operator==(const Edge&) const = default;
};

// Where a node is declared, for messages: "shop.yaml:9:17". It makes no difference between two nodes.
struct DeclaredAt {
  std::string text;

  bool operator==(const DeclaredAt&) const { return true; }
};

// A node as declared, or as derived from a declared one (repartition). Nodes are kept in file order.
struct Node {
  std::string name;
  NodeKind kind = NodeKind::processor;
  std::string operator_name;  // as in YAML: "filter", "count", "source", ...; "repartition_sink" / "repartition_source"
                              // when derived
  bool table = false;         // its output is a table's updates
  bool takes_changes = false;     // it is given updates as KST_CHANGE; any other node gets the new values alone
  bool drops_null_keys = false;   // a sink: records without a key are dropped and counted
  bool takes_partitions = false;  // a sink: kst_record.input says to which partition a record goes
  bool tells_inputs = false;      // kst_record.input says over which Edge::input a record came
  std::string derived_for;        // of a derived node: the declared node whose input it prepares

  // Inputs as declared: node names or "node.OUTPUT"
  std::vector<std::string> from;
  // Children per output (index as in ProcessorInfo.outputs; 0 when unnamed), in file order.
  std::vector<std::vector<Edge>> children;
  // Names of the outputs; empty: one unnamed.
  std::vector<std::string> outputs;

  // Sources: topics, or a pattern for whole names of topics; sinks: exactly one, or none when `config` has an
  // expression.
  std::vector<std::string> topics;
  std::string pattern;
  OffsetReset reset = OffsetReset::earliest;
  // Serdes: of a source what it reads, of a sink what it writes, of any other what its output is written with where
  // bytes are needed downstream. Never empty after compile().
  std::string key_serde;
  std::string value_serde;

  // Processors: type in the ProcessorCatalog and its configuration, JSON. Sources and sinks with expressions (the
  // timestamp; topic, partition, timestamp, headers) have a configuration as well.
  std::string processor_type;
  std::string config;
  uint32_t max_in_flight = 0;  // records that it may hold at a time; 0: as its type says
  bool per_commit = false;     // tables: of each key only the last update goes on, at the commit
  // Indices into Topology::stores, in the order in which the processor numbers them.
  std::vector<int> stores;

  ErrorPolicy on_error;
  int sub_topology = -1;
  DeclaredAt expressions_at;  // empty: it has none, or comes from no file

  bool operator==(const Node&) const = default;
};

// What can be done with a store; of what a processor needs also "any".
enum class StoreKind { any, key_value, window, session, versioned };

struct Store {
  std::string name;
  std::string type = "timestamped";  // or key_value, window, session, versioned
  std::string key_serde;             // of windows and sessions: of the key alone
  std::string value_serde;
  bool global = false;  // a global table's: whole on every instance, read by all tasks, without a changelog of its own
  bool persistent = true;
  bool changelogged = true;
  std::map<std::string, std::string> changelog_configs;
  std::string changelog_topic;  // "<name>-<store>-changelog"; empty without one
  int sub_topology = -1;
  std::chrono::milliseconds size{0};       // of windows
  std::chrono::milliseconds retention{0};  // of windows, sessions and versions
  std::chrono::milliseconds ttl{0};        // timestamped: values so far behind the latest are gone; 0: none
  std::chrono::milliseconds slack{0};      // rows are kept for so much longer than the retention
  bool change_buffer = false;              // its changelog's values are marked as Kafka Streams' buffers of changes are
  bool duplicates = false;                 // windows: several rows may have the same key and start

  bool operator==(const Store&) const = default;
};

// The kind of a store of this type.
StoreKind kind_of(const std::string& type);

// A part of the graph that runs as tasks of its own, one per partition of its source topics.
struct SubTopology {
  std::string name;          // of its first source node in file order
  std::vector<int> nodes;    // in topological order, file order where that leaves a choice
  std::vector<int> sources;  // its source nodes
  std::vector<int> stores;
  // Whether a batch may go through whole: no two paths from a source meet again at a node, a store or a topic.
  bool batches = true;

  bool operator==(const SubTopology&) const = default;
};

// A topic that kstreamd makes between two sub-topologies.
struct RepartitionTopic {
  std::string name;                   // "<topology>-<node>-repartition", after the first of the readers
  int sink_node = -1;                 // writes it, in the upstream sub-topology
  int source_node = -1;               // reads it
  std::vector<std::string> readers;   // the declared nodes that it leads to; several only where topics are merged
  std::optional<int32_t> partitions;  // asked for; else what core/protocol/task_plan.h says
  // As many partitions as what else its reader's sub-topology reads: of a join by foreign key, which has one each way
  // between two sub-topologies, so that neither is upstream of the other.
  bool as_reader = false;

  bool operator==(const RepartitionTopic&) const = default;
};

// A table that every instance reads whole into a store that all its tasks read.
struct GlobalTable {
  std::string name;  // of the declared node
  std::string topic;
  int store = -1;  // in Topology::stores
  // What gives its records their timestamps, as of a source; empty: they keep their own.
  std::string processor_type;
  std::string config;

  bool operator==(const GlobalTable&) const = default;
};

struct Topology {
  std::string name;
  Guarantee guarantee = Guarantee::exactly_once;
  std::chrono::milliseconds commit_interval{100};
  ErrorPolicy on_error;
  std::string dead_letter_topic;
  LateRecords late_records = LateRecords::drop;
  std::chrono::milliseconds max_task_idle{0};
  std::chrono::milliseconds emit_interval{
      0};  // at most one look for what has become final per interval; 0: at each record

  std::vector<Node> nodes;
  std::vector<Store> stores;
  std::vector<GlobalTable> global_tables;
  std::vector<SubTopology> sub_topologies;  // upstream before downstream
  std::vector<RepartitionTopic> repartitions;

  // Those of global tables too, without the internal ones; sorted, no repeats.
  std::vector<std::string> source_topics() const;
  std::vector<std::string> sink_topics() const;  // the same; with the dead-letter topic, if there is one
  // Whether a source reads topics by a pattern, and a sink writes topics that it says for each record.
  bool has_patterns() const;
  bool has_named_topics() const;
  // Whether it is a topic that the topology makes for itself.
  bool is_internal(const std::string& topic) const;
  // The internal topic whose partitions stand for tasks: "<name>-kstreamd-tasks".
  std::string tasks_topic() const { return name + "-kstreamd-tasks"; }

  bool operator==(const Topology&) const = default;
};

// The topology with those of the existing topics as topics of its sources by pattern that fit; internal topics fit
// none. A topic that other sources read too is a problem, of the node that has the pattern.
struct GraphProblem;
Topology with_pattern_topics(const Topology& topology, const std::vector<std::string>& existing,
                             std::vector<GraphProblem>& problems);

// A problem of a graph, placed by node and key; core/spec finds line and column.
struct GraphProblem {
  std::string node;     // empty: the topology as a whole
  std::string pointer;  // JSON pointer within the node's declaration ("/from/0", "/sink/topic")
  std::string message;
  std::string hint;
  uint32_t line = 0;  // within the text that the pointer names (an expression), from 1; 0: the text as a whole
  uint32_t column = 0;
  bool in_script = false;  // line and column are those of the topology's script
};

}  // namespace kstreamd
