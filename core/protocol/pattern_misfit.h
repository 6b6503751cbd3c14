// Topics that have come to fit a pattern and have more partitions than there are tasks to read them. The number of
// tasks stays what it was when the topology first ran: its changelogs, its repartition topics and the topic by which
// tasks are shared out have that many partitions, and each instance has to count alike.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/base/result.h"
#include "core/topology/topology.h"

namespace kstreamd {

// Pure. `topology` has the topics of its patterns (with_pattern_topics), `partitions` the counts of all topics that
// exist. The error (retry_topology: it passes once the topics have changed) names a topic, both counts and the ways
// out; nullopt: there is no such topic, or the topology has never run.
std::optional<Error> pattern_misfit(const Topology& topology, const std::map<std::string, int32_t>& partitions);

}  // namespace kstreamd
