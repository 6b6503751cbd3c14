// Where a worker's tasks write: its producer, and the handles of every topic that the topology writes.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "core/ports/cluster.h"
#include "core/topology/topology.h"

namespace kstreamd {

// Topics are numbered once per topology, so that nodes keep a number while producers come and go.
class OutputTopics {
 public:
  explicit OutputTopics(const Topology& topology) {
    for (const auto& node : topology.nodes)
      if (node.kind == NodeKind::sink)
        for (const auto& topic : node.topics) add(topic);
    for (const auto& store : topology.stores)
      if (store.changelogged) add(store.changelog_topic);
    if (!topology.dead_letter_topic.empty()) add(topology.dead_letter_topic);
  }
  const std::vector<std::string>& names() const { return names_; }
  int number(const std::string& topic) const { return numbers_.at(topic); }

 private:
  void add(const std::string& topic) {
    if (numbers_.try_emplace(topic, static_cast<int>(names_.size())).second) names_.push_back(topic);
  }
  std::vector<std::string> names_;
  std::map<std::string, int> numbers_;
};

// The worker's current producer, as its tasks see it. The worker replaces all members together; tasks use it only while
// they process or commit, and add to the last.
struct Outputs {
  Producer* producer = nullptr;
  std::vector<TopicHandle> handles;                       // by OutputTopics number
  std::map<std::string, TopicHandle, std::less<>> named;  // those that records have named
};

}  // namespace kstreamd
