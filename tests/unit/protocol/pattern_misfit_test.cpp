// What is said of topics that fit a pattern and have more partitions than there are tasks.
#include "core/protocol/pattern_misfit.h"

#include <catch2/catch.hpp>

#include "tests/unit/protocol/source_node.h"

namespace kstreamd {
namespace {

// metrics-.* -> (repartition) -> counts, with a store if `counts`.
Topology metrics(std::vector<std::string> topics, std::optional<int32_t> repartition, bool counts) {
  Topology topology;
  topology.name = "m";
  topology.nodes = {source("in", std::move(topics), 0), Node{}, source("repartitioned", {"m-counts-repartition"}, 1)};
  topology.nodes[0].pattern = "metrics-.*";
  topology.nodes[1].kind = NodeKind::sink;
  topology.nodes[1].sub_topology = 0;
  topology.sub_topologies = {{"in", {0, 1}, {0}, {}, true}, {"counts", {2}, {2}, {}, true}};
  topology.repartitions = {{"m-counts-repartition", 1, 2, {"counts"}, repartition}};
  if (!counts) return topology;
  topology.stores.push_back({});
  topology.stores[0].name = "counts";
  topology.stores[0].changelog_topic = "m-counts-changelog";
  topology.sub_topologies[1].stores = {0};
  return topology;
}

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("topics that the tasks can read are no misfit, nor is any before the first run") {
  const auto topology = metrics({"metrics-a", "metrics-b"}, 2, false);
  CHECK_FALSE(pattern_misfit(topology, {{"metrics-a", 4}, {"metrics-b", 6}}));
  CHECK_FALSE(pattern_misfit(topology, {{"metrics-a", 4}, {"metrics-b", 3}, {"m-kstreamd-tasks", 6}}));
}

TEST_CASE("a topic with more partitions than there are tasks is named with both counts") {
  const auto topology = metrics({"metrics-a", "metrics-b", "metrics-c"}, 2, false);
  const auto error = pattern_misfit(
      topology,
      {{"metrics-a", 4}, {"metrics-b", 6}, {"metrics-c", 1}, {"m-counts-repartition", 2}, {"m-kstreamd-tasks", 6}});
  REQUIRE(error);
  CHECK(error->recovery == Recovery::retry_topology);
  CHECK(error->message ==
        "topology 'm': topic 'metrics-b', which fits the pattern 'metrics-.*' of source 'in', has 6 "
        "partitions, and there are 4 tasks to read it");
  CHECK(says(error->hint, "no more than 4 partitions"));
  CHECK(says(error->hint, "remove topic 'm-kstreamd-tasks'"));
}

TEST_CASE("where internal topics would have to grow only beginning anew helps") {
  const auto error =
      pattern_misfit(metrics({"metrics-a", "metrics-b"}, std::nullopt, true), {{"metrics-a", 3},
                                                                               {"metrics-b", 5},
                                                                               {"m-counts-repartition", 3},
                                                                               {"m-counts-changelog", 3},
                                                                               {"m-kstreamd-tasks", 6}});
  REQUIRE(error);
  CHECK(says(error->message, "'metrics-b'"));
  CHECK(says(error->message, "has 5 partitions, and there are 3 tasks"));
  CHECK(says(error->hint, "kstreamd reset"));
  CHECK(says(error->hint, "'m-counts-changelog' has 3 partitions"));
  CHECK_FALSE(says(error->hint, "remove topic"));
}

TEST_CASE("of several that do not fit the widest is named, with the tasks that the others leave") {
  const auto error = pattern_misfit(metrics({"metrics-a", "metrics-b", "metrics-c"}, 2, false),
                                    {{"metrics-a", 2}, {"metrics-b", 6}, {"metrics-c", 7}, {"m-kstreamd-tasks", 4}});
  REQUIRE(error);
  CHECK(says(error->message, "'metrics-c'"));
  CHECK(says(error->message, "has 7 partitions, and there are 2 tasks"));
}

}  // namespace
}  // namespace kstreamd
