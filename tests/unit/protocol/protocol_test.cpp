#include <catch2/catch.hpp>

#include "core/base/base64.h"
#include "core/protocol/backoff.h"
#include "core/protocol/input_start.h"
#include "core/protocol/restore_plan.h"
#include "core/protocol/task_plan.h"
#include "core/protocol/transaction_recovery.h"
#include "core/topology/compile.h"
#include "tests/unit/protocol/source_node.h"

namespace kstreamd {
namespace {

// lines -> (repartition) -> counts with a store
Topology word_count() {
  Topology topology;
  topology.name = "wc";
  topology.nodes = {source("lines", {"text"}, 0), Node{}, source("repartitioned", {"wc-counts-repartition"}, 1)};
  topology.nodes[1].kind = NodeKind::sink;
  topology.nodes[1].sub_topology = 0;
  topology.stores.push_back({});
  topology.stores[0].name = "counts";
  topology.stores[0].changelog_topic = "wc-counts-changelog";
  topology.sub_topologies = {{"lines", {0, 1}, {0}, {}, true}, {"counts", {2}, {2}, {0}, true}};
  topology.repartitions = {{"wc-counts-repartition", 1, 2, {"counts"}, std::nullopt}};
  return topology;
}

TEST_CASE("tasks are one per partition of each sub-topology, upstream first") {
  auto plan = plan_tasks(word_count(), {{"text", 3}});
  REQUIRE(plan);
  REQUIRE(plan->tasks.size() == 6);
  CHECK(plan->tasks[0].id.text() == "lines-0");
  CHECK(plan->tasks[2].inputs[0].partition.text() == "text-2");
  CHECK(plan->tasks[3].id.text() == "counts-0");
  CHECK(plan->tasks[5].inputs[0].partition.text() == "wc-counts-repartition-2");
  CHECK(plan->repartition_partitions.at("wc-counts-repartition") == 3);
  CHECK(plan->changelog_partitions.at("wc-counts-changelog") == 3);
}

TEST_CASE("a repartition topic gets as many partitions as asked for") {
  Topology topology = word_count();
  topology.repartitions[0].partitions = 8;
  auto plan = plan_tasks(topology, {{"text", 3}});
  REQUIRE(plan);
  CHECK(plan->tasks.size() == 3 + 8);
  CHECK(plan->changelog_partitions.at("wc-counts-changelog") == 8);
}

TEST_CASE("a sub-topology may read the repartition topic that it writes") {
  Topology topology = word_count();
  topology.nodes[2].sub_topology = 0;
  topology.sub_topologies = {{"lines", {0, 1, 2}, {0, 2}, {0}, true}};
  auto plan = plan_tasks(topology, {{"text", 3}});
  REQUIRE(plan);
  REQUIRE(plan->tasks.size() == 3);
  CHECK(plan->tasks[0].inputs.size() == 2);
  CHECK(plan->repartition_partitions.at("wc-counts-repartition") == 3);
}

TEST_CASE("a task of a wide partition reads only the topics that have it") {
  Topology topology = word_count();
  topology.nodes[0].topics = {"text", "more"};
  auto plan = plan_tasks(topology, {{"text", 3}, {"more", 1}});
  REQUIRE(plan);
  CHECK(plan->tasks[0].inputs.size() == 2);
  CHECK(plan->tasks[1].inputs.size() == 1);
}

// left and right, each perhaps through a repartition topic, meet in a join.
Topology join(bool left_rekeyed, bool right_rekeyed) {
  Topology topology;
  topology.name = "j";
  auto add = [&](std::string name, NodeKind kind, std::vector<std::string> topics, int sub) -> Node& {
    Node node = source(std::move(name), std::move(topics), sub);
    node.kind = kind;
    topology.nodes.push_back(std::move(node));
    return topology.nodes.back();
  };
  topology.sub_topologies.resize(3);
  topology.sub_topologies[2].name = "join";
  for (const bool left : {true, false}) {
    const std::string side = left ? "left" : "right";
    const bool rekeyed = left ? left_rekeyed : right_rekeyed;
    const int sub = rekeyed ? (left ? 0 : 1) : 2;
    add(side, NodeKind::source, {side}, sub);
    topology.sub_topologies[sub].name = side;
    topology.sub_topologies[sub].sources.push_back(static_cast<int>(topology.nodes.size()) - 1);
    if (!rekeyed) continue;
    const std::string topic = "j-join-" + side + "-repartition";
    Node& sink = add("join-" + side + "-repartition-sink", NodeKind::sink, {topic}, sub);
    sink.derived_for = "join";
    sink.from = {side};
    add("join-" + side + "-repartition-source", NodeKind::source, {topic}, 2).derived_for = "join";
    const int last = static_cast<int>(topology.nodes.size()) - 1;
    topology.sub_topologies[2].sources.push_back(last);
    topology.repartitions.push_back({topic, last - 1, last, {"join"}, std::nullopt});
  }
  Node& joined = add("join", NodeKind::processor, {}, 2);
  joined.operator_name = "join";
  joined.tells_inputs = true;
  joined.from = {"left", "right"};
  return topology;
}

TEST_CASE("topics that meet in a join must have equal partition counts") {
  CHECK(plan_tasks(join(false, false), {{"left", 3}, {"right", 3}}));
  const auto refused = plan_tasks(join(false, false), {{"left", 4}, {"right", 3}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().recovery == Recovery::stop_topology);
  for (const char* part : {"node 'join'", "'left' has 4", "'right' has 3"})
    CHECK(refused.error().message.find(part) != std::string::npos);
  CHECK(refused.error().hint.find("'right' go through a node with repartition: { partitions: 4 }") !=
        std::string::npos);
}

TEST_CASE("repartition topics take the partition counts of what their records meet") {
  auto plan = plan_tasks(join(true, false), {{"left", 2}, {"right", 5}});
  REQUIRE(plan);
  CHECK(plan->repartition_partitions == std::map<std::string, int32_t>{{"j-join-left-repartition", 5}});
  plan = plan_tasks(join(true, false), {{"left", 8}, {"right", 5}});
  REQUIRE(plan);
  CHECK(plan->repartition_partitions.at("j-join-left-repartition") == 5);
  plan = plan_tasks(join(true, true), {{"left", 2}, {"right", 5}});
  REQUIRE(plan);
  CHECK(plan->repartition_partitions.at("j-join-left-repartition") == 5);
  CHECK(plan->repartition_partitions.at("j-join-right-repartition") == 5);
  Topology asked = join(true, true);
  asked.repartitions[1].partitions = 3;
  plan = plan_tasks(asked, {{"left", 2}, {"right", 5}});
  REQUIRE(plan);
  CHECK(plan->repartition_partitions.at("j-join-left-repartition") == 3);
  asked.repartitions[0].partitions = 4;
  plan = plan_tasks(asked, {{"left", 2}, {"right", 5}});
  REQUIRE_FALSE(plan);
  CHECK(plan.error().message.find("'j-join-right-repartition' has 3") != std::string::npos);
}

TEST_CASE("what a join writes has the greatest count of its inputs before they become equal") {
  Topology topology = join(true, false);
  for (const auto& [name, kind, sub] :
       {std::tuple("totals-repartition-sink", NodeKind::sink, 2), {"totals-repartition-source", NodeKind::source, 3}}) {
    Node node = source(name, {"j-totals-repartition"}, sub);
    node.kind = kind;
    topology.nodes.push_back(node);
  }
  const int reads = static_cast<int>(topology.nodes.size()) - 1;
  topology.sub_topologies.push_back({.name = "totals", .sources = {reads}});
  topology.repartitions.push_back({"j-totals-repartition", reads - 1, reads, {"totals"}, std::nullopt});
  const auto plan = plan_tasks(topology, {{"left", 8}, {"right", 5}});
  REQUIRE(plan);
  CHECK(plan->repartition_partitions ==
        std::map<std::string, int32_t>{{"j-join-left-repartition", 5}, {"j-totals-repartition", 8}});
}

// `left`, with a key of its own making, is joined with `right` and with `more`, through one topic.
Topology joined_twice() {
  Topology topology = join(true, false);
  topology.repartitions[0].readers = {"join", "again"};
  topology.nodes.push_back(source("more", {"more"}, 2));
  topology.sub_topologies[2].sources.push_back(static_cast<int>(topology.nodes.size()) - 1);
  Node again = topology.nodes[topology.nodes.size() - 2];  // the join
  again.name = "again";
  again.from = {"left", "more"};
  topology.nodes.push_back(std::move(again));
  return topology;
}

TEST_CASE("a repartition topic with several readers takes the partition count of what they all meet, or none") {
  const auto plan = plan_tasks(joined_twice(), {{"left", 2}, {"right", 5}, {"more", 5}});
  REQUIRE(plan);
  CHECK(plan->repartition_partitions == std::map<std::string, int32_t>{{"j-join-left-repartition", 5}});
  const auto refused = plan_tasks(joined_twice(), {{"left", 2}, {"right", 5}, {"more", 4}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().recovery == Recovery::stop_topology);
  for (const char* part : {"node 'again'", "topic 'j-join-left-repartition' needs 4 partitions, and 5 for another"})
    CHECK(refused.error().message.find(part) != std::string::npos);
}

TEST_CASE("of two sub-topologies that read each other's topics the other inputs decide") {
  // there and back: what the second makes of the first's records comes back to it.
  Topology topology;
  topology.name = "c";
  auto add = [&](NodeKind kind, const std::string& topic, int sub) {
    Node node = source(topic + (kind == NodeKind::sink ? "-sink" : "-source"), {topic}, sub);
    node.kind = kind;
    topology.nodes.push_back(std::move(node));
    return static_cast<int>(topology.nodes.size()) - 1;
  };
  topology.sub_topologies.resize(2);
  topology.sub_topologies[0].name = "first";
  topology.sub_topologies[1].name = "second";
  topology.sub_topologies[0].sources = {add(NodeKind::source, "in", 0)};
  int from = 0;
  for (const std::string topic : {"c-there-repartition", "c-back-repartition"}) {
    const int sink = add(NodeKind::sink, topic, from), reader = add(NodeKind::source, topic, 1 - from);
    topology.sub_topologies[1 - from].sources.push_back(reader);
    topology.repartitions.push_back({topic, sink, reader, {"x"}, std::nullopt});
    from = 1 - from;
  }
  auto plan = plan_tasks(topology, {{"in", 3}});
  REQUIRE(plan);
  CHECK(plan->repartition_partitions ==
        std::map<std::string, int32_t>{{"c-back-repartition", 3}, {"c-there-repartition", 3}});
  CHECK(plan->tasks.size() == 6);
  CHECK(plan->tasks[0].inputs.size() == 2);
  // As many as the topic has that comes back, where that is said; it is an input of the first, too.
  topology.repartitions[1].partitions = 5;
  plan = plan_tasks(topology, {{"in", 3}});
  REQUIRE(plan);
  CHECK(plan->tasks.size() == 10);
  topology.repartitions[1].partitions.reset();
  topology.sub_topologies[0].sources = {topology.repartitions[1].source_node};
  const auto refused = plan_tasks(topology, {{"in", 3}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "the partition count of topic 'c-back-repartition' is not known");
}

TEST_CASE("a topic whose partitions are not known is named") {
  auto plan = plan_tasks(word_count(), {});
  REQUIRE_FALSE(plan);
  CHECK(plan.error().message.find("'text'") != std::string::npos);
}

TEST_CASE("restoration begins where the local state ends") {
  CHECK(plan_restore({std::nullopt, 5, 90}).from == 5);
  CHECK(plan_restore({40, 5, 90}).from == 40);
  CHECK(plan_restore({40, 5, 90}).to == 90);
  CHECK_FALSE(plan_restore({90, 5, 90}).rebuild);
}

TEST_CASE("local state of another history is rebuilt from the whole changelog") {
  for (int64_t stored : {91, 4}) {
    auto plan = plan_restore({stored, 5, 90});
    CHECK(plan.rebuild);
    CHECK(plan.from == 5);
    CHECK(plan.reason.find(std::to_string(stored)) != std::string::npos);
  }
}

TEST_CASE("the last record applied is looked at where the changelog still may have it") {
  CHECK(plan_restore({40, 5, 90, 38}).read_from == 38);
  CHECK(plan_restore({40, 5, 90, 38}).prove);
  CHECK(plan_restore({40, 5, 90, 38}).from == 40);
  CHECK(plan_restore({40, 39, 90, 38}).read_from == 40);
  CHECK_FALSE(plan_restore({40, 39, 90, 38}).prove);
  CHECK_FALSE(plan_restore({40, 5, 90}).prove);
  CHECK_FALSE(plan_restore({91, 5, 90, 90}).prove);
  CHECK_FALSE(plan_restore({std::nullopt, 5, 90}).prove);
}

TEST_CASE("what is found at the last record applied tells whether the changelog is another one") {
  struct Row {
    std::optional<int64_t> found;
    uint64_t fingerprint;
    bool another;
  };
  for (const Row& row : {
           Row{38, 7, false},           // that record
           Row{38, 8, true},            // another one
           Row{39, 7, true},            // one that was not there before
           Row{40, 7, false},           // compacted away
           Row{99, 8, false},           // the same
           Row{std::nullopt, 0, true},  // the end was cut off
       }) {
    const auto reason = check_mark({38, 7, 40, row.found, row.fingerprint});
    CAPTURE(row.found.value_or(-1));
    CHECK(reason.has_value() == row.another);
    if (reason) CHECK(reason->find("38") != std::string::npos);
  }
}

TEST_CASE("an input starts at its committed offset, else by its reset policy") {
  CHECK(plan_start(7, 0, 100, OffsetReset::latest) == 7);
  CHECK(plan_start(-1, 3, 100, OffsetReset::earliest) == 3);
  CHECK(plan_start(-1, 3, 100, OffsetReset::latest) == 100);
  CHECK_FALSE(plan_start(-1, 3, 100, OffsetReset::none));
}

TEST_CASE("what follows a failure depends on the error and on how far the transaction was") {
  using P = TransactionPhase;
  using R = Recovery;
  using A = WorkerAction;
  struct Row {
    P phase;
    R recovery;
    A action;
  };
  for (const Row& row : {
           Row{P::open, R::retry, A::call_again},
           Row{P::open, R::abort_transaction, A::abort_rewind},
           Row{P::committing, R::abort_transaction, A::abort_rewind},
           Row{P::committed, R::abort_transaction, A::replace_reopen},
           Row{P::committing, R::recreate_producer, A::replace_reopen},
           Row{P::open, R::rejoin, A::abort_reopen},
           Row{P::open, R::rebuild_state, A::reopen_rebuild},
           Row{P::idle, R::retry_topology, A::fail_topology},
           Row{P::committing, R::stop_topology, A::fail_topology},
       })
    CHECK(after_failure(row.phase, row.recovery) == row.action);
}

TEST_CASE("delays double up to a limit") {
  Backoff backoff(Duration(100), Duration(350));
  CHECK(backoff.next() == Duration(100));
  CHECK(backoff.next() == Duration(200));
  CHECK(backoff.next() == Duration(350));
  CHECK(backoff.next() == Duration(350));
  backoff.reset();
  CHECK(backoff.next() == Duration(100));
}

TEST_CASE("a partition's time is written and read as Kafka Streams does") {
  auto time_of = [](std::string_view metadata) { return input_start(3, metadata).time; };
  CHECK(input_metadata(1'700'000'000'000, {}) == "AgAAAYvP5WgA");
  CHECK(input_metadata(0, {}) == "AgAAAAAAAAAA");
  CHECK(input_metadata(kUnknownTime, {}).empty());
  CHECK(time_of("AgAAAYvP5WgA") == 1'700'000'000'000);
  CHECK(time_of("AQAAAYvP5WgA") == 1'700'000'000'000);          // version 1
  CHECK(time_of("AgAAAYvP5WgAAAAAAA==") == 1'700'000'000'000);  // with metadata of no processors behind it
  CHECK(time_of("Av//////////") == kUnknownTime);               // Kafka Streams' own word for it
  for (const char* other : {"", "no base64", "AwAAAAAAAAAF", "AgAA", "bm90IG91cnM="})
    CHECK(time_of(other) == kUnknownTime);
  CHECK(input_start(3, "").offset == 3);
}

TEST_CASE("the progress of processors is written and read as Kafka Streams' metadata of processors") {
  // {"key1": 1, "key2": 2} at the time 1000.
  const std::string text = input_metadata(1000, {{"key1", 1}, {"key2", 2}});
  CHECK(text == "AgAAAAAAAAPoAAAAAgAAAARrZXkxAAAAAAAAAAEAAAAEa2V5MgAAAAAAAAAC");
  const InputStart read = input_start(0, text);
  CHECK(read.time == 1000);
  CHECK(read.progress == Progress{{"key1", 1}, {"key2", 2}});
  CHECK(input_start(0, input_metadata(kUnknownTime, {{"a", 5}})).progress == Progress{{"a", 5}});
  // Cut short, or with lengths that lie: nothing of it is believed.
  const std::string bytes = *base64_decode(text);
  for (size_t size = 9; size < bytes.size(); ++size)
    CHECK(input_start(0, base64_encode(bytes.substr(0, size))).progress.empty());
  CHECK(input_start(0, "AgAAAAAAAAPofwAAAH////8=").progress.empty());
  Progress merged{{"a", 5}, {"b", 7}};
  merge_progress(merged, {{"a", 6}, {"b", 2}, {"c", 1}});
  CHECK(merged == Progress{{"a", 6}, {"b", 7}, {"c", 1}});
}

TEST_CASE("progress that has no room in full keeps short names") {
  constexpr size_t room = 4096;  // offset.metadata.max.bytes of a broker that says nothing else
  Progress many;
  for (size_t i = 0; i < most_times; ++i)
    many[std::string(90, 'n') + std::to_string(i) + "/t"] = 1'700'000'000'000 + static_cast<int64_t>(i);
  const std::string text = input_metadata(1000, many);
  CHECK(text.size() <= room);
  const InputStart read = input_start(0, text);
  CHECK(read.time == 1000);
  REQUIRE(read.progress.size() == most_times);
  for (const auto& [name, value] : many) CHECK(read.progress.at(short_name(name)) == value);
  // Of those that nobody asked for by their full names nothing is lost when they are written again.
  CHECK(input_metadata(1000, read.progress).size() <= room);
  CHECK(input_start(0, input_metadata(1000, read.progress)).progress == read.progress);
  const Progress few{*read.progress.begin(), {"a/t", INT64_MAX}};
  CHECK(input_start(0, input_metadata(1000, few)).progress == few);
  many.begin()->second = INT64_MAX;
  CHECK(input_start(0, input_metadata(1000, many)).progress.at(short_name(many.begin()->first)) == (1LL << 56) - 1);
}

}  // namespace
}  // namespace kstreamd
