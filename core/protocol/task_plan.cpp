#include "core/protocol/task_plan.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/protocol/copartition.h"

namespace kstreamd {
namespace {

// The source nodes of a sub-topology by topic.
std::map<std::string, std::vector<int>> readers(const Topology& topology, const SubTopology& sub) {
  std::map<std::string, std::vector<int>> by_topic;
  for (int source : sub.sources)
    for (const auto& topic : topology.nodes[source].topics) by_topic[topic].push_back(source);
  return by_topic;
}

// Finds the partition counts of all topics, upstream first, and then the tasks.
class Planner {
 public:
  Planner(const Topology& topology, const std::map<std::string, int32_t>& partitions)
      : topology_(topology), known_(partitions), together_(copartitions(topology)) {}

  Result<TaskPlan> run() {
    const size_t subs = topology_.sub_topologies.size();
    for (size_t s = 0; s < subs; ++s) KSTREAMD_TRY(count_topics(s));
    for (size_t s = 0; s < subs; ++s) KSTREAMD_TRY(meet(s));
    for (size_t s = 0; s < subs; ++s) make_tasks(s);
    return std::move(plan_);
  }

 private:
  bool writes(size_t sub, const RepartitionTopic& repartition) const {
    return topology_.nodes[repartition.sink_node].sub_topology == static_cast<int>(sub);
  }
  // Those that get as many partitions as there are tasks which read them.
  bool follows(const std::string& topic) const {
    return std::any_of(topology_.repartitions.begin(), topology_.repartitions.end(),
                       [&](const auto& r) { return r.as_reader && r.name == topic; });
  }
  // Whether the topic is written by this sub-topology or one after it: then its other inputs decide.
  bool comes_back(size_t sub, const std::string& topic) const {
    return std::any_of(topology_.repartitions.begin(), topology_.repartitions.end(), [&](const auto& r) {
      return r.name == topic && topology_.nodes[r.sink_node].sub_topology >= static_cast<int>(sub);
    });
  }

  // Where records of one key meet, topics whose count is open get that of the others.
  Status meet(size_t s) {
    for (const auto& group : together_)
      if (topology_.nodes[group.node].sub_topology == static_cast<int>(s))
        KSTREAMD_TRY(copartition(topology_, group, known_));
    for (const auto& [topic, nodes] : readers(topology_, topology_.sub_topologies[s]))
      if (const auto made = plan_.repartition_partitions.find(topic); made != plan_.repartition_partitions.end())
        made->second = known_.at(topic);
    return {};
  }

  // The topics that a sub-topology writes get as many partitions as it has tasks, as far as that is known.
  Status count_topics(size_t s) {
    KSTREAMD_TRY(meet(s));
    const auto by_topic = readers(topology_, topology_.sub_topologies[s]);
    int32_t tasks = 0;
    std::string unknown;
    for (const auto& [topic, nodes] : by_topic) {
      if (follows(topic)) continue;
      if (const auto found = known_.find(topic); found != known_.end())
        tasks = std::max(tasks, found->second);
      else if (unknown.empty() || !comes_back(s, topic))
        unknown = topic;
    }
    if (!unknown.empty() && (tasks == 0 || !comes_back(s, unknown)))
      return Error{Recovery::stop_topology, "the partition count of topic '" + unknown + "' is not known", ""};
    for (const auto& repartition : topology_.repartitions) {
      if (!writes(s, repartition) || repartition.as_reader) continue;
      int32_t& count = known_[repartition.name];
      count = std::max(count, repartition.partitions.value_or(tasks));
      plan_.repartition_partitions[repartition.name] = count;
      if (by_topic.contains(repartition.name)) tasks = std::max(tasks, count);
    }
    return {};
  }

  void make_tasks(size_t s) {
    const SubTopology& sub = topology_.sub_topologies[s];
    const auto by_topic = readers(topology_, sub);
    int32_t tasks = 0;
    for (const auto& [topic, nodes] : by_topic)
      if (!follows(topic)) tasks = std::max(tasks, known_.at(topic));
    for (const auto& [topic, nodes] : by_topic)
      if (follows(topic)) plan_.repartition_partitions[topic] = known_[topic] = tasks;
    for (int32_t p = 0; p < tasks; ++p) {
      PlannedTask task{{sub.name, p}, static_cast<int>(s), {}};
      for (const auto& [topic, nodes] : by_topic)
        if (p < known_.at(topic)) task.inputs.push_back({{topic, p}, nodes});
      plan_.tasks.push_back(std::move(task));
    }
    for (int store : sub.stores)
      if (topology_.stores[store].changelogged)
        plan_.changelog_partitions[topology_.stores[store].changelog_topic] = tasks;
  }

  const Topology& topology_;
  std::map<std::string, int32_t> known_;
  const std::vector<Copartition> together_;
  TaskPlan plan_;
};

}  // namespace

Result<TaskPlan> plan_tasks(const Topology& topology, const std::map<std::string, int32_t>& partitions) {
  return Planner(topology, partitions).run();
}

}  // namespace kstreamd
