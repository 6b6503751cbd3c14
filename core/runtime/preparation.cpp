#include "core/runtime/preparation.h"

#include <algorithm>

#include "core/base/log.h"
#include "core/runtime/internal_topics.h"

namespace kstreamd {
namespace {

constexpr Duration request_timeout = std::chrono::seconds(5);
constexpr Duration create_timeout = std::chrono::seconds(20);

using Partitions = std::map<std::string, int32_t>;

Result<Partitions> partitions_of(Admin& admin, const std::vector<std::string>& topics) {
  Partitions found;
  if (topics.empty()) return found;
  auto described = admin.describe(topics, request_timeout);
  if (!described) return std::move(described).error();
  for (const auto& topic : *described)
    if (topic.exists) found[topic.name] = topic.partitions;
  return found;
}

// The user's topics: they must exist, but for the embedded log, which makes them.
Result<Partitions> user_topics(const Topology& topology, const RuntimePorts& ports, const RuntimeOptions& options) {
  std::vector<std::string> wanted = topology.source_topics();
  const auto sources = wanted;
  const auto sinks = topology.sink_topics();
  wanted.insert(wanted.end(), sinks.begin(), sinks.end());
  auto found = partitions_of(ports.cluster.admin(), wanted);
  if (!found) return found;
  std::vector<TopicSpec> missing;
  for (const auto& topic : wanted)
    if (!found->contains(topic)) missing.push_back({topic, options.create_topics_with, -1, {}});
  if (missing.empty()) return found;
  if (options.create_topics_with == 0) {
    const auto& name = missing.front().name;
    const bool source = std::find(sources.begin(), sources.end(), name) != sources.end();
    return Error{Recovery::retry_topology,
                 "topology '" + topology.name + "': " + (source ? "source" : "sink") + " topic '" + name +
                     "' does not exist" +
                     (missing.size() > 1 ? ", nor do " + std::to_string(missing.size() - 1) + " others" : ""),
                 "create it, for example with: kstreamd produce " + name + " --create 4 </dev/null"};
  }
  KSTREAMD_TRY(ports.cluster.admin().create(missing, create_timeout));
  return partitions_of(ports.cluster.admin(), wanted);
}

// Whether the topic of tasks was among those that were missing.
Result<bool> create_internal_topics(const Topology& topology, const TaskPlan& plan, Admin& admin,
                                    const RuntimeOptions& options) {
  const auto wanted = internal_topics(topology, plan, options);
  std::vector<std::string> names;
  for (const auto& topic : wanted) names.push_back(topic.spec.name);
  auto found = partitions_of(admin, names);
  if (!found) return std::move(found).error();
  std::vector<TopicSpec> missing;
  for (const auto& topic : wanted) {
    auto existing = found->find(topic.spec.name);
    if (existing == found->end())
      missing.push_back(topic.spec);
    else
      KSTREAMD_TRY(check_internal_topic(topology, topic, existing->second, admin, options));
  }
  if (missing.empty()) return false;
  for (const auto& spec : missing)
    log(LogLevel::info, "creating an internal topic",
        {{"topology", topology.name}, {"topic", spec.name}, {"partitions", spec.partitions}});
  KSTREAMD_TRY(admin.create(missing, create_timeout));
  return std::any_of(missing.begin(), missing.end(),
                     [&](const TopicSpec& spec) { return spec.name == topology.tasks_topic(); });
}

}  // namespace

Result<Preparation> prepare(const Topology& topology, const RuntimePorts& ports, const RuntimeOptions& options) {
  Admin& admin = ports.cluster.admin();
  auto partitions = user_topics(topology, ports, options);
  if (!partitions) return std::move(partitions).error();
  Preparation done;
  auto plan = plan_tasks(topology, *partitions);
  if (!plan) return std::move(plan).error();
  done.plan = std::move(*plan);
  const auto made_tasks = create_internal_topics(topology, done.plan, admin, options);
  if (!made_tasks) return made_tasks.error();
  auto cluster_id = admin.cluster_id(request_timeout);
  if (!cluster_id) return std::move(cluster_id).error();
  done.cluster_id = std::move(*cluster_id);
  auto instance_id = ports.state.instance_id(topology.name);
  if (!instance_id) return std::move(instance_id).error();
  done.instance_id = std::move(*instance_id);
  // A membership from before would be given the tasks that it had, without the group being asked: more than those would
  // be nobody's.
  if (*made_tasks) KSTREAMD_TRY(admin.expel({topology.name, done.instance_id, topology.tasks_topic()}, create_timeout));
  if (options.drain)
    for (const auto& topic : topology.source_topics())
      for (int32_t p = 0; p < partitions->at(topic); ++p) {
        auto marks = admin.watermarks({topic, p}, request_timeout);
        if (!marks) return std::move(marks).error();
        done.source_ends[{topic, p}] = marks->high;
      }
  return done;
}

}  // namespace kstreamd
