// emit: per_commit in the real runtime, stepped: what is put out at a commit is part of its transaction.
#include <catch2/catch.hpp>

#include "tests/unit/runtime/harness.h"
#include "tests/unit/runtime/later.h"

namespace kstreamd {
namespace {

using namespace word_count_of_tests;

struct PerCommit : Harness {
  PerCommit() { topology->nodes[4].per_commit = true; }
  bool complete_at_last() { return wrong_at_last().empty(); }
};

TEST_CASE("a table that puts out per commit ends with the same counts in fewer records") {
  PerCommit h;
  h.send(300);
  Process a = h.start();
  REQUIRE(h.until({&a}, [&] { return h.complete_at_last(); }));
  CHECK(h.outputs() < 300);
  h.send(10);
  REQUIRE(h.until({&a}, [&] { return h.complete_at_last(); }));
  CHECK_FALSE(a.instance->error());
}

TEST_CASE("aborts and crashes neither lose what waits for the commit nor put it out twice") {
  using C = Faults::Commit;
  const std::vector<std::deque<C>> cases = {{C::refused}, {C::unknown_done}, {C::unknown_undone, C::refused, C::again}};
  const int at = GENERATE(0, 1, 2);
  CAPTURE(at);
  PerCommit h;
  h.send(100);
  Process a = h.start();
  REQUIRE(h.until({&a}, [&] { return h.complete_at_last(); }));
  h.faults.commits = cases[static_cast<size_t>(at)];
  h.send(200);
  REQUIRE(h.until({&a}, [&] { return h.faults.commits.empty() && h.complete_at_last(); }));
  CHECK_FALSE(a.instance->error());
}

// counts (per commit) -> later -> out
TEST_CASE("a commit waits for what holds the updates that it has set in motion") {
  PerCommit h;
  Held held;
  h.topology->nodes.push_back(node("later", NodeKind::processor, 1, {5}));
  h.topology->nodes.back().processor_type = "later";
  h.topology->nodes[4].children = {{6}};
  h.topology->sub_topologies[1].nodes = {3, 4, 6, 5};
  h.processors.makers["later"] = [&held](ProcessorContext& c) { return std::make_unique<Later>(c, held); };
  h.processors.infos["later"].max_in_flight = 1000;
  h.send(50);
  Process a = h.start({.workers = 1});
  REQUIRE(h.until({&a}, [&] { return held.size() > 0; }));
  h.turns({&a}, 50);
  CHECK(h.output().empty());  // not committed
  h.each_turn = [&] { held.answer(1000); };
  REQUIRE(h.until({&a}, [&] { return h.complete_at_last(); }));
  CHECK_FALSE(a.instance->error());
}

}  // namespace
}  // namespace kstreamd
