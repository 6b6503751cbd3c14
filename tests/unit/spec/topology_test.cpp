#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "core/serde/serde.h"
#include "core/spec/spec.h"
#include "core/topology/compile.h"
#include "core/topology/render.h"
#include "tests/unit/spec/fake_catalog.h"

using namespace kstreamd;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using kstreamd::testing::FakeCatalog;

namespace {

SpecResult<Topology> load(const std::string& text) { return load_topology_text(text, "t.yaml", FakeCatalog()); }

// The file with these nodes in it, after a source named `in` of lines of text.
std::string with_nodes(const std::string& nodes, const std::string& settings = "") {
  return "kstreamd: 1\nname: app\n" + settings +
         "nodes:\n  in: { source: { topic: in, key: string, value: string } }\n" + nodes;
}

Topology good(const std::string& file) {
  auto result = load(file);
  for (const auto& d : result.diagnostics) UNSCOPED_INFO(text(d));
  REQUIRE(result.ok());
  return *result.value;
}

Diagnostic one(const std::string& file) {
  auto result = load(file);
  for (const auto& d : result.diagnostics) UNSCOPED_INFO(text(d));
  REQUIRE(result.diagnostics.size() == 1);
  CHECK(result.ok() == (result.diagnostics[0].severity == Severity::warning));
  return result.diagnostics[0];
}

}  // namespace

TEST_CASE("the sample word count has the parts and topics of the contract") {
  auto result = load_topology(KSTREAMD_CONFIG_DIR "/topologies/word-count.yaml", FakeCatalog());
  REQUIRE(result.ok());
  CHECK(result.diagnostics.empty());
  const auto& t = *result.value;
  CHECK(t.name == "word-count");
  REQUIRE(t.sub_topologies.size() == 2);
  CHECK(t.sub_topologies[0].name == "lines");
  CHECK(t.sub_topologies[1].name == "counts");
  REQUIRE(t.repartitions.size() == 1);
  CHECK(t.repartitions[0].name == "word-count-counts-repartition");
  REQUIRE(t.stores.size() == 1);
  CHECK(t.stores[0].changelog_topic == "word-count-counts-changelog");
  CHECK(t.sub_topologies[0].batches);
}

TEST_CASE("settings of a topology") {
  auto t = good(with_nodes(
      "  out: { from: in, sink: { topic: out, key: string, value: string }, on_error: { production: skip } }\n",
      "guarantee: at_least_once\ncommit_interval: 250ms\nmax_task_idle: 2s\n"
      "on_error: { deserialization: dead_letter, processing: skip }\ndead_letter_topic: dlq\n"
      "late_records: drop\nstandby_replicas: 0\nemit_interval: 1s\n"));
  CHECK(t.guarantee == Guarantee::at_least_once);
  CHECK(t.commit_interval == 250ms);
  CHECK(t.max_task_idle == 2s);
  CHECK(t.on_error.deserialization == ErrorAction::dead_letter);
  CHECK(t.nodes[1].on_error.processing == ErrorAction::skip);
  CHECK(t.nodes[1].on_error.production == ErrorAction::skip);
  CHECK(t.dead_letter_topic == "dlq");
}

TEST_CASE("an optimization is named, and off without it") {
  const std::string nodes =
      "  keyed: { from: in, select_key: value }\n  a: { from: keyed, count: {} }\n  b: { from: keyed, count: {} }\n";
  CHECK(good(with_nodes(nodes)).repartitions.size() == 2);
  CHECK(good(with_nodes(nodes, "optimize: merge_repartition_topics\n")).repartitions.size() == 1);
  const auto d = one(with_nodes(nodes, "optimize: all\n"));
  CHECK(d.line == 3);
  CHECK(d.message == "'optimize' cannot be 'all'");
  CHECK(d.hint == "use one of merge_repartition_topics");
}

TEST_CASE("a count puts out every update, or the last one of a key per commit") {
  const std::string count = "  counts: { from: in, count: { store: counts, emit: ";
  CHECK_FALSE(good(with_nodes(count + "updates } }\n")).nodes[1].per_commit);
  CHECK(good(with_nodes(count + "per_commit } }\n")).nodes[1].per_commit);
}

TEST_CASE("every operator is read") {
  auto t =
      good(with_nodes(R"(
  two: { source: { topics: [a, b], key: int64, value: json, reset: latest } }
  f: { from: in, filter: "value" }
  g: { from: f, filter_not: value == '' }
  m: { from: g, map: { key: key, value: 1, timestamp: "timestamp", headers: "{}" }, serde: { key: string, value: int64 } }
  mv: { from: [m, two], map_values: "value" }
  fm: { from: in, flat_map: "{}" }
  fv: { from: in, flat_map_values: "{}" }
  sk: { from: in, select_key: "value" }
  all: { from: [fm, fv], merge: {} }
  parts: { from: in, branch: { hot: "value == 'hot'", rest: default } }
  seen: { from: parts.rest, peek: { log: "value" } }
  counts: { from: in, group_by: "value", serde: { key: string }, count: {} }
  updates: { from: counts, to_stream: }
  once: { from: in, process: dedup, config: { window: 10, names: [a, "1", true, ~, 1.5] }, stores: [recent] }
  slow: { from: in, process: look_up, max_in_flight: 50 }
  out: { from: updates, sink: { topic: out, key: string, value: int64 } }
)",
                      "stores:\n  recent: { type: key_value, key: string, value: int64, backend: memory, changelog: "
                      "{ topic_config: { segment.bytes: 1000 } } }\n"));
  auto find = [&](const std::string& name) {
    return *std::find_if(t.nodes.begin(), t.nodes.end(), [&](const Node& n) { return n.name == name; });
  };
  CHECK(find("two").topics == std::vector<std::string>{"a", "b"});
  CHECK(find("two").reset == OffsetReset::latest);
  CHECK(find("g").config == R"({"expr":"value == ''"})");
  CHECK(find("m").config == R"({"key":"key","value":"1","timestamp":"timestamp","headers":"{}"})");
  CHECK(find("parts").config == R"({"branches":[{"name":"hot","expr":"value == 'hot'"},{"name":"rest"}]})");
  CHECK(find("counts").key_serde == "string");
  CHECK(find("once").processor_type == "dedup");
  CHECK(find("slow").max_in_flight == 50);
  CHECK(find("once").config == R"({"window":10,"names":["a","1",true,null,1.5]})");
  REQUIRE(t.stores.size() == 2);
  CHECK(t.stores[1].changelog_configs.at("segment.bytes") == "1000");
  CHECK_FALSE(t.stores[1].persistent);
}

TEST_CASE("window and session stores are read, and shown") {
  const std::string node = "  x: { from: in, process: clicks, stores: [clicks, visits] }\n";
  auto t = good(
      with_nodes(node,
                 "stores:\n"
                 "  clicks: { type: window, key: string, value: json, size: 5m, retention: 90m, duplicates: true }\n"
                 "  visits: { type: session, key: string, value: int64, retention: 1d, backend: memory }\n"));
  REQUIRE(t.stores.size() == 2);
  CHECK(t.stores[0].type == "window");
  CHECK(t.stores[0].size == 5min);
  CHECK(t.stores[0].retention == 90min);
  CHECK(t.stores[0].duplicates);
  CHECK(t.stores[1].type == "session");
  CHECK(t.stores[1].retention == 24h);
  const auto text = render(t, GraphFormat::text);
  CHECK_THAT(text,
             Contains("store clicks: window, size 5m, retention 90m, duplicates, rocksdb, key string, value json"));
  CHECK_THAT(text, Contains("store visits: session, retention 1d, memory, key string, value int64"));
  CHECK_THAT(render(t, GraphFormat::json),
             Contains(R"("size_ms":300000,"retention_ms":5400000,"duplicates":true)") &&
                 Contains(R"("type":"session","backend":"memory","retention_ms":86400000,"serde")"));
  t = good(with_nodes(node,
                      "stores:\n  clicks: { type: window, size: 1500ms, retention: 1500ms }\n"
                      "  visits: { type: session, retention: 1s }\n"));
  CHECK_FALSE(t.stores[0].duplicates);
  CHECK_THAT(render(t, GraphFormat::text), Contains("window, size 1500ms, retention 1500ms, rocksdb"));
}

TEST_CASE("a processor gets stores of the kinds that it needs") {
  const std::string windows = "stores: { seen: { type: timestamped }, w: { type: window, size: 5m, retention: 1h } }\n";
  const std::string session = "  x: { from: in, process: clicks, stores: [w, s] }\n";
  auto result = load(with_nodes("  x: { from: in, process: clicks, stores: [seen, w] }\n", windows));
  REQUIRE(result.diagnostics.size() == 2);
  auto d = result.diagnostics[0];
  CHECK(d.message == "store 1 of processor 'clicks' (clicks per minute) must be a window store; 'seen' is timestamped");
  CHECK_THAT(d.hint, Contains("seen: { type: window, size: 5m, retention: 1h }"));
  CHECK(d.line == 6);
  CHECK(d.column == 44);
  d = result.diagnostics[1];
  CHECK(d.message == "store 2 of processor 'clicks' (visits) must be a session store; 'w' is a window store");
  CHECK(d.column == 50);

  // A store without an entry has the defaults.
  d = one(with_nodes(session, "stores: { w: { type: window, size: 5m, retention: 1h } }\n"));
  CHECK(d.message == "store 2 of processor 'clicks' (visits) must be a session store; 's' is timestamped");
  d = one(with_nodes("  x: { from: in, process: dedup, stores: [w] }\n",
                     "stores: { w: { type: window, size: 5m, retention: 1h } }\n"));
  CHECK_THAT(d.message, Contains("(keys seen so far) must be a key-value store; 'w' is a window store"));
  // A type that was refused is said once.
  d = one(with_nodes(session, "stores: { w: { type: windw }, s: { type: session, retention: 1h } }\n"));
  CHECK(d.message == "unknown store type 'windw'");
  CHECK(d.hint == "did you mean 'window'?");
}

TEST_CASE("an expression's mistake is placed in the file") {
  auto d = one(with_nodes("  x:\n    from: in\n    filter: \"upper(value) = 'x'\"\n"));
  CHECK(d.line == 7);
  CHECK(d.column == 27);
  CHECK(d.node == "x");
  CHECK_THAT(d.message, Contains("near '='"));
  CHECK(text(d) == "t.yaml:7:27: error: node 'x': " + d.message + "\n  hint: " + d.hint);

  d = one(with_nodes("  x:\n    from: in\n    map_values: |\n      local a = 1\n      return = a\n"));
  CHECK(d.line == 9);
  CHECK(d.column == 14);
}

TEST_CASE("nodes know where their expressions stand, and are the same elsewhere") {
  const std::string nodes =
      "  upper: { from: in, map_values: \"upper(value)\" }\n"
      "  both:\n    from: in\n    map:\n      key: value\n      value: key\n"
      "  grouped: { from: in, group_by: \"value\", count: {} }\n"
      "  work: { from: in, process: dedup, stores: [s] }\n";
  const auto topology = good(with_nodes(nodes));
  auto at = [&](const std::string& name) {
    const auto node = std::find_if(topology.nodes.begin(), topology.nodes.end(),
                                   [&](const Node& candidate) { return candidate.name == name; });
    REQUIRE(node != topology.nodes.end());
    return node->expressions_at.text;
  };
  CHECK(at("upper") == "t.yaml:5:35");
  CHECK(at("both") == "t.yaml:8:5");
  CHECK(at("grouped-group-by") == "t.yaml:11:35");
  CHECK(at("in") == "");
  CHECK(at("work") == "");
  CHECK(good(with_nodes(nodes, "# a line more\n")) == topology);
}

TEST_CASE("mistakes have places and hints") {
  auto d = one(with_nodes("  x: { from: in, filtr: \"value\" }\n"));
  CHECK(d.message == "unknown key 'filtr'");
  CHECK(d.hint == "did you mean 'filter'?");
  CHECK(d.column == 18);
  CHECK(one(with_nodes("  x: { from: in }\n")).message == "the node has no operator");
  CHECK_THAT(one(with_nodes("  x: { from: in, filter: \"a\", peek: { log: \"b\" } }\n")).message,
             Contains("two operators"));
  CHECK_THAT(one(with_nodes("  x: { from: in, filter: \"a\", filter: \"b\" }\n")).message, Contains("given twice"));
  CHECK_THAT(one(with_nodes("  x: { from: in, filter: \"a\", config: {} }\n")).message,
             Contains("unknown key 'config'"));
  CHECK_THAT(one(with_nodes("  x: [in]\n")).message, Contains("a node has to be a map"));
  CHECK_THAT(one(with_nodes("  x: { from: { in: 1 }, filter: a }\n")).message, Contains("'from' has to be text"));
  CHECK_THAT(one(with_nodes("  in: { from: in, filter: a }\n")).message, Contains("used twice, first in line 4"));
  CHECK_THAT(one(with_nodes("  x: { from: in, count: { window: { tumbling: 0s } } }\n")).message,
             Contains("a window has to be longer than 0s"));
  CHECK_THAT(one(with_nodes("  x: { from: in, count: { window: { hopping: 5m } } }\n")).message,
             Contains("hopping windows need 'advance'"));
  CHECK_THAT(one(with_nodes("  x: { from: in, count: { window: { hopping: 5m, advance: 6m } } }\n")).message,
             Contains("windows of 5m cannot advance by 6m"));
  CHECK_THAT(one(with_nodes("  x: { from: in, join: { with: in, value: left } }\n")).message,
             Contains("two streams are joined within a time"));
  CHECK_THAT(one(with_nodes("  x: { from: in, group_by: { key: a, value: b }, count: {} }\n")).message,
             Contains("a stream is grouped by its key alone"));
  CHECK_THAT(one(with_nodes("  x: { source: { pattern: 'a.(', key: string, value: string } }\n")).message,
             Contains("is no regular expression"));
  CHECK_THAT(one(with_nodes("  x: { from: in, process: dedup, stores: [s], config: { window: -1 } }\n")).message,
             Contains("positive"));
  CHECK_THAT(one(with_nodes("  x: { from: in, process: look_up, max_in_flight: 0 }\n")).message,
             Contains("'max_in_flight': '0' is not a whole number that fits here"));
  CHECK_THAT(one(with_nodes("  x: { from: in, process: dedup, stores: [s], max_in_flight: 5 }\n")).message,
             Contains("finishes each record at once"));
  CHECK_THAT(one(with_nodes("", "guarantee: exactly_onze\n")).hint, Contains("exactly_once"));
  CHECK_THAT(one(with_nodes("", "max_task_idle: 5\n")).hint, Contains("250ms"));
  CHECK_THAT(one(with_nodes("", "script: { file: no-such.lua }\n")).message,
             Contains("cannot read 'no-such.lua': No such file"));
  CHECK(one(with_nodes("", "script: { }\n")).hint == "write script: { file: x.lua }");
  CHECK_THAT(one(with_nodes("", "script: x.lua\n")).message, Contains("'script' has to be a map"));
  CHECK_THAT(one("name: x\nnodes:\n  in: { source: { topic: in, key: string, value: string } }\n").message,
             Contains("format version"));
  CHECK_THAT(one("kstreamd: 2\nname: x\nnodes:\n  in: { source: { topic: in, key: string, value: string } }\n").message,
             Contains("format version '2'"));
  CHECK_THAT(one("kstreamd: 1\nname: x\n").message, Contains("no nodes"));
  CHECK_THAT(one("kstreamd: 1\nname: x\nnodes: [a]\n").message, Contains("'nodes' has to be a map"));
  CHECK_THAT(one("- a\n").message, Contains("a topology file has to be a map"));
  CHECK(one("kstreamd: 1\nnodes:\n  in: { source: { topic: in, key: string, value: string } }\n").message ==
        "the topology has no name");
}

TEST_CASE("environment variables work in scalars, and their absence is placed") {
  unsetenv("KSTREAMD_TEST_TOPIC");
  auto t = good(
      "kstreamd: 1\nname: x\nnodes:\n"
      "  in: { source: { topic: \"${env:KSTREAMD_TEST_TOPIC:-lines}\", key: string, value: string } }\n");
  CHECK(t.nodes[0].topics[0] == "lines");
  auto d =
      one("kstreamd: 1\nname: x\nnodes:\n"
          "  in: { source: { topic: \"${env:KSTREAMD_TEST_TOPIC}\", key: string, value: string } }\n");
  CHECK(d.line == 4);
  CHECK_THAT(d.message, Contains("KSTREAMD_TEST_TOPIC"));
}

TEST_CASE("what a processor warns of is a warning at its place, and the topology is good") {
  auto d =
      one("kstreamd: 1\nname: x\nstores:\n  s: { key: string, value: string }\nnodes:\n"
          "  in: { source: { topic: in, key: string, value: string } }\n"
          "  x: { from: in, process: dedup, stores: [s], config: { window: 999999 } }\n");
  CHECK(d.severity == Severity::warning);
  CHECK(d.line == 7);
  CHECK(d.message == "the window is very long");
  CHECK_THAT(d.hint, Contains("smaller"));
}

TEST_CASE("a topology may name exactly the serdes that there are") {
  auto made = serde_names(), named = available_serdes();
  std::sort(made.begin(), made.end());
  std::sort(named.begin(), named.end());
  CHECK(made == named);
}

TEST_CASE("a file that cannot be read is a diagnostic") {
  auto result = load_topology("/nowhere/at/all.yaml", FakeCatalog());
  REQUIRE(result.diagnostics.size() == 1);
  CHECK_THAT(text(result.diagnostics[0]), Contains("/nowhere/at/all.yaml: error: cannot read"));
  CHECK_THAT(text(load_topology("/tmp", FakeCatalog()).diagnostics.at(0)), Contains("it is a folder"));
}

TEST_CASE("topology files are found: one file, or a folder without its tests") {
  namespace fs = std::filesystem;
  auto folder = fs::temp_directory_path() / ("kstreamd-spec-" + std::to_string(getpid()));
  fs::create_directories(folder / "sub.yaml");
  CHECK_FALSE(find_topology_files(folder.string()).ok());
  for (const char* name : {"b.yaml", "a.yaml", "a.test.yaml", "notes.txt", ".hidden.yaml"})
    std::ofstream(folder / name);
  auto found = find_topology_files(folder.string());
  REQUIRE(found.ok());
  CHECK(*found == std::vector<std::string>{(folder / "a.yaml").string(), (folder / "b.yaml").string()});
  CHECK(*find_topology_files((folder / "a.test.yaml").string()) ==
        std::vector<std::string>{(folder / "a.test.yaml").string()});
  CHECK_FALSE(find_topology_files((folder / "none").string()).ok());
  fs::remove_all(folder);
}
