#include "core/runtime/restorer.h"

#include <algorithm>

#include "core/base/log.h"
#include "core/protocol/input_start.h"
#include "core/protocol/restore_plan.h"
#include "core/task/task_store.h"

namespace kstreamd {
namespace {
constexpr Duration request_timeout = std::chrono::seconds(5);
constexpr Duration locate_pause = std::chrono::milliseconds(200);
constexpr Duration locate_timeout = std::chrono::milliseconds(300);  // while a transaction is open the answer is late
constexpr Duration notice_interval = std::chrono::seconds(5);
constexpr size_t read_records = 10'000;
}  // namespace

bool Restorer::Job::done() const {
  return started && std::all_of(stores.begin(), stores.end(), [](const StoreJob& s) { return s.done(); });
}

Restorer::Restorer(const Topology& topology, const TaskPlan& plan, std::string cluster_id, RuntimePorts ports,
                   GroupMember& member, Mailbox<ControlEvent>& events)
    : topology_(topology),
      plan_(plan),
      cluster_id_(std::move(cluster_id)),
      ports_(ports),
      member_(member),
      events_(events) {}

void Restorer::step(Duration wait) {
  if (jobs_.empty() || failed_) commands_.wait(wait);
  for (auto& command : commands_.take()) handle(std::move(command));
  if (failed_) return;
  Status status = locate();
  for (auto& job : jobs_)
    if (status && job->located && !job->started) status = start(*job);
  if (status && !slots_.empty()) status = read(wait);
  if (!status) {
    failed_ = true;
    events_.push(Failed{std::move(status).error().in("topology '" + topology_.name + "', restoration")});
    return;
  }
  finish_done();
  publish();
  const bool waiting = std::any_of(jobs_.begin(), jobs_.end(), [](const auto& job) { return !job->located; });
  if (waiting) commands_.wait(std::min(wait, Duration(std::chrono::milliseconds(10))));
}

void Restorer::handle(RestorerCommand command) {
  if (auto* restore = std::get_if<RestoreTask>(&command)) {
    auto job = std::make_unique<Job>();
    job->task = restore->task;
    job->state = std::move(restore->state);
    job->rebuild = restore->rebuild;
    job->begun = ports_.clock.now();
    jobs_.push_back(std::move(job));
    return;
  }
  const int task = std::get<CancelRestore>(command).task;
  auto found = std::find_if(jobs_.begin(), jobs_.end(), [task](const auto& job) { return job->task == task; });
  if (found == jobs_.end()) return;  // restored in the meantime; control will find it running
  stop_reading(**found);
  jobs_.erase(found);
  events_.push(RestoreCancelled{task});
}

// Task by task, so that an open transaction on one's offsets holds up no other.
Status Restorer::locate() {
  for (auto& job : jobs_)
    if (!job->located && ports_.clock.now() >= job->locate_at) KSTREAMD_TRY(locate(*job));
  return {};
}

Status Restorer::locate(Job& job) {
  const auto& inputs = plan_.tasks[job.task].inputs;
  std::vector<TopicPartition> wanted;
  for (const auto& input : inputs) wanted.push_back(input.partition);
  auto committed = member_.committed(wanted, locate_timeout);
  if (!committed) {
    if (committed.error().recovery != Recovery::retry) return std::move(committed).error();
    job.locate_at = ports_.clock.now() + locate_pause;
    if (ports_.clock.now() < next_notice_) return {};
    next_notice_ = ports_.clock.now() + notice_interval;
    log(LogLevel::warn, "a task waits for an open transaction on its offsets to end",
        {{"topology", topology_.name}, {"task", plan_.tasks[job.task].id.text()}, {"cause", committed.error().text()}});
    return {};
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    int64_t offset = (*committed)[i].offset;
    if (offset < 0) {
      auto marks = ports_.cluster.admin().watermarks(inputs[i].partition, request_timeout);
      if (!marks) return std::move(marks).error();
      const auto start =
          plan_start(offset, marks->low, marks->high, topology_.nodes[inputs[i].source_nodes.front()].reset);
      if (!start)
        return Error{Recovery::stop_topology,
                     "no offset is committed for " + inputs[i].partition.text() + ", and its source says reset: none",
                     "commit an offset for group '" + topology_.name + "', or set reset: earliest or latest"};
      offset = *start;
    }
    job.starts.push_back({offset, partition_time_of((*committed)[i].metadata)});
  }
  job.located = true;
  return {};
}

Status Restorer::start(Job& job) {
  const auto& stores = topology_.sub_topologies[plan_.tasks[job.task].sub_topology].stores;
  if (!stores.empty() && (!job.state || job.rebuild)) KSTREAMD_TRY(open(job));
  for (size_t i = 0; i < stores.size(); ++i) KSTREAMD_TRY(start_store(job, i));
  job.started = true;
  return {};
}

Status Restorer::open(Job& job) {
  const auto& task = plan_.tasks[job.task];
  TaskStateConfig config{topology_.name, task.id, cluster_id_, {}};
  for (int index : topology_.sub_topologies[task.sub_topology].stores) {
    config.stores.push_back(store_config(topology_.stores[index]));
  }
  if (job.rebuild) {
    job.state.reset();
    KSTREAMD_TRY(ports_.state.wipe(topology_.name, task.id));
  }
  auto opened = ports_.state.open(config);
  if (!opened && opened.error().recovery == Recovery::rebuild_state) {
    say_rebuild(job, opened.error());
    KSTREAMD_TRY(ports_.state.wipe(topology_.name, task.id));
    opened = ports_.state.open(config);
  }
  if (!opened) return std::move(opened).error();
  job.state = std::move(*opened);
  job.rebuild = false;
  return {};
}

void Restorer::say_rebuild(Job& job, const Error& error) {
  const std::string task = plan_.tasks[job.task].id.text();
  log(LogLevel::warn, "local state is wiped and rebuilt from the changelog",
      {{"topology", topology_.name}, {"task", task}, {"cause", error.text()}});
  ports_.metrics.counter("kstreamd_state_rebuilds_total", {{"topology", topology_.name}, {"task", task}})->add(1);
}

Status Restorer::start_store(Job& job, size_t index) {
  const auto& task = plan_.tasks[job.task];
  const Store& store = topology_.stores[topology_.sub_topologies[task.sub_topology].stores[index]];
  if (!store.changelogged) return {};
  const TopicPartition changelog{store.changelog_topic, task.id.partition};
  auto marks = ports_.cluster.admin().watermarks(changelog, request_timeout);
  if (!marks) return std::move(marks).error();
  RestorePlan plan = plan_restore({job.state->changelog_offset(index), marks->low, marks->high});
  if (plan.rebuild) {
    // One folder holds all stores of the task: they are rebuilt together.
    say_rebuild(job, Error{Recovery::rebuild_state, plan.reason, ""});
    stop_reading(job);
    job.stores.clear();
    job.rebuild = true;
    KSTREAMD_TRY(open(job));
    for (size_t i = 0; i < index; ++i) KSTREAMD_TRY(start_store(job, i));
    plan = plan_restore({std::nullopt, marks->low, marks->high});
  }
  StoreJob work{index, store.name, plan.from, plan.to};
  const Labels labels{{"topology", topology_.name}, {"task", task.id.text()}, {"store", store.name}};
  work.records = ports_.metrics.counter("kstreamd_restore_records_total", labels);
  work.remaining = ports_.metrics.gauge("kstreamd_restore_remaining_records", labels);
  if (!work.done()) {
    if (!reader_) {
      auto reader = ports_.cluster.make_reader(true);
      if (!reader) return std::move(reader).error();
      reader_ = std::move(*reader);
    }
    work.slot = next_slot_++;
    KSTREAMD_TRY(reader_->assign(work.slot, changelog, work.position));
    slots_[work.slot] = {&job, job.stores.size()};
    log(LogLevel::info, "restoring a store",
        {{"topology", topology_.name},
         {"task", task.id.text()},
         {"store", store.name},
         {"from", work.position},
         {"to", work.end}});
  }
  job.stores.push_back(std::move(work));
  return {};
}

Status Restorer::read(Duration wait) {
  batches_.clear();
  KSTREAMD_TRY(reader_->poll(batches_, read_records, wait));
  for (const auto& batch : batches_) KSTREAMD_TRY(apply(batch));
  batches_.clear();
  return {};
}

Status Restorer::apply(const FetchedBatch& batch) {
  auto found = slots_.find(batch.slot);
  if (found == slots_.end()) return {};
  Job& job = *found->second.first;
  StoreJob& store = job.stores[found->second.second];
  const std::string task = plan_.tasks[job.task].id.text();
  auto restored = job.state->restore(store.store, batch.records, batch.next_offset);
  if (!restored) {
    if (restored.error().recovery != Recovery::rebuild_state)
      return std::move(restored).error().in("task " + task + ", store '" + store.name + "'");
    say_rebuild(job, restored.error());
    stop_reading(job);
    job.stores.clear();
    job.rebuild = true;
    job.started = false;
    return {};
  }
  store.restored += static_cast<int64_t>(batch.records.size());
  store.position = std::max(store.position, batch.next_offset);
  store.records->add(static_cast<double>(batch.records.size()));
  store.remaining->set(static_cast<double>(std::max<int64_t>(store.end - store.position, 0)));
  if (store.done()) {
    const int32_t slot = std::exchange(store.slot, -1);
    slots_.erase(slot);
    KSTREAMD_TRY(reader_->unassign(slot));
  }
  return {};
}

void Restorer::finish_done() {
  for (auto it = jobs_.begin(); it != jobs_.end();) {
    Job& job = **it;
    if (!job.done()) {
      ++it;
      continue;
    }
    const std::string task = plan_.tasks[job.task].id.text();
    const double seconds = std::chrono::duration<double>(ports_.clock.now() - job.begun).count();
    ports_.metrics.histogram("kstreamd_restore_duration_seconds", {{"topology", topology_.name}})->observe(seconds);
    int64_t records = 0;
    for (const auto& store : job.stores) records += store.restored;
    log(LogLevel::info, "task restored",
        {{"topology", topology_.name}, {"task", task}, {"records", records}, {"seconds", seconds}});
    events_.push(TaskRestored{job.task, std::move(job.state), std::move(job.starts)});
    it = jobs_.erase(it);
  }
  if (slots_.empty()) reader_.reset();  // a consumer costs memory and threads
}

void Restorer::stop_reading(Job& job) {
  for (auto& store : job.stores)
    if (store.slot >= 0) {
      slots_.erase(store.slot);
      if (auto status = reader_->unassign(store.slot); !status)
        log(LogLevel::warn, "a changelog could not be unassigned", {{"cause", status.error().text()}});
      store.slot = -1;
    }
}

void Restorer::publish() {
  std::map<int, std::vector<RestoreStatus>> progress;
  for (const auto& job : jobs_)
    for (const auto& store : job->stores)
      progress[job->task].push_back({store.name, store.restored, std::max<int64_t>(store.end - store.position, 0)});
  std::lock_guard lock(mutex_);
  progress_ = std::move(progress);
}

std::map<int, std::vector<RestoreStatus>> Restorer::progress() const {
  std::lock_guard lock(mutex_);
  return progress_;
}

}  // namespace kstreamd
