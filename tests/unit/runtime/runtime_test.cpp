// The real runtime, stepped on one thread against the embedded log: word counts stay exact through failed commits,
// crashes and rebalances.
#include <catch2/catch.hpp>
#include <deque>

#include "tests/unit/runtime/harness.h"

namespace kstreamd {
namespace {

using namespace word_count_of_tests;

TEST_CASE("one instance runs all tasks and counts exactly") {
  Harness h;
  h.send(200);
  Process a = h.start();
  REQUIRE(h.until({&a}, [&] { return h.running(a, 2 * partitions); }));
  REQUIRE(h.until({&a}, [&] { return h.complete(); }));
  h.send(100);
  CHECK_FALSE(h.complete());
  REQUIRE(h.until({&a}, [&] { return h.complete(); }));
}

TEST_CASE("at least once goes the same way without transactions") {
  Harness h;
  h.topology->guarantee = Guarantee::at_least_once;
  h.send(200);
  Process a = h.start();
  REQUIRE(h.until({&a}, [&] { return h.complete(); }));
}

TEST_CASE("failed commits leave the counts exact") {
  using C = Faults::Commit;
  const std::vector<std::deque<C>> cases = {
      {C::refused},
      {C::again, C::again},
      {C::unknown_done},
      {C::unknown_undone},
      {C::refused, C::unknown_done, C::again, C::unknown_undone, C::refused},
  };
  const int at = GENERATE(0, 1, 2, 3, 4);
  CAPTURE(at);
  Harness h;
  h.send(100);
  Process a = h.start();
  REQUIRE(h.until({&a}, [&] { return h.complete(); }));
  h.faults.commits = cases[at];
  h.send(300);
  REQUIRE(h.until({&a}, [&] { return h.faults.commits.empty() && h.complete(); }));
  CHECK_FALSE(a.instance->error());
}

TEST_CASE("offsets that are refused abort the transaction and nothing else") {
  Harness h;
  h.send(50);
  Process a = h.start();
  REQUIRE(h.until({&a}, [&] { return h.complete(); }));
  h.faults.send_offsets = {Recovery::abort_transaction, Recovery::retry, Recovery::recreate_producer};
  h.send(100);
  REQUIRE(h.until({&a}, [&] { return h.faults.send_offsets.empty() && h.complete(); }));
  CHECK(h.faults.aborts >= 1);
}

TEST_CASE("an error that only an operator can mend stops the instance, and says so") {
  Harness h;
  Process a = h.start();
  REQUIRE(h.until({&a}, [&] { return h.running(a, 2 * partitions); }));
  h.faults.send_offsets = {Recovery::stop_topology};
  h.send(10);
  REQUIRE(h.until({&a}, [&] { return a.instance->finished(); }));
  REQUIRE(a.instance->error());
  CHECK(a.instance->error()->message.find("as told") != std::string::npos);
}

TEST_CASE("a crash in the middle loses nothing and counts nothing twice") {
  const int turns = GENERATE(1, 7, 12, 15, 19, 26);
  CAPTURE(turns);
  Harness h;
  h.send(200);
  Process a = h.start();
  REQUIRE(h.until({&a}, [&] { return h.running(a, 2 * partitions); }));
  h.send(200);
  h.turns({&a}, turns);
  a.instance.reset();  // gone without a word
  h.launch(a);
  REQUIRE(h.until({&a}, [&] { return h.complete(); }));
}

TEST_CASE("a task goes on in the time that its predecessor has committed") {
  Harness h;
  std::vector<int64_t> times;
  h.processors.steps["split"] = [&times](const Record& record, ProcessorContext& context) {
    times.push_back(context.stream_time());
    return split(record, context);
  };
  h.send(30 * partitions);
  Process a = h.start();
  REQUIRE(h.until({&a}, [&] { return h.complete(); }));
  const int64_t reached = *std::max_element(times.begin(), times.end()) - partitions;  // in every partition
  a.instance.reset();
  a.state = make_memory_state();
  times.clear();
  h.launch(a);
  h.send(partitions);  // whose timestamps begin again
  REQUIRE(h.until({&a}, [&] { return h.complete(); }));
  REQUIRE(times.size() == partitions);
  CHECK(*std::min_element(times.begin(), times.end()) > reached);
}

TEST_CASE("tasks move to a second instance and back, and the counts stay exact") {
  Harness h;
  h.send(100);
  Process a = h.start();
  REQUIRE(h.until({&a}, [&] { return h.running(a, 2 * partitions); }));
  Process b = h.start();
  h.send(100);
  REQUIRE(h.until({&a, &b}, [&] { return h.running(a, partitions) && h.running(b, partitions); }));
  h.send(100);
  REQUIRE(h.until({&a, &b}, [&] { return h.complete(); }));
  a.instance->request_stop();
  REQUIRE(h.until({&a, &b}, [&] { return a.instance->finished(); }));
  a.instance.reset();
  h.send(100);
  REQUIRE(h.until({&b}, [&] { return h.running(b, 2 * partitions) && h.complete(); }));
}

TEST_CASE("an instance that was expelled commits nothing more and comes back") {
  Harness h;
  h.send(100);
  Process a = h.start();
  REQUIRE(h.until({&a}, [&] { return h.running(a, 2 * partitions); }));
  h.send(200);
  h.turns({&a}, 3);
  auto id = a.state->instance_id("wc");
  REQUIRE(id);
  REQUIRE(h.levers().expel_member("wc", *id));
  h.send(50);
  REQUIRE(h.until({&a}, [&] { return h.running(a, 2 * partitions) && h.complete(); }));
}

TEST_CASE("a repartition topic is purged by what is committed, and a restart finds its place") {
  Harness h;
  h.send(100);
  Process a = h.start();
  REQUIRE(h.until({&a}, [&] { return h.complete(); }));
  h.turns({&a}, 3200);  // beyond the purge interval of 30 s, with nothing to do
  int64_t purged = 0;
  for (int32_t p = 0; p < partitions; ++p) {
    auto marks = h.cluster().admin().watermarks({"wc-counts-repartition", p}, Duration(0));
    REQUIRE(marks);
    purged += marks->low;
  }
  CHECK(purged > 0);
  a.instance.reset();
  h.launch(a);
  h.send(50);
  REQUIRE(h.until({&a}, [&] { return h.complete(); }));
  CHECK_FALSE(a.instance->error());
}

TEST_CASE("a source that starts at the end loses nothing to an abort before its first commit") {
  Harness h;
  h.topology->nodes[0].reset = OffsetReset::latest;
  Process a = h.start();
  REQUIRE(h.until({&a}, [&] { return h.running(a, 2 * partitions); }));
  h.turns({&a}, 30);
  h.faults.commits = {Faults::Commit::unknown_undone};
  h.send(100);
  REQUIRE(h.until({&a}, [&] { return h.faults.commits.empty() && h.complete(); }));
}

TEST_CASE("a drain ends when all that was there is counted, through the repartition topic") {
  Harness h;
  h.send(500);
  Process a = h.start({.workers = 2, .drain = true});
  REQUIRE(h.until({&a}, [&] { return a.instance->finished(); }));
  CHECK(a.instance->drained());
  CHECK(h.wrong() == "");
}

TEST_CASE("a drain of empty topics ends as well") {
  Harness h;
  Process a = h.start({.workers = 1, .drain = true});
  REQUIRE(h.until({&a}, [&] { return a.instance->finished(); }));
  CHECK(a.instance->drained());
}

TEST_CASE("a missing source topic is named, with what to do") {
  Harness h;
  h.topology->nodes[0].topics = {"txet"};
  Process a;
  auto made = h.try_start(a, {});
  REQUIRE_FALSE(made);
  CHECK(made.error().recovery == Recovery::retry_topology);
  CHECK(made.error().message.find("source topic 'txet' does not exist") != std::string::npos);
  CHECK(made.error().hint.find("--create") != std::string::npos);
}

TEST_CASE("an internal topic that does not fit is refused") {
  Harness h;
  const std::vector<TopicSpec> topics = {{"wc-counts-changelog", partitions + 1, -1, {}}};
  REQUIRE(h.cluster().admin().create(topics, Duration(0)));
  Process a;
  auto made = h.try_start(a, {});
  REQUIRE_FALSE(made);
  CHECK(made.error().message.find("wc-counts-changelog") != std::string::npos);
}

}  // namespace
}  // namespace kstreamd
