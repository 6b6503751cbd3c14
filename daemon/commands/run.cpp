#include <malloc.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <future>
#include <iostream>
#include <optional>

#include "core/base/log.h"
#include "daemon/commands/commands.h"
#include "daemon/drain_progress.h"
#include "daemon/heap_trimmer.h"
#include "daemon/real_clock.h"
#include "daemon/sd_notify.h"
#include "daemon/signals.h"
#include "daemon/wiring.h"

namespace kstreamd {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(100);

bool failed_for_good(const TopologyStatus& topology) {
  return topology.phase == TopologyPhase::failed && topology.retry_in_ms < 0;
}

// The loop around a daemon: signals, systemd, reloading, the end of a drain. One thread; what takes long runs beside
// it, so that a second signal and the watchdog are never late.
class Runner {
 public:
  Runner(Daemon& daemon, SignalQueue& signals, const Clock& clock, const Settings& settings, bool drain)
      : daemon_(daemon),
        stop_timeout_(settings.stop_timeout),
        signals_(signals),
        clock_(clock),
        drain_(drain),
        progress_(isatty(STDERR_FILENO), clock.now()),
        trimmer_(daemon.memory_limit(), HeapTrimmer::this_process()) {}

  int run(LoadedTopologies loaded) {
    daemon_.topologies().apply(std::move(loaded.topologies), stop_timeout_);
    systemd_.send("READY=1");
    while (true) {
      if (const auto signal = signals_.wait(kTick)) {
        if (*signal == SIGHUP)
          reload_asked_ = true;
        else
          return stop(*signal);
      }
      keep_alive();
      trimmer_.look(clock_.now());
      reload_when_asked();
      if (drain_)
        if (const auto code = drained()) return *code;
    }
  }

 private:
  void keep_alive() {
    const auto interval = systemd_.watchdog_interval();
    if (!interval || clock_.now() - last_sign_ < *interval) return;
    last_sign_ = clock_.now();
    systemd_.send("WATCHDOG=1");
  }

  void reload_when_asked() {
    if (reloading_.valid() && reloading_.wait_for(Duration(0)) != std::future_status::ready) return;
    if (reloading_.valid()) {
      reloading_.get();
      systemd_.send("READY=1");
    }
    if (!reload_asked_) return daemon_.topologies().settle();
    reload_asked_ = false;
    systemd_.send("RELOADING=1");
    reloading_ = std::async(std::launch::async, [this] { reload(); });
  }

  void reload() {
    auto loaded = daemon_.reload();
    for (const auto& diagnostic : loaded.diagnostics)
      log(diagnostic.severity == Severity::error ? LogLevel::error : LogLevel::warn, text(diagnostic));
    if (loaded.failed) {
      log(LogLevel::error, "the topologies were not reloaded; they go on as they were",
          {{"hint", "mend the files named above and send SIGHUP again"}});
      return;
    }
    daemon_.topologies().apply(std::move(loaded.topologies), stop_timeout_);
    log(LogLevel::info, "topologies reloaded");
  }

  // Waits for `work` while signals still count: a second one ends the process at once.
  template <typename Work>
  void beside(std::future<Work>& work) {
    while (work.wait_for(Duration(0)) != std::future_status::ready) {
      const auto signal = signals_.wait(std::chrono::milliseconds(20));
      if (signal && *signal != SIGHUP) _exit(128 + *signal);
      keep_alive();
    }
  }

  bool stop_topologies() {
    systemd_.send("STOPPING=1");
    if (reloading_.valid()) beside(reloading_);
    auto stopping = std::async(std::launch::async, [this] { return daemon_.topologies().stop(stop_timeout_); });
    beside(stopping);
    return stopping.get();
  }

  int stop(int signal) {
    log(LogLevel::info, "stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
    if (stop_topologies()) {
      log(LogLevel::info, "stopped");
      return kDone;
    }
    log(LogLevel::error, "not everything stopped in time; what was not committed will be done again",
        {{"seconds", std::chrono::duration_cast<std::chrono::seconds>(stop_timeout_).count()}});
    _exit(kFailed);  // threads that do not end cannot be joined
  }

  // The exit code, once every topology has either come to its end or failed.
  std::optional<int> drained() {
    const auto statuses = daemon_.topologies().statuses();
    std::cerr << progress_.update(statuses, clock_.now()) << std::flush;
    bool failed = false;
    for (const auto& topology : statuses) {
      if (!topology.drained && !failed_for_good(topology)) return std::nullopt;
      failed = failed || !topology.drained;
    }
    if (!failed) std::cerr << progress_.summary(clock_.now());
    for (const auto& topology : statuses)
      if (!topology.drained)
        complain({Recovery::stop_topology, "topology " + topology.name + " failed: " + topology.error, ""});
    if (!stop_topologies()) _exit(kFailed);
    return failed ? kFailed : kDone;
  }

  Daemon& daemon_;
  const Duration stop_timeout_;
  SignalQueue& signals_;
  const Clock& clock_;
  const bool drain_;
  const SdNotify systemd_;
  DrainProgress progress_;
  HeapTrimmer trimmer_;
  Duration last_sign_{0};
  bool reload_asked_ = false;
  std::future<void> reloading_;
};

// Little memory for many threads that rarely allocate: few arenas, freed pages given back.
void tune_memory() {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_TRIM_THRESHOLD, 128 * 1024);
  mallopt(M_MMAP_THRESHOLD, 256 * 1024);
}

// A daemon whose folder of topologies is empty waits for files to come; a command line that names nothing is a mistake.
bool empty_folders(const Settings& settings) {
  for (const auto& path : settings.topologies) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(path, ignored)) return false;
    for (const auto& entry : std::filesystem::directory_iterator(path, ignored)) {
      const std::string name = entry.path().filename();
      if (name.ends_with(".yaml") && !name.ends_with(".test.yaml")) return false;
    }
  }
  return true;
}

}  // namespace

int run_command(RunOptions options) {
  tune_memory();
  SignalQueue signals;
  if (!options.topologies.empty()) options.common.layer.topologies = options.topologies;
  const auto settings = settings_of(options.common, process_environment());
  if (!settings) return kUsage;
  if (auto chosen = check_cluster_chosen(*settings); !chosen) return usage_error(chosen.error());
  if (settings->topologies.empty())
    return usage_error({Recovery::stop_topology, "there is no topology to run",
                        "name files or folders, or a daemon file with --config"});
  set_up_log(settings->log_level, settings->log_format);

  const RealClock clock;
  auto daemon = Daemon::make(*settings, options.drain, clock);
  if (!daemon) return failure(daemon.error());
  LoadedTopologies loaded;
  if (options.topologies.empty() && !options.drain && empty_folders(*settings))
    log(LogLevel::warn, "there are no topologies yet",
        {{"folder", settings->topologies.front()}, {"hint", "add *.yaml files and send SIGHUP"}});
  else
    loaded = (*daemon)->load();
  for (const auto& diagnostic : loaded.diagnostics) std::cerr << text(diagnostic) << "\n";
  if (loaded.failed) return kUsage;
  const int code = Runner(**daemon, signals, clock, *settings, options.drain).run(std::move(loaded));
  daemon->reset();
  return code;
}

}  // namespace kstreamd
