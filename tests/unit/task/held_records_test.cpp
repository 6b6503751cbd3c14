// Processors that hold records and finish them later: order, limits, time-outs, what they must not do, and what undoing
// forgets. Completions are made by the tests, as another thread would make them.
#include <catch2/catch.hpp>
#include <deque>
#include <string>
#include <vector>

#include "core/ports/completions.h"
#include "tests/unit/task/task_fixture.h"

namespace kstreamd {
namespace {

using namespace testing;
using Catch::Matchers::Contains;

// What the processors of one test hold, and what they are to do in process.
struct Desk {
  struct Held {
    kst_token token;
    const kst_record* record;
    std::string value;
  };
  std::deque<Held> held;
  std::vector<size_t> batches;                                          // how many records each call brought
  std::function<kst_status(const Record&, ProcessorContext&)> instead;  // of holding
  int closed = 0;

  // Completes the first held record of a value with one record for each of `outputs`; the status.
  kst_status complete(const std::string& value, std::vector<std::string> outputs, std::vector<uint32_t> numbers = {}) {
    const Held of = find(value);
    std::vector<kst_record> records;
    for (const auto& output : outputs) {
      records.push_back(*of.record);
      records.back().value = string_value(output);
    }
    return Completions::complete(of.token, numbers.empty() ? nullptr : numbers.data(), records);
  }
  Held find(const std::string& value) const {
    for (const auto& entry : held)
      if (entry.value == value) return entry;
    FAIL("nothing holds " + value);
    return {};
  }
  std::vector<std::string> values() const {
    std::vector<std::string> all;
    for (const auto& entry : held) all.push_back(entry.value);
    return all;
  }
};

class Holder final : public Processor {
 public:
  Holder(ProcessorContext& context, Desk& desk) : context_(context), desk_(desk) {}
  ~Holder() override { ++desk_.closed; }
  kst_status process(std::span<const Record> records, size_t& done) override {
    desk_.batches.push_back(records.size());
    for (done = 0; done < records.size(); ++done) {
      const Record& record = records[done];
      if (desk_.instead) {
        if (kst_status status = desk_.instead(record, context_); status != KST_OK) return status;
        continue;
      }
      if (kst_status status = hold(record); status != KST_OK) return status;
    }
    return KST_OK;
  }
  kst_status hold(const Record& record) {
    Desk::Held held{{}, nullptr, std::string(data_of(record.value))};
    if (kst_status status = context_.hold(record, held.token, held.record); status != KST_OK) return status;
    desk_.held.push_back(held);
    return KST_OK;
  }

 private:
  ProcessorContext& context_;
  Desk& desk_;
};

// in -> work -> out, where work holds what it gets.
struct Async : Fixture {
  explicit Async(uint32_t limit = 4) {
    processors.makers["work"] = [this](ProcessorContext& context) { return std::make_unique<Holder>(context, desk); };
    processors.infos["work"].max_in_flight = limit;
    wake = [this] { ++wakes; };
  }
  std::string finish() {
    auto finished = task->finish_completed();
    return finished ? "" : finished.error().text();
  }
  Values out() const { return values("out"); }
  Desk desk;
  int wakes = 0;
};

TEST_CASE("a held record leaves when it is completed, with its outputs and its origin") {
  Async f;
  Task& task = f.start();
  f.send({"a"}, 42);
  REQUIRE(f.run() == "");
  CHECK(task.in_flight() == 1);
  CHECK(task.dirty());
  CHECK(task.uncommitted_bytes() > 0);
  CHECK(f.out().empty());
  CHECK(f.desk.held[0].record->origin->offset == 0);
  CHECK(f.desk.complete("a", {"a1", "a2"}) == KST_OK);
  CHECK(f.wakes == 1);
  auto finished = task.finish_completed();
  REQUIRE(finished);
  CHECK(*finished == 1);
  CHECK(f.out() == Fixture::Values{"a1", "a2"});
  CHECK(f.producer.written[0].timestamp == 42);
  CHECK(task.in_flight() == 0);
  CHECK(task.uncommitted_bytes() == 0);
}

TEST_CASE("records of equal keys leave in the order in which they came, others at once") {
  Async f(10);
  f.start();
  f.send_all({{"a1", 7, "a"}, {"b1", 7, "b"}, {"a2", 7, "a"}, {"n1", 7, "null"}, {"b2", 7, "b"}, {"n2", 7, "null"}});
  REQUIRE(f.run() == "");
  f.desk.complete("a2", {"a2"});
  f.desk.complete("b1", {"b1"});
  f.desk.complete("n2", {"n2"});
  REQUIRE(f.finish() == "");
  CHECK(f.out() == Fixture::Values{"b1"});
  f.desk.complete("a1", {"a1"});
  f.desk.complete("b2", {"b2"});
  f.desk.complete("n1", {});
  REQUIRE(f.finish() == "");
  CHECK(f.out() == Fixture::Values{"b1", "a1", "b2", "a2", "n2"});
  CHECK(f.task->in_flight() == 0);
}

TEST_CASE("no more records are held than allowed, and none is taken up meanwhile") {
  Async f(3);
  Task& task = f.start();
  f.send({"1", "2", "3", "4", "5", "6", "7"});
  REQUIRE(f.run() == "");
  CHECK(f.desk.values() == Fixture::Values{"1", "2", "3"});
  CHECK(task.in_flight() == 3);
  CHECK(task.buffered(0) == 4);
  f.desk.complete("1", {"1"});
  f.desk.complete("2", {"2"});
  REQUIRE(f.finish() == "");
  REQUIRE(f.run() == "");
  CHECK(f.desk.values() == Fixture::Values{"1", "2", "3", "4", "5"});
  CHECK(f.desk.batches == std::vector<size_t>{3, 2});
}

TEST_CASE("the node's limit beats the type's") {
  Async f(3);
  f.topology.nodes[1].max_in_flight = 1;
  f.start();
  f.send({"1", "2"});
  REQUIRE(f.run() == "");
  CHECK(f.desk.values() == Fixture::Values{"1"});
}

TEST_CASE("what a parent makes beyond the limit waits, in order, and is counted as in flight") {
  Async f(2);
  // in -> split -> work -> out: each record becomes five.
  f.topology.nodes[0].children = {{3}};
  f.add("split", NodeKind::processor, {1}).processor_type = "split";
  f.topology.sub_topologies[0].nodes = {0, 3, 1, 2};
  f.processors.steps["split"] = [](const Record& r, ProcessorContext& c) {
    std::vector<std::string> texts;
    for (int i = 0; i < 5; ++i) texts.push_back(std::string(data_of(r.value)) + std::to_string(i));
    std::vector<Record> parts(5, r);
    for (size_t i = 0; i < parts.size(); ++i) parts[i].value = string_value(texts[i]);
    return c.forward(0, parts);
  };
  Task& task = f.start();
  f.send({"x", "y"});
  REQUIRE(f.run() == "");
  CHECK(f.desk.values() == Fixture::Values{"x0", "x1"});
  CHECK(task.in_flight() == 10);  // room was for two source records, as far as anybody could know
  CHECK(task.uncommitted_bytes() > 0);
  f.send({"z"});
  REQUIRE(f.run() == "");
  CHECK(task.buffered(0) == 1);
  Fixture::Values expected;
  for (const char* source : {"x", "y", "z"})
    for (int i = 0; i < 5; ++i) {
      const std::string value = source + std::to_string(i);
      REQUIRE(f.desk.complete(value, {value}) == KST_OK);
      REQUIRE(f.finish() == "");
      REQUIRE(f.run() == "");
      expected.push_back(value);
    }
  CHECK(f.out() == expected);
  CHECK(task.in_flight() == 0);
  CHECK(task.uncommitted_bytes() == 0);
}

TEST_CASE("what is completed within process goes on at once, without limit") {
  Async f(2);
  f.desk.instead = [](const Record& r, ProcessorContext& c) {
    kst_token token{};
    const Record* held = nullptr;
    if (kst_status status = c.hold(r, token, held); status != KST_OK) return status;
    return Completions::complete(token, nullptr, {held, 1});
  };
  Task& task = f.start();
  f.send({"1", "2", "3", "4", "5"});
  REQUIRE(f.run() == "");
  CHECK(f.out() == Fixture::Values{"1", "2", "3", "4", "5"});
  CHECK(task.in_flight() == 0);
}

TEST_CASE("a record that is neither held nor dropped is finished without output") {
  Async f;
  f.desk.instead = [](const Record&, ProcessorContext&) { return kst_status{KST_OK}; };
  f.start();
  f.send({"1", "2"});
  REQUIRE(f.run() == "");
  CHECK(f.task->in_flight() == 0);
  CHECK(f.out().empty());
  CHECK(f.task->position(0) == 2);
}

TEST_CASE("completions go to the outputs and children they name, and to none that there is not") {
  Async f;
  f.add("other", NodeKind::sink, {}).topics = {"other"};
  f.topology.nodes[1].children = {{2}, {3}};
  f.topology.nodes[1].outputs = {"good", "bad"};
  f.topology.sub_topologies[0].nodes = {0, 1, 2, 3};
  f.start();
  f.send({"a", "b", "c"});
  REQUIRE(f.run() == "");
  f.desk.complete("a", {"1", "2", "3"}, {0, 1, 3});
  REQUIRE(f.finish() == "");
  CHECK(f.out() == Fixture::Values{"1"});
  CHECK(f.values("other") == Fixture::Values{"2", "3"});
  f.desk.complete("b", {"4"}, {9});
  CHECK_THAT(f.finish(), Contains("node 'work': completed a held record with one for output 9, but there are only the "
                                  "outputs 'good' (0), 'bad' (1) and the children 'out' (2), 'other' (3)"));
}

TEST_CASE("a held record that fails, or is dropped, follows on_error in its order") {
  Async f;
  f.topology.nodes[1].on_error.processing = ErrorAction::dead_letter;
  f.start();
  f.send({"a", "b", "c", "d"});
  REQUIRE(f.run() == "");
  CHECK(Completions::fail(f.desk.find("b").token, "no such customer") == KST_OK);
  CHECK(Completions::drop(f.desk.find("c").token, "duplicate") == KST_OK);
  f.desk.complete("d", {"d"});
  REQUIRE(f.finish() == "");
  CHECK(f.producer.written.empty());
  f.desk.complete("a", {"a"});
  REQUIRE(f.finish() == "");
  REQUIRE(f.producer.written.size() == 3);
  CHECK(f.producer.written[0].value == "a");
  CHECK(f.producer.written[1].topic == f.topics->number("dlq"));
  CHECK(f.producer.written[1].value == "b");
  CHECK(f.producer.written[2].value == "d");

  Async g;
  g.start();
  g.send({"a"});
  REQUIRE(g.run() == "");
  Completions::fail(g.desk.find("a").token, "no such customer");
  CHECK_THAT(g.finish(), Contains("node 'work': record in-0@0: no such customer") && Contains("on_error"));
}

TEST_CASE("a record that is never completed fails after its time") {
  Async f;
  f.processors.infos["work"].completion_timeout = std::chrono::milliseconds(30'000);
  f.topology.nodes[1].on_error.processing = ErrorAction::skip;
  Task& task = f.start();
  f.send({"a"});
  REQUIRE(f.run() == "");
  CHECK(task.next_expiry() == Duration(std::chrono::seconds(30)));
  CHECK(task.longest_hold() == std::chrono::seconds(30));
  f.clock.advance(std::chrono::milliseconds(29'999));
  f.send({"b"});
  REQUIRE(f.run() == "");
  REQUIRE(f.finish() == "");
  CHECK(task.in_flight() == 2);
  f.clock.advance(std::chrono::milliseconds(1));
  REQUIRE(f.finish() == "");
  CHECK(task.in_flight() == 1);
  CHECK(f.desk.complete("b", {"b"}) == KST_OK);
  REQUIRE(f.finish() == "");
  CHECK(f.out() == Fixture::Values{"b"});

  Async g;
  g.processors.infos["work"].completion_timeout = std::chrono::milliseconds(30'000);
  g.start();
  g.send({"a"});
  REQUIRE(g.run() == "");
  const auto held = g.desk.find("a");
  g.clock.advance(std::chrono::seconds(30));
  CHECK_THAT(g.finish(), Contains("record in-0@0: it was held for 30000 ms and never completed"));
  CHECK(Completions::drop(held.token, "late") == KST_STOP);  // no error of the plugin
}

TEST_CASE("who completes a record twice, or one that was never held, stops the topology") {
  Async f;
  f.start();
  f.send({"a"});
  REQUIRE(f.run() == "");
  CHECK(f.desk.complete("a", {"a"}) == KST_OK);
  CHECK(Completions::drop(f.desk.find("a").token, "again") == KST_FATAL);
  CHECK_THAT(f.finish(), Contains("node 'work': processor 'work': it completed a held record twice"));

  Async g;
  g.start();
  g.send({"a"});
  REQUIRE(g.run() == "");
  kst_token made_up = g.desk.find("a").token;
  made_up.record += 1000;
  CHECK(Completions::drop(made_up, "x") == KST_FATAL);
  CHECK_THAT(g.finish(), Contains("node 'work': processor 'work': it completed a token that it was never given"));
}

TEST_CASE("what a processor that holds records must not do") {
  Async f;
  f.start();
  f.send({"a", "b"});
  SECTION("forward during process") {
    f.desk.instead = [](const Record& r, ProcessorContext& c) { return c.forward(0, {&r, 1}); };
    CHECK_THAT(f.run(), Contains("node 'work': forwarded during process, but a processor that holds records hands its "
                                 "outputs over by completing them"));
  }
  SECTION("hold a record twice") {
    f.desk.instead = [](const Record& r, ProcessorContext& c) {
      kst_token token{};
      const Record* held = nullptr;
      c.hold(r, token, held);
      c.hold(r, token, held);
      return kst_status{KST_OK};  // not handed on, and known all the same
    };
    CHECK_THAT(f.run(), Contains("node 'work': held a record twice"));
  }
  SECTION("hold a record of its own") {
    f.desk.instead = [](const Record& r, ProcessorContext& c) {
      const Record mine = r;
      kst_token token{};
      const Record* held = nullptr;
      return c.hold(mine, token, held);
    };
    CHECK_THAT(f.run(), Contains("node 'work': held a record that is not one of the batch at hand"));
  }
  CHECK(f.out().empty());
}

TEST_CASE("a record that was held and then fails within the same call is one record that failed") {
  Async f;
  f.topology.nodes[1].on_error.processing = ErrorAction::skip;
  kst_token token{};
  f.desk.instead = [&](const Record& r, ProcessorContext& c) {
    const Record* held = nullptr;
    if (kst_status status = c.hold(r, token, held); status != KST_OK) return status;
    if (data_of(r.value) == "bad") {
      c.fail("bad value");
      return kst_status{KST_RECORD_ERROR};
    }
    return Completions::complete(token, nullptr, {held, 1});
  };
  f.start();
  f.send({"a", "bad", "c"});
  REQUIRE(f.run() == "");
  CHECK(f.task->in_flight() == 0);
  CHECK(f.out() == Fixture::Values{"a", "c"});
}

TEST_CASE("what was held behind a record that fails comes again, and its old token does nothing") {
  // Holds a whole batch, and only then fails at "!".
  struct Eager final : Processor {
    Eager(ProcessorContext& c, Desk& d) : context(c), desk(d) {}
    kst_status process(std::span<const Record> records, size_t& done) override {
      desk.batches.push_back(records.size());
      for (const Record& record : records) {
        Desk::Held held{{}, nullptr, std::string(data_of(record.value))};
        if (kst_status status = context.hold(record, held.token, held.record); status != KST_OK) return status;
        desk.held.push_back(held);
      }
      for (done = 0; done < records.size(); ++done)
        if (data_of(records[done].value) == "!") return KST_RECORD_ERROR;
      return KST_OK;
    }
    ProcessorContext& context;
    Desk& desk;
  };
  // Forwards a record for each letter.
  struct Letters final : Processor {
    explicit Letters(ProcessorContext& c) : context(c) {}
    kst_status process(std::span<const Record> records, size_t&) override {
      std::vector<Record> letters;
      for (const Record& record : records)
        for (const char& letter : data_of(record.value)) {
          letters.push_back(record);
          letters.back().value = string_value({&letter, 1});
        }
      return context.forward(0, letters);
    }
    ProcessorContext& context;
  };
  // With the smaller limit the failing batch is one that had to wait.
  const uint32_t limit = GENERATE(10u, 4u);
  Async f(limit);
  f.processors.makers["work"] = [&](ProcessorContext& c) { return std::make_unique<Eager>(c, f.desk); };
  f.processors.makers["letters"] = [&](ProcessorContext& c) { return std::make_unique<Letters>(c); };
  f.topology.nodes[0].children = {{3}};
  f.add("letters", NodeKind::processor, {1}).processor_type = "letters";
  f.topology.sub_topologies[0].nodes = {0, 3, 1, 2};
  f.topology.nodes[1].on_error.processing = ErrorAction::skip;
  f.start();
  f.send({"1234a!cd"});
  REQUIRE(f.run() == "");
  for (const char* value : {"1", "2", "3", "4"}) CHECK(f.desk.complete(value, {value}) == KST_OK);
  REQUIRE(f.finish() == "");
  CHECK(f.desk.batches == (limit == 10 ? std::vector<size_t>{8, 2} : std::vector<size_t>{4, 4, 2}));
  REQUIRE(f.desk.values().size() == 10);
  CHECK(f.task->in_flight() == 3);
  // c and d were held twice, the first time in vain.
  for (const size_t stale : {5, 6, 7}) {
    CHECK(f.desk.held[stale].value == std::string(1, "!cd"[stale - 5]));
    CHECK(Completions::complete(f.desk.held[stale].token, nullptr, {}) == KST_STOP);
  }
  for (const size_t good : {9, 8, 4})
    CHECK(Completions::complete(f.desk.held[good].token, nullptr, {f.desk.held[good].record, 1}) == KST_OK);
  REQUIRE(f.finish() == "");
  CHECK(f.task->in_flight() == 0);
  CHECK(f.out() == Fixture::Values{"1", "2", "3", "4", "a", "c", "d"});
}

TEST_CASE("a rollback forgets what is held: the records come again, old tokens do nothing") {
  Async f;
  Task& task = f.start();
  f.send({"a"});
  REQUIRE(f.run() == "");
  const kst_token old = f.desk.find("a").token;
  REQUIRE(task.rollback());
  CHECK(f.desk.closed == 1);
  CHECK(task.in_flight() == 0);
  CHECK(task.position(0) == 0);
  const int wakes = f.wakes;
  CHECK(Completions::drop(old, "x") == KST_STOP);
  CHECK(f.wakes == wakes);
  f.desk.held.clear();
  f.next_offset = 0;
  f.send({"a"});
  REQUIRE(f.run() == "");
  f.desk.complete("a", {"a"});
  REQUIRE(f.finish() == "");
  CHECK(f.out() == Fixture::Values{"a"});
}

TEST_CASE("a closed task forgets what is held") {
  Async f;
  f.start();
  f.send({"a"});
  REQUIRE(f.run() == "");
  f.task.reset();
  CHECK(f.desk.closed == 1);
  CHECK(Completions::drop(f.desk.find("a").token, "x") == KST_STOP);
}

TEST_CASE("completions that follow each other go on together") {
  Async f(10);
  // in -> work -> next -> out
  f.topology.nodes[1].children = {{3}};
  f.add("next", NodeKind::processor, {2}).processor_type = "next";
  f.topology.sub_topologies[0].nodes = {0, 1, 3, 2};
  struct Counting final : Processor {
    Counting(ProcessorContext& c, std::vector<size_t>& s) : context(c), sizes(s) {}
    kst_status process(std::span<const Record> records, size_t&) override {
      sizes.push_back(records.size());
      return context.forward(0, records);
    }
    ProcessorContext& context;
    std::vector<size_t>& sizes;
  };
  std::vector<size_t> sizes;
  f.processors.makers["next"] = [&](ProcessorContext& c) { return std::make_unique<Counting>(c, sizes); };
  f.start();
  f.send({"1", "2", "3", "4"});
  REQUIRE(f.run() == "");
  for (const char* value : {"1", "2", "3", "4"}) f.desk.complete(value, {value});
  CHECK(f.wakes == 1);
  REQUIRE(f.finish() == "");
  CHECK(sizes == std::vector<size_t>{4});
  CHECK(f.out() == Fixture::Values{"1", "2", "3", "4"});
}

}  // namespace
}  // namespace kstreamd
