#include "core/protocol/task_plan.h"

#include <algorithm>

#include "core/protocol/copartition.h"

namespace kstreamd {
namespace {

using Counts = std::map<std::string, int32_t>;  // by topic

// The source nodes of a sub-topology by topic.
std::map<std::string, std::vector<int>> readers(const Topology& topology, const SubTopology& sub) {
  std::map<std::string, std::vector<int>> by_topic;
  for (int source : sub.sources)
    for (const auto& topic : topology.nodes[source].topics) by_topic[topic].push_back(source);
  return by_topic;
}

// The greatest count of those topics that is known; 0 when none is.
int32_t greatest(const std::map<std::string, std::vector<int>>& topics, const Counts& counts) {
  int32_t most = 0;
  for (const auto& [topic, nodes] : topics)
    if (const auto known = counts.find(topic); known != counts.end()) most = std::max(most, known->second);
  return most;
}

// Adds the counts of repartition topics, but for those that follow their readers: no less than they have. As in Kafka
// Streams, where none is asked for a topic gets the greatest of those that its writer reads and that are known when its
// turn comes, upstream first: sub-topologies may write for each other, so that none of them has all its inputs before
// it. Those that meet become equal when all are known.
Status count_repartitions(const Topology& topology, Counts& counts) {
  auto sub_topology = [&](int node) { return topology.nodes[static_cast<size_t>(node)].sub_topology; };
  auto count = [&](const RepartitionTopic* repartition, int32_t wanted) {
    if (wanted > 0) counts[repartition->name] = std::max(counts[repartition->name], wanted);
    return wanted > 0;
  };
  std::vector<const RepartitionTopic*> open;
  for (const auto& repartition : topology.repartitions)
    if (!repartition.as_reader && !count(&repartition, repartition.partitions.value_or(0)))
      open.push_back(&repartition);
  std::stable_sort(open.begin(), open.end(), [&](const auto* a, const auto* b) {
    return sub_topology(a->source_node) < sub_topology(b->source_node);
  });
  while (std::erase_if(open, [&](const auto* repartition) {
           const auto& writer = topology.sub_topologies[static_cast<size_t>(sub_topology(repartition->sink_node))];
           return count(repartition, greatest(readers(topology, writer), counts));
         }) > 0) {
  }
  return copartition(topology, copartitions(topology), counts);
}

}  // namespace

Result<TaskPlan> plan_tasks(const Topology& topology, const std::map<std::string, int32_t>& partitions) {
  TaskPlan plan;
  Counts counts = partitions;
  KSTREAMD_TRY(count_repartitions(topology, counts));
  for (size_t s = 0; s < topology.sub_topologies.size(); ++s) {
    const SubTopology& sub = topology.sub_topologies[s];
    const auto by_topic = readers(topology, sub);
    const int32_t tasks = greatest(by_topic, counts);
    for (const auto& repartition : topology.repartitions)
      if (repartition.as_reader && by_topic.contains(repartition.name)) counts[repartition.name] = tasks;
    for (const auto& [topic, nodes] : by_topic)
      if (!counts.contains(topic))
        return Error{Recovery::stop_topology, "the partition count of topic '" + topic + "' is not known", ""};
    for (int32_t p = 0; p < tasks; ++p) {
      PlannedTask task{{sub.name, p}, static_cast<int>(s), {}};
      for (const auto& [topic, nodes] : by_topic)
        if (p < counts.at(topic)) task.inputs.push_back({{topic, p}, nodes});
      plan.tasks.push_back(std::move(task));
    }
    for (int store : sub.stores)
      if (topology.stores[store].changelogged)
        plan.changelog_partitions[topology.stores[store].changelog_topic] = tasks;
  }
  for (const auto& repartition : topology.repartitions)
    plan.repartition_partitions[repartition.name] = counts.at(repartition.name);
  return plan;
}

}  // namespace kstreamd
