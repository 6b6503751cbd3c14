// Which tables keep rows, which send old values, and how joins look into them.
#include <catch2/catch.hpp>

#include "tests/unit/topology/declare.h"

namespace kstreamd {
namespace {

using namespace testing;
using Names = std::vector<std::string>;

NodeDeclaration table(const std::string& name, const std::string& store = "") {
  auto n = node(name, "table", {});
  n.topics = {name};
  n.serde = {"string", "string"};
  if (!store.empty()) n.stores = {store};
  return n;
}

NodeDeclaration stored(NodeDeclaration n) {
  n.stores = {n.name + "-rows"};
  return n;
}

NodeDeclaration join(const std::string& name, const std::string& left, const std::string& right,
                     JoinType type = JoinType::inner) {
  auto n = node(name, "join", {left});
  n.join = JoinDeclaration{right, type, {}, {}, {}};
  n.expressions = {{"value", "right"}};
  return n;
}

NodeDeclaration grouped(const std::string& name, const std::string& from) {
  auto n = node(name, "count", {from});
  n.group_by = GroupByDeclaration{"value", "value"};
  return n;
}

Topology made(std::vector<NodeDeclaration> nodes, std::vector<StoreDeclaration> stores = {}) {
  auto declaration = topology(std::move(nodes));
  declaration.stores = std::move(stores);
  const auto compiled = compile(declaration, FakeTypes());
  for (const auto& problem : compiled.problems) FAIL_CHECK(problem.node + problem.pointer + ": " + problem.message);
  REQUIRE(compiled.topology);
  return *compiled.topology;
}

Names stores(const Topology& t, const std::string& name) {
  Names out;
  for (int store : find(t, name).stores) out.push_back(t.stores[static_cast<size_t>(store)].name);
  return out;
}

TEST_CASE("a table without a named store keeps rows where a node below needs them") {
  const auto plain = made({table("t"), node("f", "filter", {"t"}, "e"), node("m", "map_values", {"f"}, "e")});
  CHECK(plain.stores.empty());
  CHECK(find(plain, "t").config == "{}");
  CHECK(find(plain, "f").config == R"({"expr":"e"})");

  const auto regrouped = made({table("t"), node("m", "map_values", {"t"}, "e"), grouped("g", "m")});
  CHECK(stores(regrouped, "t") == Names{"t-store"});
  CHECK(find(regrouped, "t").config == R"({"stored":true,"changes":true})");
  CHECK(find(regrouped, "m").config == R"({"expr":"e","changes":true})");
  CHECK(find(regrouped, "g").config == "{}");

  const auto looked = made({source("s", "s"), table("t"), join("j", "s", "t")});
  CHECK(stores(looked, "t") == Names{"t-store"});
  CHECK(find(looked, "t").config == R"({"stored":true})");
  CHECK(stores(looked, "j") == Names{"t-store"});
  CHECK(find(looked, "j").config == R"({"type":"inner","value":"right","view":{"store":0}})");
  CHECK(looked.stores[0].changelog_topic == "app-t-store-changelog");
}

TEST_CASE("a filter is sent old values where rows are kept anyway, which the nodes before it decide") {
  const auto named = made({table("t", "rows"), node("f", "filter_not", {"t"}, "e")});
  CHECK(find(named, "t").config == R"({"stored":true,"changes":true})");
  CHECK(find(named, "f").config == R"({"expr":"e","changes":true})");

  const auto counted = made({source("s", "s"), count("c", {"s"}), node("f", "filter", {"c"}, "e")});
  CHECK(find(counted, "c").config == R"({"changes":true})");

  const auto join_first = made({source("s", "s"), table("t"), join("j", "s", "t"), node("f", "filter", {"t"}, "e")});
  CHECK(find(join_first, "f").config == R"({"expr":"e","changes":true})");
  const auto filter_first = made({source("s", "s"), table("t"), node("f", "filter", {"t"}, "e"), join("j", "s", "t")});
  CHECK(find(filter_first, "f").config == R"({"expr":"e"})");

  // One with a store of its own knows what it has only where somebody asks for it.
  const auto own = made({table("t"), stored(node("f", "filter", {"t"}, "e"))});
  CHECK(find(own, "f").config == R"({"expr":"e","stored":true})");
  const auto asked = made({table("t"), stored(node("f", "filter", {"t"}, "e")), grouped("g", "f")});
  CHECK(find(asked, "f").config == R"({"expr":"e","stored":true,"changes":true})");
  CHECK(stores(asked, "t").empty());
}

TEST_CASE("joins of tables look into both sides, and want old values of those whose rows pass alone") {
  auto sides = [](JoinType type) {
    const auto t = made({table("l", "ls"), table("r", "rs"), join("j", "l", "r", type)});
    return find(t, "l").config + find(t, "r").config;
  };
  const std::string with = R"({"stored":true,"changes":true})", without = R"({"stored":true})";
  CHECK(sides(JoinType::inner) == without + without);
  CHECK(sides(JoinType::left) == with + without);
  CHECK(sides(JoinType::right) == without + with);
  CHECK(sides(JoinType::outer) == with + with);

  const auto t = made({table("l"), table("r"), join("j", "l", "r"), grouped("g", "j")});
  CHECK(stores(t, "j") == Names{"l-store", "r-store"});
  CHECK(find(t, "j").config ==
        R"({"type":"inner","value":"right","left":{"store":0},"right":{"store":1},"changes":true})");
  CHECK(find(t, "r").config == with);

  const auto kept = made({table("l"), table("r"), stored(join("j", "l", "r"))});
  CHECK(stores(kept, "j") == Names{"j-rows", "l-store", "r-store"});
  CHECK(find(kept, "j").config ==
        R"({"type":"inner","value":"right","left":{"store":1},"right":{"store":2},"stored":true})");
}

TEST_CASE("a view goes up to the nearest rows") {
  const auto t =
      made({source("s", "s"), table("a"), table("b"), node("f", "filter", {"a"}, "e1"),
            node("m", "map_values", {"f"}, "e2"), join("ab", "m", "b", JoinType::left), join("j", "s", "ab")});
  CHECK(stores(t, "j") == Names{"a-store", "b-store"});
  CHECK(find(t, "j").config ==
        R"({"type":"inner","value":"right","view":{"join":"left","value":"right","left":{"map_values":"e2","of":)"
        R"({"filter":"e1","of":{"store":0}}},"right":{"store":1}}})");
  CHECK(t.sub_topologies.size() == 1);

  const auto stops = made({source("s", "s"), table("a"), stored(node("f", "filter", {"a"}, "e")), join("j", "s", "f")});
  CHECK(stores(stops, "j") == Names{"f-rows"});
  CHECK(stores(stops, "a").empty());

  // One table on both sides is one store.
  const auto same = made({table("a"), node("f", "filter", {"a"}, "e"), join("j", "a", "f")});
  CHECK(stores(same, "j") == Names{"a-store"});
  CHECK(find(same, "j").config.find(R"("left":{"store":0},"right":{"filter":"e","of":{"store":0}})") !=
        std::string::npos);
}

TEST_CASE("joins of joins without rows may double the ways only so often") {
  std::vector<NodeDeclaration> nodes{table("t0")};
  for (int n = 1; n <= 60; ++n)
    nodes.push_back(
        join("t" + std::to_string(n), "t" + std::to_string(n - 1), "f" + std::to_string(n), JoinType::outer));
  for (int n = 1; n <= 60; ++n)
    nodes.push_back(node("f" + std::to_string(n), "filter", {"t" + std::to_string(n - 1)}, "e"));
  const auto compiled = compile(topology(std::move(nodes)), FakeTypes());
  REQUIRE_FALSE(compiled.topology);
  CHECK(compiled.problems[0].message.find("more than 1000 tables") != std::string::npos);
  CHECK(compiled.problems[0].pointer == "/join");
}

TEST_CASE("views know windows and versions, and versioned tables say what is older") {
  auto windowed = count("w", {"s"});
  windowed.window = Window{Window::Kind::tumbling, std::chrono::seconds(10), {}, {}, {}};
  const auto t = made({source("s", "s"), windowed, count("c", {"s"}), node("big", "filter", {"w"}, "e"),
                       node("big2", "filter_not", {"w"}, "e"), join("j", "big", "big2")});
  CHECK(find(t, "j").config.find(R"("left":{"filter":"e","of":{"store":0,"kind":"window"}})") != std::string::npos);

  StoreDeclaration versions;
  versions.name = "rows";
  versions.type = "versioned";
  versions.typed = true;
  versions.retention = std::chrono::minutes(1);
  const auto v = made({source("s", "s"), table("t", "rows"), node("m", "map_values", {"t"}, "e"),
                       node("f", "filter", {"t"}, "e"), join("j", "s", "m")},
                      {versions});
  CHECK(find(v, "t").config == R"({"stored":true,"versioned":true,"changes":true})");
  CHECK(find(v, "m").config == R"({"expr":"e","changes":true})");
  CHECK(find(v, "f").config == R"({"expr":"e","of_versions":true,"changes":true})");
  CHECK(find(v, "j").config.find(R"("view":{"map_values":"e","of":{"store":0,"kind":"versioned"}})") !=
        std::string::npos);
}

TEST_CASE("a table that is put out at commits tells what there was at the last one") {
  auto per_commit = count("c", {"s"});
  per_commit.emit = Emit::per_commit;
  const auto t = made({source("s", "s"), per_commit});
  CHECK(find(t, "c").config == R"({"per_commit":true,"changes":true})");
}

TEST_CASE("records without a key cross a repartition topic only for left and outer joins of streams below") {
  auto graph = [](JoinType type) {
    return made({source("s", "in"), node("keyed", "select_key", {"s"}, "e"), node("moved", "repartition", {"keyed"}),
                 node("apart", "repartition", {"keyed"}), table("t"), node("same", "filter", {"moved"}, "e"),
                 join("j", "same", "t", type)});
  };
  CHECK(find(graph(JoinType::inner), "moved-repartition-sink").drops_null_keys);
  CHECK_FALSE(find(graph(JoinType::left), "moved-repartition-sink").drops_null_keys);
  CHECK(find(graph(JoinType::left), "apart-repartition-sink").drops_null_keys);

  const auto joined = made({source("s", "in"), node("keyed", "select_key", {"s"}, "e"), table("t"),
                            join("inner", "keyed", "t"), join("left", "keyed", "t", JoinType::left)});
  CHECK(find(joined, "inner-repartition-sink").drops_null_keys);
  CHECK_FALSE(find(joined, "left-repartition-sink").drops_null_keys);
}

}  // namespace
}  // namespace kstreamd
