// What is said and counted when the local state of a task is wiped and rebuilt, whoever found that it has to be.
#pragma once
#include <cstdint>
#include <string>

#include "core/base/result.h"
#include "core/ports/metrics.h"
#include "core/record/topic_partition.h"

namespace kstreamd {

// Where in a changelog that was found.
struct RebuildPlace {
  std::string store;
  TopicPartition changelog;
  int64_t offset = 0;
};

// `place` may be null: it was not found by a changelog.
void say_rebuild(Metrics& metrics, const std::string& topology, const TaskId& task, const Error& cause,
                 const RebuildPlace* place = nullptr);

}  // namespace kstreamd
