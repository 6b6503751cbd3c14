// The composition root: makes the real cluster, state, plugins, metrics and HTTP port, and ties them to the engine.
#pragma once
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/metrics/process_metrics.h"
#include "core/metrics/prometheus_metrics.h"
#include "core/plugin_host/call_watch.h"
#include "core/plugin_host/crash_file.h"
#include "core/plugin_host/plugin_host.h"
#include "core/ports/cluster.h"
#include "core/ports/state.h"
#include "core/spec/diagnostic.h"
#include "daemon/http_api.h"
#include "daemon/http_server.h"
#include "daemon/memory_plan.h"
#include "daemon/settings.h"
#include "daemon/topology_set.h"

namespace kstreamd {

const char* version();

// The first argument with which this program is the process that tries a plugin (describe_plugin); two more follow.
inline constexpr const char* kDescribePlugin = "describe-plugin";

// Lets serdes reach schema registries. Once, before anything else.
void wire_serdes();

// The catalog with the built-in operators in it. Copies of plugins go to the folder; empty: a temporary one.
std::unique_ptr<PluginHost> make_plugin_host(const std::string& copies = {});

// The embedded log of a folder, or of memory (kInMemory).
// `memory`: what it may take up; nothing: the log's own defaults.
Result<std::unique_ptr<Cluster>> open_embedded_log(const std::string& where, int32_t partitions, const Clock& clock,
                                                   const MemoryPlan* memory = nullptr);
// Where the daemon that has a folder's log open says its address.
std::string address_file(const std::string& embedded_folder);

// All topologies of files and folders.
struct LoadedTopologies {
  std::vector<std::shared_ptr<const Topology>> topologies;
  std::vector<Diagnostic> diagnostics;  // errors and warnings of all files
  bool failed = false;                  // there is an error among them
};
LoadedTopologies load_topologies(const std::vector<std::string>& paths, const ProcessorCatalog& catalog,
                                 const std::string& plugin_folder);

// Samples the watch over calls into plugins, until it is destroyed.
class WatchThread {
 public:
  WatchThread(Duration limit, const Clock& clock, Metrics& metrics);
  ~WatchThread();

 private:
  CallWatch watch_;  // the thread's
  std::mutex mutex_;
  std::condition_variable ending_;
  bool ended_ = false;  // guarded by mutex_
  std::thread thread_;
};

// The daemon's parts. Life-cycle: make() opens everything and answers HTTP; apply() runs topologies; stop() ends them;
// the destructor closes the rest. Thread safety: as TopologySet.
class Daemon {
 public:
  static Result<std::unique_ptr<Daemon>> make(const Settings& settings, bool drain, const Clock& clock);
  ~Daemon();

  TopologySet& topologies() { return *topologies_; }
  // Reads the settings' topologies. [any thread]
  LoadedTopologies load() const;
  // Reads the plugin folder and the topologies again; where the topologies are sound, the plugins are in use from now
  // on. [one thread at a time]
  LoadedTopologies reload();
  const Address& address() const { return server_->address(); }
  uint64_t memory_limit() const { return memory_.limit; }

 private:
  explicit Daemon(const Settings& settings) : settings_(settings) {}
  Status open(bool drain, const Clock& clock);
  Status plan_memory();
  Status open_state(const Clock& clock);
  void load_plugins();
  LoadedTopologies read_again();
  void heed_crashes();
  Status listen(bool drain);

  void update_memory_metrics();

  const Settings settings_;
  MemoryPlan memory_;
  int planned_topologies_ = 1;
  std::unique_ptr<CrashFile> crashes_;          // null: the state is in memory
  std::unique_ptr<PrometheusMetrics> metrics_;  // in this order: what comes later uses what comes before
  std::unique_ptr<ProcessMetrics> process_metrics_;
  std::vector<std::shared_ptr<Gauge>> memory_shares_;
  std::map<std::string, std::shared_ptr<Gauge>> memory_gauges_;  // by part
  std::unique_ptr<PluginHost> plugins_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<StateBackend> state_;
  std::unique_ptr<TopologySet> topologies_;
  std::unique_ptr<WatchThread> watch_;
  std::unique_ptr<HttpApi> api_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace kstreamd
