// What a task asks of processors, and offers them: init, outputs by name, what is refused; and records that crashed.
#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

#include "core/ports/serde_use.h"
#include "tests/unit/task/task_fixture.h"

namespace kstreamd {
namespace {

using namespace testing;
using Catch::Matchers::Contains;

// Calls functions of a test.
struct Calls {
  std::function<void(ProcessorContext&)> create = [](ProcessorContext&) {};
  std::function<kst_status(ProcessorContext&)> init = [](ProcessorContext&) { return kst_status{KST_OK}; };
  std::function<void(ProcessorContext&)> close = [](ProcessorContext&) {};
};
class Calling final : public Processor {
 public:
  Calling(ProcessorContext& context, Calls& calls) : context_(context), calls_(calls) { calls_.create(context_); }
  ~Calling() override { calls_.close(context_); }
  kst_status init() override { return calls_.init(context_); }
  kst_status process(std::span<const Record> records, size_t&) override { return context_.forward(0, records); }

 private:
  ProcessorContext& context_;
  Calls& calls_;
};

TEST_CASE("init comes once all nodes are there, in the order of the graph, and again after a rollback") {
  Fixture f;
  std::vector<std::string> order;
  Calls calls;
  calls.create = [&](ProcessorContext& c) { order.push_back(std::string("create ") + c.node_name()); };
  calls.init = [&](ProcessorContext& c) {
    order.push_back(std::string("init ") + c.node_name());
    return kst_status{KST_OK};
  };
  // in -> work -> later -> out; "later" is the last of the file.
  f.topology.nodes[1].children = {{3}};
  f.add("later", NodeKind::processor, {2}).processor_type = "work";
  f.topology.sub_topologies[0].nodes = {0, 1, 3, 2};
  f.processors.makers["work"] = [&](ProcessorContext& c) { return std::make_unique<Calling>(c, calls); };
  f.start();
  CHECK(order == Fixture::Values{"create work", "create later", "init work", "init later"});
  REQUIRE(f.task->rollback());
  CHECK(order.size() == 8);
  CHECK_FALSE(f.task->dirty());
}

TEST_CASE("an init that fails stops the topology with what it says") {
  const auto status = GENERATE(kst_status{KST_FATAL}, kst_status{KST_RECORD_ERROR});
  Fixture f;
  Calls calls;
  calls.init = [&](ProcessorContext& c) {
    c.fail("no table to look into");
    return status;
  };
  f.processors.makers["work"] = [&](ProcessorContext& c) { return std::make_unique<Calling>(c, calls); };
  const Status started = f.try_start();
  REQUIRE_FALSE(started);
  CHECK(started.error().recovery == Recovery::stop_topology);
  CHECK_THAT(started.error().message, Contains("topology 't', task in-0, node 'work': init: no table to look into"));
}

TEST_CASE("nothing is forwarded but in process and in punctuations") {
  Fixture f;
  Calls calls;
  const Record record{string_value("k"), string_value("v"), 1, nullptr, nullptr, 0, 0};
  f.processors.makers["work"] = [&](ProcessorContext& c) { return std::make_unique<Calling>(c, calls); };
  const auto forward = [&](ProcessorContext& c) { return c.forward(0, {&record, 1}); };
  SECTION("in create") {
    calls.create = forward;
    CHECK_THAT(f.try_start().error().message, Contains("forwarded during create, when nothing is processed yet"));
  }
  SECTION("in init") {
    calls.init = forward;
    CHECK_THAT(f.try_start().error().message, Contains("forwarded during init, when nothing is processed yet"));
  }
  SECTION("in close") {
    kst_status status = KST_OK;
    calls.close = [&](ProcessorContext& c) { status = forward(c); };
    f.start();
    f.task.reset();
    CHECK(status == KST_FATAL);
  }
  CHECK(f.producer.written.empty());
}

TEST_CASE("a number that no output has is an error that says which there are, also when nobody looks at the status") {
  Fixture f;
  f.processors.steps["work"] = [](const Record& r, ProcessorContext& c) {
    c.forward(7, {&r, 1});
    return kst_status{KST_OK};
  };
  f.start();
  f.send({"a"});
  CHECK_THAT(f.run(), Contains("node 'work': forwarded to output 7, but there are only the output (0) and the child "
                               "'out' (1)"));
}

TEST_CASE("outputs and children are found by name, and a child's number reaches that child alone") {
  const bool batches = GENERATE(true, false);
  Fixture f;
  f.add("other", NodeKind::sink, {}).topics = {"other"};
  f.topology.nodes[1].children = {{2, 3}, {}};
  f.topology.nodes[1].outputs = {"good", "bad"};
  f.topology.nodes[3].derived_for = "counts";  // as the file calls the node whose input goes through a topic
  f.topology.sub_topologies[0].nodes = {0, 1, 2, 3};
  f.topology.sub_topologies[0].batches = batches;
  std::map<std::string, uint32_t> numbers;
  std::string unknown;
  struct Naming final : Processor {
    Naming(ProcessorContext& c, std::map<std::string, uint32_t>& n) : context(c), numbers(n) {
      for (const char* name : {"good", "bad", "out", "counts"}) REQUIRE(context.output(name, numbers[name]) == KST_OK);
      uint32_t none = 0;
      CHECK(context.output("middle", none) == KST_FATAL);
    }
    kst_status process(std::span<const Record> records, size_t&) override {
      if (kst_status status = context.forward(numbers["good"], records.first(1)); status != KST_OK) return status;
      if (kst_status status = context.forward(numbers["counts"], records.first(1)); status != KST_OK) return status;
      return context.forward(numbers["bad"], records.first(1));
    }
    ProcessorContext& context;
    std::map<std::string, uint32_t>& numbers;
  };
  f.processors.makers["work"] = [&](ProcessorContext& c) { return std::make_unique<Naming>(c, numbers); };
  f.start();
  CHECK(numbers == std::map<std::string, uint32_t>{{"good", 0}, {"bad", 1}, {"out", 2}, {"counts", 3}});
  f.send({"a"});
  REQUIRE(f.run() == "");
  CHECK(f.values("out") == Fixture::Values{"a"});
  CHECK(f.values("other") == Fixture::Values{"a", "a"});

  Fixture g;
  struct Asking final : Processor {
    explicit Asking(ProcessorContext& c) : context(c) {}
    kst_status process(std::span<const Record>, size_t&) override {
      uint32_t number = 0;
      return context.output("middle", number);
    }
    ProcessorContext& context;
  };
  g.processor<Asking>("work");
  g.start();
  g.send({"a"});
  CHECK_THAT(g.run(), Contains("there is no output or child 'middle', only the output (0) and the child 'out' (1)"));
}

TEST_CASE("a processor that goes on after the task has failed does not hide it") {
  Fixture f;
  f.processors.steps["work"] = [](const Record& r, ProcessorContext& c) {
    c.forward(0, {&r, 1});
    return kst_status{KST_OK};
  };
  f.start();
  f.send({"fenced"});
  CHECK_THAT(f.run(), Contains("fenced"));
}

// ---- Records on which the process crashed

class FakeCrashes final : public CrashLog {
 public:
  bool empty() const override { return verdicts.empty(); }
  CrashVerdict verdict(std::string_view topology, std::string_view node, const kst_origin& origin) const override {
    if (topology != "t" || node != of_node) return CrashVerdict::none;
    const auto found = verdicts.find(origin.offset);
    return found == verdicts.end() ? CrashVerdict::none : found->second;
  }
  std::string of_node = "work";
  std::map<int64_t, CrashVerdict> verdicts;  // by offset
};

TEST_CASE("records on which the process crashed are processed alone, or not any more") {
  Fixture f;
  FakeCrashes crashes;
  f.crashes = &crashes;
  std::vector<size_t> batches;
  struct Counting final : Processor {
    Counting(ProcessorContext& c, std::vector<size_t>& s) : context(c), sizes(s) {}
    kst_status process(std::span<const Record> records, size_t&) override {
      sizes.push_back(records.size());
      return context.forward(0, records);
    }
    ProcessorContext& context;
    std::vector<size_t>& sizes;
  };
  f.processors.makers["work"] = [&](ProcessorContext& c) { return std::make_unique<Counting>(c, batches); };
  f.start();
  f.send({"0", "1"});
  REQUIRE(f.run() == "");
  CHECK(batches == std::vector<size_t>{2});
  crashes.verdicts = {{4, CrashVerdict::alone}, {5, CrashVerdict::refuse}};
  f.send({"2", "3", "4", "5", "6", "7"});
  REQUIRE(f.run() == "");
  CHECK(batches == std::vector<size_t>{2, 2, 1, 2});
  CHECK(f.values("out") == Fixture::Values{"0", "1", "2", "3", "4", "6", "7"});
  REQUIRE(f.values("dlq") == Fixture::Values{"5"});
  const auto letter = std::find_if(f.producer.written.begin(), f.producer.written.end(),
                                   [](const Written& w) { return w.value == "5"; });
  std::map<std::string, std::string> headers(letter->headers.begin(), letter->headers.end());
  CHECK(headers["__streams.errors.exception"] == "ProcessCrashed");
  CHECK(headers["__streams.errors.offset"] == "5");
  CHECK_THAT(headers["__streams.errors.message"], Contains("the process crashed while this record was in"));
}

TEST_CASE("without a dead-letter topic such a record stops the topology, and says what to do") {
  Fixture f;
  FakeCrashes crashes;
  crashes.verdicts = {{0, CrashVerdict::refuse}};
  f.crashes = &crashes;
  f.topology.dead_letter_topic = "";
  f.start();
  f.send({"a"});
  CHECK_THAT(f.run(), Contains("record in-0@0: the process crashed") && Contains("set dead_letter_topic"));
}

// Text; notes for which record it is used.
class NotedSerde final : public Serde {
 public:
  const std::string& name() const override { return name_; }
  bool of_plugin() const override { return true; }
  Result<Value> read(std::string_view bytes, Arena&) const override {
    note("read", bytes);
    return string_value(bytes);
  }
  Result<std::string_view> write(const Value& value, Arena&) const override {
    note("write", data_of(value));
    return data_of(value);
  }
  mutable std::vector<std::string> uses;

 private:
  void note(const std::string& what, std::string_view text) const {
    std::string use = what + " " + std::string(text);
    if (used_serde) use += std::string(" for ") + used_serde->topology + " " + used_serde->node;
    if (used_serde && used_serde->origin) use += " @" + std::to_string(used_serde->origin->offset);
    uses.push_back(use);
  }
  const std::string name_ = "noted";
};

TEST_CASE("a plugin's serde is used for a record that is known, and a built-in one's use is not noted") {
  Fixture f;
  NotedSerde serde;
  f.processors.serdes_of_plugins["noted"] = &serde;
  f.topology.nodes[0].key_serde = f.topology.nodes[2].value_serde = "noted";
  f.processors.steps["work"] = [](const Record& r, ProcessorContext& c) {
    CHECK(used_serde == nullptr);
    const Record made{string_value("k"), string_value("made"), 1, nullptr, nullptr, 0, 0};
    if (kst_status status = c.forward(0, {&r, 1}); status != KST_OK) return status;
    return c.forward(0, {&made, 1});
  };
  f.start();
  f.send_all({{"a", 7, "x"}, {"b", 7, "y"}});
  REQUIRE(f.run(1) == "");
  CHECK(serde.uses == Fixture::Values{"read x for t in @0", "write a for t out @0", "write made for t out",
                                      "read y for t in @1", "write b for t out @1", "write made for t out"});
  CHECK(used_serde == nullptr);
}

TEST_CASE("a record on which a serde crashed as often as is allowed is not read, or not written, any more") {
  const std::string node = GENERATE("in", "out");
  Fixture f;
  FakeCrashes crashes;
  crashes.of_node = node;
  crashes.verdicts = {{1, CrashVerdict::refuse}, {2, CrashVerdict::alone}};
  f.crashes = &crashes;
  NotedSerde serde;
  f.topology.nodes[node == "in" ? 0 : 2].value_serde = "noted";
  SECTION("of a plugin") {
    f.processors.serdes_of_plugins["noted"] = &serde;
    f.start();
    f.send({"0", "1", "2"});
    REQUIRE(f.run() == "");
    CHECK(f.values("out") == Fixture::Values{"0", "2"});
    CHECK(serde.uses.size() == 2);
    REQUIRE(f.values("dlq") == Fixture::Values{"1"});
    const auto letter = std::find_if(f.producer.written.begin(), f.producer.written.end(),
                                     [](const Written& w) { return w.value == "1"; });
    std::map<std::string, std::string> headers(letter->headers.begin(), letter->headers.end());
    CHECK(headers["__streams.errors.exception"] == "ProcessCrashed");
    CHECK(headers["__streams.errors.stacktrace"] == node);
    CHECK(headers["__streams.errors.message"] ==
          std::string("the process crashed while this record was ") + (node == "in" ? "read" : "written") +
              " by its serdes (string, noted), as often as is allowed: it is not processed again");
    CHECK(f.task->position(0) == 3);
  }
  SECTION("of which there is none any more") {
    f.topology.nodes[node == "in" ? 0 : 2].value_serde = "string";
    f.start();
    f.send({"0", "1", "2"});
    REQUIRE(f.run() == "");
    CHECK(f.values("out") == Fixture::Values{"0", "1", "2"});
  }
  SECTION("without a dead-letter topic") {
    f.processors.serdes_of_plugins["noted"] = &serde;
    f.topology.dead_letter_topic = "";
    f.start();
    f.send({"0", "1", "2"});
    CHECK_THAT(f.run(), Contains("record in-0@1: the process crashed") && Contains("set dead_letter_topic"));
  }
}

}  // namespace
}  // namespace kstreamd
