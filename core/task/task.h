// One task: the nodes of a sub-topology for one partition, with their buffers, stores and positions. All of Kafka
// Streams' "StreamTask" that is about records; when to commit, and what a failure means, is its worker's business
// (core/runtime).
//
// Life-cycle: make() with restored state and start offsets; buffer() and process() in turn; commits in the order
//   emit_updates -> write_changes -> (the worker sends offsets and commits the transaction) -> commit_state
// or rollback() after an abort. Destroyed by its worker; release_state() gives the state back first when the task goes
// on elsewhere. Threads: one at a time (its worker). Errors of records are handled inside by the nodes' on_error; what
// is returned stops the task.
#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/ports/crash_log.h"
#include "core/ports/metrics.h"
#include "core/ports/processor.h"
#include "core/ports/state.h"
#include "core/protocol/input_start.h"
#include "core/protocol/task_plan.h"
#include "core/task/input_buffer.h"
#include "core/task/outputs.h"
#include "core/task/schedules.h"
#include "core/topology/topology.h"

namespace kstreamd {

class TaskNode;

class GlobalTables;

struct TaskServices {
  const ProcessorCatalog& processors;
  Metrics& metrics;
  const Clock& clock;
  // Called when a held record was completed, by the completing thread: the task's thread is to call finish_completed()
  // soon. It may be called a moment after the task is gone, and owns all it touches. May be empty.
  std::function<void()> wake = {};
  // Which records brought the process down before; may be null.
  const CrashLog* crashes = nullptr;
  // The topology's, which outlive the task; may be null where it has none.
  GlobalTables* globals = nullptr;
};

class Task {
 public:
  // `state` may be null for a sub-topology without stores. `topology`, `topics` and `outputs` outlive the task.
  static Result<std::unique_ptr<Task>> make(const Topology& topology, const OutputTopics& topics,
                                            const PlannedTask& plan, std::unique_ptr<TaskState> state,
                                            std::span<const InputStart> starts, Outputs& outputs,
                                            TaskServices services);
  ~Task();

  const TaskId& id() const { return plan_.id; }
  size_t input_count() const { return plan_.inputs.size(); }
  const TopicPartition& input(size_t i) const { return plan_.inputs[i].partition; }
  int64_t position(size_t i) const { return buffer_.position(i); }
  int64_t committed(size_t i) const { return committed_[i]; }
  size_t buffered(size_t i) const { return buffer_.buffered(i); }
  size_t buffered_bytes(size_t i) const { return buffer_.buffered_bytes(i); }

  void buffer(size_t input, FetchedBatch batch);
  // When, as Clock::now, records wait no longer for an input that is at its end (max_task_idle).
  std::optional<Duration> next_idle_end() const { return buffer_.next_idle_end(); }
  // Processes up to about `limit` buffered records that are ready; returns how many. Punctuations on stream time fire
  // after the record that moved it. Fewer than are ready when a processor holds as many records as it may, or once
  // uncommitted_bytes() has grown by more than `growth`.
  Result<size_t> process(size_t limit, size_t growth = SIZE_MAX);

  // Fires the punctuations on the wall clock that are due; nothing when none is. `holders_only`: those of processors
  // that may hold records, for what they hold may wait for a punctuation; others would give them more.
  Status punctuate_wall_clock(bool holders_only = false);
  // When the next one is due, as Clock::wall_ms.
  std::optional<int64_t> next_wall_clock_ms(bool holders_only = false) const;

  // Records taken up and not finished: held by processors, or waiting for one that holds as many as it may. While there
  // are any the task must not be committed.
  size_t in_flight() const;
  // Forwards what processors have completed of the records they held, and fails those that were held for too long.
  // Returns how many records were finished.
  Result<size_t> finish_completed();
  // Whether there are processors that may hold records.
  bool holds_records() const { return !holders_.empty(); }
  // When, as Clock::now, the first of the held records will have been held for too long.
  std::optional<Duration> next_expiry() const;
  // How long its records may be held at most.
  Duration longest_hold() const;

  // Whether records were processed, or punctuations fired, since the last commit.
  bool dirty() const { return dirty_; }
  bool commit_requested() const { return commit_requested_; }
  // What is in memory until the next commit: changes of stores, records in flight, and updates that wait for it.
  size_t uncommitted_bytes() const;

  // Before a commit: tables with emit: per_commit forward what is pending. Afterwards there may be records in flight,
  // for which the commit has to wait.
  Status emit_updates();
  // Commit, step 1: the changelog records of all changed keys go to the producer.
  Status write_changes();
  // Appends the positions that moved since the last commit, or all, with their partitions' times. Of a dirty task
  // always all: they are what fences the transaction, also where a punctuation has written and no record was read, and
  // what a successor waits for.
  void offsets(std::vector<PartitionOffset>& out, bool all) const;
  // Commit, step 4, after the broker's decision: overlays and changelog offsets to the stores, in one piece.
  Status commit_state();
  // After an abort: back to the last commit, nothing buffered, and new processors, whose memory knows nothing of what
  // was undone.
  Status rollback();

  TaskState* state() { return state_.get(); }
  std::unique_ptr<TaskState> release_state();
  // Writes counters that were gathered locally to the metrics.
  void publish_metrics();

 private:
  friend class TaskNode;
  static constexpr size_t batch_size = 512;  // records that go through the graph together, where nobody can tell
  Task(const Topology& topology, const OutputTopics& topics, const PlannedTask& plan, std::unique_ptr<TaskState> state,
       std::span<const InputStart> starts, Outputs& outputs, TaskServices services);
  void start_times();
  void pass_time(int64_t timestamp) {
    stream_time_ = std::max(stream_time_, timestamp);
    times_[reading_] = std::max(times_[reading_], timestamp);
  }
  Status build();
  size_t room() const;
  std::span<FetchedRecord> until_due(std::span<FetchedRecord> records) const;
  Status process_run(size_t input, std::span<FetchedRecord> records);
  int64_t& progress(const std::string& name);
  uint64_t add_schedule(TaskNode& node, uint32_t kind, int64_t interval, int64_t start);
  Status punctuate(Schedules& schedules, int64_t now, bool holders_only);
  Status checked(kst_status status);

  // Constant after construction
  const Topology& topology_;
  const PlannedTask plan_;
  const std::string id_text_;
  const bool batches_;  // SubTopology::batches
  const OutputTopics& topics_;
  Outputs& outputs_;
  const TaskServices services_;
  struct Changelog {
    int topic;   // OutputTopics number, -1 without a changelog
    bool marks;  // Store::change_buffer
  };
  std::vector<Changelog> changelogs_;  // by store of the task
  int dead_letter_topic_ = -1;         // OutputTopics number

  // The worker's
  std::unique_ptr<TaskState> state_;
  InputBuffer buffer_;
  std::vector<int64_t> committed_;
  Schedules stream_schedules_;
  Schedules wall_schedules_;
  uint64_t last_schedule_ = 0;
  std::vector<std::unique_ptr<TaskNode>> nodes_;  // by index in Topology::nodes; null where not of this sub-topology
  std::vector<TaskNode*> holders_;                // those of asynchronous processors, in topological order
  std::vector<TaskNode*> emitters_;               // those with emit: per_commit, in topological order
  std::vector<int64_t> times_;            // by input: its partition's time, which is committed beside its offset
  std::vector<int64_t> committed_times_;  // the same as last committed
  Progress progress_;                     // of the processors, each kept under the name of its node
  Progress committed_progress_;
  int64_t stream_time_ = kUnknownTime;  // the greatest of times_
  size_t reading_ = 0;                  // the input that records are being read from
  bool dirty_ = false;
  bool commit_requested_ = false;
  std::optional<Error> failure_;  // set by a node before it unwinds with KST_STOP
};

}  // namespace kstreamd
