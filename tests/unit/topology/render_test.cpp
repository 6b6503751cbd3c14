#include "core/topology/render.h"

#include <catch2/catch.hpp>

#include "core/topology/serde_text.h"
#include "tests/unit/topology/declare.h"

using namespace kstreamd;
using namespace kstreamd::testing;
using Catch::Matchers::Contains;

namespace {

Topology sample() {
  auto counts = count("counts", {"in"}, "counts");
  counts.group_by = {"value \"x\"", std::nullopt};
  auto d = topology({source("in", "lines"), counts, process("seen", "in", "dedup", {"recent"}),
                     sink("out", "counts", "words", "string", "int64")});
  d.stores = {{"recent", "key_value", {"bytes", "int64"}, false, false, {}}};
  auto result = compile(d, FakeTypes());
  REQUIRE(result.topology.has_value());
  return *result.topology;
}

}  // namespace

TEST_CASE("a graph as text shows sub-topologies, serdes, stores and internal topics") {
  CHECK(render(sample(), GraphFormat::text) == R"(topology app: exactly_once, commit every 100 ms

sub-topology in
  in: source [lines], key string, value string
    -> counts-group-by, seen
  counts-group-by: select_key, key json, value string
    -> counts-repartition-sink
  counts-repartition-sink: repartition_sink [app-counts-repartition], key json, value string
  seen: process dedup, key string, value string
    uses store recent
  store recent: key_value, memory, key bytes, value int64, no changelog

sub-topology counts
  counts-repartition-source: repartition_source [app-counts-repartition], key json, value string
    -> counts
  counts: count, table, key json, value int64
    uses store counts
    -> out
  out: sink [words], key string, value int64
  store counts: timestamped, rocksdb, key json, value int64, changelog [app-counts-changelog]

internal topics
  app-kstreamd-tasks: one partition per task
  app-counts-repartition: repartition, counts-repartition-sink -> counts-repartition-source
  app-counts-changelog: changelog of store counts
)");
}

TEST_CASE("a graph as mermaid and dot draws nodes, topics and stores") {
  auto mermaid = render(sample(), GraphFormat::mermaid);
  CHECK_THAT(mermaid, Contains("flowchart LR\n") && Contains("subgraph g1[\"counts\"]") && Contains("t0 --> n0\n") &&
                          Contains("[(\"recent\")]"));
  CHECK_THAT(mermaid, Contains("t0[/\"lines\"/]"));
  auto dot = render(sample(), GraphFormat::dot);
  CHECK_THAT(dot, Contains("digraph \"app\" {") && Contains("\"node counts\" -> \"node out\";") &&
                      Contains("\"topic app-counts-repartition\" -> \"node counts-repartition-source\";") &&
                      Contains("\"node counts\" -> \"store counts\" [dir=both];"));
}

TEST_CASE("a graph as JSON has everything, escaped") {
  auto json = render(sample(), GraphFormat::json);
  CHECK_THAT(json, Contains(R"("config":{"expr":"value \"x\""})") &&
                       Contains(R"({"topic":"app-counts-repartition","kind":"repartition")") &&
                       Contains(R"("serde":{"key":"bytes","value":"int64"},"changelog":null)"));
  CHECK(std::count(json.begin(), json.end(), '{') == std::count(json.begin(), json.end(), '}'));
  CHECK(std::count(json.begin(), json.end(), '[') == std::count(json.begin(), json.end(), ']'));
}

TEST_CASE("a graph shows how many records a node may hold, where the file says so") {
  auto look_up = process("x", "in", "look_up");
  look_up.max_in_flight = 50;
  const auto compiled = compile(topology({source("in", "in"), look_up}), FakeTypes());
  REQUIRE(compiled.topology);
  CHECK_THAT(render(*compiled.topology, GraphFormat::text),
             Contains("x: process look_up, ") && Contains(", 50 in flight\n"));
  CHECK_THAT(render(*compiled.topology, GraphFormat::json), Contains("\"max_in_flight\":50"));
}

TEST_CASE("formats have names") {
  CHECK(graph_format("mermaid") == GraphFormat::mermaid);
  CHECK_FALSE(graph_format("png").has_value());
}

TEST_CASE("a graph shows serdes with arguments as a topology file has them") {
  CHECK(serde_text("int64") == "int64");
  CHECK(serde_text(R"({"time_windowed":"string","size":30000})") == "{ time_windowed: string, size: 30s }");
  CHECK(serde_text(R"({"session_windowed":{"avro":{"schema":"/etc/a.avsc"}}})") ==
        "{ session_windowed: { avro: { schema: /etc/a.avsc } } }");
  CHECK(serde_text(R"({"avro":{"registry":"http://r:8081","auto_register":false,"x":"a \"b\"\\"}})") ==
        R"({ avro: { registry: "http://r:8081", auto_register: false, x: "a \"b\"\\" } })");
  CHECK(serde_text("{\"").size() < 10);
  CHECK(serde_text(R"({"size":99999999999999999999999})").find("99") != std::string::npos);

  auto d = topology({source("in", "lines"), sink("out", "in", "words")});
  d.nodes[0].serde.key = d.nodes[1].serde.key = R"({"time_windowed":"string","size":30000})";
  auto result = compile(d, FakeTypes());
  REQUIRE(result.topology.has_value());
  CHECK_THAT(render(*result.topology, GraphFormat::text),
             Contains("in: source [lines], key { time_windowed: string, size: 30s }, value string"));
  CHECK_THAT(render(*result.topology, GraphFormat::json),
             Contains(R"("serde":{"key":{"time_windowed":"string","size":30000},"value":"string"})"));
}
