#include "core/protocol/task_plan.h"

#include <algorithm>

namespace kstreamd {
namespace {

// The source nodes of a sub-topology by topic.
std::map<std::string, std::vector<int>> readers(const Topology& topology, const SubTopology& sub) {
  std::map<std::string, std::vector<int>> by_topic;
  for (int source : sub.sources)
    for (const auto& topic : topology.nodes[source].topics) by_topic[topic].push_back(source);
  return by_topic;
}

}  // namespace

Result<TaskPlan> plan_tasks(const Topology& topology, const std::map<std::string, int32_t>& partitions) {
  TaskPlan plan;
  std::map<std::string, int32_t> known = partitions;
  for (size_t s = 0; s < topology.sub_topologies.size(); ++s) {
    const SubTopology& sub = topology.sub_topologies[s];
    const auto by_topic = readers(topology, sub);
    int32_t tasks = 0;
    for (const auto& [topic, nodes] : by_topic) {
      auto found = known.find(topic);
      if (found == known.end())
        return Error{Recovery::stop_topology, "the partition count of topic '" + topic + "' is not known", ""};
      tasks = std::max(tasks, found->second);
    }
    for (int32_t p = 0; p < tasks; ++p) {
      PlannedTask task{{sub.name, p}, static_cast<int>(s), {}};
      for (const auto& [topic, nodes] : by_topic)
        if (p < known.at(topic)) task.inputs.push_back({{topic, p}, nodes});
      plan.tasks.push_back(std::move(task));
    }
    for (const auto& repartition : topology.repartitions)
      if (topology.nodes[repartition.sink_node].sub_topology == static_cast<int>(s)) {
        const int32_t count = repartition.partitions.value_or(tasks);
        known[repartition.name] = std::max(known[repartition.name], count);
        plan.repartition_partitions[repartition.name] = known[repartition.name];
      }
    for (int store : sub.stores)
      if (topology.stores[store].changelogged)
        plan.changelog_partitions[topology.stores[store].changelog_topic] = tasks;
  }
  return plan;
}

}  // namespace kstreamd
