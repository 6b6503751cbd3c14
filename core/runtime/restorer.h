// Brings tasks to where they can run: finds the offsets they start from, opens their state and applies what is missing
// of the changelogs. Several tasks at once, on one reader.
//
// A task goes through: locate (committed offsets, once no transaction is open on them) -> open the state -> read each
// changelog to the high watermark it had then. The high watermark, not the last stable offset: the changelog's last
// transaction may still be open when the offsets are already stable. A changelog in which something was applied before
// is read from the last record applied on, to see whether it is the same changelog (docs/adr/0201). A task that is only
// followed starts with its state, and its changelogs are read without end. Threads: step() by one thread (its own, or
// the simulator); commands through the mailbox; progress() from any.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "core/ports/cluster.h"
#include "core/ports/metrics.h"
#include "core/ports/state.h"
#include "core/runtime/global_follower.h"
#include "core/runtime/mailbox.h"
#include "core/runtime/messages.h"
#include "core/runtime/topology_runtime.h"

namespace kstreamd {

class Restorer {
 public:
  // `globals`: the topology's global tables, which it follows, and which tasks wait for; null where there are none.
  Restorer(const Topology& topology, const TaskPlan& plan, std::string cluster_id, RuntimePorts ports,
           GroupMember& member, Mailbox<ControlEvent>& events, GlobalTables* globals = nullptr);

  Mailbox<RestorerCommand>& commands() { return commands_; }
  // Does what can be done now; waits up to `wait` when there is nothing.
  void step(Duration wait);
  // By task index.
  std::map<int, std::vector<RestoreStatus>> progress() const;

 private:
  struct StoreJob {
    size_t store = 0;  // of the TaskState
    std::string name;
    TopicPartition changelog;
    int64_t read_from = 0;  // before `position` while the mark is unproven
    int64_t position = 0;
    int64_t end = 0;
    std::optional<ChangelogMark> unproven;
    int64_t restored = 0;
    int64_t bytes = 0;
    Duration begun{0};
    int32_t slot = -1;  // -1: not being read
    std::shared_ptr<Gauge> remaining_gauge;
    std::shared_ptr<Counter> records;
    std::shared_ptr<Counter> bytes_counter;
    bool done() const { return !unproven && position >= end; }
    int64_t remaining() const { return std::max<int64_t>(end - position, 0); }
  };
  struct Job {
    int task = 0;
    std::unique_ptr<TaskState> state;
    bool rebuild = false;
    bool follow = false;
    bool wanted = false;  // to be run here: not only followed
    bool located = false;
    Duration locate_at{0};  // not before
    Duration begun{0};
    std::vector<InputStart> starts;
    std::vector<StoreJob> stores;
    bool started = false;
    bool done() const;
  };

  void handle(RestorerCommand command);
  void restore(RestoreTask command);
  Job* find(int task);
  Status locate();
  Status locate(Job& job);
  Status start();
  Status start(Job& job);
  Status open(Job& job);
  Status start_store(Job& job, size_t store);
  Status stop_following(Job& job);
  Status assign_waiting();
  Status assign(Job& job, size_t index);
  Status read(Duration wait);
  Status apply(FetchedBatch& batch);
  bool prove(Job& job, StoreJob& store, FetchedBatch& batch);
  void finish_store(Job& job, StoreJob& store);
  void finish_done();
  void begin_rebuild(Job& job);
  void say_rebuild(const Job& job, const Error& error, const StoreJob* store = nullptr);
  void say_progress();
  void stop_reading(Job& job);
  void stop_reading(StoreJob& store);
  void publish();

  // Constant after construction
  const Topology& topology_;
  const TaskPlan& plan_;
  const std::string cluster_id_;
  const RuntimePorts ports_;
  GroupMember& member_;
  Mailbox<ControlEvent>& events_;
  Mailbox<RestorerCommand> commands_;

  // The stepping thread's
  std::optional<GlobalFollower> globals_;
  std::vector<std::unique_ptr<Job>> jobs_;
  std::unique_ptr<RecordSource> reader_;  // while a changelog is being read
  std::map<int32_t, std::pair<Job*, size_t>> slots_;
  int32_t next_slot_ = 0;
  std::vector<FetchedBatch> batches_;
  Duration next_notice_{0};
  Duration next_progress_{0};
  bool failed_ = false;

  mutable std::mutex mutex_;
  std::map<int, std::vector<RestoreStatus>> progress_;  // guarded by mutex_
};

}  // namespace kstreamd
