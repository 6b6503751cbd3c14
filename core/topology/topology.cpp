#include "core/topology/topology.h"

#include <set>

namespace kstreamd {

std::vector<std::string> Topology::source_topics() const {
  std::set<std::string> topics;
  for (const auto& node : nodes)
    if (node.operator_name == "source") topics.insert(node.topics.begin(), node.topics.end());
  for (const auto& table : global_tables) topics.insert(table.topic);
  return {topics.begin(), topics.end()};
}

std::vector<std::string> Topology::sink_topics() const {
  std::set<std::string> topics;
  for (const auto& node : nodes)
    if (node.operator_name == "sink") topics.insert(node.topics.begin(), node.topics.end());
  if (!dead_letter_topic.empty()) topics.insert(dead_letter_topic);
  return {topics.begin(), topics.end()};
}

StoreKind kind_of(const std::string& type) {
  if (type == "window") return StoreKind::window;
  if (type == "session") return StoreKind::session;
  return type == "versioned" ? StoreKind::versioned : StoreKind::key_value;
}

}  // namespace kstreamd
