// Which tasks a topology has: a pure function of the topology and of the partition counts of its topics, so that every
// instance comes to the same list. A task's index is its partition of the internal tasks topic.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/record/topic_partition.h"
#include "core/topology/topology.h"

namespace kstreamd {

// One partition that a task reads, and the source nodes that its records go to.
struct TaskInput {
  TopicPartition partition;
  std::vector<int> source_nodes;
};

struct PlannedTask {
  TaskId id;
  int sub_topology = 0;
  std::vector<TaskInput> inputs;
};

struct TaskPlan {
  std::vector<PlannedTask> tasks;                         // by sub-topology (upstream first), then partition
  std::map<std::string, int32_t> repartition_partitions;  // by repartition topic
  std::map<std::string, int32_t> changelog_partitions;    // by changelog topic
};

// `partitions` holds the partition count of each source topic. A repartition topic gets as many partitions as asked
// for, else as many as the topics that its records meet those of (copartition.h), else the greatest count of those that
// its writer reads.
Result<TaskPlan> plan_tasks(const Topology& topology, const std::map<std::string, int32_t>& partitions);

}  // namespace kstreamd
