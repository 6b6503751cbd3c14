// Runs a topology in process, for tests: no Kafka, no threads of its own, no sleeping, the same every time. It runs the
// daemon's own tasks (core/task) on a log, stores and a clock in memory.
//
// A record that is sent goes through the whole topology, repartition topics included, before the next one. Then comes
// one commit, unless they are manual, which repeats until nothing moves. Everything that is written can be read at
// once, committed or not.
//
// Life-cycle: make() starts the tasks; an error that stops the topology (a record that fails, a processor that gives
// up) is returned by the step at hand, undoes what was not committed, and is returned again by all further steps until
// crash() starts anew. Threads: one at a time; processors that hold records may complete them from threads of their
// own, for which a step waits, at most for DriverOptions::completion_deadline of real time. What they hold for a
// punctuation on the wall clock stays held until the clock is turned, or a commit turns it.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/ports/state.h"
#include "core/protocol/task_plan.h"
#include "core/task/global_tables.h"
#include "core/task/outputs.h"
#include "core/task/task.h"
#include "core/testing/counting_metrics.h"
#include "core/testing/driver_log.h"
#include "core/testing/driver_producer.h"
#include "core/topology/topology.h"

namespace kstreamd {

struct DriverOptions {
  std::map<std::string, int32_t> partitions;  // by topic; others have one
  std::vector<std::string> topics;            // that exist, for sources by pattern; those of `partitions` do
  int64_t start_ms = 0;                       // the wall clock at the beginning
  bool manual_commits = false;                // only commit() commits
  // Another order of tasks that could go on at the same time, and another spread of records without a key.
  uint64_t seed = 0;
  bool together = false;       // the records of a send are all there before the first is taken up
  size_t most_at_once = 4096;  // records that a task takes up at a time: no result depends on it
  std::chrono::milliseconds completion_deadline{10'000};
};

struct InputRecord {
  std::string topic;
  std::optional<std::string> key;  // bytes; nothing: null
  std::optional<std::string> value;
  std::optional<int64_t> timestamp;  // ms; nothing: the wall clock
  std::vector<LoggedHeader> headers;
  std::optional<int32_t> partition;  // nothing: by the key
};

// The serdes of a topic, as the topology names them.
struct TopicSerdes {
  const Serde* key = nullptr;
  const Serde* value = nullptr;
};

class TopologyTestDriver {
 public:
  // `processors` outlives the driver.
  static Result<std::unique_ptr<TopologyTestDriver>> make(std::shared_ptr<const Topology> topology,
                                                          const ProcessorCatalog& processors,
                                                          DriverOptions options = {});
  ~TopologyTestDriver();
  TopologyTestDriver(const TopologyTestDriver&) = delete;
  TopologyTestDriver& operator=(const TopologyTestDriver&) = delete;

  // ---- What happens

  // Records to source topics, one after the other, then a commit. An unknown topic or partition is an error.
  Status send(std::span<const InputRecord> records);
  Status send(const InputRecord& record) { return send({&record, 1}); }
  // The same for values, through the serdes of the topic.
  Status send(const std::string& topic, const Value& key, const Value& value,
              std::optional<int64_t> timestamp = std::nullopt);
  Status commit();
  // Turns the wall clock, in one go: a punctuation that was missed several times fires once. Then a commit.
  Status advance(std::chrono::milliseconds by);
  // As after a kill: what was not committed is lost, state comes back from the changelogs, and records that were not
  // committed are processed again.
  Status crash();

  int64_t wall_ms() const { return clock_.wall_ms(); }
  // The error that stopped the topology.
  const std::optional<Error>& stopped() const { return stopped_; }

  // ---- What came of it

  // Records that the topology wrote to a topic since the last mark_read, in order. Valid as long as the driver.
  std::vector<const LoggedRecord*> unread(const std::string& topic) const;
  void mark_read(const std::string& topic);
  // Both at once.
  std::vector<const LoggedRecord*> read(const std::string& topic);
  // Topics that have unread records, sorted; internal ones only if they are asked for.
  std::vector<std::string> topics_with_unread(bool internal = false) const;

  bool is_source(const std::string& topic) const;
  // A topic that the topology writes, internal ones included.
  bool is_output(const std::string& topic) const;
  // Repartition and changelog topics.
  bool is_internal(const std::string& topic) const;
  // To send with, to read with: those of a source, or of a sink, that names the topic. Of internal topics and the
  // dead-letter topic: bytes. Nothing: no node names the topic.
  std::optional<TopicSerdes> input_serdes(const std::string& topic) const;
  std::optional<TopicSerdes> output_serdes(const std::string& topic) const;

  const Topology& topology() const { return *topology_; }
  const ProcessorCatalog& processors() const { return processors_; }
  // Null: the topology has no such store.
  const Store* find_store(const std::string& name) const;
  // A row by the bytes of its key, uncommitted writes included, whichever task has it. The value is a copy.
  struct Row {
    std::string value;
    int64_t timestamp = 0;
  };
  Result<std::optional<Row>> store_row(const std::string& store, std::string_view key) const;
  // How many rows all tasks together have.
  Result<uint64_t> store_rows(const std::string& store) const;
  // The rows by the bytes of their keys, in their order, task by task; of versions the latest.
  Result<std::vector<std::pair<std::string, Row>>> all_rows(const std::string& store) const;

  // Records dropped for a reason by a node, or by all. What a crash undid is not counted.
  uint64_t dropped(const std::string& reason, const std::string& node = "") const;
  // All reasons that something was dropped for.
  std::map<std::string, uint64_t> dropped() const;

 private:
  struct Running {
    std::unique_ptr<Task> task;
    std::vector<DriverTopic*> topics;  // by input
    std::vector<int64_t> fed;          // offset up to which an input was given to the task
  };
  class Alarm;

  TopologyTestDriver(std::shared_ptr<const Topology> topology, const ProcessorCatalog& processors,
                     DriverOptions options, TaskPlan plan, std::map<std::string, int32_t> partitions);
  Status start();
  Result<std::unique_ptr<TaskState>> restored_state(const PlannedTask& plan);
  Status open_globals();
  Status follow_globals();
  Status append(const InputRecord& record);
  // What is held for a later punctuation on the wall clock: a commit turns the clock to it, other steps leave it.
  enum class Held { may_stay, finish };
  // Lets records move until none does.
  Status settle(Held held);
  bool in_flight() const;
  Result<size_t> pass();
  Result<size_t> process(Running& running);
  Result<bool> await_completions();
  std::optional<int64_t> next_holders_punctuation() const;
  Status turn_to_next_punctuation();
  Error never_completed() const;
  Status commit_once();
  // Undoes what was not committed, and makes the tasks anew.
  Status restart();
  Status stop(Error error);
  template <typename Step>
  Status guarded(Step step);
  template <typename Visit>
  Status visit_store(const std::string& name, Visit visit) const;

  // Constant after construction
  const std::shared_ptr<const Topology> topology_;
  const ProcessorCatalog& processors_;
  const DriverOptions options_;
  const TaskPlan plan_;
  const OutputTopics output_topics_;
  const std::shared_ptr<Alarm> alarm_;  // shared with completing threads, which may outlive the driver

  ManualClock clock_;
  CountingMetrics metrics_;
  DriverLog log_;
  DriverProducer producer_;
  Outputs outputs_;
  std::unique_ptr<StateBackend> backend_;
  std::map<TopicPartition, InputStart> committed_;  // of inputs; from 0 where there is none
  std::unique_ptr<GlobalTables> globals_;           // null: there are none
  std::vector<Running> tasks_;                      // as plan_.tasks
  std::map<std::string, size_t> read_;              // index into a topic's records
  std::mt19937_64 random_;
  std::optional<Error> stopped_;
};

}  // namespace kstreamd
