#include "core/protocol/copartition.h"

#include <algorithm>
#include <set>

namespace kstreamd {
namespace {

// Follows the nodes of a file backwards to the topics that their records come from.
class Inputs {
 public:
  explicit Inputs(const Topology& topology) : topology_(topology) {
    for (const auto& node : topology.nodes)
      if (node.derived_for.empty())
        declared_[node.name] = &node;
      else if (node.kind == NodeKind::source && node.operator_name == "source")
        tables_[node.derived_for] = &node;
  }

  // Of one input of a node, as its `from` names it.
  void follow(const Node& node, const std::string& from, std::set<std::string>& topics) {
    for (const auto& repartition : topology_.repartitions)
      if (reads(repartition, node) && leads(node, from, repartition)) {
        topics.insert(repartition.name);
        return;
      }
    const auto found = declared_.find(from.substr(0, from.find('.')));
    if (found != declared_.end()) follow(*found->second, topics);  // else a global table, which is everywhere
  }

 private:
  void follow(const Node& node, std::set<std::string>& topics) {
    if (!seen_.insert(node.name).second) return;
    topics.insert(node.topics.begin(), node.topics.end());
    if (const auto table = tables_.find(node.name); table != tables_.end())
      topics.insert(table->second->topics.begin(), table->second->topics.end());
    for (const auto& from : node.from) follow(node, from, topics);
  }

  static bool reads(const RepartitionTopic& topic, const Node& node) {
    return std::find(topic.readers.begin(), topic.readers.end(), node.name) != topic.readers.end();
  }

  // Only a node that tells its inputs apart has several ways in.
  bool leads(const Node& node, const std::string& from, const RepartitionTopic& repartition) const {
    if (!node.tells_inputs) return true;
    const Node& sink = topology_.nodes[static_cast<size_t>(repartition.sink_node)];
    std::string begins = sink.from.empty() ? "" : sink.from.front();
    for (const auto& other : topology_.nodes)  // its key is made on the way
      if (other.name == begins && other.derived_for == node.name && !other.from.empty()) begins = other.from.front();
    return begins == from;
  }

  const Topology& topology_;
  std::map<std::string, const Node*> declared_;
  std::map<std::string, const Node*> tables_;  // by the table's name, the source that it reads
  std::set<std::string> seen_;
};

// Keys of a foreign key are partitioned by their own table, and a global table is everywhere.
bool meets(const Node& node) {
  if (node.operator_name == "cogroup") return true;
  return node.operator_name == "join" && node.processor_type != "kstreamd.global_join" &&
         node.config.find("\"foreign_key\":") == std::string::npos;
}

const RepartitionTopic* repartition_of(const Topology& topology, const std::string& topic) {
  for (const auto& repartition : topology.repartitions)
    if (repartition.name == topic) return &repartition;
  return nullptr;
}

std::string counted(const std::string& topic, int32_t partitions) {
  return "'" + topic + "' has " + std::to_string(partitions);
}

Error disagreement(const Topology& topology, const Copartition& group, const std::string& topic, int32_t others,
                   int32_t own) {
  return {Recovery::stop_topology,
          "topology '" + topology.name + "', node '" + topology.nodes[static_cast<size_t>(group.node)].name +
              "': topic '" + topic + "' needs " + std::to_string(own) + " partitions, and " + std::to_string(others) +
              " for another node that reads it: records of one key would not meet in one task",
          "give the topics that both join it with the same number of partitions, or let each of the nodes read a "
          "repartition: {} of its own"};
}

Status make_equal(const Topology& topology, const Copartition& group, std::map<std::string, int32_t>& partitions) {
  std::string fixed;  // a topic whose count nobody can change here
  int32_t most = 0;
  std::vector<std::string> open;
  for (const auto& topic : group.topics) {
    const auto known = partitions.find(topic);
    const auto* repartition = repartition_of(topology, topic);
    if (repartition && !repartition->partitions) {
      open.push_back(topic);
      if (known != partitions.end()) most = std::max(most, known->second);
      continue;
    }
    if (known == partitions.end()) continue;
    if (fixed.empty()) fixed = topic;
    const int32_t wanted = partitions.at(fixed);
    if (known->second == wanted) continue;
    const Node& node = topology.nodes[static_cast<size_t>(group.node)];
    const bool more = known->second > wanted;
    const std::string& fewer = more ? fixed : topic;
    const std::string count = std::to_string(std::max(known->second, wanted));
    return Error{Recovery::stop_topology,
                 "topology '" + topology.name + "', node '" + node.name + "': topic " + counted(fixed, wanted) +
                     " partitions, and topic " + counted(topic, known->second) +
                     ": records of one key would not meet in one task",
                 "give both topics the same number of partitions, or let what comes from '" + fewer +
                     "' go through a node with repartition: { partitions: " + count + " }"};
  }
  if (!fixed.empty()) most = partitions.at(fixed);
  for (const auto& topic : open)
    if (const auto known = partitions.find(topic); known != partitions.end()) known->second = most;
  return {};
}

}  // namespace

std::vector<Copartition> copartitions(const Topology& topology) {
  std::vector<Copartition> groups;
  for (size_t n = 0; n < topology.nodes.size(); ++n) {
    const Node& node = topology.nodes[n];
    if (!meets(node)) continue;
    std::set<std::string> topics;
    for (const auto& from : node.from) Inputs(topology).follow(node, from, topics);
    if (topics.size() > 1) groups.push_back({static_cast<int>(n), {topics.begin(), topics.end()}});
  }
  return groups;
}

Status copartition(const Topology& topology, const std::vector<Copartition>& groups,
                   std::map<std::string, int32_t>& partitions) {
  // One pass settles what a group before it said of a topic of both; counts that go on changing never settle.
  Status changed;
  for (size_t pass = 0; pass <= groups.size(); ++pass) {
    changed = Status();
    for (const auto& group : groups) {
      const auto before = partitions;
      KSTREAMD_TRY(make_equal(topology, group, partitions));
      for (const auto& topic : group.topics)
        if (const auto known = before.find(topic); known != before.end() && known->second != partitions.at(topic))
          changed = disagreement(topology, group, topic, known->second, partitions.at(topic));
    }
    if (changed) break;
  }
  return changed;
}

}  // namespace kstreamd
