// What a reset of a topology changes on the cluster and in the state folder, and the doing of it.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/ports/cluster.h"
#include "core/ports/state.h"
#include "core/topology/topology.h"
#include "daemon/reset_target.h"

namespace kstreamd {

struct ResetOffset {
  TopicPartition partition;
  OffsetFacts facts;
  NewOffset to;
};

struct ResetPlan {
  std::string topology;  // and the group's id
  std::string tasks_topic;
  std::vector<GroupMemberInfo> members;  // of the group, now
  std::vector<ResetOffset> offsets;      // of the source topics
  std::vector<std::string> missing;      // source topics that do not exist
  std::vector<TopicInfo> topics;         // internal ones, to be deleted
  std::vector<TopicInfo> similar;        // that look like internal ones of an earlier form of the topology: they stay
  std::vector<PartitionOffset> dropped;  // committed offsets of internal topics: they go with these
  std::vector<std::string> sinks;        // which stay as they are
  std::vector<KeptState> state;
};

// Looks and changes nothing. `more_topics`: internal topics to be deleted that the topology does not have any more; a
// name that cannot be one of its own is refused. `state` may be null: there is none.
Result<ResetPlan> plan_reset(const Topology& topology, const ResetTarget& target,
                             const std::vector<std::string>& more_topics, Admin& admin, StateBackend* state);

// Does it; `done` is told of each step as it is finished. The group must have no members. After an error, or a kill,
// the same reset done again finishes the work.
Status execute_reset(const ResetPlan& plan, Admin& admin, StateBackend* state,
                     const std::function<void(const std::string& step)>& done);

// Ends the memberships of the plan's static members. An error names one that cannot be ended.
Status expel_members(const ResetPlan& plan, Admin& admin);

}  // namespace kstreamd
