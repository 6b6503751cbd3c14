// One attempt to run a topology in this process: its membership of the group, its workers and its restorer. The control
// side of the engine.
//
// Tasks move through
//
//             assigned            restored            close asked            closed
//    (none) -----------> restoring ------> running ------------> closing ------------> (none)
//                          |  ^               |                    ^
//                          |  '---- reopen ---'                    |
//                          '---------------------------------------'  close asked while restoring
//
// A revoked partition is given back to the group only after its task is closed (and, where that is still allowed,
// committed). Life-cycle: make() (prepared and joined), then step() until finished(); an error ends it as
// request_stop() does. Threads: step() by one thread; worker(i).step() and restorer().step() by one thread each, or all
// by the simulator's one; request_stop() and tasks() by any.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "core/protocol/state_cleanup.h"
#include "core/runtime/preparation.h"
#include "core/runtime/restorer.h"
#include "core/runtime/worker.h"

namespace kstreamd {

class Instance {
 public:
  static Result<std::unique_ptr<Instance>> make(const Topology& topology, RuntimePorts ports, RuntimeOptions options);
  ~Instance();

  const TaskPlan& plan() const { return preparation_.plan; }
  int worker_count() const { return static_cast<int>(workers_.size()); }
  Worker& worker(int i) { return *workers_[i]; }
  Restorer& restorer() { return *restorer_; }

  // One round of control. Waits up to `wait` for the group when nothing is under way.
  void step(Duration wait);
  void request_stop() { stop_requested_ = true; }
  bool finished() const { return finished_; }
  // Whether the group has answered: the tasks that it gave, perhaps none, are known.
  bool joined() const { return member_->token() != nullptr; }
  // Why it ended, when not asked to.
  const std::optional<Error>& error() const { return error_; }
  // With RuntimeOptions::drain: everything that was there at the start is processed and committed.
  bool drained() const { return drained_; }
  std::vector<TaskStatus> tasks() const;

 private:
  struct Entry {
    TaskPhase phase = TaskPhase::restoring;
    int worker = -1;
    bool located_anew = false;  // restoring: its start offsets are to be asked for again
  };

  Instance(const Topology& topology, RuntimePorts ports, RuntimeOptions options, Preparation preparation);
  Status join();

  void handle(ControlEvent event);
  void handle(GroupEvent event);
  void restored(TaskRestored event);
  void closed(TaskClosed event);
  void fail(Error error);
  void open_tasks(const std::vector<int32_t>& partitions);
  void close_tasks(const std::vector<int32_t>& partitions, bool commit);
  void close_task(int task, Entry& entry, bool commit);
  void finish_pending();
  void spread_token();
  void stop_step();
  int least_loaded() const;
  bool settled() const;

  void check_drain();
  void say_drain_waits(size_t tasks);
  bool drained_through(int sub_topology, const std::map<TopicPartition, const InputStatus*>& inputs);
  bool went_round();
  void purge_repartitions();
  void clean_up_state();
  void publish();

  // Constant after construction
  const Topology& topology_;
  const RuntimePorts ports_;
  const RuntimeOptions options_;
  const Preparation preparation_;
  const OutputTopics topics_;

  // Control's; destroyed from the last to the first
  std::unique_ptr<GroupMember> member_;
  Mailbox<ControlEvent> events_;
  std::unique_ptr<GlobalTables> globals_;  // null: there are none
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Restorer> restorer_;
  std::map<int, Entry> entries_;            // by task index
  std::optional<GroupEvent> pending_;       // revoked or lost, waiting for tasks to close
  std::string member_id_;                   // under which the tasks were opened
  std::map<TopicPartition, int64_t> ends_;  // drain: where an input is done
  std::map<TopicPartition, int64_t> purged_;
  Duration next_drain_check_{0};
  Duration next_drain_notice_{0};
  Duration next_purge_{0};
  Duration next_cleanup_{0};
  StateCleanup cleanup_;
  std::map<TaskPhase, std::shared_ptr<Gauge>> task_gauges_;
  bool closing_all_ = false;
  std::optional<Error> error_;

  std::atomic<bool> stop_requested_{false};
  std::atomic<bool> finished_{false};
  std::atomic<bool> drained_{false};

  mutable std::mutex mutex_;
  std::map<int, Entry> published_;  // guarded by mutex_: a copy of entries_
};

}  // namespace kstreamd
