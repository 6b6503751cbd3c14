#include "core/topology/topology.h"

#include <algorithm>
#include <map>
#include <regex>
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

bool Topology::has_patterns() const {
  return std::any_of(nodes.begin(), nodes.end(), [](const Node& node) { return !node.pattern.empty(); });
}

bool Topology::has_named_topics() const {
  return std::any_of(nodes.begin(), nodes.end(),
                     [](const Node& node) { return node.kind == NodeKind::sink && node.topics.empty(); });
}

bool Topology::is_internal(const std::string& topic) const {
  return topic == tasks_topic() ||
         std::any_of(repartitions.begin(), repartitions.end(), [&](const auto& r) { return r.name == topic; }) ||
         std::any_of(stores.begin(), stores.end(), [&](const auto& s) { return s.changelog_topic == topic; });
}

Topology with_pattern_topics(const Topology& topology, const std::vector<std::string>& existing,
                             std::vector<GraphProblem>& problems) {
  Topology resolved = topology;
  std::map<std::string, std::string> readers;  // topic -> node
  for (const auto& node : topology.nodes)
    if (node.kind == NodeKind::source && node.pattern.empty())
      for (const auto& topic : node.topics) readers.emplace(topic, node.name);
  const std::set<std::string> topics(existing.begin(), existing.end());
  for (auto& node : resolved.nodes) {
    if (node.pattern.empty()) continue;
    node.topics.clear();
    const std::regex pattern(node.pattern, std::regex::ECMAScript);  // it was checked where it was read
    for (const auto& topic : topics) {
      if (topology.is_internal(topic) || !std::regex_match(topic, pattern)) continue;
      const auto [reader, fresh] = readers.emplace(topic, node.name);
      if (fresh)
        node.topics.push_back(topic);
      else
        problems.push_back({node.name, "/source/pattern",
                            "topic '" + topic + "' fits the pattern of source '" + node.name + "', and source '" +
                                reader->second + "' reads it already",
                            "let the pattern leave it out"});
    }
  }
  return resolved;
}

StoreKind kind_of(const std::string& type) {
  if (type == "window") return StoreKind::window;
  if (type == "session") return StoreKind::session;
  return type == "versioned" ? StoreKind::versioned : StoreKind::key_value;
}

}  // namespace kstreamd
