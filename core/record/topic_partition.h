// Names of places in the log.
#pragma once
#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace kstreamd {

struct TopicPartition {
  std::string topic;
  int32_t partition = 0;
  auto operator<=>(const TopicPartition&) const = default;
  std::string text() const { return topic + "-" + std::to_string(partition); }
};

// The next offset to be read of a partition, with the metadata text committed beside it.
struct PartitionOffset {
  TopicPartition partition;
  int64_t offset = -1;
  std::string metadata;
};

// A task: one partition of one sub-topology. Its sub-topology is named after the first source node in file order, so
// that adding nodes renames nothing.
struct TaskId {
  std::string sub_topology;
  int32_t partition = 0;
  auto operator<=>(const TaskId&) const = default;
  std::string text() const { return sub_topology + "-" + std::to_string(partition); }
};

}  // namespace kstreamd

template <>
struct std::hash<kstreamd::TopicPartition> {
  size_t operator()(const kstreamd::TopicPartition& p) const noexcept {
    return std::hash<std::string>()(p.topic) * 31 + static_cast<size_t>(p.partition);
  }
};
