#include "daemon/wiring.h"

#include <malloc.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "core/base/log.h"
#include "core/embedded/embedded_cluster.h"
#include "core/kafka/kafka_cluster.h"
#include "core/plugin_host/crash_guard.h"
#include "core/serde/http_transport.h"
#include "core/spec/spec.h"
#include "core/state/memory_state.h"
#include "core/state/rocksdb_state.h"
#include "daemon/machine_memory.h"
#include "daemon/registry_http.h"
#include "plugins/builtin/builtin.h"

namespace kstreamd {
namespace fs = std::filesystem;
namespace {

// What is freed stays with the process in proportion to its limit, for what comes next: memory that is given back is
// asked for again a page fault at a time, which for a fetch from Kafka costs as much as reading into it.
void keep_freed_memory(uint64_t limit) {
  constexpr uint64_t kMiB = 1 << 20;
  mallopt(M_MMAP_THRESHOLD, static_cast<int>(std::clamp(limit / 256, kMiB / 4, 8 * kMiB)));
  mallopt(M_TRIM_THRESHOLD, static_cast<int>(std::clamp(limit / 128, kMiB / 8, 16 * kMiB)));  // of each arena
}

}  // namespace

const char* version() { return KSTREAMD_VERSION; }

void wire_serdes() { set_http_transport(make_registry_http()); }

std::unique_ptr<PluginHost> make_plugin_host(const std::string& copies) {
  PluginHostOptions options;
  options.copies = copies;
  options.tries_with = {"/proc/self/exe", kDescribePlugin};
  options.stamp = version();
  auto host = std::make_unique<PluginHost>(std::move(options));
  if (auto added = host->add_builtin(builtin_plugin()); !added)
    log(LogLevel::error, "the built-in operators are unusable", {{"error", added.error().text()}});
  return host;
}

Result<std::unique_ptr<Cluster>> open_embedded_log(const std::string& where, int32_t partitions, const Clock& clock,
                                                   const MemoryPlan* memory) {
  EmbeddedOptions options;
  if (memory) {
    options.cache_bytes = memory->log_recent;
    options.database_bytes = memory->log_database;
    options.compaction_bytes = memory->log_compaction;
  }
  options.default_partitions = partitions;
  options.clock = &clock;
  if (where != kInMemory) {
    options.folder = where + "/log";
    std::error_code failed;
    fs::create_directories(where, failed);
    if (failed)
      return Error{Recovery::stop_topology, "cannot make the folder " + where + ": " + failed.message(),
                   "choose another with --embedded=DIR"};
  }
  return make_embedded_cluster(options);
}

std::string address_file(const std::string& embedded_folder) { return embedded_folder + "/kstreamd.address"; }

LoadedTopologies load_topologies(const std::vector<std::string>& paths, const ProcessorCatalog& catalog,
                                 const std::string& plugin_folder) {
  LoadedTopologies result;
  std::map<std::string, std::string> file_of;  // by topology name
  const auto refuse = [&](const std::string& file, const std::string& message, const std::string& hint) {
    Diagnostic diagnostic;
    diagnostic.file = file;
    diagnostic.message = message;
    diagnostic.hint = hint;
    result.diagnostics.push_back(std::move(diagnostic));
    result.failed = true;
  };
  for (const auto& path : paths) {
    auto files = find_topology_files(path);
    if (!files) {
      refuse(path, files.error().message, files.error().hint);
      continue;
    }
    for (const auto& file : *files) {
      auto loaded = load_topology(file, catalog, plugin_folder);
      result.diagnostics.insert(result.diagnostics.end(), loaded.diagnostics.begin(), loaded.diagnostics.end());
      if (!loaded.ok()) {
        result.failed = true;
        continue;
      }
      const auto [other, fresh] = file_of.emplace(loaded.value->name, file);
      if (fresh)
        result.topologies.push_back(std::make_shared<const Topology>(std::move(*loaded.value)));
      else if (!fs::equivalent(other->second, file))
        refuse(file, "topology '" + loaded.value->name + "' is already in " + other->second,
               "a topology's name is its consumer group: give each its own");
    }
  }
  return result;
}

Daemon::~Daemon() {
  server_.reset();  // nobody looks any more
  if (settings_.embedded && !settings_.in_memory()) {
    std::error_code ignored;
    fs::remove(address_file(*settings_.embedded), ignored);
  }
}

Result<std::unique_ptr<Daemon>> Daemon::make(const Settings& settings, bool drain, const Clock& clock) {
  std::unique_ptr<Daemon> daemon(new Daemon(settings));
  KSTREAMD_TRY(daemon->open(drain, clock));
  KSTREAMD_TRY(daemon->listen(drain));
  return daemon;
}

WatchThread::WatchThread(Duration limit, const Clock& clock, Metrics& metrics)
    : watch_(limit, clock, metrics), thread_([this, limit] {
        const Duration pause = std::min<Duration>(limit / 5, std::chrono::seconds(1));
        std::unique_lock lock(mutex_);
        while (!ending_.wait_for(lock, pause, [this] { return ended_; })) {
          lock.unlock();
          watch_.sample();
          lock.lock();
        }
      }) {}

WatchThread::~WatchThread() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  ending_.notify_all();
  thread_.join();
}

Status Daemon::open(bool drain, const Clock& clock) {
  metrics_ = make_prometheus_metrics();
  process_metrics_ = std::make_unique<ProcessMetrics>(*metrics_, version());
  KSTREAMD_TRY(plan_memory());
  KSTREAMD_TRY(open_state(clock));
  load_plugins();

  RuntimeOptions options;
  options.workers = settings_.workers;
  options.uncommitted_bytes = memory_.uncommitted;
  options.waiting_bytes = memory_.waiting;
  options.drain = drain;
  options.internal_replication_factor = settings_.replication_factor;
  options.internal_topic_configs = settings_.internal_topic_configs;
  options.state_cleanup_delay = settings_.state_cleanup_delay;
  if (settings_.embedded) {
    auto log = open_embedded_log(*settings_.embedded, settings_.partitions, clock, &memory_);
    if (!log) return std::move(log).error();
    cluster_ = std::move(log).value();
    options.create_topics_with = settings_.partitions;
  } else {
    KSTREAMD_TRY(check_kafka_properties(settings_.kafka));
    cluster_ = make_kafka_cluster(settings_.kafka, memory_.kafka);
  }
  RuntimePorts ports{*cluster_, *state_, *plugins_, *metrics_, clock};
  ports.crashes = crashes_.get();
  topologies_ = std::make_unique<TopologySet>(ports, options);
  watch_ = std::make_unique<WatchThread>(settings_.plugin_call_time, clock, *metrics_);
  return {};
}

// Who may take how much: said once, in the log and by metrics.
Status Daemon::plan_memory() {
  MemoryNeeds needs;
  needs.workers = settings_.workers;
  needs.topologies = 0;
  for (const auto& path : settings_.topologies)
    if (auto files = find_topology_files(path)) needs.topologies += static_cast<int>(files->size());
  needs.topologies = planned_topologies_ = std::max(needs.topologies, 1);
  needs.embedded = settings_.embedded.has_value();
  needs.kafka = settings_.kafka;
  const MachineMemory machine = machine_memory();
  const bool given = settings_.memory_limit > 0;
  const uint64_t limit = given ? settings_.memory_limit : default_memory_limit(machine.usable(), needs);
  auto plan = kstreamd::plan_memory(limit, needs);
  if (!plan) return std::move(plan).error();
  memory_ = std::move(plan).value();
  keep_freed_memory(limit);
  if (limit > machine.usable())
    log(LogLevel::warn, "the memory limit is more than there is memory: the process may be killed before it is reached",
        {{"limit", memory_text(limit)},
         {"memory", memory_text(machine.usable())},
         {"of", machine.cgroup ? "control group" : "machine"},
         {"hint", "set memory.limit below it in the daemon file"}});
  if (given && settings_.in_memory())
    log(LogLevel::warn, "memory.limit does not bound an embedded log in memory, which holds all records",
        {{"hint", "use --embedded=DIR"}});
  const auto gauge = [this](const char* name, const Labels& labels, uint64_t bytes) {
    memory_shares_.push_back(metrics_->gauge(name, labels));
    memory_shares_.back()->set(static_cast<double>(bytes));
  };
  gauge("kstreamd_memory_limit_bytes", {}, limit);
  std::string shares;
  for (const auto& [part, bytes] : memory_.shares) {
    gauge("kstreamd_memory_share_bytes", {{"part", part}}, bytes);
    shares += (shares.empty() ? "" : ", ") + part + " " + memory_text(bytes);
  }
  log(LogLevel::info, "memory", {{"limit", memory_text(limit)}, {"shares", shares}});
  for (const char* part : {"block_cache", "write_buffers", "cached_rows", "overlays", "fetch_queues", "restore"})
    memory_gauges_[part] = metrics_->gauge("kstreamd_memory_bytes", {{"part", part}});
  return {};
}

void Daemon::update_memory_metrics() {
  const StateMemory state = state_->memory();
  memory_gauges_.at("block_cache")->set(static_cast<double>(state.block_cache));
  memory_gauges_.at("write_buffers")->set(static_cast<double>(state.write_buffers));
  memory_gauges_.at("cached_rows")->set(static_cast<double>(state.cached_rows));
  memory_gauges_.at("overlays")->set(static_cast<double>(state.uncommitted));
  const FetchedMemory fetched = cluster_->fetched_memory();
  memory_gauges_.at("fetch_queues")->set(static_cast<double>(fetched.sources));
  memory_gauges_.at("restore")->set(static_cast<double>(state.restore_buffers + fetched.readers));
}

// The state folder, and what is known of crashes.
Status Daemon::open_state(const Clock& clock) {
  if (settings_.in_memory() && settings_.state_dir.empty()) {
    state_ = make_memory_state();
    arm_crash_guard(-1);
    return {};
  }
  StateOptions state;
  state.folder = settings_.state_dir;
  state.memory_limit_bytes = memory_.state;
  state.restore_buffer_bytes = memory_.restore_buffers;
  auto opened = open_state_folder(state, clock);
  if (!opened) return std::move(opened).error();
  state_ = std::move(opened).value();
  auto crashes = CrashFile::open(settings_.state_dir + "/.crashes", settings_.plugin_crashes, clock.wall_ms());
  if (!crashes) return std::move(crashes).error();
  crashes_ = std::move(crashes).value();
  arm_crash_guard(crashes_->descriptor());
  return {};
}

void Daemon::load_plugins() {
  plugins_ = make_plugin_host(settings_.state_dir.empty() ? "" : settings_.state_dir + "/.plugins");
  plugins_->heed_crashes(crashes_.get());
  if (!settings_.plugins.empty() && !fs::exists(settings_.plugins))
    log(LogLevel::warn, "there is no plugin folder", {{"path", settings_.plugins}});
  else if (!settings_.plugins.empty())
    for (const auto& problem : plugins_->load_folder(settings_.plugins))
      log(LogLevel::error, "a plugin cannot be used", {{"path", problem.path}, {"error", problem.error.text()}});
  plugins_->remove_unused_copies();
  heed_crashes();
}

// What another content of a plugin's file did says nothing of this one.
void Daemon::heed_crashes() {
  if (!crashes_) return;
  std::map<std::string, std::string> serdes;
  for (const auto& serde : plugins_->serdes()) serdes["serde:" + serde.name] = serde.content;
  crashes_->keep_of([&](const std::string& type) -> std::string {
    if (const auto serde = serdes.find(type); serde != serdes.end()) return serde->second;
    const auto* info = plugins_->find(type);
    return !info ? "" : info->content.empty() ? info->plugin : info->content;
  });
}

Status Daemon::listen(bool drain) {
  ApiSources sources;
  sources.topologies = [this] { return topologies_->statuses(); };
  sources.applied = [this] { return topologies_->applied(); };
  sources.plugins = [this] { return plugins_->plugins(); };
  sources.metrics = [this] {
    process_metrics_->update();
    update_memory_metrics();
    return metrics_->expose();
  };
  sources.embedded_log = settings_.embedded ? cluster_.get() : nullptr;
  sources.default_partitions = settings_.partitions;
  sources.catalog = plugins_.get();
  sources.version = version();
  api_ = std::make_unique<HttpApi>(std::move(sources), ApiAccess{settings_.token});
  auto server = HttpServer::start(settings_.listen, *api_);
  // A drain beside a daemon is usual, and nobody asked for that port.
  if (!server && drain && !settings_.listen_given) server = HttpServer::start({settings_.listen.host, 0}, *api_);
  if (!server) return std::move(server).error();
  server_ = std::move(server).value();
  log(LogLevel::info, "listening", {{"address", server_->address().text()}});
  if (settings_.embedded && !settings_.in_memory())
    std::ofstream(address_file(*settings_.embedded)) << server_->address().text() << "\n";
  return {};
}

LoadedTopologies Daemon::load() const { return load_topologies(settings_.topologies, *plugins_, settings_.plugins); }

LoadedTopologies Daemon::reload() {
  auto loaded = read_again();
  if (const auto count = static_cast<int>(loaded.topologies.size()); !loaded.failed && count > planned_topologies_)
    log(LogLevel::warn, "there are more topologies than memory was shared out for: together they may exceed the limit",
        {{"topologies", count},
         {"planned", planned_topologies_},
         {"hint", "restart kstreamd, and it is shared out anew"}});
  return loaded;
}

LoadedTopologies Daemon::read_again() {
  if (settings_.plugins.empty() || !fs::exists(settings_.plugins)) return load();
  auto reading = plugins_->read_folder(settings_.plugins);
  for (const auto& problem : reading.problems)
    log(LogLevel::error, "a plugin cannot be used; one that was there before goes on",
        {{"path", problem.path}, {"error", problem.error.text()}});
  auto loaded = load_topologies(settings_.topologies, *reading.set, settings_.plugins);
  if (loaded.failed) return loaded;
  for (const auto& plugin : reading.set->plugins())
    if (const auto before = plugins_->content_of(plugin.description.path); before != plugin.description.content)
      log(LogLevel::info, before.empty() ? "plugin loaded" : "plugin changed",
          {{"path", plugin.description.path},
           {"name", plugin.description.name},
           {"version", plugin.description.version}});
  plugins_->use(std::move(reading.set));
  heed_crashes();
  return loaded;
}

}  // namespace kstreamd
