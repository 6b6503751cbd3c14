// One topology, running in this process: the thing that the daemon starts, watches and stops.
//
// Life-cycle: construct, start(), then stop() or, with `drain`, until status().drained; destroy. After a failure whose
// recovery is retry_topology it starts itself again with back-off; after stop_topology it stays failed. Thread safety:
// start, stop and the destructor from one thread; status() from any.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/ports/cluster.h"
#include "core/ports/crash_log.h"
#include "core/ports/metrics.h"
#include "core/ports/processor.h"
#include "core/ports/state.h"
#include "core/runtime/status.h"
#include "core/topology/topology.h"

namespace kstreamd {

struct RuntimePorts {
  Cluster& cluster;
  StateBackend& state;
  const ProcessorCatalog& processors;
  Metrics& metrics;
  const Clock& clock;
  const CrashLog* crashes = nullptr;  // which records brought the process down before; may be null
};

struct RuntimeOptions {
  int workers = 1;
  bool drain = false;  // process each source partition to the end it had at the start, then stop
  int32_t internal_replication_factor = -1;
  std::map<std::string, std::string> internal_topic_configs;  // of all internal topics, unless a store says otherwise
  Duration state_cleanup_delay = std::chrono::hours(1);  // then the state of a task that is elsewhere is removed here
  // For the embedded log: source and sink topics that are missing are made, with this many partitions. 0: they are an
  // error.
  int32_t create_topics_with = 0;
  // Memory of each worker, in bytes: what is uncommitted, past which it commits early, and what is fetched and waits
  // for another input, past which it fetches no more.
  size_t uncommitted_bytes = 64 << 20;
  size_t waiting_bytes = 64 << 20;
};

class TopologyRuntime {
 public:
  TopologyRuntime(std::shared_ptr<const Topology> topology, RuntimePorts ports, RuntimeOptions options);
  ~TopologyRuntime();

  // Starts the threads and returns at once; what happens is told by status().
  void start();
  // Asks all threads to finish their batch, commit and close; returns when they have, or at the deadline with false.
  bool stop(Duration deadline);
  TopologyStatus status() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kstreamd
