// The real runtime, stepped on one thread against the embedded log: instances of the word count, and what must come
// out.
#pragma once
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/embedded/embedded_cluster.h"
#include "core/runtime/instance.h"
#include "core/state/memory_state.h"
#include "tests/fakes/fake_processors.h"
#include "tests/unit/runtime/faulty_cluster.h"
#include "tests/unit/runtime/word_count.h"

namespace kstreamd::word_count_of_tests {

constexpr int32_t partitions = 3;

// One process: its state, and the instance that runs in it.
struct Process {
  std::unique_ptr<StateBackend> state = make_memory_state();
  std::unique_ptr<Instance> instance;
};

class Harness {
 public:
  Harness() {
    auto made = make_embedded_cluster({.folder = "", .clock = &clock_, .maintenance_thread = false});
    REQUIRE(made);
    cluster_ = std::move(*made);
    faulty_ = std::make_unique<FaultyCluster>(*cluster_, faults);
    processors.steps["split"] = split;
    processors.steps["count"] = count;
    const std::vector<TopicSpec> topics = {{"text", partitions, -1, {}}, {"word-counts", partitions, -1, {}}};
    REQUIRE(cluster_->admin().create(topics, Duration(0)));
    clock_.advance(std::chrono::hours(1));
  }

  Process start(RuntimeOptions options = {.workers = 2}) {
    Process process;
    launch(process, options);
    return process;
  }
  void launch(Process& process, RuntimeOptions options = {.workers = 2}) {
    auto made = try_start(process, options);
    INFO((made ? "" : made.error().text()));
    REQUIRE(made);
    process.instance = std::move(*made);
  }

  // Each part takes a turn; time passes.
  void turn(const std::vector<Process*>& processes) {
    for (Process* process : processes) {
      Instance& instance = *process->instance;
      instance.step(Duration(0));
      instance.restorer().step(Duration(0));
      for (int i = 0; i < instance.worker_count(); ++i) instance.worker(i).step(Duration(0));
    }
    if (each_turn) each_turn();
    clock_.advance(std::chrono::milliseconds(10));
  }
  void turns(const std::vector<Process*>& processes, int count) {
    for (int i = 0; i < count; ++i) turn(processes);
  }
  template <typename Condition>
  bool until(const std::vector<Process*>& processes, Condition condition, int most = 3000) {
    for (int i = 0; i < most; ++i) {
      if (condition()) return true;
      turn(processes);
    }
    return condition();
  }
  bool running(const Process& process, size_t tasks) {
    const auto all = process.instance->tasks();
    return all.size() == tasks &&
           std::all_of(all.begin(), all.end(), [](const TaskStatus& t) { return t.phase == TaskPhase::running; });
  }

  void send(int lines) {
    auto producer = cluster_->make_producer({});
    REQUIRE(producer);
    auto text = (*producer)->open_topic("text", Duration(0));
    REQUIRE(text);
    static const char* words[] = {"to be", "or not to be", "that is the question", "be", "whether tis nobler"};
    for (int i = 0; i < lines; ++i) {
      const std::string key = std::to_string(sent_);
      const std::string line = words[sent_++ % 5];
      for (size_t at = 0; at < line.size();) {
        const size_t end = std::min(line.find(' ', at), line.size());
        ++expected_[line.substr(at, end - at)];
        at = end + 1;
      }
      OutgoingRecord record;
      record.topic = *text;
      record.partition = static_cast<int32_t>(i % partitions);
      record.key_null = record.value_null = false;
      record.key = key;
      record.value = line;
      record.timestamp = 1000 + i;
      REQUIRE((*producer)->produce(record));
    }
    REQUIRE((*producer)->flush(Duration(0)));
  }

  // The committed output: of each word, its counts in order.
  std::map<std::string, std::vector<int64_t>> output() {
    auto reader = cluster_->make_reader(true);
    REQUIRE(reader);
    for (int32_t p = 0; p < partitions; ++p) REQUIRE((*reader)->assign(p, {"word-counts", p}, 0));
    std::map<std::string, std::vector<int64_t>> counts;
    std::set<int32_t> ended;
    while (ended.size() < partitions) {
      std::vector<FetchedBatch> batches;
      REQUIRE((*reader)->poll(batches, 1000, Duration(0)));
      REQUIRE_FALSE(batches.empty());
      for (const auto& batch : batches) {
        if (batch.at_end) ended.insert(batch.slot);
        for (const auto& record : batch.records) {
          int64_t value = 0;
          for (unsigned char byte : raw_value(record.origin)) value = value << 8 | byte;
          counts[std::string(raw_key(record.origin))].push_back(value);
        }
      }
    }
    return counts;
  }

  // What is wrong with the output; empty when each word was counted 1, 2, ... up to its number.
  std::string wrong() {
    std::string text;
    const auto got = output();
    for (const auto& [word, counts] : got) {
      if (!expected_.contains(word)) text += "unexpected " + word + "; ";
      for (size_t i = 0; i < counts.size(); ++i)
        if (counts[i] != static_cast<int64_t>(i + 1)) {
          text += word + " has " + std::to_string(counts[i]) + " at place " + std::to_string(i + 1) + "; ";
          break;
        }
    }
    for (const auto& [word, n] : expected_)
      if (!got.contains(word) || static_cast<int64_t>(got.at(word).size()) != n)
        text += word + " came " + std::to_string(got.contains(word) ? got.at(word).size() : 0) + " times, not " +
                std::to_string(n) + "; ";
    return text;
  }
  bool complete() { return wrong().empty(); }

  // The same where only some of the counts come out: they grow, and end with the word's number.
  std::string wrong_at_last() {
    std::string text;
    auto got = output();
    for (auto& [word, counts] : got) {
      if (!std::is_sorted(counts.begin(), counts.end(), std::less_equal<>())) text += word + " does not grow; ";
      if (!expected_.contains(word)) text += "unexpected " + word + "; ";
    }
    for (const auto& [word, n] : expected_)
      if (got[word].empty() || got[word].back() != n)
        text += word + " ends with " + std::to_string(got[word].empty() ? 0 : got[word].back()) + ", not " +
                std::to_string(n) + "; ";
    return text;
  }
  size_t outputs() {
    size_t all = 0;
    for (const auto& [word, counts] : output()) all += counts.size();
    return all;
  }

  Cluster& cluster() { return *cluster_; }
  EmbeddedLevers& levers() { return *embedded_levers(*cluster_); }
  Result<std::unique_ptr<Instance>> try_start(Process& process, RuntimeOptions options) {
    return Instance::make(*topology, {*faulty_, *process.state, processors, *metrics_, clock_}, options);
  }

  // Of a topic of the first sub-topology, the sum of what is committed.
  int64_t committed(const Process& process) {
    int64_t records = 0;
    for (const auto& task : process.instance->tasks())
      for (const auto& input : task.inputs)
        if (input.topic == "text") records += std::max<int64_t>(input.committed, 0);
    return records;
  }

  std::shared_ptr<Topology> topology = word_count();
  Faults faults;
  FakeProcessors processors;
  std::function<void()> each_turn;  // before time passes

 private:
  ManualClock clock_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<FaultyCluster> faulty_;
  std::unique_ptr<Metrics> metrics_ = make_null_metrics();
  std::map<std::string, int64_t> expected_;
  int sent_ = 0;
};

}  // namespace kstreamd::word_count_of_tests
