// What the threads of a running topology tell each other. Control sends commands to workers and to the restorer; both
// answer with events. A task's state travels with the messages, so that it has one owner at any time.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "core/ports/cluster.h"
#include "core/ports/state.h"
#include "core/protocol/input_start.h"
#include "core/protocol/task_plan.h"
#include "core/runtime/status.h"

namespace kstreamd {

// ---- Control to worker

// A new token: the member took part in a rebalance. Tasks keep running.
struct NewToken {
  std::shared_ptr<const GroupToken> token;
};
struct RunTask {
  int task = 0;  // index in TaskPlan::tasks
  std::unique_ptr<TaskState> state;
  std::vector<InputStart> starts;  // by input
};
// Close a task and give its state up. `commit`: what was processed first goes out; else it is aborted.
struct CloseTask {
  int task = 0;
  bool commit = true;
};
// Abort, and hand all tasks back to be restored: the membership they were opened under is gone.
struct ReopenTasks {};
using WorkerCommand = std::variant<NewToken, RunTask, CloseTask, ReopenTasks>;

// ---- Control to restorer

struct RestoreTask {
  int task = 0;
  std::unique_ptr<TaskState> state;  // null: open it
  bool rebuild = false;              // wipe it first
};
// Keep the state of a task that runs elsewhere up to date, until it is to be restored here or cancelled.
struct FollowTask {
  int task = 0;
};
struct CancelRestore {
  int task = 0;
};
using RestorerCommand = std::variant<RestoreTask, FollowTask, CancelRestore>;

// ---- To control

struct TaskRestored {
  int task = 0;
  std::unique_ptr<TaskState> state;
  std::vector<InputStart> starts;
};
struct RestoreCancelled {
  int task = 0;
};
// The worker has closed the task. `reopen`: it is to be restored and run again.
struct TaskClosed {
  int task = 0;
  bool reopen = false;
  bool rebuild = false;
  std::unique_ptr<TaskState> state;
};
// Nothing more will come from the sender; the topology has to stop.
struct Failed {
  Error error;
};
using ControlEvent = std::variant<TaskRestored, RestoreCancelled, TaskClosed, Failed>;

}  // namespace kstreamd
