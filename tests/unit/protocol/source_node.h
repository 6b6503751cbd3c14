// What the tests of core/protocol make topologies of.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "core/topology/topology.h"

namespace kstreamd {

inline Node source(std::string name, std::vector<std::string> topics, int sub_topology) {
  Node node;
  node.name = std::move(name);
  node.kind = NodeKind::source;
  node.topics = std::move(topics);
  node.sub_topology = sub_topology;
  return node;
}

}  // namespace kstreamd
