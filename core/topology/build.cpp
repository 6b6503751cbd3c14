#include <algorithm>
#include <numeric>
#include <set>

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
    for (size_t i = 0; i < declaration_.nodes.size(); ++i) add_node(i);
    for (size_t i = 0; i < declaration_.nodes.size(); ++i) connect(i);
    divide();
    for (auto& sub : t_.sub_topologies) sub.batches = takes_batches(sub);
    return std::move(t_);
  }

 private:
  void add_node(size_t i);
  void add_repartition(size_t i);
  int add(Node node);
  int store_index(size_t i, const std::string& name);
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
  std::vector<int> entry_;  // of each declared node: the graph's node that takes its input
  std::vector<int> exit_;   // the one that gives its output
  Topology t_;
};

ErrorPolicy merged(const ErrorPolicy& policy, const ErrorOverrides& own) {
  return {own.deserialization.value_or(policy.deserialization), own.processing.value_or(policy.processing),
          own.production.value_or(policy.production)};
}

int Builder::add(Node node) {
  t_.nodes.push_back(std::move(node));
  return static_cast<int>(t_.nodes.size()) - 1;
}

void Builder::add_repartition(size_t i) {
  const auto& declared = declaration_.nodes[i];
  const auto& flow = analysis_.nodes[i];
  Node base;
  base.on_error = merged(declaration_.on_error, declared.on_error);
  base.key_serde = flow.out.key_serde;
  base.value_serde = flow.in.value_serde;
  base.from = declared.from;
  base.derived_for = declared.name;
  if (declared.group_by) {
    NodeDeclaration grouping;
    grouping.operator_name = "select_key";
    grouping.expressions = {{"", *declared.group_by}};
    Node group = base;
    group.name = declared.name + "-group-by";
    group.operator_name = grouping.operator_name;
    group.processor_type = processor_type(grouping);
    group.config = processor_config(declaration_, grouping, false);
    group.children.resize(1);
    base.from = {group.name};
    entry_[i] = add(std::move(group));
  }
  RepartitionTopic topic;
  topic.name = repartition_topic(declaration_, declared);
  base.topics = {topic.name};

  Node sink = base;
  sink.name = declared.name + "-repartition-sink";
  sink.kind = NodeKind::sink;
  sink.operator_name = "repartition_sink";
  topic.sink_node = add(std::move(sink));
  if (declared.group_by)
    t_.nodes[entry_[i]].children[0].push_back(topic.sink_node);
  else
    entry_[i] = topic.sink_node;

  Node source = base;
  source.name = declared.name + "-repartition-source";
  source.kind = NodeKind::source;
  source.operator_name = "repartition_source";
  source.from.clear();
  source.children = {{topic.sink_node + 2}};
  topic.source_node = add(std::move(source));
  t_.repartitions.push_back(std::move(topic));
}

void Builder::add_node(size_t i) {
  const auto& declared = declaration_.nodes[i];
  const auto& analyzed = analysis_.nodes[i];
  entry_.push_back(-1);
  exit_.push_back(-1);
  if (analyzed.repartition) add_repartition(i);

  Node node;
  node.name = declared.name;
  node.operator_name = declared.operator_name;
  node.kind = declared.operator_name == "source" ? NodeKind::source
              : declared.operator_name == "sink" ? NodeKind::sink
                                                 : NodeKind::processor;
  node.table = analyzed.out.table;
  node.from = declared.from;
  if (analyzed.repartition) node.from = {t_.nodes.back().name};
  if (node.kind != NodeKind::sink) node.children.resize(std::max<size_t>(1, analyzed.outputs.size()));
  node.outputs = analyzed.outputs;
  node.topics = declared.topics;
  node.reset = declared.reset;
  node.key_serde = analyzed.out.key_serde;
  node.value_serde = analyzed.out.value_serde;
  node.processor_type = processor_type(declared);
  if (node.kind == NodeKind::processor) node.config = processor_config(declaration_, declared, analyzed.in.table);
  node.max_in_flight = declared.max_in_flight.value_or(0);
  node.per_commit = declared.per_commit;
  node.on_error = merged(declaration_.on_error, declared.on_error);
  for (const auto& store : analyzed.stores) node.stores.push_back(store_index(i, store));
  exit_[i] = add(std::move(node));
  if (entry_[i] < 0) entry_[i] = exit_[i];
}

int Builder::store_index(size_t i, const std::string& name) {
  for (size_t s = 0; s < t_.stores.size(); ++s)
    if (t_.stores[s].name == name) return static_cast<int>(s);
  Store store;
  store.name = name;
  // A count's own serdes are part of its output's already; a plugin's store holds whatever the plugin makes. The node
  // that counts into a store decides, also where a plugin that shares it comes first in the file.
  const auto* owner = &analysis_.nodes[i];
  bool counted = false;
  for (size_t n = 0; n < analysis_.nodes.size(); ++n) {
    const auto& names = analysis_.nodes[n].stores;
    if (declaration_.nodes[n].operator_name != "count" || names.empty() || names[0] != name) continue;
    owner = &analysis_.nodes[n];
    counted = true;
  }
  const auto& fallback = declaration_.default_serde;
  store.key_serde = counted ? owner->out.key_serde : fallback.key.empty() ? "json" : fallback.key;
  store.value_serde = counted ? owner->out.value_serde : fallback.value.empty() ? "json" : fallback.value;
  for (const auto& entry : declaration_.stores) {
    if (entry.name != name) continue;
    store.type = entry.type;
    store.persistent = entry.persistent;
    store.changelogged = entry.changelogged;
    store.changelog_configs = entry.changelog_configs;
    store.size = entry.size;
    store.retention = entry.retention;
    store.ttl = entry.ttl;
    store.duplicates = entry.duplicates;
    if (!entry.serde.key.empty()) store.key_serde = entry.serde.key;
    if (!entry.serde.value.empty()) store.value_serde = entry.serde.value;
  }
  if (store.changelogged) store.changelog_topic = changelog_topic(declaration_, name);
  t_.stores.push_back(std::move(store));
  return static_cast<int>(t_.stores.size()) - 1;
}

void Builder::connect(size_t i) {
  for (const auto& input : analysis_.nodes[i].inputs)
    t_.nodes[exit_[input.node]].children[input.output].push_back(entry_[i]);
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
      for (int child : output) join(n, child);
    for (int store : t_.nodes[n].stores) {
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
    if (topic.source_node == node) return t_.nodes[node + 1].name;  // the node that declared it comes next
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
      if (std::find(sub.stores.begin(), sub.stores.end(), store) == sub.stores.end()) sub.stores.push_back(store);
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
      return of[topic.source_node] != s || upstream == s || done[upstream];
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
      for (int child : output) ++open[child];
  std::set<int> ready;
  for (int n : nodes)
    if (!open.count(n)) ready.insert(n);
  std::vector<int> order;
  while (!ready.empty()) {
    int n = *ready.begin();
    ready.erase(ready.begin());
    order.push_back(n);
    for (const auto& output : t_.nodes[n].children)
      for (int child : output)
        if (--open[child] == 0) ready.insert(child);
  }
  return order;
}

bool Builder::takes_batches(const SubTopology& sub) const {
  std::map<std::string, std::map<int, int>> starts;  // several sources may read one topic
  for (int source : sub.sources)
    for (const auto& topic : t_.nodes[source].topics) starts[topic][source] = 1;
  for (auto& [topic, paths] : starts)
    if (!single_paths(sub, paths)) return false;
  return true;
}

// Whether what starts at some sources comes to no node, store or topic by two ways. `paths` counts the ways to a node.
bool Builder::single_paths(const SubTopology& sub, std::map<int, int>& paths) const {
  std::map<int, int> store_uses;
  std::map<std::string, int> topic_uses;
  for (int n : sub.nodes) {
    auto at = paths.find(n);
    if (at == paths.end()) continue;
    if (at->second > 1) return false;
    for (const auto& output : t_.nodes[n].children)
      for (int child : output) ++paths[child];
    for (int store : t_.nodes[n].stores)
      if (++store_uses[store] > 1) return false;
    if (t_.nodes[n].kind != NodeKind::sink) continue;
    for (const auto& topic : t_.nodes[n].topics)
      if (++topic_uses[topic] > 1) return false;
  }
  return true;
}

}  // namespace

Topology build(const Declaration& declaration, const Analysis& analysis) {
  return Builder(declaration, analysis).run();
}

}  // namespace kstreamd
