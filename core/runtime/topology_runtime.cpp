#include "core/runtime/topology_runtime.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/log.h"
#include "core/protocol/backoff.h"
#include "core/protocol/pattern_misfit.h"
#include "core/runtime/instance.h"

namespace kstreamd {
namespace {
constexpr Duration thread_wait = std::chrono::seconds(1);          // workers and restorer are woken by commands
constexpr Duration control_wait = std::chrono::milliseconds(100);  // how late a stop may be noticed
constexpr Duration first_retry = std::chrono::milliseconds(500);
constexpr Duration last_retry = std::chrono::seconds(30);
constexpr Duration look_interval = std::chrono::seconds(10);  // between looks for new topics and partitions
constexpr Duration list_timeout = std::chrono::seconds(3);    // the group is polled no later than that
constexpr TopologyPhase phases[] = {TopologyPhase::starting, TopologyPhase::running, TopologyPhase::stopping,
                                    TopologyPhase::stopped, TopologyPhase::failed};
}  // namespace

const char* phase_name(TaskPhase phase) {
  switch (phase) {
    case TaskPhase::restoring:
      return "restoring";
    case TaskPhase::running:
      return "running";
    case TaskPhase::closing:
      return "closing";
  }
  return "";
}

const char* phase_name(TopologyPhase phase) {
  switch (phase) {
    case TopologyPhase::starting:
      return "starting";
    case TopologyPhase::running:
      return "running";
    case TopologyPhase::stopping:
      return "stopping";
    case TopologyPhase::stopped:
      return "stopped";
    case TopologyPhase::failed:
      return "failed";
  }
  return "";
}

// Runs Instances one after another on threads. The control thread is this object's own; an instance's workers and
// restorer get theirs while it lives.
class TopologyRuntime::Impl {
 public:
  Impl(std::shared_ptr<const Topology> topology, RuntimePorts ports, RuntimeOptions options)
      : topology_(std::move(topology)), ports_(ports), options_(options) {
    for (TopologyPhase phase : phases)
      gauges_[phase] = ports_.metrics.gauge("kstreamd_topology_state",
                                            {{"topology", topology_->name}, {"state", phase_name(phase)}});
    show(phase_);
  }

  void start() {
    control_ = std::thread([this] { run(); });
  }

  bool stop(Duration deadline) {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    if (phase_ != TopologyPhase::failed && phase_ != TopologyPhase::stopped) show(TopologyPhase::stopping);
    if (instance_) instance_->request_stop();
    changed_.notify_all();
    return changed_.wait_for(lock, deadline, [this] { return ended_ || !control_.joinable(); });
  }

  void join() {
    if (control_.joinable()) control_.join();
  }

  TopologyStatus status() const {
    std::lock_guard lock(mutex_);
    TopologyStatus status;
    status.name = topology_->name;
    status.phase = phase_;
    status.detail = detail_;
    status.error = error_;
    status.drained = drained_;
    if (phase_ == TopologyPhase::failed && !ended_)
      status.retry_in_ms = std::max<int64_t>((retry_at_ - ports_.clock.now()).count() / 1000, 0);
    if (instance_) status.tasks = instance_->tasks();
    return status;
  }

 private:
  void run() {
    Backoff backoff(first_retry, last_retry);
    for (;;) {
      const Duration begun = ports_.clock.now();
      std::optional<Error> error = attempt();
      if (std::exchange(again_, false) && !error && !stopping()) continue;
      if (!error || error->recovery == Recovery::stop_topology) {
        end(error);
        return;
      }
      if (ports_.clock.now() - begun > last_retry) backoff.reset();
      if (!wait_to_retry(*error, backoff.next())) {
        end(std::nullopt);
        return;
      }
    }
  }

  // Runs one instance to its end; nullopt when it ended as asked.
  std::optional<Error> attempt() {
    {
      std::lock_guard lock(mutex_);
      show(TopologyPhase::starting);
      detail_ = "connecting and checking topics";
    }
    auto topology = with_topics();
    if (!topology) return std::move(topology).error();
    auto made = Instance::make(**topology, ports_, options_);
    if (!made) return std::move(made).error();
    std::unique_ptr<Instance> instance = std::move(*made);
    {
      std::lock_guard lock(mutex_);
      instance_ = instance.get();
      if (stopping_) instance->request_stop();
      detail_ = "joining the group";
    }
    std::atomic<bool> quit{false};
    std::vector<std::thread> threads;
    for (int i = 0; i < instance->worker_count(); ++i)
      threads.emplace_back([&quit, worker = &instance->worker(i)] {
        while (!quit) worker->step(thread_wait);
      });
    threads.emplace_back([&quit, restorer = &instance->restorer()] {
      while (!quit) restorer->step(thread_wait);
    });
    Duration next_look = ports_.clock.now() + look_interval;
    for (bool joined = false; !instance->finished();) {
      instance->step(control_wait);
      if (!options_.drain && ports_.clock.now() >= next_look) {
        next_look = ports_.clock.now() + look_interval;
        look_for_topics(**topology, *instance);
      }
      if (!joined && instance->joined()) {
        joined = true;
        show_running();
      }
    }
    quit = true;
    // Any command wakes its reader; these change nothing.
    for (int i = 0; i < instance->worker_count(); ++i) instance->worker(i).commands().push(CloseTask{-1, false});
    instance->restorer().commands().push(CancelRestore{-1});
    for (auto& thread : threads) thread.join();
    std::lock_guard lock(mutex_);
    instance_ = nullptr;
    drained_ = instance->drained();
    return instance->error();
  }

  bool stopping() const {
    std::lock_guard lock(mutex_);
    return stopping_;
  }

  // By topic: of all where there are patterns, else of those that sources read.
  Result<std::map<std::string, int32_t>> partition_counts() {
    Admin& admin = ports_.cluster.admin();
    auto listed =
        topology_->has_patterns() ? admin.list(list_timeout) : admin.describe(topology_->source_topics(), list_timeout);
    if (!listed) return std::move(listed).error();
    std::map<std::string, int32_t> partitions;
    for (const auto& topic : *listed)
      if (topic.exists) partitions[topic.name] = topic.partitions;
    return partitions;
  }

  // The topology with the topics that there are for its patterns.
  Result<std::shared_ptr<const Topology>> with_topics() {
    if (!topology_->has_patterns()) return topology_;
    const auto partitions = partition_counts();
    if (!partitions) return partitions.error();
    auto resolved = with_topics(*partitions);
    if (resolved)
      if (auto problem = pattern_misfit(**resolved, *partitions)) return std::move(*problem);
    return resolved;
  }

  Result<std::shared_ptr<const Topology>> with_topics(const std::map<std::string, int32_t>& partitions) const {
    if (!topology_->has_patterns()) return topology_;
    std::vector<std::string> names;
    for (const auto& [topic, count] : partitions) names.push_back(topic);
    std::vector<GraphProblem> problems;
    auto resolved = std::make_shared<const Topology>(with_pattern_topics(*topology_, names, problems));
    if (!problems.empty())
      return Error{Recovery::stop_topology, "topology '" + topology_->name + "': " + problems[0].message,
                   problems[0].hint};
    for (const auto& node : resolved->nodes)
      if (!node.pattern.empty() && node.topics.empty())
        return Error{Recovery::retry_topology,
                     "topology '" + topology_->name + "': no topic fits the pattern '" + node.pattern +
                         "' of source '" + node.name + "'",
                     "create one; it is found within a minute"};
    return resolved;
  }

  // Topics that have come to fit a pattern, or are gone, and partitions that topics have got, are taken up by starting
  // anew. What cannot be taken up fails the topology there: its records would be left unread.
  void look_for_topics(const Topology& current, Instance& instance) {
    const auto partitions = partition_counts();
    if (!partitions) return;  // what is wrong is looked at again soon
    const auto resolved = with_topics(*partitions);
    if (!resolved) return;
    const auto plan = plan_tasks(**resolved, *partitions);
    const bool grown = plan && plan->tasks.size() > instance.plan().tasks.size();
    if (**resolved == current && !grown) return;
    std::string topics;
    for (const auto& topic : (*resolved)->source_topics()) topics += (topics.empty() ? "" : ", ") + topic;
    log(LogLevel::info, "source topics have changed; the topology is started anew",
        {{"topology", topology_->name}, {"topics", topics}});
    again_ = true;
    instance.request_stop();
  }

  void show_running() {
    std::lock_guard lock(mutex_);
    if (!stopping_) show(TopologyPhase::running);
    detail_.clear();
  }

  bool wait_to_retry(const Error& error, Duration delay) {
    log(LogLevel::error, "topology stopped; it is started again",
        {{"topology", topology_->name},
         {"error", error.text()},
         {"seconds", std::chrono::duration<double>(delay).count()}});
    ports_.metrics.counter("kstreamd_topology_restarts_total", {{"topology", topology_->name}})->add(1);
    std::unique_lock lock(mutex_);
    show(TopologyPhase::failed);
    error_ = error.text();
    retry_at_ = ports_.clock.now() + delay;
    return !changed_.wait_for(lock, delay, [this] { return stopping_; });
  }

  void end(const std::optional<Error>& error) {
    std::lock_guard lock(mutex_);
    ended_ = true;
    show(error ? TopologyPhase::failed : TopologyPhase::stopped);
    if (error) {
      error_ = error->text();
      log(LogLevel::error, "topology stopped", {{"topology", topology_->name}, {"error", error_}});
    }
    changed_.notify_all();
  }

  // With mutex_ held.
  void show(TopologyPhase phase) {
    phase_ = phase;
    for (auto& [other, gauge] : gauges_) gauge->set(other == phase ? 1 : 0);
  }

  // Constant after construction
  const std::shared_ptr<const Topology> topology_;
  const RuntimePorts ports_;
  const RuntimeOptions options_;

  std::thread control_;

  // The control thread's
  bool again_ = false;  // the instance ends to be started anew at once

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_
  Instance* instance_ = nullptr;
  TopologyPhase phase_ = TopologyPhase::starting;
  std::map<TopologyPhase, std::shared_ptr<Gauge>> gauges_;
  std::string detail_;
  std::string error_;
  Duration retry_at_{0};
  bool stopping_ = false;
  bool drained_ = false;
  bool ended_ = false;
};

TopologyRuntime::TopologyRuntime(std::shared_ptr<const Topology> topology, RuntimePorts ports, RuntimeOptions options)
    : impl_(std::make_unique<Impl>(std::move(topology), ports, options)) {}

TopologyRuntime::~TopologyRuntime() {
  impl_->stop(Duration(0));
  impl_->join();
}

void TopologyRuntime::start() { impl_->start(); }
bool TopologyRuntime::stop(Duration deadline) { return impl_->stop(deadline); }
TopologyStatus TopologyRuntime::status() const { return impl_->status(); }

}  // namespace kstreamd
