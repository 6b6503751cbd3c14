// Declarations in a line each, for the tests of core/topology.
#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "core/topology/compile.h"

namespace kstreamd::testing {

inline NodeDeclaration node(const std::string& name, const std::string& op, std::vector<std::string> from,
                            const std::string& expression = "") {
  NodeDeclaration n;
  n.name = name;
  n.operator_name = op;
  n.from = std::move(from);
  if (!expression.empty()) n.expressions = {{"", expression}};
  return n;
}

inline NodeDeclaration source(const std::string& name, const std::string& topic, const std::string& key = "string",
                              const std::string& value = "string") {
  auto n = node(name, "source", {});
  n.topics = {topic};
  n.serde = {key, value};
  return n;
}

inline NodeDeclaration sink(const std::string& name, const std::string& from, const std::string& topic,
                            const std::string& key = "string", const std::string& value = "json") {
  auto n = node(name, "sink", {from});
  n.topics = {topic};
  n.serde = {key, value};
  return n;
}

inline NodeDeclaration count(const std::string& name, std::vector<std::string> from, const std::string& store = "") {
  auto n = node(name, "count", std::move(from));
  if (!store.empty()) n.stores = {store};
  return n;
}

inline NodeDeclaration process(const std::string& name, const std::string& from, const std::string& type,
                               std::vector<std::string> stores = {}) {
  auto n = node(name, "process", {from});
  n.process_type = type;
  n.stores = std::move(stores);
  return n;
}

inline Declaration topology(std::vector<NodeDeclaration> nodes) {
  Declaration d;
  d.name = "app";
  d.nodes = std::move(nodes);
  return d;
}

// Knows the plugins "dedup" (one store), "clicks" (a window and a session store), "sort_out" (outputs good and bad) and
// "look_up" (asynchronous). An expression "bad" is refused.
class FakeTypes final : public ProcessorTypes {
 public:
  std::optional<Shape> shape(const std::string& type) const override {
    if (type == "dedup") return Shape{{}, {{"keys seen so far", StoreKind::key_value}}};
    if (type == "clicks") return Shape{{}, {{"clicks per minute", StoreKind::window}, {"", StoreKind::session}}};
    if (type == "sort_out") return Shape{{"good", "bad"}, {}};
    if (type == "look_up") return Shape{{}, {}, true};
    return std::nullopt;
  }
  std::vector<std::string> names() const override { return {"dedup", "sort_out"}; }
  std::vector<Problem> check(const std::string& type, const std::string& config) const override {
    checked.push_back(type + " " + config);
    if (type == "kstreamd.branch" && config.find("\"expr\":\"bad\"") != std::string::npos)
      return {{"/branches/0/expr", 1, 3, "bad expression", "write a good one"}};
    if (config.find("\"expr\":\"bad\"") != std::string::npos)
      return {{"/expr", 1, 3, "bad expression", "write a good one"}};
    return {};
  }
  std::string where_plugins_are() const override { return "/plugins"; }

  mutable std::vector<std::string> checked;
};

inline const Node& find(const Topology& t, const std::string& name) {
  auto at = std::find_if(t.nodes.begin(), t.nodes.end(), [&](const Node& n) { return n.name == name; });
  if (at == t.nodes.end()) throw std::runtime_error("no node " + name);
  return *at;
}

inline std::vector<std::string> names(const Topology& t, const std::vector<int>& nodes) {
  std::vector<std::string> out;
  for (int n : nodes) out.push_back(t.nodes[n].name);
  return out;
}

// The names of an output's children.
inline std::vector<std::string> children(const Topology& t, const std::string& node, size_t output = 0) {
  std::vector<int> nodes;
  for (const Edge& child : find(t, node).children.at(output)) nodes.push_back(child.node);
  return names(t, nodes);
}

}  // namespace kstreamd::testing
