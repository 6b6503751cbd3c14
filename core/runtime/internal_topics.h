// The internal topics of a topology: how they are made, and whether those that exist will do.
#pragma once
#include <optional>
#include <vector>

#include "core/base/result.h"
#include "core/ports/cluster.h"
#include "core/protocol/task_plan.h"
#include "core/protocol/topic_check.h"
#include "core/runtime/topology_runtime.h"

namespace kstreamd {

struct InternalTopic {
  TopicSpec spec;
  std::optional<WantedTopic> wanted;  // nullopt: nobody reads its records
};

// Of the stores' changelogs, the repartitions and the tasks. What a store's `topic_config` says beats
// RuntimeOptions::internal_topic_configs, which beats kstreamd's own.
std::vector<InternalTopic> internal_topics(const Topology& topology, const TaskPlan& plan,
                                           const RuntimeOptions& options);

// An error (stop_topology) when a topic that exists has another number of partitions, or settings with which data would
// be lost; it says which, and how to mend that. Other differences are logged.
Status check_internal_topic(const Topology& topology, const InternalTopic& topic, int32_t partitions, Admin& admin,
                            const RuntimeOptions& options);

}  // namespace kstreamd
