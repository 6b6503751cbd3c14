// A restorer on a log and real state folders, with what a test of it does over and over.
#pragma once
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "core/runtime/restorer.h"
#include "core/state/rocksdb_state.h"
#include "core/testing/counting_metrics.h"
#include "tests/fakes/fake_processors.h"
#include "tests/unit/runtime/word_count.h"

namespace kstreamd::word_count_of_tests {

using namespace std::chrono_literals;

inline constexpr int counts_0 = 1;  // the task with the store

// `prefix` begins all names; `patience` is how long the cluster may take.
class Bed {
 public:
  Bed(Cluster& log, const std::string& prefix, Duration allowed)
      : cluster(log), changelog(prefix + "wc-counts-changelog"), patience(allowed) {
    std::string name = (std::filesystem::temp_directory_path() / "kstreamd-restorer-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder_ = name;
    const std::string repartition = prefix + "wc-counts-repartition";
    topology->name = prefix + "wc";
    topology->nodes[2].topics = topology->nodes[3].topics = {repartition};
    topology->repartitions[0].name = repartition;
    topology->stores[0].changelog_topic = changelog;
    for (const auto& topic : {repartition, topology->tasks_topic()})
      REQUIRE(cluster.admin().create(std::vector<TopicSpec>{{topic, 1, -1, {}}}, patience));
    make_changelog();
    auto planned = plan_tasks(*topology, {{"text", 1}});
    REQUIRE(planned);
    plan = std::move(*planned);
    auto joined = cluster.join({topology->name, topology->name, topology->tasks_topic()});
    REQUIRE(joined);
    member = std::move(*joined);
    open();
  }
  ~Bed() {
    close();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  void open() {
    auto opened = open_state_folder({.folder = folder_, .restore_buffer_bytes = 64 << 10}, clock);
    REQUIRE(opened);
    state = std::move(*opened);
    restorer = std::make_unique<Restorer>(*topology, plan, "c",
                                          RuntimePorts{cluster, *state, processors, *metrics, clock}, *member, events);
  }
  void close() {
    restorer.reset();
    state.reset();
  }
  // As a new process finds it.
  void reopen() {
    close();
    open();
  }

  void make_changelog() {
    // As those of windows: a broker deletes no records on demand where it only compacts.
    const std::vector<TopicSpec> spec = {
        {changelog, 1, -1, {{"cleanup.policy", "compact,delete"}, {"retention.ms", "-1"}}}};
    REQUIRE(cluster.admin().create(spec, patience));
  }
  void remove_changelog() {
    const std::vector<std::string> topics = {changelog};
    REQUIRE(cluster.admin().remove(topics, patience));
    // A broker takes its time over it.
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    for (bool exists = true; exists;) {
      REQUIRE(std::chrono::steady_clock::now() < deadline);
      auto described = cluster.admin().describe(topics, patience);
      REQUIRE(described);
      exists = described->at(0).exists;
    }
  }
  // Records from .. to - 1: key n % keys, value `prefix` n.
  void produce(int from, int to, const std::string& prefix = "v", int keys = 1'000'000) {
    auto producer = cluster.make_producer({});
    REQUIRE(producer);
    auto topic = (*producer)->open_topic(changelog, patience);
    REQUIRE(topic);
    for (int n = from; n < to; ++n) {
      const std::string key = "k" + std::to_string(n % keys);
      const std::string value = prefix + std::to_string(n);
      OutgoingRecord record;
      record.topic = *topic;
      record.partition = 0;
      record.key_null = record.value_null = false;
      record.key = key;
      record.value = value;
      record.timestamp = n;
      REQUIRE((*producer)->produce(record));
    }
    REQUIRE((*producer)->flush(patience));
  }

  void step(int times = 1) {
    for (int i = 0; i < times; ++i) {
      restorer->step(patience);
      clock.advance(10ms);
      for (auto& event : events.take()) seen.push_back(std::move(event));
    }
  }
  TaskRestored* restored() {
    for (auto& event : seen) {
      if (auto* failed = std::get_if<Failed>(&event)) FAIL(failed->error.text());
      if (auto* done = std::get_if<TaskRestored>(&event)) return done;
    }
    return nullptr;
  }
  // The task's state, restored.
  std::unique_ptr<TaskState> restore(std::unique_ptr<TaskState> from = nullptr) {
    restorer->commands().push(RestoreTask{counts_0, std::move(from), false});
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!restored() && std::chrono::steady_clock::now() < deadline) step();
    REQUIRE(restored());
    auto state_of_task = std::move(restored()->state);
    seen.clear();
    return state_of_task;
  }
  double metric(const std::string& name) { return metrics->sum(name, {}); }

  ManualClock clock;
  Cluster& cluster;
  const std::string changelog;
  const Duration patience;
  std::shared_ptr<Topology> topology = word_count();
  TaskPlan plan;
  std::unique_ptr<GroupMember> member;
  FakeProcessors processors;
  std::unique_ptr<CountingMetrics> metrics = std::make_unique<CountingMetrics>();
  Mailbox<ControlEvent> events;
  std::unique_ptr<StateBackend> state;
  std::unique_ptr<Restorer> restorer;
  std::vector<ControlEvent> seen;

 private:
  std::string folder_;
};

inline std::string get(TaskState& state, const std::string& key) {
  auto row = state.store(0).get(key);
  REQUIRE(row);
  return row->present ? std::string(row->value) : "-";
}

inline size_t count_rows(TaskState& state) {
  size_t rows = 0;
  REQUIRE(state.store(0).range({}, {}, false, [&](std::string_view, const StoreValue&) { return ++rows > 0; }));
  return rows;
}

}  // namespace kstreamd::word_count_of_tests
