#include <catch2/catch.hpp>

#include "tests/unit/topology/declare.h"

using namespace kstreamd;
using namespace kstreamd::testing;

namespace {

using Names = std::vector<std::string>;

Topology compiled(const Declaration& declaration) {
  auto result = compile(declaration, FakeTypes());
  for (const auto& problem : result.problems) UNSCOPED_INFO(problem.node << ": " << problem.message);
  REQUIRE(result.problems.empty());
  REQUIRE(result.topology.has_value());
  return *result.topology;
}

Declaration word_count() {
  auto d = topology({source("lines", "text-lines"), node("words", "flat_map_values", {"lines"}, "split(value)"),
                     node("by_word", "select_key", {"words"}, "value"), count("counts", {"by_word"}, "counts"),
                     sink("out", "counts", "word-counts")});
  d.name = "word-count";
  return d;
}

}  // namespace

TEST_CASE("a count below a changed key goes through a repartition topic of its own") {
  auto t = compiled(word_count());
  REQUIRE(t.sub_topologies.size() == 2);
  CHECK(t.sub_topologies[0].name == "lines");
  CHECK(names(t, t.sub_topologies[0].nodes) == Names{"lines", "words", "by_word", "counts-repartition-sink"});
  CHECK(names(t, t.sub_topologies[0].sources) == Names{"lines"});
  CHECK(t.sub_topologies[1].name == "counts");
  CHECK(names(t, t.sub_topologies[1].nodes) == Names{"counts-repartition-source", "counts", "out"});
  CHECK(t.sub_topologies[0].stores.empty());
  CHECK(t.sub_topologies[1].stores == std::vector<int>{0});

  REQUIRE(t.repartitions.size() == 1);
  CHECK(t.repartitions[0].name == "word-count-counts-repartition");
  CHECK(t.nodes[t.repartitions[0].sink_node].name == "counts-repartition-sink");
  CHECK(t.nodes[t.repartitions[0].source_node].name == "counts-repartition-source");
  CHECK(find(t, "counts-repartition-sink").kind == NodeKind::sink);
  CHECK(find(t, "counts-repartition-source").kind == NodeKind::source);
  CHECK(find(t, "counts-repartition-source").topics == Names{"word-count-counts-repartition"});
  CHECK(children(t, "counts-repartition-source") == Names{"counts"});
  CHECK(t.source_topics() == Names{"text-lines"});
  CHECK(t.sink_topics() == Names{"word-counts"});

  REQUIRE(t.stores.size() == 1);
  CHECK(t.stores[0].name == "counts");
  CHECK(t.stores[0].changelog_topic == "word-count-counts-changelog");
  CHECK(t.stores[0].key_serde == "json");
  CHECK(t.stores[0].value_serde == "int64");
  CHECK(t.stores[0].sub_topology == 1);
  CHECK(find(t, "counts").table);
  CHECK(find(t, "counts").stores == std::vector<int>{0});
  CHECK(find(t, "words").sub_topology == 0);
  CHECK(find(t, "out").sub_topology == 1);
}

TEST_CASE("serdes: unchanged ones are kept, expressions make json, and what is named wins") {
  auto d = word_count();
  SECTION("by the rules") {
    auto t = compiled(d);
    CHECK(find(t, "words").key_serde == "string");
    CHECK(find(t, "words").value_serde == "json");
    CHECK(find(t, "counts-repartition-source").key_serde == "json");
    CHECK(find(t, "counts-repartition-source").value_serde == "json");
    CHECK(find(t, "out").key_serde == "string");
  }
  SECTION("default_serde stands for what expressions make") {
    d.default_serde = {"string", "string"};
    auto t = compiled(d);
    CHECK(find(t, "words").value_serde == "string");
    CHECK(find(t, "counts-repartition-sink").key_serde == "string");
    CHECK(t.stores[0].key_serde == "string");
    CHECK(t.stores[0].value_serde == "int64");
  }
  SECTION("the node's serde") {
    d.nodes[1].serde.value = "bytes";
    d.nodes[2].serde.key = "bytes";
    auto t = compiled(d);
    CHECK(find(t, "counts-repartition-sink").key_serde == "bytes");
    CHECK(find(t, "counts-repartition-sink").value_serde == "bytes");
  }
  SECTION("a store's entry wins over the node, and has the store's settings") {
    d.nodes[3].serde.key = "bytes";
    d.stores = {{"counts", "key_value", {"string", "json"}, false, true, {{"segment.bytes", "1000"}}}};
    auto t = compiled(d);
    CHECK(find(t, "counts").key_serde == "string");
    CHECK(find(t, "counts").value_serde == "json");
    CHECK(t.stores[0].type == "key_value");
    CHECK(t.stores[0].key_serde == "string");
    CHECK_FALSE(t.stores[0].persistent);
    CHECK(t.stores[0].changelog_configs.at("segment.bytes") == "1000");
  }
  SECTION("a source and a sink may leave theirs to default_serde") {
    d.default_serde = {"bytes", "json"};
    d.nodes[0].serde = {};
    d.nodes[4].serde = {};
    auto t = compiled(d);
    CHECK(find(t, "lines").key_serde == "bytes");
    CHECK(find(t, "out").value_serde == "json");
  }
}

TEST_CASE("a count without a key change stays in its sub-topology") {
  auto t = compiled(topology({source("in", "in"), node("kept", "filter", {"in"}, "true"), count("counts", {"kept"})}));
  CHECK(t.repartitions.empty());
  CHECK(t.sub_topologies.size() == 1);
  CHECK(t.stores[0].name == "counts-store");
  CHECK(t.stores[0].changelog_topic == "app-counts-store-changelog");
  CHECK(t.stores[0].key_serde == "string");
}

TEST_CASE("group_by derives the key change before the repartition topic") {
  auto counts = count("counts", {"in"});
  counts.group_by = {"value.page", std::nullopt};
  counts.serde.key = "string";
  auto t = compiled(topology({source("in", "in", "bytes", "json"), counts}));
  const auto& group = find(t, "counts-group-by");
  CHECK(group.processor_type == "kstreamd.select_key");
  CHECK(group.config == R"({"expr":"value.page"})");
  CHECK(children(t, "in") == Names{"counts-group-by"});
  CHECK(children(t, "counts-group-by") == Names{"counts-repartition-sink"});
  CHECK(find(t, "counts-repartition-sink").key_serde == "string");
  CHECK(find(t, "counts-repartition-sink").value_serde == "json");
  CHECK(find(t, "counts").value_serde == "int64");
  CHECK(t.sub_topologies[1].name == "counts");
}

TEST_CASE("what changes the key: map with a key, flat_map and plugins, not map without one") {
  auto repartitions = [](NodeDeclaration changer) {
    return compiled(topology({source("in", "in"), changer, node("kept", "filter", {changer.name}, "true"),
                              count("counts", {"kept"})}))
        .repartitions.size();
  };
  auto map = node("changer", "map", {"in"});
  map.expressions = {{"value", "1"}};
  CHECK(repartitions(map) == 0);
  map.expressions = {{"key", "value"}};
  CHECK(repartitions(map) == 1);
  CHECK(repartitions(node("changer", "flat_map", {"in"}, "{}")) == 1);
  CHECK(repartitions(process("changer", "in", "dedup", {"seen"})) == 1);
  CHECK(repartitions(node("changer", "flat_map_values", {"in"}, "{}")) == 0);
}

TEST_CASE("configurations are what core/topology/README.md says") {
  auto branch = node("sizes", "branch", {"in"});
  branch.expressions = {{"hot", "value > \"1\""}, {"rest", ""}};
  auto map = node("mapped", "map", {"sizes.rest"});
  map.expressions = {{"key", "value"}, {"headers", "{}"}};
  auto peek = node("seen", "peek", {"in"});
  peek.expressions = {{"log", "key"}};
  auto t = compiled(topology({source("in", "in"), branch, map, peek, count("counts", {"in"}),
                              node("many", "filter", {"counts"}, "value > 2"), node("stream", "to_stream", {"many"}),
                              node("all", "merge", {"stream", "seen"})}));
  CHECK(find(t, "sizes").config == R"({"branches":[{"name":"hot","expr":"value > \"1\""},{"name":"rest"}]})");
  CHECK(find(t, "mapped").config == R"({"key":"value","headers":"{}"})");
  CHECK(find(t, "seen").config == R"({"log":"key"})");
  CHECK(find(t, "counts").config == R"({"changes":true})");
  CHECK(find(t, "many").config == R"({"expr":"value > 2","changes":true})");
  CHECK(find(t, "many").table);
  CHECK_FALSE(find(t, "stream").table);
  CHECK(find(t, "all").processor_type == "kstreamd.merge");
  CHECK(children(t, "sizes", 1) == Names{"mapped"});
  CHECK(children(t, "sizes", 0).empty());
}

TEST_CASE("children come in the order of the file") {
  auto t = compiled(topology({sink("last", "kept", "a"), source("in", "in"), node("kept", "filter", {"in"}, "true"),
                              node("other", "filter", {"in"}, "true"), sink("also", "kept", "b")}));
  CHECK(children(t, "kept") == Names{"last", "also"});
  CHECK(children(t, "in") == Names{"kept", "other"});
  CHECK(names(t, t.sub_topologies[0].nodes) == Names{"in", "kept", "last", "other", "also"});
}

TEST_CASE("several inputs are merged, by any operator that takes streams") {
  auto d = topology({source("a", "a"), source("b", "b", "string", "json"), sink("out", "a", "out")});
  d.nodes[2].from = {"a", "b"};
  d.nodes.push_back(node("kept", "filter", {"a", "b"}, "true"));
  auto t = compiled(d);
  CHECK(t.sub_topologies.size() == 1);
  CHECK(t.sub_topologies[0].name == "a");
  CHECK(children(t, "b") == Names{"out", "kept"});
  CHECK(find(t, "kept").key_serde == "string");
  CHECK(find(t, "kept").value_serde == "json");  // the inputs differ
}

TEST_CASE("a shared store joins sub-topologies, unconnected parts stay apart") {
  auto d = topology({source("a", "a"), source("b", "b"), process("x", "a", "dedup", {"seen"}),
                     process("y", "b", "dedup", {"seen"}), source("c", "c"), sink("out", "c", "out")});
  auto t = compiled(d);
  REQUIRE(t.sub_topologies.size() == 2);
  CHECK(names(t, t.sub_topologies[0].nodes) == Names{"a", "b", "x", "y"});
  CHECK(t.sub_topologies[1].name == "c");
  d.nodes[3].stores = {"mine"};
  CHECK(compiled(d).sub_topologies.size() == 3);
}

TEST_CASE("sources of one topic read it together") {
  auto d = topology({source("a", "in"), source("b", "in"), sink("x", "a", "x"), sink("y", "b", "y")});
  CHECK(compiled(d).sub_topologies.at(0).sources.size() == 1);  // they say the same, so they are one
  d.nodes[1].serde.value = "json";
  auto t = compiled(d);
  REQUIRE(t.sub_topologies.size() == 1);
  CHECK(t.sub_topologies[0].sources.size() == 2);
  CHECK(t.sub_topologies[0].batches);
  d.nodes[3].topics = {"x"};  // one record reaches the topic by two ways
  CHECK_FALSE(compiled(d).sub_topologies[0].batches);
}

TEST_CASE("upstream sub-topologies come first, whatever the order of the file") {
  auto first = count("first", {"in"});
  first.group_by = {"value", std::nullopt};
  auto second = count("second", {"stream"});
  second.group_by = {"value", std::nullopt};
  auto t = compiled(topology({second, node("stream", "to_stream", {"first"}), first, source("in", "in")}));
  REQUIRE(t.sub_topologies.size() == 3);
  CHECK(t.sub_topologies[0].name == "in");
  CHECK(t.sub_topologies[1].name == "first");
  CHECK(t.sub_topologies[2].name == "second");
  CHECK(find(t, "second").sub_topology == 2);
}

TEST_CASE("batches pass whole only where no two paths of a source meet again") {
  auto batches = [](std::vector<NodeDeclaration> nodes) {
    return compiled(topology(std::move(nodes))).sub_topologies[0].batches;
  };
  auto a = node("a", "filter", {"in"}, "true");
  auto b = node("b", "filter", {"in"}, "true");
  CHECK(batches({source("in", "in"), a, b}));
  CHECK(batches({source("in", "in"), a, b, sink("x", "a", "x"), sink("y", "b", "y")}));
  CHECK_FALSE(batches({source("in", "in"), a, b, sink("x", "a", "same"), sink("y", "b", "same")}));
  CHECK_FALSE(batches({source("in", "in"), a, b, node("both", "merge", {"a", "b"})}));
  CHECK_FALSE(
      batches({source("in", "in"), a, b, process("x", "a", "dedup", {"s"}), process("y", "b", "dedup", {"s"})}));
  CHECK_FALSE(batches({source("in", "in"), process("x", "in", "dedup", {"s"}), process("y", "x", "dedup", {"s"})}));
  // Two sources meeting is no matter: their records come one batch after the other.
  CHECK(batches({source("in", "in"), source("two", "two"), node("both", "merge", {"in", "two"})}));
  auto branch = node("parts", "branch", {"in"});
  branch.expressions = {{"x", "value"}, {"y", ""}};
  CHECK_FALSE(batches({source("in", "in"), branch, node("both", "merge", {"parts.x", "parts.y"})}));
}

TEST_CASE("a part that reads its own repartition topic compiles") {
  auto t =
      compiled(topology({source("in", "in"), node("keyed", "select_key", {"in"}, "value"), count("counts", {"keyed"}),
                         node("stream", "to_stream", {"counts"}), node("all", "merge", {"in", "stream"})}));
  CHECK(t.sub_topologies.size() == 1);
  CHECK(t.sub_topologies[0].sources.size() == 2);
}

TEST_CASE("errors are handled as the topology says, or the node") {
  auto d = topology({source("in", "in"), node("kept", "filter", {"in"}, "true")});
  d.on_error.processing = ErrorAction::skip;
  d.dead_letter_topic = "dlq";
  d.nodes[0].on_error.deserialization = ErrorAction::dead_letter;
  auto t = compiled(d);
  CHECK(find(t, "in").on_error.deserialization == ErrorAction::dead_letter);
  CHECK(find(t, "in").on_error.processing == ErrorAction::skip);
  CHECK(find(t, "kept").on_error.deserialization == ErrorAction::fail);
  CHECK(t.sink_topics() == Names{"dlq"});
}

TEST_CASE("a plugin's store falls back to json, shared with a count it is the count's") {
  auto t = compiled(topology({source("in", "in"), process("x", "in", "dedup", {"mine"}),
                              process("y", "in", "dedup", {"counts"}), count("counts", {"in"}, "counts")}));
  REQUIRE(t.stores.size() == 2);
  CHECK(t.stores[0].key_serde == "json");
  CHECK(t.stores[1].name == "counts");
  CHECK(t.stores[1].key_serde == "string");
  CHECK(t.stores[1].value_serde == "int64");
}

TEST_CASE("a source by pattern reads the topics that fit, and no internal ones") {
  auto by_pattern = source("any", "");
  by_pattern.topics.clear();
  by_pattern.pattern = "(app-.*|a+)";
  const auto t =
      compiled(topology({by_pattern, source("lines", "b"), node("key", "select_key", {"any", "lines"}, "value"),
                         count("counts", {"key"}, "counts"), sink("out", "counts", "c")}));
  CHECK(t.has_patterns());
  CHECK(t.source_topics() == Names{"b"});
  std::vector<GraphProblem> problems;
  const auto resolved = with_pattern_topics(
      t, {"aa", "a", "ab", "app-new", "app-counts-repartition", "app-counts-changelog", "app-kstreamd-tasks"},
      problems);
  CHECK(problems.empty());
  CHECK(resolved.source_topics() == Names{"a", "aa", "app-new", "b"});
  CHECK(find(resolved, "any").topics == Names{"a", "aa", "app-new"});
  CHECK(find(resolved, "lines").topics == Names{"b"});
  CHECK(resolved == with_pattern_topics(resolved, {"app-new", "a", "aa"}, problems));
}

TEST_CASE("a topic that fits a pattern and is read by another source is a problem") {
  auto by_pattern = source("any", "");
  by_pattern.topics.clear();
  by_pattern.pattern = "[ab]";
  const auto t =
      compiled(topology({by_pattern, source("lines", "b"), sink("out", "any", "c"), sink("too", "lines", "d")}));
  std::vector<GraphProblem> problems;
  with_pattern_topics(t, {"a", "b"}, problems);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].node == "any");
  CHECK(problems[0].message.find("topic 'b'") != std::string::npos);
  CHECK(problems[0].message.find("source 'lines'") != std::string::npos);
}

TEST_CASE("where paths of a pattern meet, or a sink may write what another does, no batch goes through whole") {
  auto by_pattern = source("any", "");
  by_pattern.topics.clear();
  by_pattern.pattern = "a+";
  CHECK(compiled(topology({by_pattern, sink("out", "any", "c")})).sub_topologies[0].batches);
  CHECK_FALSE(
      compiled(topology({by_pattern, sink("out", "any", "c"), sink("again", "any", "c")})).sub_topologies[0].batches);
  auto named = sink("named", "lines", "");
  named.topics.clear();
  named.expressions = {{"topic", "value"}};
  CHECK(compiled(topology({source("lines", "b"), named})).sub_topologies[0].batches);
  CHECK_FALSE(compiled(topology({source("lines", "b"), named, sink("out", "lines", "c")})).sub_topologies[0].batches);
}
