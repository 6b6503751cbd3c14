// Random topologies with their inputs, all of it decided by a seed: operators of all kinds below each other, with ways
// that part and meet again at nodes, stores, sinks and topics.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/testing/topology_test_driver.h"

namespace kstreamd::batches {

// Records that are all there before the first is taken up, then a commit; then the wall clock is turned.
struct Step {
  std::vector<InputRecord> records;
  std::chrono::milliseconds advance{0};
};

struct RandomTopology {
  std::string yaml;
  std::map<std::string, int32_t> partitions;  // of topics
  std::vector<Step> steps;
  bool by_key = false;  // only the order of records of one key is anybody's promise
};

RandomTopology random_topology(uint64_t seed);

}  // namespace kstreamd::batches
