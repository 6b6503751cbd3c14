// Names of places in the log.
#pragma once
#include <charconv>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

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
  // The task of a text(); nullopt: it is nobody's.
  static std::optional<TaskId> parse(std::string_view text) {
    const size_t dash = text.rfind('-');
    if (dash == std::string_view::npos || dash == 0) return std::nullopt;
    TaskId id{std::string(text.substr(0, dash)), 0};
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + dash + 1, end, id.partition);
    if (error != std::errc() || stop != end || id.partition < 0) return std::nullopt;
    return id;
  }
};

}  // namespace kstreamd

template <>
struct std::hash<kstreamd::TopicPartition> {
  size_t operator()(const kstreamd::TopicPartition& p) const noexcept {
    return std::hash<std::string>()(p.topic) * 31 + static_cast<size_t>(p.partition);
  }
};
