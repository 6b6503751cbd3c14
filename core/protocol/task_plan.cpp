#include "core/protocol/task_plan.h"

#include <algorithm>
#include <iterator>
#include <set>

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

bool reads(const Topology& topology, int sub, const std::string& topic) {
  const auto& sources = topology.sub_topologies[static_cast<size_t>(sub)].sources;
  return std::any_of(sources.begin(), sources.end(), [&](int source) {
    const auto& topics = topology.nodes[static_cast<size_t>(source)].topics;
    return std::find(topics.begin(), topics.end(), topic) != topics.end();
  });
}

// Sub-topologies may write for each other, so that none of them has all its inputs before it. As in Kafka Streams, such
// a topic then gets the greatest count of those that its writer reads and that are known.
class CountsOfLoops {
 public:
  CountsOfLoops(const Topology& topology, const std::vector<Copartition>& together,
                const std::map<std::string, int32_t>& partitions)
      : topology_(topology), together_(together), partitions_(partitions) {}

  // Of one topic; nothing when it is none of the topology's, or follows from nothing.
  Result<std::optional<int32_t>> count(const std::string& topic) {
    if (!made_) {
      made_ = true;
      while (go_on()) {
      }
      KSTREAMD_TRY(copartition(topology_, together_, partitions_));
    }
    const auto found = partitions_.find(topic);
    return found == partitions_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  bool go_on() {
    bool more = false;
    for (const auto& repartition : topology_.repartitions) {
      if (repartition.as_reader || partitions_.contains(repartition.name)) continue;
      const int writer = topology_.nodes[static_cast<size_t>(repartition.sink_node)].sub_topology;
      int32_t most = repartition.partitions.value_or(0);
      if (!repartition.partitions)
        for (const auto& [topic, count] : partitions_)
          if (reads(topology_, writer, topic)) most = std::max(most, count);
      if (most == 0) continue;
      partitions_[repartition.name] = most;
      more = true;
    }
    return more;
  }

  const Topology& topology_;
  const std::vector<Copartition>& together_;
  std::map<std::string, int32_t> partitions_;
  bool made_ = false;
};

}  // namespace

Result<TaskPlan> plan_tasks(const Topology& topology, const std::map<std::string, int32_t>& partitions) {
  TaskPlan plan;
  std::map<std::string, int32_t> known = partitions;
  const auto together = copartitions(topology);
  CountsOfLoops loops(topology, together, partitions);
  std::set<std::string> decided;  // topics of loops, which their readers came to first
  for (size_t s = 0; s < topology.sub_topologies.size(); ++s) {
    const SubTopology& sub = topology.sub_topologies[s];
    const auto by_topic = readers(topology, sub);
    auto written = [&](const RepartitionTopic& r) {
      return topology.nodes[r.sink_node].sub_topology == static_cast<int>(s);
    };
    for (const auto& r : topology.repartitions) {
      if (r.as_reader || written(r) || !by_topic.contains(r.name) || known.contains(r.name)) continue;
      auto count = loops.count(r.name);
      if (!count) return std::move(count).error();
      if (!*count) continue;
      known[r.name] = **count;
      decided.insert(r.name);
    }
    std::vector<Copartition> here;
    std::copy_if(together.begin(), together.end(), std::back_inserter(here), [&](const Copartition& group) {
      return topology.nodes[group.node].sub_topology == static_cast<int>(s);
    });
    KSTREAMD_TRY(copartition(topology, here, known));
    for (const auto& [topic, nodes] : by_topic)
      if (const auto made = plan.repartition_partitions.find(topic); made != plan.repartition_partitions.end())
        made->second = known.at(topic);
    // Topics that get as many partitions as there are tasks here.
    std::set<std::string> following;
    for (const auto& r : topology.repartitions)
      if (r.as_reader && by_topic.contains(r.name)) following.insert(r.name);
    int32_t tasks = 0;
    for (const auto& [topic, nodes] : by_topic) {
      if (following.contains(topic)) continue;
      auto found = known.find(topic);
      if (found != known.end()) {
        tasks = std::max(tasks, found->second);
        continue;
      }
      // A sub-topology may read what it writes itself: its other inputs decide.
      const bool own = std::any_of(topology.repartitions.begin(), topology.repartitions.end(),
                                   [&, name = topic](const auto& r) { return r.name == name && written(r); });
      if (!own) return Error{Recovery::stop_topology, "the partition count of topic '" + topic + "' is not known", ""};
    }
    for (const auto& repartition : topology.repartitions) {
      if (!written(repartition) || repartition.as_reader) continue;
      int32_t& count = known[repartition.name];
      if (!decided.contains(repartition.name)) count = std::max(count, repartition.partitions.value_or(tasks));
      plan.repartition_partitions[repartition.name] = count;
      if (by_topic.contains(repartition.name)) tasks = std::max(tasks, count);
    }
    for (const auto& topic : following) plan.repartition_partitions[topic] = known[topic] = tasks;
    for (int32_t p = 0; p < tasks; ++p) {
      PlannedTask task{{sub.name, p}, static_cast<int>(s), {}};
      for (const auto& [topic, nodes] : by_topic)
        if (p < known.at(topic)) task.inputs.push_back({{topic, p}, nodes});
      plan.tasks.push_back(std::move(task));
    }
    for (int store : sub.stores)
      if (topology.stores[store].changelogged)
        plan.changelog_partitions[topology.stores[store].changelog_topic] = tasks;
  }
  return plan;
}

}  // namespace kstreamd
