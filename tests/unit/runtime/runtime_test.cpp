// The real runtime, stepped on one thread against the embedded log: word counts stay exact through failed commits,
// crashes and rebalances.
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

namespace kstreamd {
namespace {

using namespace word_count_of_tests;

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
    processors_.steps["split"] = split;
    processors_.steps["count"] = count;
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

  Cluster& cluster() { return *cluster_; }
  EmbeddedLevers& levers() { return *embedded_levers(*cluster_); }
  Result<std::unique_ptr<Instance>> try_start(Process& process, RuntimeOptions options) {
    return Instance::make(*topology, {*faulty_, *process.state, processors_, *metrics_, clock_}, options);
  }

  std::shared_ptr<Topology> topology = word_count();
  Faults faults;

 private:
  ManualClock clock_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<FaultyCluster> faulty_;
  FakeProcessors processors_;
  std::unique_ptr<Metrics> metrics_ = make_null_metrics();
  std::map<std::string, int64_t> expected_;
  int sent_ = 0;
};

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
