// A small task on fakes, for the tests of core/task: in -> work -> out.
#pragma once
#include <catch2/catch.hpp>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/task/task.h"
#include "tests/fakes/fake_processors.h"

namespace kstreamd::testing {

struct Written {
  TopicHandle topic;
  std::optional<std::string> key, value;
  int64_t timestamp;
  std::vector<std::pair<std::string, std::string>> headers;
  int32_t partition = -1;
};

// Takes what is produced; refuses values that say so.
class FakeProducer final : public Producer {
 public:
  Status init(Duration) override { return {}; }
  Result<TopicHandle> open_topic(const std::string&, Duration) override { return 0; }
  int32_t partition_count(TopicHandle) const override { return partitions; }
  Status begin() override { return {}; }
  Status produce(const OutgoingRecord& r) override {
    if (r.value == "too large") return Error{Recovery::stop_topology, "message too large", ""};
    if (r.value == "fenced") return Error{Recovery::recreate_producer, "fenced", ""};
    Written w{r.topic, std::nullopt, std::nullopt, r.timestamp, {}, r.partition};
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
  int32_t partitions = 1;
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

  Node& add(const std::string& name, NodeKind kind, std::vector<Edge> children) {
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

  // A processor node's type as an object that `make` makes of its context.
  template <typename Made>
  void processor(const std::string& type, uint32_t max_in_flight = 0) {
    processors.makers[type] = [](ProcessorContext& context) { return std::make_unique<Made>(context); };
    processors.infos[type].name = type;
    processors.infos[type].max_in_flight = max_in_flight;
  }

  Task& start() {
    auto made = try_start();
    INFO((made ? "" : made.error().text()));
    REQUIRE(made);
    return *task;
  }
  Status try_start() {
    topics = std::make_unique<OutputTopics>(topology);
    outputs.producer = &producer;
    for (size_t i = 0; i < topics->names().size(); ++i) outputs.handles.push_back(static_cast<TopicHandle>(i));
    PlannedTask plan;
    plan.id.sub_topology = "in";
    plan.inputs.emplace_back().partition.topic = "in";
    plan.inputs.front().source_nodes = {0};
    auto made = Task::make(topology, *topics, plan, nullptr, {&start_at, 1}, outputs,
                           {processors, *metrics, clock, wake, crashes});
    if (!made) return std::move(made).error();
    task = std::move(*made);
    return {};
  }

  struct Sent {
    std::string value;
    int64_t timestamp = 7;
    std::string key = "k";
  };
  void send(std::vector<std::string> values, int64_t timestamp = 7) {
    std::vector<Sent> all;
    for (auto& value : values) all.push_back({std::move(value), timestamp});
    send_all(all);
  }
  // One fetched batch. The key "null" is none.
  void send_all(const std::vector<Sent>& records) {
    FetchedBatch batch;
    for (const auto& sent : records) {
      const std::string& value = memory.emplace_back(sent.value);
      const std::string& key = memory.emplace_back(sent.key);
      FetchedRecord record{};
      record.origin = {"in",
                       key == "null" ? nullptr : key.data(),
                       value.data(),
                       2,
                       static_cast<uint32_t>(key.size()),
                       static_cast<uint32_t>(value.size()),
                       0,
                       next_offset++};
      record.timestamp = sent.timestamp;
      batch.records.push_back(record);
    }
    batch.next_offset = next_offset;
    batch.at_end = true;
    task->buffer(0, std::move(batch));
  }
  // Processes everything that is ready, at most `limit` records at a time; what went wrong.
  std::string run(size_t limit = 100) {
    for (;;) {
      auto processed = task->process(limit);
      if (!processed) return processed.error().text();
      if (*processed == 0) return "";
    }
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
  std::function<void()> wake;
  const CrashLog* crashes = nullptr;
  std::unique_ptr<Metrics> metrics = make_null_metrics();
  std::unique_ptr<OutputTopics> topics;
  std::unique_ptr<Task> task;
  std::deque<std::string> memory;
  int64_t next_offset = 0;
  InputStart start_at;
};

}  // namespace kstreamd::testing
