// Local state on a simulated disk: what RocksDB keeps through kill -9, and what it loses.
//
// The tasks' states are the real ones (core/state), over a database in memory (database.h).
#pragma once
#include <map>
#include <memory>
#include <string>

#include "core/ports/state.h"
#include "tests/sim/chaos.h"

namespace kstreamd::sim {

struct DiskTask;
class SimTaskState;

// The disk of one process. Life-cycle: as long as the run, through all crashes of its process. Not thread-safe.
class SimState final : public StateBackend {
 public:
  SimState(Chaos& chaos, int process);
  ~SimState() override;

  Result<std::unique_ptr<TaskState>> open(const TaskStateConfig& config) override;
  Result<std::vector<KeptState>> kept(const std::string& topology) override;
  Status wipe(const std::string& topology, const TaskId& task) override;
  Result<std::string> instance_id(const std::string& topology) override;

  // What is destroyed from now on, until the next open, flushes nothing.
  void crash() { crashed_ = true; }
  void restart() { crashed_ = false; }
  void wipe_all();
  // The state of a task that is open; null when it is not.
  TaskState* find(const TaskId& task);

 private:
  friend class SimTaskState;
  Chaos& chaos_;
  const int process_;
  bool crashed_ = false;
  std::map<std::string, std::shared_ptr<DiskTask>> disk_;
  std::map<std::string, SimTaskState*> open_;
};

}  // namespace kstreamd::sim
