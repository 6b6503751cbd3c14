// optimize: merge_repartition_topics
#include <catch2/catch.hpp>

#include "tests/unit/topology/declare.h"

namespace kstreamd {
namespace {

using namespace kstreamd::testing;
using Names = std::vector<std::string>;

Topology merged(std::vector<NodeDeclaration> nodes) {
  auto declaration = topology(std::move(nodes));
  declaration.merge_repartition_topics = true;
  auto result = compile(declaration, FakeTypes());
  for (const auto& problem : result.problems) UNSCOPED_INFO(problem.node << ": " << problem.message);
  REQUIRE(result.topology.has_value());
  return *result.topology;
}

Names topics(const Topology& t) {
  Names names;
  for (const auto& topic : t.repartitions) names.push_back(topic.name);
  return names;
}

NodeDeclaration join(const std::string& name, const std::string& from, const std::string& with, JoinType type) {
  auto declared = node(name, "join", {from});
  declared.join = JoinDeclaration{with, type, std::chrono::seconds(5), std::chrono::seconds(5), std::nullopt};
  declared.expressions = {{"value", "left"}};
  return declared;
}

// A stream with a key of its own making, and what reads it.
std::vector<NodeDeclaration> below_a_key(std::vector<NodeDeclaration> nodes) {
  nodes.insert(nodes.begin(), {source("in", "in"), node("keyed", "select_key", {"in"}, "e")});
  return nodes;
}

NodeDeclaration with_serde(NodeDeclaration declared, SerdeChoice serde) {
  declared.serde = std::move(serde);
  return declared;
}

std::vector<std::pair<std::string, uint32_t>> edges(const Topology& t, const std::string& from) {
  std::vector<std::pair<std::string, uint32_t>> found;
  for (const Edge& edge : find(t, from).children.at(0)) found.emplace_back(t.nodes[edge.node].name, edge.input);
  return found;
}

TEST_CASE("nodes that read the same records through a topic share the first one's") {
  const auto nodes = below_a_key({count("first", {"keyed"}), count("second", {"keyed"}), source("other", "other"),
                                  join("third", "keyed", "other", JoinType::inner)});
  const auto t = merged(nodes);
  CHECK(topics(t) == Names{"app-first-repartition"});
  CHECK(t.repartitions[0].readers == Names{"first", "second", "third"});
  CHECK(children(t, "keyed") == Names{"first-repartition-sink"});  // each record is written once
  CHECK(edges(t, "first-repartition-source") ==
        std::vector<std::pair<std::string, uint32_t>>{{"first", 0}, {"second", 0}, {"third", 0}});
  REQUIRE(t.sub_topologies.size() == 2);
  CHECK(t.sub_topologies[1].name == "first");
  CHECK(names(t, t.sub_topologies[1].sources) == Names{"first-repartition-source", "other"});

  const auto apart = compile(topology(nodes), FakeTypes());
  REQUIRE(apart.topology);
  CHECK(topics(*apart.topology) ==
        Names{"app-first-repartition", "app-second-repartition", "app-third-left-repartition"});
}

TEST_CASE("topics that hold something else stay apart") {
  SECTION("written by other serdes") {
    CHECK(merged(below_a_key({with_serde(count("a", {"keyed"}), {"string", ""}), count("b", {"keyed"})}))
              .repartitions.size() == 2);
  }
  SECTION("of other nodes") {
    CHECK(merged(below_a_key({node("some", "filter", {"keyed"}, "e"), count("a", {"keyed"}), count("b", {"some"})}))
              .repartitions.size() == 2);
  }
  SECTION("with keys made for one node") {
    auto a = count("a", {"in"}), b = count("b", {"in"});
    a.group_by = b.group_by = GroupByDeclaration{"e", std::nullopt};
    CHECK(merged({source("in", "in"), a, b}).repartitions.size() == 2);
  }
  SECTION("asked for by a node of the file") {
    CHECK(merged(below_a_key(
                     {node("a", "repartition", {"keyed"}), node("b", "repartition", {"keyed"}), count("c", {"keyed"})}))
              .repartitions.size() == 3);
  }
  SECTION("whose records are treated otherwise when they fail") {
    auto b = count("b", {"keyed"});
    b.on_error.production = ErrorAction::skip;
    CHECK(merged(below_a_key({count("a", {"keyed"}), b})).repartitions.size() == 2);
  }
}

TEST_CASE("records without a key cross a shared topic where one of its readers wants them") {
  const auto with = [](JoinType type) {
    return merged(below_a_key({count("a", {"keyed"}), source("other", "other"), join("b", "keyed", "other", type)}));
  };
  CHECK(find(with(JoinType::inner), "a-repartition-sink").drops_null_keys);
  CHECK_FALSE(find(with(JoinType::left), "a-repartition-sink").drops_null_keys);
}

TEST_CASE("both sides of a join of a stream with itself come through one topic, the left one first") {
  const auto sides = [](JoinType type) { return merged(below_a_key({join("j", "keyed", "keyed", type)})); };
  const auto left = sides(JoinType::left), right = sides(JoinType::right);
  CHECK(topics(left) == Names{"app-j-left-repartition"});
  CHECK(left.repartitions[0].readers == Names{"j"});
  CHECK(children(left, "keyed") == Names{"j-left-repartition-sink"});
  using Edges = std::vector<std::pair<std::string, uint32_t>>;
  CHECK(edges(left, "j-left-repartition-source") == Edges{{"j", 0}, {"j", 1}});
  CHECK(edges(right, "j-left-repartition-source") == Edges{{"j", 1}, {"j", 0}});  // the left one of a left join
}

}  // namespace
}  // namespace kstreamd
