// Whether an internal topic that exists keeps what the topology puts into it. Pure decisions.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace kstreamd {

using TopicConfigs = std::map<std::string, std::string>;

// What an internal topic is for, and how kstreamd would make it.
struct WantedTopic {
  enum class Kind { changelog, repartition };
  Kind kind = Kind::changelog;
  TopicConfigs configs;
  std::set<std::string> asked;  // the settings among them that the operator chose
  // Of a changelog of windows or sessions: for how long a row is needed. 0: rows are needed until they are deleted.
  std::chrono::milliseconds needed{0};
};

struct TopicDifference {
  std::string setting;
  std::string found;   // "not set", when it is not
  std::string wanted;  // as a value
  bool loses = false;  // with it, data is lost or changed: the topology must not run
  std::string reason;  // what follows from it
};

// What the operator asked for is compared by value, and is never a loss where it is as asked. `found` may leave out
// settings: they are then those that delete nothing.
std::vector<TopicDifference> compare_topic(const WantedTopic& wanted, const TopicConfigs& found);

}  // namespace kstreamd
