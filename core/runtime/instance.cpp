#include "core/runtime/instance.h"

#include <algorithm>
#include <set>

#include "core/base/log.h"

namespace kstreamd {
namespace {
constexpr Duration busy_wait = std::chrono::milliseconds(5);  // while tasks change hands
constexpr Duration drain_interval = std::chrono::milliseconds(20);
constexpr Duration drain_notice_interval = std::chrono::seconds(5);
constexpr Duration purge_interval = std::chrono::seconds(30);  // Kafka Streams' repartition.purge.interval.ms
constexpr Duration cleanup_interval = std::chrono::minutes(1);
constexpr Duration request_timeout = std::chrono::seconds(5);
}  // namespace

// ---- Beginning

Instance::Instance(const Topology& topology, RuntimePorts ports, RuntimeOptions options, Preparation preparation)
    : topology_(topology),
      ports_(ports),
      options_(options),
      preparation_(std::move(preparation)),
      topics_(topology),
      ends_(preparation_.source_ends),
      next_purge_(ports.clock.now() + purge_interval),
      cleanup_(options.state_cleanup_delay) {
  for (TaskPhase phase : {TaskPhase::restoring, TaskPhase::running, TaskPhase::closing})
    task_gauges_[phase] =
        ports_.metrics.gauge("kstreamd_tasks", {{"topology", topology_.name}, {"state", phase_name(phase)}});
}

Instance::~Instance() = default;

Result<std::unique_ptr<Instance>> Instance::make(const Topology& topology, RuntimePorts ports, RuntimeOptions options) {
  auto prepared = prepare(topology, ports, options);
  if (!prepared) return std::move(prepared).error();
  std::unique_ptr<Instance> instance(new Instance(topology, ports, options, std::move(*prepared)));
  KSTREAMD_TRY(instance->join());
  return instance;
}

Status Instance::join() {
  auto member = ports_.cluster.join({topology_.name, preparation_.instance_id, topology_.tasks_topic()});
  if (!member) return std::move(member).error();
  member_ = std::move(*member);
  if (!topology_.global_tables.empty()) {
    auto globals =
        GlobalTables::open(topology_, preparation_.cluster_id, {ports_.state, ports_.processors, ports_.metrics});
    if (!globals) return std::move(globals).error();
    globals_ = std::move(*globals);
  }
  restorer_ = std::make_unique<Restorer>(topology_, preparation_.plan, preparation_.cluster_id, ports_, *member_,
                                         events_, globals_.get());
  for (int i = 0; i < options_.workers; ++i) {
    WorkerConfig config{i, "", options_.uncommitted_bytes, options_.waiting_bytes, globals_.get()};
    if (topology_.guarantee == Guarantee::exactly_once)
      config.transactional_id = topology_.name + "-" + preparation_.instance_id + "-" + std::to_string(i);
    workers_.push_back(std::make_unique<Worker>(config, topology_, topics_, preparation_.plan, ports_, *member_,
                                                member_->make_source(), events_));
  }
  return {};
}

// ---- One round

void Instance::step(Duration wait) {
  for (auto& event : events_.take()) handle(std::move(event));
  if (stop_requested_ || error_) return stop_step();
  finish_pending();
  handle(member_->poll(settled() && !options_.drain ? wait : std::min(wait, busy_wait)));
  if (options_.drain) check_drain();
  if (ports_.clock.now() >= next_purge_) purge_repartitions();
  if (ports_.clock.now() >= next_cleanup_) clean_up_state();
  publish();
}

// Nothing is under way: all tasks run.
bool Instance::settled() const {
  return !pending_ && !member_id_.empty() && std::all_of(entries_.begin(), entries_.end(), [](const auto& e) {
    return e.second.phase == TaskPhase::running;
  });
}

void Instance::stop_step() {
  if (!closing_all_) {
    closing_all_ = true;
    for (auto& [task, entry] : entries_) close_task(task, entry, true);
  }
  if (entries_.empty()) {
    if (!finished_) member_->close();
    finished_ = true;
  } else {
    // The membership is kept alive while the last commits are made.
    handle(member_->poll(busy_wait));
  }
  publish();
}

void Instance::fail(Error error) {
  log(LogLevel::error, "topology failed", {{"topology", topology_.name}, {"error", error.text()}});
  if (!error_) error_ = std::move(error);
}

// ---- The group

void Instance::handle(GroupEvent event) {
  switch (event.type) {
    case GroupEvent::Type::none:
      return;
    case GroupEvent::Type::error:
      if (event.error.recovery == Recovery::retry_topology || event.error.recovery == Recovery::stop_topology)
        return fail(std::move(event.error));
      log(LogLevel::warn, "group", {{"topology", topology_.name}, {"cause", event.error.text()}});
      return;
    case GroupEvent::Type::assigned:
      if (closing_all_) return;
      ports_.metrics.counter("kstreamd_rebalances_total", {{"topology", topology_.name}})->add(1);
      if (auto finished = member_->finish(event); !finished) {
        // The membership was lost again meanwhile; the next event says so, and nothing was opened.
        if (finished.error().recovery == Recovery::rejoin) return;
        return fail(std::move(finished).error());
      }
      spread_token();
      return open_tasks(event.partitions);
    case GroupEvent::Type::revoked:
    case GroupEvent::Type::lost:
      close_tasks(event.partitions, event.type == GroupEvent::Type::revoked);
      pending_ = std::move(event);
      return finish_pending();
  }
}

// Hands the fresh token to the workers. Tasks opened under another member id may have been taken up by somebody else
// meanwhile.
void Instance::spread_token() {
  auto token = member_->token();
  if (!token) return;
  const bool another = !member_id_.empty() && token->member_id() != member_id_;
  member_id_ = token->member_id();
  for (auto& worker : workers_) {
    if (another) worker->commands().push(ReopenTasks{});
    worker->commands().push(NewToken{token});
  }
  if (!another) return;
  for (auto& [task, entry] : entries_)
    if (entry.phase == TaskPhase::restoring) {
      entry.located_anew = true;
      restorer_->commands().push(CancelRestore{task});
    }
}

void Instance::open_tasks(const std::vector<int32_t>& partitions) {
  for (int32_t task : partitions) {
    if (task >= static_cast<int32_t>(preparation_.plan.tasks.size()) || entries_.contains(task)) continue;
    log(LogLevel::info, "task assigned",
        {{"topology", topology_.name}, {"task", preparation_.plan.tasks[task].id.text()}});
    entries_[task] = Entry{};
    restorer_->commands().push(RestoreTask{task, nullptr, false});
  }
}

void Instance::close_tasks(const std::vector<int32_t>& partitions, bool commit) {
  for (int32_t task : partitions)
    if (auto found = entries_.find(task); found != entries_.end()) close_task(task, found->second, commit);
}

void Instance::close_task(int task, Entry& entry, bool commit) {
  if (entry.phase == TaskPhase::restoring) restorer_->commands().push(CancelRestore{task});
  if (entry.phase == TaskPhase::running) workers_[entry.worker]->commands().push(CloseTask{task, commit});
  entry.phase = TaskPhase::closing;
}

void Instance::finish_pending() {
  if (!pending_) return;
  for (int32_t task : pending_->partitions)
    if (entries_.contains(task)) return;
  auto finished = member_->finish(*pending_);
  pending_.reset();
  if (!finished) return fail(std::move(finished).error());
  spread_token();
}

// ---- Tasks

void Instance::handle(ControlEvent event) {
  if (auto* done = std::get_if<TaskRestored>(&event)) {
    restored(std::move(*done));
  } else if (auto* cancelled = std::get_if<RestoreCancelled>(&event)) {
    auto found = entries_.find(cancelled->task);
    if (found == entries_.end()) return;
    if (found->second.phase == TaskPhase::closing) {
      entries_.erase(found);
    } else {
      found->second = Entry{};
      restorer_->commands().push(RestoreTask{cancelled->task, nullptr, false});
    }
  } else if (auto* task_closed = std::get_if<TaskClosed>(&event)) {
    closed(std::move(*task_closed));
  } else {
    fail(std::move(std::get<Failed>(event).error));
  }
}

void Instance::restored(TaskRestored event) {
  auto found = entries_.find(event.task);
  if (found == entries_.end()) return;
  if (found->second.phase == TaskPhase::closing) {
    event.state.reset();
    entries_.erase(found);
    return;
  }
  if (found->second.located_anew) {
    // It was ready before the cancellation came, but starts where the former membership left off.
    found->second = Entry{};
    restorer_->commands().push(RestoreTask{event.task, std::move(event.state), false});
    return;
  }
  found->second = {TaskPhase::running, least_loaded()};
  workers_[found->second.worker]->commands().push(RunTask{event.task, std::move(event.state), std::move(event.starts)});
}

void Instance::closed(TaskClosed event) {
  auto found = entries_.find(event.task);
  if (found == entries_.end()) return;
  if (found->second.phase == TaskPhase::closing || !event.reopen) {
    event.state.reset();  // before the task is anyone else's to open
    entries_.erase(found);
    return;
  }
  found->second = Entry{};
  restorer_->commands().push(RestoreTask{event.task, std::move(event.state), event.rebuild});
}

int Instance::least_loaded() const {
  std::vector<int> loads(workers_.size(), 0);
  for (const auto& [task, entry] : entries_)
    if (entry.phase == TaskPhase::running) ++loads[entry.worker];
  return static_cast<int>(std::min_element(loads.begin(), loads.end()) - loads.begin());
}

// ---- Drain

// Sub-topologies are done from upstream to downstream: only when nothing more will be written to a repartition topic is
// its end known.
void Instance::check_drain() {
  if (drained_ || ports_.clock.now() < next_drain_check_ || !settled()) return;
  next_drain_check_ = ports_.clock.now() + drain_interval;
  std::vector<TaskStatus> all;
  for (const auto& worker : workers_)
    for (auto& task : worker->tasks()) all.push_back(std::move(task));
  if (all.size() != entries_.size()) return;
  if (all.size() < preparation_.plan.tasks.size()) return say_drain_waits(all.size());
  std::map<TopicPartition, const InputStatus*> inputs;
  for (const auto& task : all)
    for (const auto& input : task.inputs) inputs[{input.topic, input.partition}] = &input;
  for (size_t s = 0; s < topology_.sub_topologies.size(); ++s)
    if (!drained_through(static_cast<int>(s), inputs)) return;
  if (went_round()) return;
  drained_ = true;
  request_stop();
}

// Where other instances have tasks, or had them until their session ends, nobody here knows how far those are.
void Instance::say_drain_waits(size_t tasks) {
  if (ports_.clock.now() < next_drain_notice_) return;
  next_drain_notice_ = ports_.clock.now() + drain_notice_interval;
  log(LogLevel::warn, "the drain waits until all tasks are here",
      {{"topology", topology_.name},
       {"here", tasks},
       {"all", preparation_.plan.tasks.size()},
       {"hint", "stop the other instances; what they had comes here after their session time-out"}});
}

bool Instance::drained_through(int sub_topology, const std::map<TopicPartition, const InputStatus*>& inputs) {
  bool known = true, done = true;
  for (const auto& task : preparation_.plan.tasks) {
    if (task.sub_topology != sub_topology) continue;
    for (const auto& input : task.inputs) {
      auto status = inputs.find(input.partition);
      if (status == inputs.end()) return false;
      auto end = ends_.find(input.partition);
      if (end == ends_.end()) {
        auto marks = ports_.cluster.admin().watermarks(input.partition, request_timeout);
        if (!marks) return false;
        ends_[input.partition] = marks->high;
        known = false;  // what the workers have shown may be older than this end
        continue;
      }
      if (status->second->done < end->second) done = false;
    }
  }
  return known && done;
}

// ---- Upkeep

// Sub-topologies that write to each other are done when nothing has come any more since one thought so. Else the ends
// of all topics between sub-topologies have to be found again.
bool Instance::went_round() {
  bool more = false;
  for (const auto& repartition : topology_.repartitions) {
    if (!repartition.as_reader) continue;
    for (auto& [partition, end] : ends_) {
      if (partition.topic != repartition.name) continue;
      auto marks = ports_.cluster.admin().watermarks(partition, request_timeout);
      more = more || !marks || marks->high != end;
    }
  }
  if (more) ends_ = preparation_.source_ends;
  return more;
}

// Deletes what all of a repartition topic's readers here have committed, as Kafka Streams does.
void Instance::purge_repartitions() {
  next_purge_ = ports_.clock.now() + purge_interval;
  std::set<std::string> internal;
  for (const auto& repartition : topology_.repartitions) internal.insert(repartition.name);
  std::vector<PartitionOffset> before;
  for (const auto& worker : workers_)
    for (const auto& task : worker->tasks())
      for (const auto& input : task.inputs) {
        const TopicPartition partition{input.topic, input.partition};
        if (!internal.contains(input.topic) || input.committed <= purged_[partition]) continue;
        before.push_back({partition, input.committed, ""});
      }
  if (before.empty()) return;
  auto deleted = ports_.cluster.admin().delete_records(before, request_timeout);
  if (!deleted)
    log(LogLevel::warn, "repartition topics could not be purged; it is tried again",
        {{"topology", topology_.name}, {"cause", deleted.error().text()}});
  for (const auto& purged : before)
    if (deleted) purged_[purged.partition] = purged.offset;
}

// What a task leaves behind that has moved to another instance: it may come back, and is then restored from there.
void Instance::clean_up_state() {
  next_cleanup_ = ports_.clock.now() + std::min(cleanup_interval, options_.state_cleanup_delay);
  if (!joined()) return cleanup_.forget();
  auto found = ports_.state.kept(topology_.name);
  if (!found) {
    log(LogLevel::warn, "local state cannot be looked through for what is no longer needed; it is tried again",
        {{"topology", topology_.name}, {"cause", found.error().text()}});
    return;
  }
  std::map<TaskId, uint64_t> kept;
  std::vector<TaskId> tasks;
  for (const auto& state : *found) {
    kept[state.task] = state.bytes;
    tasks.push_back(state.task);
  }
  std::set<TaskId> owned;
  for (const auto& [task, entry] : entries_) owned.insert(preparation_.plan.tasks[task].id);
  for (const auto& table : topology_.global_tables) owned.insert(GlobalTables::state_id(table));
  for (const auto& task : cleanup_.due(tasks, owned, ports_.clock.now())) {
    if (auto removed = ports_.state.wipe(topology_.name, task); !removed) {
      log(LogLevel::warn, "local state that is no longer needed could not be removed; it is tried again",
          {{"topology", topology_.name}, {"task", task.text()}, {"cause", removed.error().text()}});
      continue;
    }
    log(LogLevel::info, "the local state of a task that is no longer here was removed",
        {{"topology", topology_.name}, {"task", task.text()}, {"bytes", static_cast<int64_t>(kept[task])}});
    ports_.metrics.counter("kstreamd_state_cleanups_total", {{"topology", topology_.name}})->add(1);
  }
}

void Instance::publish() {
  for (auto& [phase, gauge] : task_gauges_)
    gauge->set(static_cast<double>(std::count_if(entries_.begin(), entries_.end(),
                                                 [p = phase](const auto& entry) { return entry.second.phase == p; })));
  std::lock_guard lock(mutex_);
  published_ = entries_;
}

std::vector<TaskStatus> Instance::tasks() const {
  std::map<std::string, TaskStatus> running;
  for (const auto& worker : workers_)
    for (auto& task : worker->tasks()) running[task.id] = std::move(task);
  const auto restoring = restorer_->progress();
  std::lock_guard lock(mutex_);
  std::vector<TaskStatus> all;
  for (const auto& [index, entry] : published_) {
    const std::string id = preparation_.plan.tasks[index].id.text();
    auto found = running.find(id);
    TaskStatus status = found != running.end() ? std::move(found->second) : TaskStatus{id, entry.phase, -1, {}, {}};
    // Handed to a worker that has not taken it up yet.
    status.phase = entry.phase == TaskPhase::running && found == running.end() ? TaskPhase::restoring : entry.phase;
    if (auto progress = restoring.find(index); progress != restoring.end()) status.restores = progress->second;
    all.push_back(std::move(status));
  }
  return all;
}

}  // namespace kstreamd
