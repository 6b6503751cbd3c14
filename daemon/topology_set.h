// The topologies of this process: each runs, fails and is restarted by itself.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/runtime/topology_runtime.h"

namespace kstreamd {

// Life-cycle: construct, apply() whenever the files were read, settle() now and then, stop(), destroy. Thread safety:
// apply, settle and stop by one thread at a time; statuses() by any, also meanwhile.
class TopologySet {
 public:
  TopologySet(RuntimePorts ports, RuntimeOptions options) : ports_(ports), options_(options) {}

  // Starts what is new, restarts what has changed, itself or a plugin that it uses, stops what is no longer there, and
  // leaves the rest alone. A topology that does not stop within `deadline` is said, and goes on stopping.
  void apply(std::vector<std::shared_ptr<const Topology>> wanted, Duration deadline);
  // Starts what the last apply() wanted in the place of topologies that have stopped since. Does not wait.
  void settle();
  // All at once. False: some had not stopped at the deadline; the process can only be ended.
  bool stop(Duration deadline);
  std::vector<TopologyStatus> statuses() const;
  // Whether the files' topologies have been started; before that, none in statuses() means nothing. [any thread]
  bool applied() const { return applied_; }

 private:
  struct Running {
    std::shared_ptr<const Topology> topology;
    std::string plugins;  // contents of the plugins' files that it was started with
    std::shared_ptr<TopologyRuntime> runtime;
    bool late = false;                     // it was to stop, and had not at the deadline
    std::shared_ptr<const Topology> next;  // of a late one: what follows it; null: nothing
  };
  std::map<std::string, Running> running() const;
  void replace(const std::string& name, const std::shared_ptr<const Topology>& next);
  void start(const std::shared_ptr<const Topology>& topology);

  const RuntimePorts ports_;
  const RuntimeOptions options_;
  std::atomic<bool> applied_{false};
  mutable std::mutex mutex_;
  std::map<std::string, Running> running_;  // guarded by mutex_; changed by the thread of apply and stop only
};

}  // namespace kstreamd
