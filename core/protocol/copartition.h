// Which topics must have equal partition counts, because records of one key from all of them meet in one task: those
// that the sides of a join, or the inputs of a cogroup, come from.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/topology/topology.h"

namespace kstreamd {

struct Copartition {
  int node = -1;  // that they meet at, in Topology::nodes
  std::vector<std::string> topics;
};

std::vector<Copartition> copartitions(const Topology& topology);

// Makes equal what can be, in each of the groups: repartition topics for which no count was asked get that of the
// others, else the greatest. `partitions` holds the counts of what is known. An error names topics that cannot meet,
// and the way out.
Status copartition(const Topology& topology, const std::vector<Copartition>& groups,
                   std::map<std::string, int32_t>& partitions);

}  // namespace kstreamd
