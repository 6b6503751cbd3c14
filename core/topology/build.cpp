#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <tuple>

#include "core/topology/analysis.h"

namespace kstreamd {
namespace {

// Makes the graph of a declaration in which nothing is wrong: nodes with what they derive, stores, sub-topologies.
class Builder {
 public:
  Builder(const Declaration& declaration, const Analysis& analysis) : declaration_(declaration), analysis_(analysis) {}

  Topology run() {
    t_.name = declaration_.name;
    t_.guarantee = declaration_.guarantee;
    t_.commit_interval = declaration_.commit_interval;
    t_.max_task_idle = declaration_.max_task_idle;
    t_.on_error = declaration_.on_error;
    t_.dead_letter_topic = declaration_.dead_letter_topic;
    t_.late_records = declaration_.late_records;
    t_.emit_interval = declaration_.emit_interval;
    find_null_keys();
    for (size_t i = 0; i < declaration_.nodes.size(); ++i) add_node(i);
    for (size_t i = 0; i < declaration_.nodes.size(); ++i) connect(i);
    for (auto& node : t_.nodes)
      for (auto& from : node.from)
        if (const auto found = renamed_.find(from); found != renamed_.end()) from = found->second;
    divide();
    for (auto& sub : t_.sub_topologies) sub.batches = takes_batches(sub);
    return std::move(t_);
  }

 private:
  void find_null_keys();
  void add_node(size_t i);
  std::optional<size_t> same_source(size_t i) const;
  Node derived(size_t i, std::string name) const;
  int add_repartition(size_t i, uint32_t input);
  Node repartition_base(size_t i, uint32_t input) const;
  RepartitionTopic* mergeable(const Node& base);
  void connect_inputs(size_t i, const std::vector<int>& sources);
  std::string repartition_key_serde(size_t i, uint32_t input) const;
  std::string regrouped_value_serde(size_t i) const;
  int add_table_source(size_t i);
  void add_global_table(size_t i);
  void give_timestamps(const NodeDeclaration& table, std::string& type, std::string& config) const;
  int add_foreign_key(size_t i);
  int add(Node node);
  int store_index(const StoreUse& use);
  void connect(size_t i);
  std::vector<int> group_nodes();
  void divide();
  void order_sub_topologies();
  std::vector<int> sorted(const std::vector<int>& nodes) const;
  std::string source_name(int node) const;
  bool takes_batches(const SubTopology& sub) const;
  bool single_paths(const SubTopology& sub, std::map<int, int>& paths) const;

  const Declaration& declaration_;
  const Analysis& analysis_;
  std::vector<bool> null_keys_matter_;          // of each declared node: to it, or to one below it
  std::vector<std::vector<int>> entry_;         // of each declared node: the graph's node that takes an input; -1:
                                                // none, it comes through another input's topic
  std::vector<size_t> derived_topics_;          // of the repartitions those that no node of the file asks for by itself
  std::vector<int> exit_;                       // the one that gives its output; -1: nothing comes out of it
  std::map<std::string, std::string> renamed_;  // sources that are an earlier one's: its name
  Topology t_;
};

ErrorPolicy merged(const ErrorPolicy& policy, const ErrorOverrides& own) {
  return {own.deserialization.value_or(policy.deserialization), own.processing.value_or(policy.processing),
          own.production.value_or(policy.production)};
}

// Whether a node is given a table's updates with their old values.
bool takes_changes(const NodeDeclaration& node, const NodeAnalysis& analysis) {
  static const std::set<std::string> operators = {"filter", "filter_not", "map_values", "suppress"};
  if (!analysis.table_in()) return false;
  return operators.count(node.operator_name) || is_aggregation(node.operator_name) || node.operator_name == "join";
}

// Whether what a node says of serdes is also what its repartition topic is written with.
bool passes_values_on(const NodeDeclaration& node) {
  return node.operator_name == "repartition" || node.operator_name == "to_table";
}

// Left and outer joins of streams send records without a key alone; nothing else wants them from a repartition topic.
bool wants_null_keys(const NodeDeclaration& node, const NodeAnalysis& analysis) {
  return node.join && node.join->type != JoinType::inner && !analysis.table_in();
}

void Builder::find_null_keys() {
  null_keys_matter_.resize(declaration_.nodes.size());
  for (auto i = analysis_.order.rbegin(); i != analysis_.order.rend(); ++i) {
    const auto& analyzed = analysis_.nodes[*i];
    if (wants_null_keys(declaration_.nodes[*i], analyzed)) null_keys_matter_[*i] = true;
    if (!null_keys_matter_[*i]) continue;
    for (const auto& input : analyzed.inputs)
      if (!input.lookup) null_keys_matter_[input.node] = true;
  }
}

int Builder::add(Node node) {
  t_.nodes.push_back(std::move(node));
  return static_cast<int>(t_.nodes.size()) - 1;
}

// A node with what all that is made of a declared one has.
Node Builder::derived(size_t i, std::string name) const {
  const auto& declared = declaration_.nodes[i];
  Node node;
  node.name = std::move(name);
  node.derived_for = declared.name;
  node.on_error = merged(declaration_.on_error, declared.on_error);
  return node;
}

// What all nodes on the way into one input through a topic have.
Node Builder::repartition_base(size_t i, uint32_t input) const {
  const auto& declared = declaration_.nodes[i];
  const auto& in = analysis_.nodes[i].in[input];
  const bool changes = in.flow.table;  // a regrouped table
  Node base = derived(i, "");
  base.takes_changes = changes;
  base.key_serde = repartition_key_serde(i, input);
  base.value_serde = in.flow.value_serde;
  if (changes) {
    if (declared.group_by->value) base.value_serde = regrouped_value_serde(i);
    base.value_serde = change_serde(base.value_serde);
  } else if (!declared.serde.value.empty() && passes_values_on(declared)) {
    base.value_serde = declared.serde.value;
  }
  base.from = declared.operator_name == "cogroup" ? std::vector<std::string>{declared.from[input]} : declared.from;
  if (declared.join && input == 1) base.from = {declared.join->with};
  return base;
}

// The topic that leads to another input, if the same records are in it, written alike. A key made by `group_by` is made
// for one node, and what a `repartition` asks for is its own.
RepartitionTopic* Builder::mergeable(const Node& base) {
  for (const size_t r : derived_topics_) {
    const Node& sink = t_.nodes[t_.repartitions[r].sink_node];
    if (sink.from == base.from && sink.key_serde == base.key_serde && sink.value_serde == base.value_serde &&
        sink.on_error == base.on_error)
      return &t_.repartitions[r];
  }
  return nullptr;
}

// The way into one input through a topic: [group by ->] sink -> topic -> source, which is given back. The declared node
// comes next.
int Builder::add_repartition(size_t i, uint32_t input) {
  const auto& declared = declaration_.nodes[i];
  const auto& analyzed = analysis_.nodes[i];
  const auto& in = analyzed.in[input];
  Node base = repartition_base(i, input);
  const bool changes = base.takes_changes;
  if (declaration_.merge_repartition_topics && !declared.group_by && declared.operator_name != "repartition") {
    if (RepartitionTopic* topic = mergeable(base)) {
      if (topic->readers.back() != declared.name) topic->readers.push_back(declared.name);
      Node& sink = t_.nodes[topic->sink_node];
      sink.drops_null_keys = sink.drops_null_keys && !null_keys_matter_[i];
      return topic->source_node;
    }
    derived_topics_.push_back(t_.repartitions.size());
  }
  int group = -1;
  if (declared.group_by) {
    Node node = base;
    node.name = in.repartition + "-group-by";
    node.operator_name = changes ? "group_by" : "select_key";
    node.processor_type = group_by_type(analyzed);
    node.config = group_by_config(declaration_, declared);
    node.takes_changes = changes;
    node.children.resize(1);
    base.from = {node.name};
    group = add(std::move(node));
  }
  RepartitionTopic topic;
  topic.name = repartition_topic(declaration_, in.repartition);
  topic.partitions = declared.partitions;
  base.topics = {topic.name};

  Node sink = base;
  sink.name = in.repartition + "-repartition-sink";
  sink.kind = NodeKind::sink;
  sink.operator_name = "repartition_sink";
  sink.drops_null_keys = !null_keys_matter_[i];
  topic.sink_node = add(std::move(sink));
  if (group >= 0) t_.nodes[group].children[0].emplace_back(topic.sink_node);
  entry_[i][input] = group >= 0 ? group : topic.sink_node;

  Node source = base;
  source.name = in.repartition + "-repartition-source";
  source.kind = NodeKind::source;
  source.operator_name = "repartition_source";
  source.from.clear();
  source.children.resize(1);
  topic.source_node = add(std::move(source));
  topic.readers = {declared.name};
  t_.repartitions.push_back(std::move(topic));
  return t_.repartitions.back().source_node;
}

std::string Builder::repartition_key_serde(size_t i, uint32_t input) const {
  const auto& declared = declaration_.nodes[i];
  const auto& analyzed = analysis_.nodes[i];
  if (!declared.serde.key.empty() && passes_values_on(declared)) return declared.serde.key;
  if (!is_aggregation(declared.operator_name)) return analyzed.in[input].flow.key_serde;
  return analyzed.stores[0].shape.key_serde;
}

// Of the new value that `group_by` gives to a table's rows.
std::string Builder::regrouped_value_serde(size_t i) const {
  const auto& declared = declaration_.nodes[i];
  if (!declared.serde.value.empty()) return declared.serde.value;
  return declaration_.default_serde.value.empty() ? "json" : declaration_.default_serde.value;
}

// An earlier source that says the same: the two are one, as in Kafka Streams. Their children take a record in the order
// of the file, and one that cannot be read fails once.
std::optional<size_t> Builder::same_source(size_t i) const {
  const auto& one = declaration_.nodes[i];
  if (one.operator_name != "source") return std::nullopt;
  auto expressions = [](const NodeDeclaration& node) {
    std::map<std::string, std::string> texts;
    for (const auto& expression : node.expressions) texts[expression.name] = expression.text;
    return texts;
  };
  auto says = [&](size_t n) {
    const auto& node = declaration_.nodes[n];
    const auto& on_error = node.on_error;
    return std::tuple(node.topics, node.pattern, node.reset, expressions(node), analysis_.nodes[n].out.key_serde,
                      analysis_.nodes[n].out.value_serde, on_error.deserialization, on_error.processing);
  };
  for (size_t other = 0; other < i; ++other)
    if (declaration_.nodes[other].operator_name == "source" && says(other) == says(i)) return other;
  return std::nullopt;
}

void Builder::add_node(size_t i) {
  const auto& declared = declaration_.nodes[i];
  const auto& analyzed = analysis_.nodes[i];
  const auto& op = declared.operator_name;
  entry_.emplace_back(std::max<size_t>(1, analyzed.in.size()), -1);
  exit_.push_back(-1);
  if (const auto same = same_source(i)) {
    exit_[i] = exit_[*same];
    renamed_[declared.name] = declaration_.nodes[*same].name;
    return;
  }
  if (op == "global_table") return add_global_table(i);
  std::vector<int> sources(entry_[i].size(), -1);  // of the topics on the way to the inputs
  for (uint32_t k = 0; k < analyzed.in.size(); ++k)
    if (!analyzed.in[k].repartition.empty()) sources[k] = add_repartition(i, k);
  const bool foreign = is_foreign_key_join(declared);
  const int answers = foreign ? add_foreign_key(i) : -1;
  const int table_source = op == "table" ? add_table_source(i) : -1;

  Node node = derived(i, declared.name);
  node.derived_for.clear();
  node.operator_name = op;
  node.kind = op == "source" ? NodeKind::source : op == "sink" ? NodeKind::sink : NodeKind::processor;
  node.table = analyzed.out.table;
  node.takes_changes = !foreign && takes_changes(declared, analyzed);
  node.tells_inputs = !foreign && (op == "join" || op == "cogroup");
  node.from = declared.from;
  if (declared.join) node.from.push_back(declared.join->with);
  if (node.kind != NodeKind::sink) node.children.resize(std::max<size_t>(1, analyzed.outputs.size()));
  node.outputs = analyzed.outputs;
  if (node.kind != NodeKind::processor) {
    node.topics = declared.topics;
    node.pattern = declared.pattern;
  }
  node.reset = declared.reset;
  node.key_serde = analyzed.out.key_serde;
  node.value_serde = analyzed.out.value_serde;
  node.processor_type = processor_type(declared, analyzed);
  if (!node.processor_type.empty()) node.config = processor_config(declaration_, declared, analyzed);
  node.max_in_flight = declared.max_in_flight.value_or(0);
  node.per_commit = declared.emit == Emit::per_commit;
  for (const auto& use : analyzed.stores) node.stores.push_back(store_index(use));
  for (const auto& use : analyzed.sides[0].stores) node.stores.push_back(store_index(use));
  exit_[i] = add(std::move(node));
  if (foreign) {
    t_.nodes[answers].children[0].emplace_back(exit_[i]);
    return;
  }
  connect_inputs(i, sources);
  if (table_source >= 0) t_.nodes[table_source].children[0].emplace_back(exit_[i]);
}

// A table reads its topic by a source of its own.
int Builder::add_table_source(size_t i) {
  const auto& declared = declaration_.nodes[i];
  const auto& analyzed = analysis_.nodes[i];
  Node source = derived(i, declared.name + "-source");
  source.kind = NodeKind::source;
  source.operator_name = "source";
  source.topics = declared.topics;
  source.reset = declared.reset;
  source.key_serde = analyzed.out.key_serde;
  source.value_serde = analyzed.out.value_serde;
  give_timestamps(declared, source.processor_type, source.config);
  source.children.resize(1);
  return add(std::move(source));
}

void Builder::add_global_table(size_t i) {
  const auto& declared = declaration_.nodes[i];
  GlobalTable table;
  table.name = declared.name;
  table.topic = declared.topics.at(0);
  table.store = store_index(analysis_.nodes[i].stores.at(0));
  give_timestamps(declared, table.processor_type, table.config);
  t_.global_tables.push_back(std::move(table));
}

// The timestamps of a table's topic, as a source has them.
void Builder::give_timestamps(const NodeDeclaration& table, std::string& type, std::string& config) const {
  NodeDeclaration source;
  source.operator_name = "source";
  source.expressions = table.expressions;
  type = processor_type(source, {});
  if (!type.empty()) config = processor_config(declaration_, source, {});
}

// The nodes that a join by foreign key derives; gives the one that the declared node comes after.
int Builder::add_foreign_key(size_t i) {
  const auto& declared = declaration_.nodes[i];
  const auto& analyzed = analysis_.nodes[i];
  auto nodes = foreign_key_nodes(declaration_, declared, analyzed, derived(i, ""));
  const int subscriptions = store_index(nodes.subscriptions);
  nodes.lookup.stores = {subscriptions};
  for (const auto& use : analyzed.sides[1].stores) nodes.lookup.stores.push_back(store_index(use));
  nodes.update.stores = {subscriptions};
  const int subscribe = add(std::move(nodes.subscribe)), registration_sink = add(std::move(nodes.registration_sink)),
            registration_source = add(std::move(nodes.registration_source)), lookup = add(std::move(nodes.lookup)),
            update = add(std::move(nodes.update)), response_sink = add(std::move(nodes.response_sink)),
            response_source = add(std::move(nodes.response_source));
  t_.nodes[subscribe].children[0] = {registration_sink};
  t_.nodes[registration_source].children[0] = {lookup};
  t_.nodes[lookup].children[0] = {response_sink};
  t_.nodes[update].children[0] = {response_sink};
  for (const auto& [sink, source] :
       {std::pair(registration_sink, registration_source), {response_sink, response_source}}) {
    RepartitionTopic topic;
    topic.name = t_.nodes[sink].topics[0];
    topic.sink_node = sink;
    topic.source_node = source;
    topic.readers = {declared.name};
    topic.as_reader = true;
    t_.repartitions.push_back(std::move(topic));
  }
  entry_[i] = {subscribe, update};
  return response_source;
}

// Inputs with topics on the way get their records from the sources of these. A right join is a left one with the sides
// swapped, also where one topic leads to both.
void Builder::connect_inputs(size_t i, const std::vector<int>& sources) {
  const bool swapped = declaration_.nodes[i].join && declaration_.nodes[i].join->type == JoinType::right;
  const auto inputs = static_cast<uint32_t>(sources.size());
  for (uint32_t n = 0; n < inputs; ++n) {
    const uint32_t k = swapped ? inputs - 1 - n : n;
    if (sources[k] >= 0)
      t_.nodes[sources[k]].children[0].emplace_back(exit_[i], k);
    else
      entry_[i][k] = exit_[i];
  }
}

// The store of a name is the one that its owner makes, also where a plugin that shares it comes first in the file; an
// entry under `stores` has the last word.
int Builder::store_index(const StoreUse& use) {
  const auto& name = use.shape.name;
  for (size_t s = 0; s < t_.stores.size(); ++s)
    if (t_.stores[s].name == name) return static_cast<int>(s);
  Store store = use.shape;
  bool owned = use.owned;
  for (const auto& node : analysis_.nodes)
    for (const auto& other : node.stores)
      if (other.owned && other.shape.name == name) {
        store = other.shape;
        owned = true;
      }
  for (const auto& entry : declaration_.stores) {
    if (entry.name != name) continue;
    store.persistent = entry.persistent;
    store.changelogged = entry.changelogged;
    store.changelog_configs = entry.changelog_configs;
    store.ttl = entry.ttl;
    if (!entry.serde.key.empty()) store.key_serde = with_size_of(entry.serde.key, store.key_serde);
    if (!entry.serde.value.empty()) store.value_serde = entry.serde.value;
    if (!entry.typed && owned) continue;
    store.type = entry.type;
    store.size = std::max(store.size, entry.size);
    store.retention = std::max(store.retention, entry.retention);
    store.duplicates = store.duplicates || entry.duplicates;
  }
  if (store.global) store.changelogged = false;
  if (store.changelogged) store.changelog_topic = changelog_topic(declaration_, name);
  t_.stores.push_back(std::move(store));
  return static_cast<int>(t_.stores.size()) - 1;
}

void Builder::connect(size_t i) {
  auto inputs = analysis_.nodes[i].inputs;
  // A right join is a left one with the sides swapped, also where both sides are one stream.
  if (declaration_.nodes[i].join && declaration_.nodes[i].join->type == JoinType::right)
    std::reverse(inputs.begin(), inputs.end());
  // Kafka Streams merges two streams at a time: what is one and the same to the first two comes once.
  auto same = [&](const auto& one, const auto& other) {
    return exit_[one.node] == exit_[other.node] && one.output == other.output;
  };
  if (declaration_.nodes[i].operator_name == "merge" && inputs.size() > 1 && same(inputs[0], inputs[1]))
    inputs.erase(inputs.begin() + 1);
  for (const auto& input : inputs) {
    if (input.lookup || exit_[input.node] < 0) continue;
    const uint32_t k = input.input < entry_[i].size() ? input.input : 0;
    const int to = entry_[i][k];
    if (to < 0) continue;
    t_.nodes[exit_[input.node]].children[input.output].emplace_back(to, to == exit_[i] ? k : 0);
  }
}

// The number of the connected part that each node belongs to (the least node index in it).
std::vector<int> Builder::group_nodes() {
  std::vector<int> root(t_.nodes.size());
  std::iota(root.begin(), root.end(), 0);
  auto find = [&](int n) {
    while (root[n] != n) n = root[n] = root[root[n]];
    return n;
  };
  auto join = [&](int a, int b) {
    a = find(a);
    b = find(b);
    root[std::max(a, b)] = std::min(a, b);
  };
  std::vector<int> first_user(t_.stores.size(), -1);
  std::map<std::string, int> first_reader;
  for (int n = 0; n < static_cast<int>(t_.nodes.size()); ++n) {
    for (const auto& output : t_.nodes[n].children)
      for (const Edge& child : output) join(n, child.node);
    for (int store : t_.nodes[n].stores) {
      if (t_.stores[store].global) continue;
      if (first_user[store] < 0) first_user[store] = n;
      join(n, first_user[store]);
    }
    // Two sources of one topic read it together: a partition has one consumer in the group.
    if (t_.nodes[n].kind == NodeKind::source)
      for (const auto& topic : t_.nodes[n].topics) join(n, first_reader.try_emplace(topic, n).first->second);
  }
  for (int n = 0; n < static_cast<int>(root.size()); ++n) root[n] = find(n);
  return root;
}

std::string Builder::source_name(int node) const {
  for (const auto& topic : t_.repartitions)
    if (topic.source_node == node) return topic.readers.front();
  return t_.nodes[node].name;
}

void Builder::divide() {
  auto group = group_nodes();
  std::map<int, int> number;
  for (int n = 0; n < static_cast<int>(t_.nodes.size()); ++n) {
    auto [at, fresh] = number.emplace(group[n], static_cast<int>(t_.sub_topologies.size()));
    if (fresh) t_.sub_topologies.emplace_back();
    auto& sub = t_.sub_topologies[at->second];
    sub.nodes.push_back(n);
    if (t_.nodes[n].kind == NodeKind::source) {
      if (sub.sources.empty()) sub.name = source_name(n);
      sub.sources.push_back(n);
    }
    for (int store : t_.nodes[n].stores)
      if (!t_.stores[store].global && std::find(sub.stores.begin(), sub.stores.end(), store) == sub.stores.end())
        sub.stores.push_back(store);
  }
  for (auto& sub : t_.sub_topologies) {
    std::sort(sub.stores.begin(), sub.stores.end());
    sub.nodes = sorted(sub.nodes);
  }
  order_sub_topologies();
  for (int s = 0; s < static_cast<int>(t_.sub_topologies.size()); ++s) {
    for (int n : t_.sub_topologies[s].nodes) t_.nodes[n].sub_topology = s;
    for (int store : t_.sub_topologies[s].stores) t_.stores[store].sub_topology = s;
  }
}

// Upstream first; file order where that leaves a choice, and within a loop through repartition topics.
void Builder::order_sub_topologies() {
  std::vector<int> of(t_.nodes.size());
  for (int s = 0; s < static_cast<int>(t_.sub_topologies.size()); ++s)
    for (int n : t_.sub_topologies[s].nodes) of[n] = s;
  std::vector<SubTopology> ordered;
  std::vector<bool> done(t_.sub_topologies.size());
  auto free = [&](int s) {
    return std::all_of(t_.repartitions.begin(), t_.repartitions.end(), [&](const RepartitionTopic& topic) {
      int upstream = of[topic.sink_node];
      return topic.as_reader || of[topic.source_node] != s || upstream == s || done[upstream];
    });
  };
  while (ordered.size() < done.size()) {
    int next = -1;
    for (int s = 0; s < static_cast<int>(done.size()) && next < 0; ++s)
      if (!done[s] && free(s)) next = s;
    if (next < 0) next = static_cast<int>(std::find(done.begin(), done.end(), false) - done.begin());
    done[next] = true;
    ordered.push_back(std::move(t_.sub_topologies[next]));
  }
  t_.sub_topologies = std::move(ordered);
}

// Topological order of some nodes, first in the file first.
std::vector<int> Builder::sorted(const std::vector<int>& nodes) const {
  std::map<int, int> open;  // inputs not yet placed
  for (int n : nodes)
    for (const auto& output : t_.nodes[n].children)
      for (const Edge& child : output) ++open[child.node];
  std::set<int> ready;
  for (int n : nodes)
    if (!open.count(n)) ready.insert(n);
  std::vector<int> order;
  while (!ready.empty()) {
    int n = *ready.begin();
    ready.erase(ready.begin());
    order.push_back(n);
    for (const auto& output : t_.nodes[n].children)
      for (const Edge& child : output)
        if (--open[child.node] == 0) ready.insert(child.node);
  }
  return order;
}

bool Builder::takes_batches(const SubTopology& sub) const {
  std::map<std::string, std::map<int, int>> starts;  // several sources may read one topic
  for (int source : sub.sources)
    for (const auto& topic : t_.nodes[source].topics) starts[topic][source] = 1;
  for (int source : sub.sources)
    if (!t_.nodes[source].pattern.empty()) starts["/" + t_.nodes[source].pattern][source] = 1;
  for (auto& [topic, paths] : starts)
    if (!single_paths(sub, paths)) return false;
  return true;
}

// Whether what starts at some sources comes to no node, store or topic by two ways. `paths` counts the ways to a node.
bool Builder::single_paths(const SubTopology& sub, std::map<int, int>& paths) const {
  std::map<int, int> store_uses;
  std::map<std::string, int> topic_uses;
  size_t sinks = 0;
  bool any_topic = false;  // a sink says for each record where it goes
  for (int n : sub.nodes) {
    auto at = paths.find(n);
    if (at == paths.end()) continue;
    if (at->second > 1) return false;
    for (const auto& output : t_.nodes[n].children)
      for (const Edge& child : output) ++paths[child.node];
    for (int store : t_.nodes[n].stores)
      if (!t_.stores[store].global && ++store_uses[store] > 1) return false;
    if (t_.nodes[n].kind != NodeKind::sink) continue;
    ++sinks;
    any_topic = any_topic || t_.nodes[n].topics.empty();
    for (const auto& topic : t_.nodes[n].topics)
      if (++topic_uses[topic] > 1) return false;
  }
  return !any_topic || sinks == 1;
}

}  // namespace

Topology build(const Declaration& declaration, const Analysis& analysis) {
  return Builder(declaration, analysis).run();
}

}  // namespace kstreamd
