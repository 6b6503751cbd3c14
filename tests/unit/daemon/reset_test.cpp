// What a reset plans and does, on a log in memory.
#include <algorithm>
#include <catch2/catch.hpp>

#include "core/embedded/embedded_cluster.h"
#include "core/state/memory_state.h"
#include "daemon/reset_plan.h"
#include "daemon/text_table.h"

namespace kstreamd {
namespace {

using Kind = ResetTarget::Kind;
constexpr Duration kTimeout = std::chrono::seconds(5);

TEST_CASE("a new offset is within the partition") {
  struct Case {
    ResetTarget target;
    OffsetFacts facts;
    int64_t offset;
    const char* note;
  };
  const OffsetFacts some{.committed = 70, .low = 20, .high = 100};
  const OffsetFacts none{.committed = -1, .low = 20, .high = 100};
  const OffsetFacts latest{.committed = -1, .low = 20, .high = 100, .reset = OffsetReset::latest};
  OffsetFacts timed = some;
  timed.at_time = 55;
  const Case cases[] = {
      {{Kind::earliest, 0}, some, 20, ""},
      {{Kind::latest, 0}, some, 100, ""},
      {{Kind::offset, 33}, some, 33, ""},
      {{Kind::offset, 20}, some, 20, ""},
      {{Kind::offset, 100}, some, 100, ""},
      {{Kind::offset, 19}, some, 20, "the partition begins here"},
      {{Kind::offset, 101}, some, 100, "the partition ends here"},
      {{Kind::shift, 5}, some, 75, ""},
      {{Kind::shift, -5}, some, 65, ""},
      {{Kind::shift, -51}, some, 20, "the partition begins here"},
      {{Kind::shift, 31}, some, 100, "the partition ends here"},
      {{Kind::shift, INT64_MAX}, some, 100, "the partition ends here"},
      {{Kind::shift, INT64_MIN}, some, 20, "the partition begins here"},
      {{Kind::shift, 5}, none, 25, "nothing was committed"},
      {{Kind::shift, -5}, latest, 95, "nothing was committed"},
      {{Kind::time, 1}, timed, 55, ""},
      {{Kind::time, 1}, some, 100, "all records are older"},
  };
  for (const auto& c : cases) {
    INFO(static_cast<int>(c.target.kind) << " " << c.target.number);
    const auto made = new_offset(c.target, c.facts);
    CHECK(made.offset == c.offset);
    CHECK(made.note == c.note);
  }
}

TEST_CASE("times are read as ISO 8601 has them") {
  CHECK(parse_datetime("1970-01-01T00:00:00") == 0);
  CHECK(parse_datetime("1970-01-01T00:00:01.25Z") == 1250);
  CHECK(parse_datetime("2026-11-26T12:00:00Z") == 1795694400000);
  CHECK(parse_datetime("2026-11-26T13:00:00+01:00") == 1795694400000);
  CHECK(parse_datetime("2026-11-26T07:30:00.123456-04:30") == 1795694400123);
  for (const char* bad : {"", "now", "2026-11-26", "2026-11-26 12:00:00", "2026-02-30T00:00:00", "2026-13-01T00:00:00",
                          "2026-11-26T24:00:00", "2026-11-26T12:00:00.", "2026-11-26T12:00:00+1",
                          "2026-11-26T12:00:00 Z", "2026-11-26T12:00:00Zx", "26-11-26T12:00:00Z"}) {
    INFO(bad);
    CHECK_FALSE(parse_datetime(bad));
  }
}

TEST_CASE("tables are as wide as their widest cells") {
  CHECK(table_text({{"A", "B"}, {"long", ""}, {"x", "y"}}, "  ") == "  A     B\n  long\n  x     y\n");
  CHECK(bytes_text(17) == "17 B");
  CHECK(bytes_text(1536) == "1.5 KiB");
  CHECK(bytes_text(uint64_t{5} << 30) == "5.0 GiB");
}

// Reads "in" and "gone", which does not exist, writes "out"; has one store and one repartition topic.
Topology counting() {
  Topology topology;
  topology.name = "app";
  Node in, sink;
  in.name = "in";
  in.kind = NodeKind::source;
  in.operator_name = "source";
  in.topics = {"gone", "in"};
  sink.name = "out";
  sink.kind = NodeKind::sink;
  sink.operator_name = "sink";
  sink.topics = {"out"};
  topology.nodes = {in, sink};
  Store store;
  store.name = "counts";
  store.changelog_topic = "app-counts-changelog";
  topology.stores = {store};
  topology.repartitions = {{"app-by-repartition", 1, 0, {"by"}, std::nullopt}};
  return topology;
}

struct Scene {
  Scene() {
    auto made = make_embedded_cluster({.default_partitions = 1});
    REQUIRE(made.ok());
    cluster = std::move(*made);
    for (const char* name : {"in", "out", "app-counts-changelog", "app-by-repartition", "app-kstreamd-tasks",
                             "app-old-changelog", "app-mine", "apple-counts-changelog"}) {
      const TopicSpec spec{.name = name, .partitions = 1};
      REQUIRE(admin().create({&spec, 1}, kTimeout).ok());
    }
    auto producer = cluster->make_producer({}).value();
    REQUIRE(producer->init(kTimeout).ok());
    const auto topic = *producer->open_topic("in", kTimeout);
    for (int i = 0; i < 10; ++i) REQUIRE(producer->produce({.topic = topic, .partition = 0, .timestamp = 100}).ok());
    REQUIRE(producer->flush(kTimeout).ok());
    const std::vector<PartitionOffset> offsets{{{"in", 0}, 8, ""}, {{"app-by-repartition", 0}, 3, ""}};
    REQUIRE(admin().set_group_offsets("app", offsets, kTimeout).ok());
  }
  Admin& admin() { return cluster->admin(); }
  Result<ResetPlan> plan(ResetTarget target = {}, const std::vector<std::string>& more = {}) {
    return plan_reset(topology, target, more, admin(), state.get());
  }
  std::vector<int64_t> committed() {
    const std::vector<TopicPartition> partitions{{"in", 0}, {"app-by-repartition", 0}};
    std::vector<int64_t> offsets;
    const auto found = admin().group_offsets("app", partitions, kTimeout);
    REQUIRE(found.ok());
    for (const auto& offset : *found) offsets.push_back(offset.offset);
    return offsets;
  }
  std::vector<std::string> topics() {
    std::vector<std::string> names;
    const auto found = admin().list(kTimeout);
    REQUIRE(found.ok());
    for (const auto& topic : *found) names.push_back(topic.name);
    std::sort(names.begin(), names.end());
    return names;
  }

  const Topology topology = counting();
  std::unique_ptr<Cluster> cluster;
  std::unique_ptr<StateBackend> state = make_memory_state();
};

std::vector<std::string> names_of(const std::vector<TopicInfo>& topics) {
  std::vector<std::string> names;
  for (const auto& topic : topics) names.push_back(topic.name);
  return names;
}

TEST_CASE("a plan says what would change, and changes nothing") {
  Scene scene;
  const auto topics_before = scene.topics();
  auto plan = scene.plan();
  REQUIRE(plan.ok());
  REQUIRE(plan->offsets.size() == 1);
  CHECK(plan->offsets[0].partition == TopicPartition{"in", 0});
  CHECK(plan->offsets[0].facts.committed == 8);
  CHECK(plan->offsets[0].to.offset == 0);
  CHECK(plan->missing == std::vector<std::string>{"gone"});
  CHECK(names_of(plan->topics) ==
        std::vector<std::string>{"app-by-repartition", "app-counts-changelog", "app-kstreamd-tasks"});
  CHECK(names_of(plan->similar) == std::vector<std::string>{"app-old-changelog"});
  CHECK(plan->sinks == std::vector<std::string>{"out"});
  CHECK(scene.topics() == topics_before);
  CHECK(scene.committed() == std::vector<int64_t>{8, 3});
}

TEST_CASE("a reset sets offsets, and deletes internal topics alone") {
  Scene scene;
  auto plan = scene.plan({Kind::offset, 4}, {"app-old-changelog"});
  REQUIRE(plan.ok());
  std::vector<std::string> steps;
  REQUIRE(execute_reset(*plan, scene.admin(), scene.state.get(), [&](const std::string& step) {
            steps.push_back(step);
          }).ok());
  CHECK(steps == std::vector<std::string>{"offsets of 1 partition set", "4 internal topics deleted",
                                          "local state of 0 tasks removed"});
  CHECK(scene.topics() == std::vector<std::string>{"app-mine", "apple-counts-changelog", "in", "out"});
  CHECK(scene.committed() == std::vector<int64_t>{4, -1});
  // Done again, there is nothing left to do.
  plan = scene.plan({Kind::offset, 4});
  REQUIRE(plan.ok());
  CHECK(plan->topics.empty());
  CHECK(execute_reset(*plan, scene.admin(), nullptr, [](const std::string&) {}).ok());
}

TEST_CASE("a topic that cannot be internal is not deleted") {
  Scene scene;
  for (const char* name : {"in", "app-mine", "apple-counts-changelog"}) {
    auto plan = scene.plan({}, {name});
    REQUIRE_FALSE(plan.ok());
    CHECK(plan.error().message == "'" + std::string(name) + "' is not the name of an internal topic of topology 'app'");
  }
}

TEST_CASE("a reset of a group with members changes nothing") {
  Scene scene;
  auto member = scene.cluster->join({"app", "instance-1", "app-kstreamd-tasks"});
  REQUIRE(member.ok());
  auto plan = scene.plan();
  REQUIRE(plan.ok());
  REQUIRE(plan->members.size() == 1);
  CHECK(plan->members[0].instance_id == "instance-1");
  const auto topics_before = scene.topics();
  CHECK_FALSE(execute_reset(*plan, scene.admin(), nullptr, [](const std::string&) { FAIL("a step was done"); }).ok());
  CHECK(scene.topics() == topics_before);
  CHECK(scene.committed() == std::vector<int64_t>{8, 3});
  REQUIRE(expel_members(*plan, scene.admin()).ok());
  CHECK(execute_reset(*plan, scene.admin(), nullptr, [](const std::string&) {}).ok());
}

}  // namespace
}  // namespace kstreamd
