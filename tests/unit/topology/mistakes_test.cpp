#include <catch2/catch.hpp>

#include "core/topology/suggest.h"
#include "tests/unit/topology/declare.h"

using namespace kstreamd;
using namespace kstreamd::testing;
using Catch::Matchers::Contains;

namespace {

std::vector<GraphProblem> problems(const Declaration& declaration) {
  auto result = compile(declaration, FakeTypes());
  CHECK(result.topology.has_value() == result.problems.empty());
  return result.problems;
}

// The one problem that there is.
GraphProblem problem(const Declaration& declaration) {
  auto all = problems(declaration);
  for (const auto& p : all) UNSCOPED_INFO(p.node << " " << p.pointer << ": " << p.message);
  REQUIRE(all.size() == 1);
  CHECK_FALSE(all[0].hint.empty());
  return all[0];
}

}  // namespace

TEST_CASE("an unknown input says which node was meant, and nothing follows from it") {
  auto p = problem(topology({source("lines", "in"), node("words", "map_values", {"linse"}, "value"),
                             count("counts", {"words"}), sink("out", "counts", "out")}));
  CHECK(p.node == "words");
  CHECK(p.pointer == "/from/0");
  CHECK(p.message == "unknown node 'linse'");
  CHECK(p.hint == "did you mean 'lines'?");
}

TEST_CASE("outputs have to be named, and to exist") {
  auto d = topology({source("in", "in"), process("parts", "in", "sort_out"), node("x", "filter", {"parts"}, "true")});
  CHECK_THAT(problem(d).hint, Contains("parts.good, parts.bad"));
  d.nodes[2].from = {"parts.goood"};
  CHECK(problem(d).message == "node 'parts' has no output 'goood'");
  d.nodes[2].from = {"in.good"};
  CHECK(problem(d).message == "node 'in' has no output 'good'");
  d.nodes[2].from = {"parts.good"};
  CHECK(problems(d).empty());
}

TEST_CASE("every cycle is reported once, with its nodes") {
  auto d = topology({source("in", "in"), node("a", "merge", {"in", "c"}), node("b", "filter", {"a"}, "true"),
                     node("c", "filter", {"b"}, "true"), sink("out", "c", "out")});
  auto p = problem(d);
  CHECK(p.node == "a");
  CHECK(p.pointer == "/from/1");
  CHECK(p.message == "a cycle: a -> b -> c -> a");
  d.nodes.push_back(node("self", "filter", {"self"}, "true"));
  auto two = problems(d);
  REQUIRE(two.size() == 2);
  CHECK(two[1].message == "a cycle: self -> self");
}

TEST_CASE("inputs: sinks need one, sources have none, sinks give none") {
  auto out = sink("out", "in", "out");
  out.from = {};
  CHECK(problem(topology({source("in", "in"), out})).message == "a sink needs an input, and this node has none");
  auto in = source("two", "two");
  in.from = {"in"};
  CHECK_THAT(problem(topology({source("in", "in"), in})).message, Contains("a source has no input"));
  CHECK_THAT(
      problem(topology({source("in", "in"), sink("out", "in", "out"), node("x", "filter", {"out"}, "true")})).message,
      Contains("'out' is a sink"));
  CHECK_THAT(problem(topology({source("in", "in"), node("x", "merge", {"in", "in"})})).message,
             Contains("named twice"));
}

TEST_CASE("tables and streams are told apart") {
  std::vector<NodeDeclaration> base = {source("in", "in"), count("counts", {"in"})};
  auto with = [&](NodeDeclaration n) {
    auto nodes = base;
    nodes.push_back(std::move(n));
    return problem(topology(nodes)).message;
  };
  CHECK_THAT(with(node("x", "select_key", {"counts"}, "key")), Contains("takes a stream, and 'counts' is a table"));
  CHECK_THAT(with(node("x", "to_stream", {"in"})), Contains("takes a table, and 'in' is a stream"));
  CHECK_THAT(with(node("x", "merge", {"in", "counts"})), Contains("'counts' is a table"));
  CHECK_THAT(with(count("x", {"counts"})), Contains("of a table needs a new key"));
}

TEST_CASE("stores and topics belong to one") {
  CHECK_THAT(problem(topology({source("in", "in"), count("a", {"in"}, "s"), count("b", {"in"}, "s")})).message,
             Contains("already belongs to node 'a'"));
  auto latest = source("b", "in");
  latest.reset = OffsetReset::latest;
  CHECK_THAT(problem(topology({source("a", "in"), latest})).message, Contains("another reset at source 'a'"));
  auto twice = source("a", "in");
  twice.topics = {"in", "in"};
  CHECK_THAT(problem(topology({twice})).message, Contains("named twice"));
  CHECK_THAT(
      problem(topology({source("in", "in"), count("a", {"in"}, "s"), sink("out", "a", "app-s-changelog")})).message,
      Contains("internal topic"));
  CHECK_THAT(problem(topology({source("in", "in"), process("x", "in", "dedup")})).message,
             Contains("needs 1 store, 0 are named"));
  auto counts = count("a", {"in"});
  counts.group_by = {"value", std::nullopt};
  CHECK_THAT(problem(topology({source("in", "in"), counts, node("a-group-by", "filter", {"in"}, "true")})).message,
             Contains("taken by what node 'a' derives"));
}

TEST_CASE("stores are of the kind that their node needs") {
  auto d = topology({source("in", "in"), process("x", "in", "clicks", {"w", "s"})});
  d.stores = {{"w", "window"}, {"s", "session"}};
  CHECK(problems(d).empty());
  d.stores[1].type = "key_value";
  auto p = problem(d);
  CHECK(p.pointer == "/stores/1");
  CHECK(p.message == "store 2 of processor 'clicks' must be a session store; 's' is key_value");
  d.stores[1].type = "";
  CHECK(problems(d).empty());
  d = topology({source("in", "in"), count("a", {"in"}, "s")});
  d.stores = {{"s", "session"}};
  p = problem(d);
  CHECK(p.pointer == "/count/store");
  CHECK(p.message == "the store of a count must be a key-value store; 's' is a session store");
}

TEST_CASE("names that Kafka or the format cannot take") {
  auto d = topology({source("in", "in")});
  d.name = "my app";
  CHECK(problem(d).pointer == "/name");
  CHECK_THAT(problem(topology({source("a.b", "in")})).message, Contains("cannot be the name of a node"));
  CHECK_THAT(problem(topology({source("in", "in put")})).message, Contains("cannot be the name of a Kafka topic"));
  CHECK_THAT(problem(topology({source("in", "in"), node("in", "filter", {"in"}, "true")})).message,
             Contains("used twice"));
  CHECK(problem(topology({})).message == "the topology has no nodes");
}

TEST_CASE("serdes are named where bytes begin and end, and known") {
  auto p = problem(topology({source("in", "in", "string", "")}));
  CHECK(p.pointer == "/source");
  CHECK(p.message == "the source names no serde for its value");
  CHECK(problem(topology({source("in", "in"), sink("out", "in", "out", "", "string")})).message ==
        "the sink names no serde for its key");
  CHECK(problem(topology({source("in", "in", "string", "flaot64")})).hint == "did you mean 'float64'?");
  CHECK_THAT(problem(topology({source("in", "in", "avro", "string")})).message, Contains("takes arguments"));
}

TEST_CASE("plugins and expressions are checked, and placed in the declaration") {
  auto p = problem(topology({source("in", "in"), process("x", "in", "dedpu", {"s"})}));
  CHECK(p.pointer == "/process");
  CHECK_THAT(p.message, Contains("plugin not found"));
  CHECK_THAT(p.hint, Contains("did you mean 'dedup'?") && Contains("/plugins"));

  p = problem(topology({source("in", "in"), node("x", "filter", {"in"}, "bad")}));
  CHECK(p.pointer == "/filter");
  CHECK(p.line == 1);
  CHECK(p.column == 3);

  auto branch = node("x", "branch", {"in"});
  branch.expressions = {{"hot", "bad"}, {"rest", ""}};
  CHECK(problem(topology({source("in", "in"), branch})).pointer == "/branch/hot");
  auto counts = count("x", {"in"});
  counts.group_by = {"bad", std::nullopt};
  CHECK(problem(topology({source("in", "in"), counts})).pointer == "/group_by");
}

TEST_CASE("only a processor that finishes records later has a number of them in flight") {
  auto look_up = process("x", "in", "look_up");
  look_up.max_in_flight = 50;
  const auto compiled = compile(topology({source("in", "in"), look_up}), FakeTypes());
  REQUIRE(compiled.topology);
  CHECK(find(*compiled.topology, "x").max_in_flight == 50);
  auto sort_out = process("x", "in", "sort_out");
  sort_out.max_in_flight = 50;
  const auto p = problem(topology({source("in", "in"), sort_out}));
  CHECK(p.pointer == "/max_in_flight");
  CHECK_THAT(p.message, Contains("'sort_out' finishes each record at once"));
}

TEST_CASE("branches: the default is last, names are unique") {
  auto branch = node("x", "branch", {"in"});
  branch.expressions = {{"rest", ""}, {"hot", "value"}};
  CHECK_THAT(problem(topology({source("in", "in"), branch})).message, Contains("not the last one"));
  branch.expressions = {{"hot", "key"}, {"hot", "value"}};
  CHECK_THAT(problem(topology({source("in", "in"), branch})).message, Contains("two branches"));
  branch.expressions = {};
  CHECK_THAT(problem(topology({source("in", "in"), branch})).message, Contains("no branches"));
}

TEST_CASE("unknown operators are refused by name, without further complaints") {
  CHECK(problem(topology({source("in", "in"), node("x", "filtre", {"in"})})).hint == "did you mean 'filter'?");
  auto grouped = node("x", "filter", {"in"}, "true");
  grouped.group_by = {"value", std::nullopt};
  CHECK_THAT(problem(topology({source("in", "in"), grouped})).message, Contains("aggregating operator"));
}

TEST_CASE("dead letters need a topic") {
  auto d = topology({source("in", "in")});
  d.on_error.processing = ErrorAction::dead_letter;
  CHECK(problem(d).pointer == "/on_error");
  d.dead_letter_topic = "dlq";
  CHECK(problems(d).empty());
}

TEST_CASE("a store that nobody uses is a warning") {
  auto d = topology({source("in", "in")});
  d.stores = {{"left_over"}};
  auto result = compile(d, FakeTypes());
  REQUIRE(result.warnings.size() == 1);
  CHECK(result.warnings[0].pointer == "/stores/left_over");
  REQUIRE(result.topology.has_value());
  CHECK(result.topology->stores.empty());
}

TEST_CASE("what stays as it came fits the serde that it is written with") {
  auto p = problem(topology({source("lines", "in", "string", "string"), node("kept", "filter", {"lines"}, "true"),
                             sink("out", "kept", "out", "string", "int64")}));
  CHECK(p.node == "out");
  CHECK(p.pointer == "/sink/value");
  CHECK(p.message == "the value comes as string from 'kept', and cannot be written as int64");
  CHECK(p.hint == "name the serde that it has, or make another value of it: map: { value: EXPRESSION }");
  // An expression may have made anything; so may a plugin.
  auto d = topology({source("lines", "in", "string", "string"), node("made", "map_values", {"lines"}, "#value"),
                     process("x", "lines", "sort_out"), sink("one", "made", "a", "string", "int64"),
                     sink("two", "x.good", "b", "int64", "int64")});
  CHECK(problems(d).empty());
  // The key of a count is that of its input, its value a number.
  d = topology({source("lines", "in", "int64", "string"), count("counts", {"lines"}),
                sink("out", "counts", "out", "string", "string")});
  auto both = problems(d);
  REQUIRE(both.size() == 2);
  CHECK(both[0].message == "the key comes as int64 from 'counts', and cannot be written as string");
  CHECK(both[1].message == "the value comes as int64 from 'counts', and cannot be written as string");
  d.nodes[1].window = Window{.size = std::chrono::minutes(5)};
  CHECK(problem(topology({d.nodes[0], d.nodes[1], sink("out", "counts", "out", "int64", "int64")})).message ==
        "the key comes as { time_windowed: int64, size: 5m } from 'counts', and cannot be written as int64");
  auto renamed = node("renamed", "filter", {"lines"}, "true");
  renamed.serde.value = "bool";
  p = problem(topology({source("lines", "in", "string", "int32"), renamed}));
  CHECK(p.pointer == "/serde/value");
  CHECK(p.message == "the value comes as int32 from 'lines', and cannot be written as bool");
  // Texts are bytes, and any number may be written as another.
  CHECK(problems(topology({source("lines", "in", "string", "int32"), sink("out", "lines", "out", "bytes", "float64")}))
            .empty());
}

TEST_CASE("a serde of windows that names no size gets that of the windows above") {
  auto counts = count("counts", {"lines"});
  counts.window = Window{.size = std::chrono::seconds(30)};
  auto again = node("again", "repartition", {"stream"});
  again.serde.key = R"({"time_windowed":"string"})";
  const auto d = topology({source("lines", "in"), counts, node("stream", "to_stream", {"counts"}), again});
  const auto compiled = compile(d, FakeTypes());
  REQUIRE(compiled.topology);
  CHECK(find(*compiled.topology, "again").key_serde == R"({"time_windowed":"string","size":30000})");
  // Where nothing says it, such keys do not go through a topic, from which they would come back without an end.
  auto made = node("made", "map_values", {"lines"}, "value");
  made.serde.key = R"({"time_windowed":"string"})";
  auto p = problem(topology({source("lines", "in", "json", "string"), made, node("again", "repartition", {"made"})}));
  CHECK(p.node == "again");
  CHECK(p.pointer == "/from/0");
  CHECK(p.message ==
        "the keys of 'made' go through a topic as { time_windowed: string }, whose bytes do not say where a window "
        "ends");
  CHECK(p.hint == "say it at 'made': serde: { key: { time_windowed: SERDE, size: 30s } }");
}

TEST_CASE("a sub-topology keeps no more stream times than Kafka has room for beside an offset") {
  std::vector<NodeDeclaration> nodes = {source("lines", "in")};
  for (size_t i = 0; i <= most_times; ++i) {
    nodes.push_back(count("counts" + std::to_string(i), {"lines"}));
    nodes.back().window = Window{.size = std::chrono::minutes(5)};
  }
  const auto p = problem(topology(nodes));
  CHECK(p.node == "counts250");
  CHECK(p.message ==
        "with this node sub-topology 'lines' keeps more than 250 stream times (one for each windowed aggregation, join "
        "of streams and suppress, two with emit: on_window_close), which Kafka has no room for beside an offset");
  nodes.pop_back();
  CHECK(problems(topology(nodes)).empty());
  nodes.back().emit = Emit::on_window_close;
  CHECK(problem(topology(nodes)).node == "counts249");
}

TEST_CASE("all problems come in one run, in the order of the file") {
  auto d = topology({source("in", "in", "", "string"), node("a", "filter", {"nowhere"}, "bad"),
                     sink("out", "in", "out", "string", "wrong")});
  auto all = problems(d);
  REQUIRE(all.size() == 4);
  CHECK(all[0].node == "in");
  CHECK(all[1].node == "a");
  CHECK(all[2].node == "a");
  CHECK(all[3].node == "out");
}

TEST_CASE("did you mean") {
  CHECK(nearest("filtr", {"filter", "map"}) == "filter");
  CHECK(nearest("comit_interval", {"commit_interval", "name"}) == "commit_interval");
  CHECK(nearest("xyz", {"filter", "map"}).empty());
  CHECK(nearest("", {"a"}).empty());
  CHECK(nearest("lnies", {"lines"}) == "lines");
}
