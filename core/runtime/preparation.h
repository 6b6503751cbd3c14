// What is settled before a topology joins its group: that its topics exist, which tasks there are, that the internal
// topics are there and fit.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/protocol/task_plan.h"
#include "core/runtime/topology_runtime.h"

namespace kstreamd {

struct Preparation {
  TaskPlan plan;
  std::string cluster_id;
  std::string instance_id;
  // Drain: the end of each source partition as it is now.
  std::map<TopicPartition, int64_t> source_ends;
};

// Blocks on the cluster for up to some seconds a request. Creates missing internal topics. An error says which topic is
// missing, or differs and how.
Result<Preparation> prepare(const Topology& topology, const RuntimePorts& ports, const RuntimeOptions& options);

}  // namespace kstreamd
