// What a running topology shows of itself: immutable snapshots, for HTTP, `status` and tests.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace kstreamd {

enum class TaskPhase { restoring, running, closing };

struct InputStatus {
  std::string topic;
  int32_t partition = 0;
  int64_t position = -1;   // next offset to process
  int64_t committed = -1;  // next offset as last committed
  int64_t lag = -1;        // records up to the high watermark; -1 unknown
  int64_t done = -1;       // as committed, or past it over control records alone: nothing before it is left to do
};

struct RestoreStatus {
  std::string store;
  int64_t restored = 0;   // changelog records applied since the task was opened
  int64_t remaining = 0;  // offsets up to the end of the changelog
};

struct TaskStatus {
  std::string id;
  TaskPhase phase = TaskPhase::restoring;
  int worker = -1;  // -1 while restoring
  std::vector<InputStatus> inputs;
  std::vector<RestoreStatus> restores;
};

enum class TopologyPhase {
  starting,  // connecting, checking topics, joining the group
  running,   // member of the group, which has given it its tasks; they may still be restoring (see tasks)
  stopping,
  stopped,  // ended as asked, or drained
  failed,   // `error` says why; retry_in_ms >= 0 when it will be started again
};

struct TopologyStatus {
  std::string name;
  TopologyPhase phase = TopologyPhase::starting;
  std::string detail;  // what it waits for while starting, e.g. "broker 127.0.0.1:9092 cannot be reached"
  std::string error;   // the last error, with what to do
  int64_t retry_in_ms = -1;
  bool drained = false;
  std::vector<TaskStatus> tasks;
  // Ready: running, and every task assigned to this instance is processing.
  bool ready() const {
    if (phase != TopologyPhase::running && !drained) return false;
    for (const auto& task : tasks)
      if (task.phase != TaskPhase::running) return false;
    return true;
  }
};

const char* phase_name(TaskPhase phase);
const char* phase_name(TopologyPhase phase);

}  // namespace kstreamd
