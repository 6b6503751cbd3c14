#include "core/protocol/pattern_misfit.h"

#include <algorithm>
#include <vector>

#include "core/protocol/task_plan.h"

namespace kstreamd {
namespace {

using Partitions = std::map<std::string, int32_t>;

// The source that reads the topic by its pattern; null: none does.
const Node* pattern_source(const Topology& topology, const std::string& topic) {
  for (const auto& node : topology.nodes)
    if (!node.pattern.empty() && std::find(node.topics.begin(), node.topics.end(), topic) != node.topics.end())
      return &node;
  return nullptr;
}

// Of the topics that fit patterns the one with the most partitions; empty: there is none.
std::string widest(const Topology& topology, const Partitions& partitions) {
  std::string found;
  int32_t most = -1;
  for (const auto& [topic, count] : partitions)
    if (count > most && pattern_source(topology, topic)) {
      most = count;
      found = topic;
    }
  return found;
}

// An internal topic that exists, and would need more partitions; empty: none would.
std::string too_narrow(const TaskPlan& plan, const Partitions& partitions) {
  for (const auto* wanted : {&plan.changelog_partitions, &plan.repartition_partitions})
    for (const auto& [topic, count] : *wanted)
      if (const auto found = partitions.find(topic); found != partitions.end() && found->second < count) return topic;
  return "";
}

std::string ways_out(const Topology& topology, const TaskPlan& plan, const Partitions& partitions, size_t tasks) {
  const std::string leave = "let the pattern leave the topic out, or make the topic anew with no more than " +
                            std::to_string(tasks) + " partitions; ";
  if (const auto internal = too_narrow(plan, partitions); !internal.empty())
    return leave + "to read it as it is, stop all instances and begin anew with kstreamd reset, for internal topic '" +
           internal + "' has " + std::to_string(partitions.at(internal)) + " partitions and cannot get more";
  return leave + "to read it as it is, stop all instances, remove topic '" + topology.tasks_topic() +
         "' and start them again: it is made with as many partitions as there are tasks then";
}

}  // namespace

std::optional<Error> pattern_misfit(const Topology& topology, const Partitions& partitions) {
  const auto known = partitions.find(topology.tasks_topic());
  if (known == partitions.end()) return std::nullopt;
  const auto fits = [&](const TaskPlan& plan) { return plan.tasks.size() <= static_cast<size_t>(known->second); };
  const auto wanted = plan_tasks(topology, partitions);
  if (!wanted || fits(*wanted)) return std::nullopt;

  // What could be read with the tasks that there are.
  Partitions rest = partitions;
  const std::string topic = widest(topology, rest);
  if (topic.empty()) return std::nullopt;  // it is another topic that has grown
  size_t tasks = 0;
  for (std::string next = topic; !next.empty(); next = widest(topology, rest)) {
    rest.erase(next);
    std::vector<std::string> names;
    for (const auto& [name, count] : rest) names.push_back(name);
    std::vector<GraphProblem> problems;
    const Topology narrower = with_pattern_topics(topology, names, problems);
    const auto plan = plan_tasks(narrower, rest);
    if (!plan || !fits(*plan)) continue;
    const int reader = pattern_source(topology, topic)->sub_topology;
    tasks = static_cast<size_t>(std::count_if(plan->tasks.begin(), plan->tasks.end(),
                                              [&](const PlannedTask& task) { return task.sub_topology == reader; }));
    break;
  }
  const Node& source = *pattern_source(topology, topic);
  return Error{Recovery::retry_topology,
               "topology '" + topology.name + "': topic '" + topic + "', which fits the pattern '" + source.pattern +
                   "' of source '" + source.name + "', has " + std::to_string(partitions.at(topic)) +
                   " partitions, and there are " + std::to_string(tasks) + " tasks to read it",
               ways_out(topology, *wanted, partitions, tasks)};
}

}  // namespace kstreamd
