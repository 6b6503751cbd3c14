// Held records and punctuations in the real runtime, stepped: commits wait for what is held, undoing forgets it, and
// the counts stay exact.
#include <catch2/catch.hpp>

#include "kstreamd/abi/schedule.h"
#include "tests/unit/runtime/harness.h"
#include "tests/unit/runtime/later.h"

namespace kstreamd {
namespace {

using namespace word_count_of_tests;

// lines -> words -> later -> (repartition) -> counts -> out, where "later" holds each word until `held` is answered.
struct Holding : Harness {
  explicit Holding(uint32_t limit = 10, int64_t every = 0) {
    topology->nodes.push_back(node("later", NodeKind::processor, 0, {2}));
    topology->nodes.back().processor_type = "later";
    topology->nodes[1].children = {{6}};
    topology->sub_topologies[0].nodes = {0, 1, 6, 2};
    processors.makers["later"] = [this, every](ProcessorContext& c) { return std::make_unique<Later>(c, held, every); };
    processors.infos["later"].max_in_flight = limit;
  }
  Held held;
};

TEST_CASE("records that are completed later are counted exactly") {
  const uint32_t limit = GENERATE(1, 10, 1000);
  CAPTURE(limit);
  Holding h(limit);
  h.each_turn = [&] { h.held.answer(7); };
  h.send(200);
  Process a = h.start();
  REQUIRE(h.until({&a}, [&] { return h.complete(); }));
  CHECK_FALSE(a.instance->error());
}

TEST_CASE("a commit waits for what is held, and takes up nothing new meanwhile") {
  Holding h(1000);
  Process a = h.start({.workers = 1});
  REQUIRE(h.until({&a}, [&] { return h.running(a, 2 * partitions); }));
  h.turns({&a}, 30);
  h.send(30);
  REQUIRE(h.until({&a}, [&] { return h.held.size() > 0; }));
  h.turns({&a}, 50);  // the commit interval is over
  const size_t before = h.held.size();
  h.send(30);
  h.turns({&a}, 50);
  CHECK(h.held.size() == before);
  CHECK(h.committed(a) == 0);
  CHECK(h.output().empty());
  h.held.answer(before - 1);
  h.turns({&a}, 50);
  CHECK(h.committed(a) == 0);
  h.held.answer(1);
  REQUIRE(h.until({&a}, [&] { return h.committed(a) == 30; }));
  h.each_turn = [&] { h.held.answer(1000); };
  REQUIRE(h.until({&a}, [&] { return h.complete(); }));
}

TEST_CASE("aborts forget what is held, and the counts stay exact") {
  using C = Faults::Commit;
  const std::vector<std::deque<C>> cases = {{C::refused}, {C::unknown_done}, {C::unknown_undone, C::refused, C::again}};
  const int at = GENERATE(0, 1, 2);
  CAPTURE(at);
  Holding h;
  h.each_turn = [&] { h.held.answer(20); };
  h.send(100);
  Process a = h.start();
  REQUIRE(h.until({&a}, [&] { return h.complete(); }));
  h.faults.commits = cases[at];
  h.send(200);
  REQUIRE(h.until({&a}, [&] { return h.faults.commits.empty() && h.complete(); }));
  CHECK_FALSE(a.instance->error());
}

TEST_CASE("a crash, and late answers for the process that is gone, count nothing twice") {
  const int turns = GENERATE(1, 8, 15, 23);
  CAPTURE(turns);
  Holding h;
  h.each_turn = [&] { h.held.answer(5); };
  h.send(200);
  Process a = h.start();
  REQUIRE(h.until({&a}, [&] { return h.running(a, 2 * partitions); }));
  h.turns({&a}, turns);
  a.instance.reset();
  h.launch(a);
  REQUIRE(h.until({&a}, [&] { return h.complete(); }));
}

TEST_CASE("tasks with held records move to a second instance, and back, after they are committed") {
  Holding h;
  h.each_turn = [&] { h.held.answer(3); };
  h.send(100);
  Process a = h.start();
  REQUIRE(h.until({&a}, [&] { return h.running(a, 2 * partitions); }));
  Process b = h.start();
  h.send(100);
  REQUIRE(h.until({&a, &b}, [&] { return h.running(a, partitions) && h.running(b, partitions); }));
  a.instance->request_stop();
  REQUIRE(h.until({&a, &b}, [&] { return a.instance->finished(); }));
  REQUIRE(h.until({&b}, [&] { return h.complete(); }));
  CHECK(h.faults.aborts == 0);
}

TEST_CASE("a stop waits for what is held") {
  Holding h;
  h.send(30);
  Process a = h.start();
  REQUIRE(h.until({&a}, [&] { return h.held.size() > 0; }));
  h.each_turn = [&] { h.held.answer(1); };
  a.instance->request_stop();
  REQUIRE(h.until({&a}, [&] { return a.instance->finished(); }));
  CHECK(h.faults.aborts == 0);
  h.launch(a);
  REQUIRE(h.until({&a}, [&] { return h.complete(); }));
}

TEST_CASE("a stop waits no longer than a record may be held: what is not committed then is done again") {
  Holding h(1);  // one at a time: what waits behind it would need many times as long
  h.processors.infos["later"].completion_timeout = std::chrono::seconds(2);
  h.topology->nodes.back().on_error.processing = ErrorAction::skip;
  h.send(30);
  Process a = h.start();
  REQUIRE(h.until({&a}, [&] { return h.held.size() > 0; }));
  a.instance->request_stop();
  REQUIRE(h.until(
      {&a}, [&] { return a.instance->finished(); }, 400));
  CHECK(h.faults.aborts > 0);
  CHECK_FALSE(a.instance->error());
  h.each_turn = [&] { h.held.answer(100); };
  h.launch(a);
  REQUIRE(h.until({&a}, [&] { return h.complete(); }));
}

TEST_CASE("a record that is never completed stops the instance, and is named") {
  Holding h;
  h.processors.infos["later"].completion_timeout = std::chrono::seconds(2);
  h.send(30);
  Process a = h.start();
  REQUIRE(h.until({&a}, [&] { return a.instance->finished(); }));
  REQUIRE(a.instance->error());
  CHECK(a.instance->error()->message.find("it was held for 2000 ms and never completed") != std::string::npos);
}

TEST_CASE("a drain ends when all that was held is counted") {
  Holding h;
  h.each_turn = [&] { h.held.answer(20); };
  h.send(100);
  Process a = h.start({.workers = 2, .drain = true});
  REQUIRE(h.until({&a}, [&] { return a.instance->finished(); }));
  CHECK(a.instance->drained());
  CHECK(h.wrong() == "");
}

TEST_CASE("a processor that completes in its punctuations is not kept from it while a commit waits") {
  Holding h(1000, 250);  // longer than the commit interval
  h.send(100);
  Process a = h.start();
  REQUIRE(h.until({&a}, [&] { return h.complete(); }));
  CHECK_FALSE(a.instance->error());
}

// Forwards a word at each tick of the wall clock.
class Ticking final : public Processor {
 public:
  explicit Ticking(ProcessorContext& context) : context_(context) {}
  kst_status init() override {
    uint64_t number = 0;
    return context_.schedule(KST_WALL_CLOCK, 50, KST_NO_START, number);
  }
  kst_status process(std::span<const Record>, size_t&) override { return KST_OK; }
  kst_status punctuate(uint64_t, int64_t timestamp) override {
    const Value word = string_value("tick");
    const Record record{word, word, timestamp, nullptr, nullptr, 0, 0};
    return context_.forward(0, {&record, 1});
  }

 private:
  ProcessorContext& context_;
};

TEST_CASE("the wall clock fires without records, and what it made is committed once") {
  Harness h;
  h.processors.makers["split"] = [](ProcessorContext& c) { return std::make_unique<Ticking>(c); };
  Process a = h.start();
  REQUIRE(h.until({&a}, [&] { return h.output()["tick"].size() >= 10; }));
  h.faults.commits = {Faults::Commit::refused, Faults::Commit::unknown_done};
  REQUIRE(h.until({&a}, [&] { return h.faults.commits.empty() && h.output()["tick"].size() >= 40; }));
  const auto ticks = h.output()["tick"];
  for (size_t i = 0; i < ticks.size(); ++i) REQUIRE(ticks[i] == static_cast<int64_t>(i + 1));
}

}  // namespace
}  // namespace kstreamd
