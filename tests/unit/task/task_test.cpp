// A task on fakes: what it writes, what becomes of records that fail, and what a rollback undoes.
#include "core/task/task.h"

#include <catch2/catch.hpp>

#include "tests/fakes/fake_processors.h"

namespace kstreamd {
namespace {

struct Written {
  TopicHandle topic;
  std::optional<std::string> key, value;
  int64_t timestamp;
  std::vector<std::pair<std::string, std::string>> headers;
};

// Takes what is produced; refuses values that say so.
class FakeProducer final : public Producer {
 public:
  Status init(Duration) override { return {}; }
  Result<TopicHandle> open_topic(const std::string&, Duration) override { return 0; }
  int32_t partition_count(TopicHandle) const override { return 1; }
  Status begin() override { return {}; }
  Status produce(const OutgoingRecord& r) override {
    if (r.value == "too large") return Error{Recovery::stop_topology, "message too large", ""};
    if (r.value == "fenced") return Error{Recovery::recreate_producer, "fenced", ""};
    Written w{r.topic, std::nullopt, std::nullopt, r.timestamp, {}};
    if (!r.key_null) w.key = std::string(r.key);
    if (!r.value_null) w.value = std::string(r.value);
    for (const auto& h : r.headers)
      w.headers.emplace_back(std::string(h.name, h.name_size),
                             std::string(static_cast<const char*>(h.value), h.value_size));
    written.push_back(std::move(w));
    return {};
  }
  Status send_offsets(std::span<const PartitionOffset>, const GroupToken&) override { return {}; }
  Status commit() override { return {}; }
  Status abort() override { return {}; }
  Status flush(Duration) override { return {}; }
  int64_t take_last_offset(TopicHandle, int32_t) override { return -1; }

  std::vector<Written> written;
};

// in -> work -> out, on one partition of topic "in".
struct Fixture {
  Fixture() {
    topology.name = "t";
    topology.dead_letter_topic = "dlq";
    add("in", NodeKind::source, {1}).topics = {"in"};
    add("work", NodeKind::processor, {2}).processor_type = "work";
    add("out", NodeKind::sink, {}).topics = {"out"};
    topology.sub_topologies = {{"in", {0, 1, 2}, {0}, {}, true}};
    processors.steps["work"] = [](const Record& r, ProcessorContext& c) {
      if (data_of(r.value) == "bad") {
        c.fail("bad value");
        return kst_status{KST_RECORD_ERROR};
      }
      return c.forward(0, {&r, 1});
    };
  }

  Node& add(const std::string& name, NodeKind kind, std::vector<int> children) {
    Node node;
    node.name = name;
    node.kind = kind;
    node.key_serde = "string";
    node.value_serde = "string";
    node.sub_topology = 0;
    if (!children.empty()) node.children = {std::move(children)};
    topology.nodes.push_back(std::move(node));
    return topology.nodes.back();
  }

  Task& start() {
    topics = std::make_unique<OutputTopics>(topology);
    outputs.producer = &producer;
    for (size_t i = 0; i < topics->names().size(); ++i) outputs.handles.push_back(static_cast<TopicHandle>(i));
    auto made = Task::make(topology, *topics, {{"in", 0}, 0, {{{"in", 0}, {0}}}}, nullptr, std::vector<int64_t>{0},
                           outputs, {processors, *metrics, clock});
    REQUIRE(made);
    task = std::move(*made);
    return *task;
  }

  void send(std::vector<std::string> values, int64_t timestamp = 7) {
    FetchedBatch batch;
    for (auto& value : values) {
      const std::string& kept = memory.emplace_back(std::move(value));
      FetchedRecord record{};
      record.origin = {"in", "k", kept.data(), 2, 1, static_cast<uint32_t>(kept.size()), 0, next_offset++};
      record.timestamp = timestamp;
      batch.records.push_back(record);
    }
    batch.next_offset = next_offset;
    batch.at_end = true;
    task->buffer(0, std::move(batch));
  }

  std::vector<std::string> values(const std::string& topic) const {
    std::vector<std::string> all;
    for (const auto& w : producer.written)
      if (w.topic == topics->number(topic)) all.push_back(w.value.value_or("(null)"));
    return all;
  }

  using Values = std::vector<std::string>;
  Topology topology;
  FakeProcessors processors;
  FakeProducer producer;
  Outputs outputs;
  ManualClock clock;
  std::unique_ptr<Metrics> metrics = make_null_metrics();
  std::unique_ptr<OutputTopics> topics;
  std::unique_ptr<Task> task;
  std::deque<std::string> memory;
  int64_t next_offset = 0;
};

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

TEST_CASE("an error of the transaction is never taken for one of the record") {
  Fixture f;
  f.topology.nodes[2].on_error.production = ErrorAction::skip;
  Task& task = f.start();
  f.send({"a", "fenced"});
  auto processed = task.process(100);
  REQUIRE_FALSE(processed);
  CHECK(processed.error().recovery == Recovery::recreate_producer);
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
