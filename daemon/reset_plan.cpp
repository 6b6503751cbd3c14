#include "daemon/reset_plan.h"

#include <algorithm>
#include <map>
#include <set>

namespace kstreamd {
namespace {

constexpr Duration kTimeout = std::chrono::seconds(30);

std::set<std::string> internal_topics(const Topology& topology) {
  std::set<std::string> names{topology.tasks_topic()};
  for (const auto& store : topology.stores)
    if (!store.changelog_topic.empty()) names.insert(store.changelog_topic);
  for (const auto& repartition : topology.repartitions) names.insert(repartition.name);
  return names;
}

bool looks_internal(const std::string& name, const std::string& topology) {
  return name.starts_with(topology + "-") && (name.ends_with("-changelog") || name.ends_with("-repartition"));
}

// By source topic, what its nodes say about beginning.
std::map<std::string, OffsetReset> reset_policies(const Topology& topology) {
  std::map<std::string, OffsetReset> policies;
  for (const auto& node : topology.nodes)
    for (const auto& topic : node.topics) policies.emplace(topic, node.reset);
  return policies;
}

std::vector<TopicPartition> partitions_of(const TopicInfo& topic) {
  std::vector<TopicPartition> partitions;
  for (int32_t p = 0; p < topic.partitions; ++p) partitions.push_back({topic.name, p});
  return partitions;
}

// The topology with the topics that there are for the patterns of its sources.
Result<Topology> with_topics(const Topology& topology, Admin& admin) {
  if (!topology.has_patterns()) return topology;
  auto listed = admin.list(kTimeout);
  if (!listed) return std::move(listed).error();
  std::vector<std::string> names;
  for (const auto& topic : *listed) names.push_back(topic.name);
  std::vector<GraphProblem> problems;  // a topic that two sources read is reset once
  return with_pattern_topics(topology, names, problems);
}

Status plan_offsets(const Topology& declared, const ResetTarget& target, Admin& admin, ResetPlan& plan) {
  auto resolved = with_topics(declared, admin);
  if (!resolved) return std::move(resolved).error();
  const Topology& topology = *resolved;
  const auto policies = reset_policies(topology);
  auto described = admin.describe(topology.source_topics(), kTimeout);
  if (!described) return std::move(described).error();
  for (const auto& topic : *described) {
    if (!topic.exists) {
      plan.missing.push_back(topic.name);
      continue;
    }
    const auto partitions = partitions_of(topic);
    auto committed = admin.group_offsets(topology.name, partitions, kTimeout);
    if (!committed) return std::move(committed).error();
    std::map<TopicPartition, int64_t> at;
    for (const auto& offset : *committed) at[offset.partition] = offset.offset;
    for (const auto& partition : partitions) {
      auto marks = admin.watermarks(partition, kTimeout);
      if (!marks) return std::move(marks).error();
      ResetOffset change{partition, {at[partition], marks->low, marks->high, {}, policies.at(topic.name)}, {}};
      if (target.kind == ResetTarget::Kind::time) {
        auto offset = admin.offset_at(partition, target.number, kTimeout);
        if (!offset) return std::move(offset).error();
        change.facts.at_time = *offset;
      }
      change.to = new_offset(target, change.facts);
      plan.offsets.push_back(std::move(change));
    }
  }
  return {};
}

Status plan_topics(const Topology& topology, const std::vector<std::string>& more, Admin& admin, ResetPlan& plan) {
  auto internal = internal_topics(topology);
  for (const auto& name : more) {
    if (!looks_internal(name, topology.name))
      return Error{Recovery::stop_topology,
                   "'" + name + "' is not the name of an internal topic of topology '" + topology.name + "'",
                   "such names begin with '" + topology.name + "-' and end with -changelog or -repartition"};
    internal.insert(name);
  }
  auto all = admin.list(kTimeout);
  if (!all) return std::move(all).error();
  for (const auto& topic : *all) {
    if (!internal.contains(topic.name)) {
      if (looks_internal(topic.name, topology.name)) plan.similar.push_back(topic);
      continue;
    }
    plan.topics.push_back(topic);
    auto committed = admin.group_offsets(topology.name, partitions_of(topic), kTimeout);
    if (!committed) return std::move(committed).error();
    for (const auto& offset : *committed)
      if (offset.offset >= 0) plan.dropped.push_back({offset.partition, -1, ""});
  }
  const auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
  std::sort(plan.topics.begin(), plan.topics.end(), by_name);
  std::sort(plan.similar.begin(), plan.similar.end(), by_name);
  return {};
}

std::string counted(size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace

Result<ResetPlan> plan_reset(const Topology& topology, const ResetTarget& target,
                             const std::vector<std::string>& more_topics, Admin& admin, StateBackend* state) {
  ResetPlan plan;
  plan.topology = topology.name;
  plan.tasks_topic = topology.tasks_topic();
  plan.sinks = topology.sink_topics();
  auto members = admin.group_members(topology.name, kTimeout);
  if (!members) return std::move(members).error();
  plan.members = std::move(*members);
  KSTREAMD_TRY(plan_offsets(topology, target, admin, plan));
  KSTREAMD_TRY(plan_topics(topology, more_topics, admin, plan));
  if (state) {
    auto kept = state->kept(topology.name);
    if (!kept) return std::move(kept).error();
    plan.state = std::move(*kept);
  }
  return plan;
}

// Offsets come first: the log refuses them while somebody is in the group, and then nothing has been touched.
Status execute_reset(const ResetPlan& plan, Admin& admin, StateBackend* state,
                     const std::function<void(const std::string& step)>& done) {
  std::vector<PartitionOffset> offsets = plan.dropped;
  for (const auto& change : plan.offsets) offsets.push_back({change.partition, change.to.offset, ""});
  if (!offsets.empty()) KSTREAMD_TRY(admin.set_group_offsets(plan.topology, offsets, kTimeout));
  done("offsets of " + counted(plan.offsets.size(), "partition") + " set");
  std::vector<std::string> names;
  for (const auto& topic : plan.topics) names.push_back(topic.name);
  if (!names.empty()) KSTREAMD_TRY(admin.remove(names, kTimeout));
  done(counted(names.size(), "internal topic") + " deleted");
  for (const auto& kept : plan.state) KSTREAMD_TRY(state->wipe(plan.topology, kept.task));
  done("local state of " + counted(plan.state.size(), "task") + " removed");
  return {};
}

Status expel_members(const ResetPlan& plan, Admin& admin) {
  for (const auto& member : plan.members) {
    if (member.instance_id.empty())
      return Error{Recovery::stop_topology,
                   "the member " + member.member_id + " of group '" + plan.topology + "' cannot be removed",
                   "only static members can be, and those of kstreamd are; stop whoever it is"};
    KSTREAMD_TRY(admin.expel({plan.topology, member.instance_id, plan.tasks_topic}, kTimeout));
  }
  return {};
}

}  // namespace kstreamd
