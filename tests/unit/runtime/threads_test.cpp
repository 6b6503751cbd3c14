// The runtime on its threads: what the steps do alone they must do together, under ThreadSanitizer as well.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <set>
#include <thread>

#include "core/embedded/embedded_cluster.h"
#include "core/runtime/topology_runtime.h"
#include "core/state/memory_state.h"
#include "tests/fakes/fake_processors.h"
#include "tests/unit/runtime/later.h"
#include "tests/unit/runtime/word_count.h"

namespace kstreamd {
namespace {

class SystemClock final : public Clock {
 public:
  Duration now() const override {
    return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()) +
           Duration(ahead_.load());
  }
  int64_t wall_ms() const override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  void jump(Duration by) { ahead_ += by.count(); }

 private:
  std::atomic<int64_t> ahead_{0};  // us
};

constexpr int32_t partitions = 4;
constexpr Duration deadline = std::chrono::seconds(60);

struct Engine {
  Engine() {
    processors.steps["split"] = word_count_of_tests::split;
    processors.steps["count"] = word_count_of_tests::count;
    auto made = make_embedded_cluster({.folder = "", .clock = &clock});
    REQUIRE(made);
    cluster = std::move(*made);
  }

  void send(int lines, const std::string& topic = "text") {
    auto producer = cluster->make_producer({});
    REQUIRE(producer);
    auto text = (*producer)->open_topic(topic, deadline);
    REQUIRE(text);
    for (int i = 0; i < lines; ++i) {
      OutgoingRecord record;
      record.topic = *text;
      record.partition = i % partitions;
      record.value_null = false;
      record.value = "the cat and the dog";
      record.timestamp = 1;
      REQUIRE((*producer)->produce(record));
    }
    REQUIRE((*producer)->flush(deadline));
  }

  int64_t records_out() {
    auto reader = cluster->make_reader(true);
    REQUIRE(reader);
    for (int32_t p = 0; p < partitions; ++p) REQUIRE((*reader)->assign(p, {"word-counts", p}, 0));
    int64_t records = 0;
    std::set<int32_t> ended;
    while (ended.size() < partitions) {
      std::vector<FetchedBatch> batches;
      REQUIRE((*reader)->poll(batches, 10'000, deadline));
      for (const auto& batch : batches) {
        records += static_cast<int64_t>(batch.records.size());
        if (batch.at_end) ended.insert(batch.slot);
      }
    }
    return records;
  }

  RuntimePorts ports() { return {*cluster, *state, processors, *metrics, clock}; }

  // Waits for a state that the topology reaches by itself.
  template <typename Condition>
  bool until(TopologyRuntime& runtime, Condition condition) {
    const Duration end = clock.now() + deadline;
    while (clock.now() < end) {
      if (condition(runtime.status())) return true;
      std::this_thread::yield();
    }
    return false;
  }

  SystemClock clock;
  FakeProcessors processors;
  std::unique_ptr<Cluster> cluster;
  std::unique_ptr<StateBackend> state = make_memory_state();
  std::unique_ptr<Metrics> metrics = make_null_metrics();
  std::shared_ptr<Topology> topology = word_count_of_tests::word_count();
};

TEST_CASE("a topology on threads counts everything, tells how it is, and stops when asked") {
  Engine engine;
  TopologyRuntime runtime(engine.topology, engine.ports(), {.workers = 3, .create_topics_with = partitions});
  runtime.start();
  REQUIRE(engine.until(runtime, [](const TopologyStatus& s) { return s.ready() && s.tasks.size() == 2 * partitions; }));
  engine.send(400);
  REQUIRE(engine.until(runtime, [](const TopologyStatus& s) {
    int64_t done = 0;
    for (const auto& task : s.tasks)
      for (const auto& input : task.inputs)
        if (input.topic == "text") done += input.committed;
    return done >= 400;
  }));
  CHECK(runtime.stop(deadline));
  CHECK(runtime.status().phase == TopologyPhase::stopped);

  TopologyRuntime again(engine.topology, engine.ports(),
                        {.workers = 2, .drain = true, .create_topics_with = partitions});
  again.start();
  REQUIRE(engine.until(again, [](const TopologyStatus& s) { return s.drained; }));
  CHECK(engine.records_out() == 400 * 5);
}

TEST_CASE("topics that come to fit a pattern are taken up by a running topology") {
  Engine engine;
  engine.topology->nodes[0].topics.clear();
  engine.topology->nodes[0].pattern = "text.*";
  const std::vector<TopicSpec> first{{"text", partitions, -1, {}}}, second{{"text-2", partitions, -1, {}}};
  const std::vector<TopicSpec> wide{{"text-wide", partitions + 1, -1, {}}};
  REQUIRE(engine.cluster->admin().create(first, deadline));
  TopologyRuntime runtime(engine.topology, engine.ports(), {.workers = 2, .create_topics_with = partitions});
  runtime.start();
  auto committed = [](const TopologyStatus& status, const std::string& topic) {
    int64_t records = 0;
    for (const auto& task : status.tasks)
      for (const auto& input : task.inputs) records += input.topic == topic ? input.committed : 0;
    return records;
  };
  engine.send(40);
  REQUIRE(engine.until(runtime, [&](const TopologyStatus& s) { return committed(s, "text") >= 40; }));
  REQUIRE(engine.cluster->admin().create(second, deadline));
  engine.send(40, "text-2");
  engine.clock.jump(std::chrono::seconds(11));
  REQUIRE(engine.until(runtime, [&](const TopologyStatus& s) { return committed(s, "text-2") >= 40; }));
  // There are too few tasks for this one: nothing goes on until it is gone.
  REQUIRE(engine.cluster->admin().create(wide, deadline));
  engine.clock.jump(std::chrono::seconds(11));
  REQUIRE(engine.until(runtime, [](const TopologyStatus& s) {
    const std::string counts =
        "has " + std::to_string(partitions + 1) + " partitions, and there are " + std::to_string(partitions) + " tasks";
    return s.phase == TopologyPhase::failed && s.error.find("'text-wide'") != std::string::npos &&
           s.error.find(counts) != std::string::npos;
  }));
  const std::string gone[] = {"text-wide"};
  REQUIRE(engine.cluster->admin().remove(gone, deadline));
  engine.send(40, "text-2");
  REQUIRE(engine.until(runtime, [&](const TopologyStatus& s) { return committed(s, "text-2") >= 80; }));
  CHECK(runtime.stop(deadline));
  CHECK(engine.records_out() == 120 * 5);
}

TEST_CASE("records held and completed on another thread are counted exactly, through a stop and a restart") {
  using namespace word_count_of_tests;
  Held held;
  Engine engine;
  engine.topology->nodes.push_back(node("later", NodeKind::processor, 0, {2}));
  engine.topology->nodes.back().processor_type = "later";
  engine.topology->nodes[1].children = {{6}};
  engine.topology->sub_topologies[0].nodes = {0, 1, 6, 2};
  engine.processors.makers["later"] = [&](ProcessorContext& c) { return std::make_unique<Later>(c, held); };
  engine.processors.infos["later"].max_in_flight = 50;
  std::jthread answering([&](std::stop_token stop) {
    while (!stop.stop_requested())
      if (held.answer(10) == 0) std::this_thread::yield();
  });
  {
    TopologyRuntime runtime(engine.topology, engine.ports(), {.workers = 3, .create_topics_with = partitions});
    runtime.start();
    REQUIRE(engine.until(runtime, [](const TopologyStatus& s) { return s.ready(); }));
    engine.send(400);
    REQUIRE(engine.until(runtime, [](const TopologyStatus& s) {
      int64_t done = 0;
      for (const auto& task : s.tasks)
        for (const auto& input : task.inputs) done += input.topic == "text" ? input.committed : 0;
      return done >= 100;
    }));
    CHECK(runtime.stop(deadline));
  }
  TopologyRuntime again(engine.topology, engine.ports(),
                        {.workers = 2, .drain = true, .create_topics_with = partitions});
  again.start();
  REQUIRE(engine.until(again, [](const TopologyStatus& s) { return s.drained; }));
  CHECK(engine.records_out() == 400 * 5);
}

TEST_CASE("a topology whose topics are missing is tried again until they are there") {
  Engine engine;
  TopologyRuntime runtime(engine.topology, engine.ports(), {.workers = 1});
  runtime.start();
  REQUIRE(engine.until(runtime, [](const TopologyStatus& s) {
    return s.phase == TopologyPhase::failed && s.retry_in_ms >= 0 && s.error.find("'text'") != std::string::npos;
  }));
  const std::vector<TopicSpec> topics = {{"text", partitions, -1, {}}, {"word-counts", partitions, -1, {}}};
  REQUIRE(engine.cluster->admin().create(topics, deadline));
  REQUIRE(engine.until(runtime, [](const TopologyStatus& s) { return s.ready(); }));
}

}  // namespace
}  // namespace kstreamd
