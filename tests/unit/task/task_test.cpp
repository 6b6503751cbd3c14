// A task on fakes: what it writes, what becomes of records that fail, and what a rollback undoes.
#include "core/task/task.h"

#include <catch2/catch.hpp>

#include "core/protocol/input_start.h"
#include "tests/unit/task/task_fixture.h"

namespace kstreamd {
namespace {

using namespace testing;

// What a commit would say of the first input.
InputStart committed_by(Task& task) {
  std::vector<PartitionOffset> offsets;
  task.offsets(offsets, true);
  return input_start(0, offsets.at(0).metadata);
}

TEST_CASE("records go through the graph to the sink, with key and timestamp") {
  Fixture f;
  Task& task = f.start();
  f.send({"a", "b"}, 42);
  auto processed = task.process(100);
  REQUIRE(processed);
  CHECK(*processed == 2);
  REQUIRE(f.values("out") == Fixture::Values{"a", "b"});
  CHECK(f.producer.written[0].key == "k");
  CHECK(f.producer.written[0].timestamp == 42);
  CHECK(task.dirty());
  CHECK(task.position(0) == 2);
}

TEST_CASE("a failing record stops the task and is named, by default") {
  Fixture f;
  Task& task = f.start();
  f.send({"a", "bad", "c"});
  auto processed = task.process(100);
  REQUIRE_FALSE(processed);
  const Error& error = processed.error();
  CHECK(error.recovery == Recovery::stop_topology);
  for (const char* part : {"topology 't'", "task in-0", "node 'work'", "in-0@1", "bad value"})
    CHECK(error.message.find(part) != std::string::npos);
  CHECK(error.hint.find("on_error") != std::string::npos);
}

TEST_CASE("a failing record is skipped, and the rest goes on in order") {
  Fixture f;
  f.topology.nodes[1].on_error.processing = ErrorAction::skip;
  Task& task = f.start();
  f.send({"a", "bad", "c", "bad"});
  REQUIRE(task.process(100));
  CHECK(f.values("out") == Fixture::Values{"a", "c"});
}

TEST_CASE("a failing record goes to the dead-letter topic as it came, and says where it failed") {
  Fixture f;
  f.topology.nodes[1].on_error.processing = ErrorAction::dead_letter;
  Task& task = f.start();
  f.send({"a", "bad", "c"}, 9);
  REQUIRE(task.process(100));
  CHECK(f.values("out") == Fixture::Values{"a", "c"});
  REQUIRE(f.values("dlq") == Fixture::Values{"bad"});
  const auto letter = std::find_if(f.producer.written.begin(), f.producer.written.end(),
                                   [](const Written& w) { return w.value == "bad"; });
  CHECK(letter->key == "k");
  CHECK(letter->timestamp == 9);
  std::map<std::string, std::string> headers(letter->headers.begin(), letter->headers.end());
  CHECK(headers["__streams.errors.topic"] == "in");
  CHECK(headers["__streams.errors.partition"] == "0");
  CHECK(headers["__streams.errors.offset"] == "1");
  CHECK(headers["__streams.errors.message"].find("bad value") != std::string::npos);
}

TEST_CASE("what cannot be deserialized or written follows its own policy") {
  Fixture f;
  f.topology.nodes[0].value_serde = "int64";
  f.topology.nodes[2].value_serde = "int64";
  f.topology.nodes[0].on_error.deserialization = ErrorAction::skip;
  Task& task = f.start();
  f.send({std::string("\0\0\0\0\0\0\0\5", 8), "short", std::string("\0\0\0\0\0\0\0\6", 8)});
  REQUIRE(task.process(100));
  CHECK(f.values("out").size() == 2);

  Fixture g;
  g.topology.nodes[2].on_error.production = ErrorAction::skip;
  g.start();
  g.send({"a", "too large", "c"});
  REQUIRE(g.task->process(100));
  CHECK(g.values("out") == Fixture::Values{"a", "c"});
}

TEST_CASE("an expression gives the records of a source their order and their timestamps") {
  Fixture f;
  f.topology.nodes[0].processor_type = "kstreamd.source_timestamp";
  f.topology.nodes[0].on_error.processing = ErrorAction::dead_letter;
  f.processors.steps["kstreamd.source_timestamp"] = [](const Record& r, ProcessorContext& c) {
    if (data_of(r.value) == "bad") {
      c.fail("no time");
      return kst_status{KST_RECORD_ERROR};
    }
    Record timed = r;
    timed.timestamp = std::stoll(std::string(data_of(r.value)));
    return c.forward(0, {&timed, 1});
  };
  Task& task = f.start();
  f.send({"30", "bad", "-1", "20", "bad", "40"}, 9);
  REQUIRE(task.process(100));
  CHECK(f.values("out") == Fixture::Values{"30", "20", "40"});
  CHECK(f.values("dlq") == Fixture::Values{"bad", "bad"});
  std::vector<int64_t> times;
  for (const auto& written : f.producer.written) times.push_back(written.timestamp);
  CHECK(times == std::vector<int64_t>{30, 9, 20, 9, 40});
  std::vector<PartitionOffset> offsets;
  task.offsets(offsets, true);
  CHECK(input_start(0, offsets.at(0).metadata).time == 40);
}

TEST_CASE("what a built-in operator drops as late goes to the dead-letter topic where the topology says so") {
  const bool asked = GENERATE(true, false);
  Fixture f;
  if (asked) f.topology.late_records = LateRecords::dead_letter;
  f.topology.nodes[1].processor_type = "kstreamd.some_windows";
  f.processors.steps["kstreamd.some_windows"] = [](const Record& r, ProcessorContext& c) {
    if (data_of(r.value) == "late") c.drop("late", 3);
    if (data_of(r.value) == "null") c.drop("null_key", 1);
    return c.forward(0, {&r, 1});
  };
  Task& task = f.start();
  f.send({"a", "late", "null", "b", "late"}, 9);
  REQUIRE(task.process(100));
  CHECK(f.values("out") == Fixture::Values{"a", "late", "null", "b", "late"});
  CHECK(f.values("dlq") == (asked ? Fixture::Values{"late", "late"} : Fixture::Values{}));
  if (!asked) return;
  for (const auto& written : f.producer.written) {
    if (written.topic != f.topics->number("dlq")) continue;
    std::map<std::string, std::string> headers(written.headers.begin(), written.headers.end());
    CHECK(headers["__streams.errors.exception"] == "LateRecord");
    CHECK(headers["__streams.errors.stacktrace"] == "work");
  }
}

TEST_CASE("an error of the transaction is never taken for one of the record") {
  Fixture f;
  f.topology.nodes[2].on_error.production = ErrorAction::skip;
  Task& task = f.start();
  f.send({"a", "fenced"});
  auto processed = task.process(100);
  REQUIRE_FALSE(processed);
  CHECK(processed.error().recovery == Recovery::recreate_producer);
}

TEST_CASE("an object of a plugin is written as JSON, or as the bytes it makes of itself") {
  struct Say {
    static kst_status json(const kst_object*, const kst_memory*, const char** text, size_t* size) {
      *text = "{\"n\":1}";
      *size = 7;
      return KST_OK;
    }
    static kst_status bytes(const kst_object*, const kst_memory*, const void** data, size_t* size) {
      *data = "one";
      *size = 3;
      return KST_OK;
    }
    static void leave(const kst_object*) {}
  };
  static const kst_object_type type{sizeof(kst_object_type), "test/1", Say::json, Say::bytes, Say::leave, Say::leave};
  static const kst_object object{&type};
  for (const auto& [serde, written] : std::map<std::string, std::string>{{"json", "{\"n\":1}"}, {"bytes", "one"}}) {
    Fixture f;
    f.topology.nodes[2].value_serde = serde;
    f.processors.steps["work"] = [](const Record& r, ProcessorContext& c) {
      Record with_object = r;
      with_object.value = object_value(&object);
      return c.forward(0, {&with_object, 1});
    };
    f.start();
    f.send({"a"});
    REQUIRE(f.run() == "");
    CHECK(f.values("out") == Fixture::Values{written});
  }
}

TEST_CASE("negative timestamps are dropped") {
  Fixture f;
  Task& task = f.start();
  f.send({"a"}, -1);
  f.send({"b"}, 1);
  REQUIRE(task.process(100));
  CHECK(f.values("out") == Fixture::Values{"b"});
}

TEST_CASE("where paths meet again, a record passes whole before the next one") {
  Fixture f;
  // in -> work -> {left, out}, left -> out: both paths end at one sink.
  f.add("left", NodeKind::processor, {2}).processor_type = "mark";
  f.topology.nodes[1].children = {{3, 2}};
  f.topology.sub_topologies[0] = {"in", {0, 1, 3, 2}, {0}, {}, false};
  f.processors.steps["mark"] = [](const Record& r, ProcessorContext& c) {
    Record marked = r;
    marked.value = string_value("left");
    return c.forward(0, {&marked, 1});
  };
  Task& task = f.start();
  f.send({"a", "b"});
  REQUIRE(task.process(100));
  CHECK(f.values("out") == Fixture::Values{"left", "a", "left", "b"});
}

TEST_CASE("a rollback goes back to the last commit, with new processors") {
  Fixture f;
  Task& task = f.start();
  f.send({"a", "b"});
  REQUIRE(task.process(100));
  REQUIRE(task.commit_state());
  CHECK(task.committed(0) == 2);
  CHECK_FALSE(task.dirty());
  f.send({"c"});
  REQUIRE(task.process(100));
  std::vector<PartitionOffset> offsets;
  task.offsets(offsets, false);
  REQUIRE(offsets.size() == 1);
  CHECK(offsets[0].offset == 3);
  REQUIRE(task.rollback());
  CHECK(task.position(0) == 2);
  CHECK_FALSE(task.dirty());
  CHECK(f.processors.created["work"] == 2);
}

TEST_CASE("a task goes on in the time that was committed with its offsets, and commits its own") {
  Fixture f;
  f.start_at = {0, 500};
  std::vector<int64_t> times;
  f.processors.steps["work"] = [&](const Record& r, ProcessorContext& c) {
    times.push_back(c.stream_time());
    return c.forward(0, {&r, 1});
  };
  Task& task = f.start();
  auto committed = [&] { return committed_by(task).time; };
  CHECK(committed() == 500);
  f.send({"late"}, 400);
  f.send({"new"}, 600);
  REQUIRE(task.process(100));
  CHECK(times == std::vector<int64_t>{500, 600});
  CHECK(committed() == 600);
  REQUIRE(task.rollback());
  CHECK(committed() == 500);
  f.next_offset = 0;
  f.send({"late again"}, 450);
  REQUIRE(task.process(100));
  REQUIRE(task.commit_state());
  CHECK(times.back() == 500);
  CHECK(committed() == 500);
}

TEST_CASE("the progress of processors is committed with the offsets, and goes back with them") {
  Fixture f;
  f.start_at = {0, 500, {{"work/time", 40}}};
  std::vector<int64_t> found;
  f.processors.steps["work"] = [&](const Record& r, ProcessorContext& c) {
    int64_t* time = c.progress("time");
    found.push_back(*time);
    *time = r.timestamp;
    c.progress("unset");
    return c.forward(0, {&r, 1});
  };
  Task& task = f.start();
  auto committed = [&] { return committed_by(task).progress; };
  CHECK(committed() == Progress{{"work/time", 40}});
  f.send({"a"}, 50);
  REQUIRE(task.process(100));
  CHECK(committed() == Progress{{"work/time", 50}});
  REQUIRE(task.rollback());
  CHECK(committed() == Progress{{"work/time", 40}});
  f.next_offset = 0;
  f.send({"a"}, 60);
  REQUIRE(task.process(100));
  REQUIRE(task.commit_state());
  f.send({"b"}, 70);
  REQUIRE(task.process(100));
  REQUIRE(task.rollback());
  CHECK(committed() == Progress{{"work/time", 60}});
  CHECK(found == std::vector<int64_t>{40, 40, 60});
}

TEST_CASE("progress that was committed under its short name is found under the full one") {
  Fixture f;
  f.start_at = {0, 500, {{short_name("work/time"), 40}, {short_name("gone/time"), 30}}};
  std::vector<int64_t> found;
  f.processors.steps["work"] = [&](const Record& r, ProcessorContext& c) {
    found.push_back(*c.progress("time"));
    return c.forward(0, {&r, 1});
  };
  Task& task = f.start();
  auto committed = [&] { return committed_by(task).progress; };
  CHECK(committed() == f.start_at.progress);
  f.send({"a"});
  REQUIRE(task.process(100));
  CHECK(committed() == Progress{{"work/time", 40}, {short_name("gone/time"), 30}});
  REQUIRE(task.rollback());
  f.next_offset = 0;
  f.send({"a"});
  REQUIRE(task.process(100));
  CHECK(found == std::vector<int64_t>{40, 40});
}

TEST_CASE("a processor that stops for no reason is stopped with one") {
  Fixture f;
  f.processors.steps["work"] = [](const Record&, ProcessorContext&) { return kst_status{KST_STOP}; };
  Task& task = f.start();
  f.send({"a"});
  auto processed = task.process(100);
  REQUIRE_FALSE(processed);
  CHECK(processed.error().message.find("asked to stop") != std::string::npos);
}

}  // namespace
}  // namespace kstreamd
