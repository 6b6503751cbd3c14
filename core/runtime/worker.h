// A worker: owns a set of tasks and one producer, and runs fetch -> process -> commit for them, one transaction per
// commit interval.
//
// Commit: changelog records of all changed keys; the offsets of all its tasks, fenced by the group token; the
// transaction's decision; only then the local state. What a failure means is decided by
// core/protocol/transaction_recovery.h. While a processor of a task holds records (abi/async.h) nothing is committed:
// when a commit is due no new records are taken up until what is held is finished. Threads: step() by one thread (its
// own, or the simulator); commands through the mailbox; tasks() from any.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/ports/cluster.h"
#include "core/ports/metrics.h"
#include "core/protocol/backoff.h"
#include "core/protocol/transaction_recovery.h"
#include "core/runtime/mailbox.h"
#include "core/runtime/messages.h"
#include "core/runtime/topology_runtime.h"
#include "core/runtime/waker.h"
#include "core/task/task.h"

namespace kstreamd {

struct WorkerConfig {
  int index = 0;
  std::string transactional_id;         // empty: at least once
  size_t uncommitted_bytes = 64 << 20;  // as RuntimeOptions says
  size_t waiting_bytes = 64 << 20;
  GlobalTables* globals = nullptr;  // the topology's; null where it has none
};

class Worker {
 public:
  // All references outlive the worker. `source` belongs to `member`, which outlives it too.
  Worker(WorkerConfig config, const Topology& topology, const OutputTopics& topics, const TaskPlan& plan,
         RuntimePorts ports, GroupMember& member, std::unique_ptr<RecordSource> source, Mailbox<ControlEvent>& events);
  ~Worker();

  Mailbox<WorkerCommand>& commands() { return commands_; }
  // One round; waits up to `wait` when there is nothing to do.
  void step(Duration wait);
  // A snapshot of its tasks.
  std::vector<TaskStatus> tasks() const;

 private:
  struct Running {
    int index = 0;  // in TaskPlan::tasks
    std::unique_ptr<Task> task;
    std::vector<int32_t> slots;  // by input
    std::vector<bool> paused;    // by input
    std::vector<std::shared_ptr<Gauge>> lags;
    std::shared_ptr<Gauge> size;               // of its state; null without stores
    std::vector<std::shared_ptr<Gauge>> rows;  // by store
  };

  void handle(WorkerCommand command);
  Status run(RunTask command);
  void close(const CloseTask& command);
  void finish_closes();
  void hand_back(Running& running, bool reopen, bool rebuild);
  void hand_back_all();

  Status open_producer();
  Status ensure_transaction();
  Status fetch(Duration wait);
  Error unreadable(Error error);
  Status finish_completed();
  Status process();
  Status punctuate();
  Status commit_when_due();
  Status emit_updates();
  size_t in_flight() const;
  bool draining() const;
  bool commit_due() const;
  size_t uncommitted() const;
  Status commit();
  Status send(const std::vector<PartitionOffset>& offsets);
  template <typename Call>
  Status again(Call call);

  // Deals with a failure; `culprit` is the index in running_ of the task it came from, -1 for none.
  void recover(const Error& error, int culprit);
  bool abort_transaction();
  void rewind();
  void replace_producer();
  void fail(const Error& error);

  Duration waiting_time(Duration wait) const;
  void balance_buffers(Running& running);
  void publish(bool always);
  Status upkeep();
  void add_store_gauges(Running& running) const;
  Labels worker_labels() const { return {{"topology", topology_.name}, {"worker", std::to_string(config_.index)}}; }

  // Constant after construction
  const WorkerConfig config_;
  const Topology& topology_;
  const OutputTopics& topics_;
  const TaskPlan& plan_;
  const RuntimePorts ports_;
  GroupMember& member_;
  Mailbox<ControlEvent>& events_;
  Mailbox<WorkerCommand> commands_;
  std::shared_ptr<Counter> commits_;
  std::shared_ptr<Histogram> commit_seconds_;

  // The stepping thread's
  std::unique_ptr<RecordSource> source_;
  std::shared_ptr<Waker> waker_;  // shared with whoever completes held records
  std::unique_ptr<Producer> producer_;
  Outputs outputs_;  // tasks refer to it
  std::shared_ptr<const GroupToken> token_;
  std::vector<Running> running_;
  std::map<int32_t, std::pair<int, size_t>> slots_;  // slot -> task index, input
  int32_t next_slot_ = 0;
  struct Closing {
    CloseTask command;
    Duration deadline;
  };
  std::vector<Closing> closing_;  // waiting until nothing is in flight any more, and the work can be committed
  std::vector<FetchedBatch> batches_;
  std::string unreadable_;  // the last error of reading that looked final
  TransactionPhase phase_ = TransactionPhase::idle;
  int culprit_ = -1;   // the task whose call failed last
  bool more_ = false;  // ready records were left by the last round
  Duration last_commit_{0};
  bool commit_all_ = false;    // the next commit takes all positions, moved or not
  Duration commit_all_at_{0};  // when that is due by itself
  Duration last_publish_{0};
  Duration next_upkeep_{0};
  Duration retry_pause_{0};  // of this round: no longer than the round may wait
  bool failed_ = false;

  mutable std::mutex mutex_;
  std::vector<TaskStatus> snapshot_;  // guarded by mutex_
};

}  // namespace kstreamd
