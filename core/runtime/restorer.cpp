#include "core/runtime/restorer.h"

#include <algorithm>

#include "core/base/log.h"
#include "core/protocol/input_start.h"
#include "core/protocol/restore_plan.h"
#include "core/runtime/rebuild.h"
#include "core/task/task_store.h"

namespace kstreamd {
namespace {
constexpr Duration request_timeout = std::chrono::seconds(5);
constexpr Duration locate_pause = std::chrono::milliseconds(200);
constexpr Duration locate_timeout = std::chrono::milliseconds(300);  // while a transaction is open the answer is late
constexpr Duration notice_interval = std::chrono::seconds(5);
constexpr Duration read_wait = std::chrono::milliseconds(50);  // commands do not wake the reader
constexpr Duration progress_interval = std::chrono::seconds(5);
constexpr size_t read_records = 10'000;
// How many changelogs are read at a time of which much is missing: they share one buffer, and large parts of it make
// large files. Short ones do not wait.
constexpr int64_t long_restoration = 100'000;
constexpr int long_at_once = 8;
}  // namespace

bool Restorer::Job::done() const {
  return started && !follow && located &&
         std::all_of(stores.begin(), stores.end(), [](const StoreJob& s) { return s.done(); });
}

Restorer::Restorer(const Topology& topology, const TaskPlan& plan, std::string cluster_id, RuntimePorts ports,
                   GroupMember& member, Mailbox<ControlEvent>& events, GlobalTables* globals)
    : topology_(topology),
      plan_(plan),
      cluster_id_(std::move(cluster_id)),
      ports_(ports),
      member_(member),
      events_(events) {
  if (globals) globals_.emplace(topology_, ports_, *globals);
}

void Restorer::step(Duration wait) {
  if (failed_ || (jobs_.empty() && !globals_)) commands_.wait(wait);
  for (auto& command : commands_.take()) handle(std::move(command));
  if (failed_) return;
  Status status = locate();
  if (status) status = start();
  if (status) status = assign_waiting();
  if (status && !slots_.empty()) status = read(std::min(wait, read_wait));
  const bool idle = jobs_.empty() || (slots_.empty() && globals_ && !globals_->whole());
  if (status && globals_) status = globals_->step(idle ? std::min(wait, read_wait) : Duration(0));
  if (!status) {
    failed_ = true;
    events_.push(Failed{std::move(status).error().in("topology '" + topology_.name + "', restoration")});
    return;
  }
  finish_done();
  say_progress();
  publish();
  const bool waiting = std::any_of(jobs_.begin(), jobs_.end(), [](const auto& job) { return !job->located; });
  if (waiting && slots_.empty()) commands_.wait(std::min(wait, Duration(std::chrono::milliseconds(10))));
}

void Restorer::handle(RestorerCommand command) {
  if (auto* wanted = std::get_if<RestoreTask>(&command)) return restore(std::move(*wanted));
  if (auto* follow = std::get_if<FollowTask>(&command)) {
    auto job = std::make_unique<Job>();
    job->task = follow->task;
    job->follow = job->located = true;
    job->begun = ports_.clock.now();
    jobs_.push_back(std::move(job));
    return;
  }
  const int task = std::get<CancelRestore>(command).task;
  Job* job = find(task);
  if (!job) return;  // restored in the meantime; control will find it running
  stop_reading(*job);
  std::erase_if(jobs_, [job](const auto& j) { return j.get() == job; });
  events_.push(RestoreCancelled{task});
}

void Restorer::restore(RestoreTask command) {
  Job* job = find(command.task);
  if (!job) job = jobs_.emplace_back(std::make_unique<Job>()).get();
  job->task = command.task;
  if (command.state) job->state = std::move(command.state);
  if (command.rebuild) begin_rebuild(*job);
  job->wanted = true;
  job->located = false;
  job->starts.clear();
  job->begun = ports_.clock.now();
}

Restorer::Job* Restorer::find(int task) {
  auto found = std::find_if(jobs_.begin(), jobs_.end(), [task](const auto& job) { return job->task == task; });
  return found == jobs_.end() ? nullptr : found->get();
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
    job.starts.push_back(input_start(offset, (*committed)[i].metadata));
  }
  job.located = true;
  return {};
}

Status Restorer::start() {
  for (auto& job : jobs_) {
    if (!job->located) continue;
    if (!job->started) KSTREAMD_TRY(start(*job));
    if (job->started && job->follow && job->wanted) KSTREAMD_TRY(stop_following(*job));
  }
  return {};
}

Status Restorer::start(Job& job) {
  const auto& stores = topology_.sub_topologies[plan_.tasks[job.task].sub_topology].stores;
  if (!stores.empty() && (!job.state || job.rebuild)) KSTREAMD_TRY(open(job));
  for (size_t i = 0; i < stores.size(); ++i) {
    KSTREAMD_TRY(start_store(job, i));
    if (job.rebuild) return {};  // the next step begins anew
  }
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

void Restorer::say_rebuild(const Job& job, const Error& error, const StoreJob* store) {
  const TaskId& task = plan_.tasks[job.task].id;
  if (!store) return kstreamd::say_rebuild(ports_.metrics, topology_.name, task, error);
  const RebuildPlace place{store->name, store->changelog, store->position};
  kstreamd::say_rebuild(ports_.metrics, topology_.name, task, error, &place);
}

// One folder holds all stores of the task: they are rebuilt together.
void Restorer::begin_rebuild(Job& job) {
  stop_reading(job);
  job.stores.clear();
  job.rebuild = true;
  job.started = false;
}

Status Restorer::start_store(Job& job, size_t index) {
  const auto& task = plan_.tasks[job.task];
  const Store& store = topology_.stores[topology_.sub_topologies[task.sub_topology].stores[index]];
  if (!store.changelogged) return {};
  StoreJob work;
  work.store = index;
  work.name = store.name;
  work.changelog = {store.changelog_topic, task.id.partition};
  auto marks = ports_.cluster.admin().watermarks(work.changelog, request_timeout);
  if (!marks) return std::move(marks).error();
  const auto stored = job.state->changelog_offset(index);
  const auto mark = job.state->changelog_mark(index);
  const RestorePlan plan =
      plan_restore({stored, marks->low, marks->high, mark ? std::optional(mark->offset) : std::nullopt});
  if (plan.rebuild) {
    work.position = *stored;
    say_rebuild(job, Error{Recovery::rebuild_state, plan.reason, ""}, &work);
    begin_rebuild(job);
    return {};
  }
  work.read_from = plan.read_from;
  work.position = plan.from;
  work.end = plan.to;
  if (plan.prove) work.unproven = mark;
  work.begun = ports_.clock.now();
  const Labels labels{{"topology", topology_.name}, {"task", task.id.text()}, {"store", store.name}};
  work.records = ports_.metrics.counter("kstreamd_restore_records_total", labels);
  work.bytes_counter = ports_.metrics.counter("kstreamd_restore_bytes_total", labels);
  work.remaining_gauge = ports_.metrics.gauge("kstreamd_restore_remaining_records", labels);
  work.remaining_gauge->set(static_cast<double>(work.remaining()));
  job.stores.push_back(std::move(work));
  return {};
}

// It runs here from now on: done once what its changelogs have now is applied.
Status Restorer::stop_following(Job& job) {
  job.follow = false;
  for (auto& store : job.stores) {
    auto marks = ports_.cluster.admin().watermarks(store.changelog, request_timeout);
    if (!marks) return std::move(marks).error();
    store.end = marks->high;
    if (!store.done()) continue;
    KSTREAMD_TRY(job.state->finish_restore(store.store));
    finish_store(job, store);
  }
  return {};
}

Status Restorer::assign_waiting() {
  int reading = 0;
  for (const auto& [slot, at] : slots_) reading += at.first->stores[at.second].remaining() >= long_restoration;
  for (auto& job : jobs_)
    for (size_t i = 0; i < job->stores.size(); ++i) {
      const StoreJob& store = job->stores[i];
      if (store.slot >= 0 || (store.done() && !job->follow)) continue;
      const bool is_long = store.remaining() >= long_restoration;
      if (is_long && reading == long_at_once) continue;
      reading += is_long;
      KSTREAMD_TRY(assign(*job, i));
    }
  return {};
}

Status Restorer::assign(Job& job, size_t index) {
  StoreJob& store = job.stores[index];
  if (!reader_) {
    auto reader = ports_.cluster.make_reader(true);
    if (!reader) return std::move(reader).error();
    reader_ = std::move(*reader);
  }
  store.slot = next_slot_++;
  store.begun = ports_.clock.now();
  KSTREAMD_TRY(reader_->assign(store.slot, store.changelog, store.read_from));
  slots_[store.slot] = {&job, index};
  if (store.remaining() > 0)
    log(LogLevel::info, "restoring a store",
        {{"topology", topology_.name},
         {"task", plan_.tasks[job.task].id.text()},
         {"store", store.name},
         {"from", store.position},
         {"to", store.end}});
  return {};
}

Status Restorer::read(Duration wait) {
  batches_.clear();
  KSTREAMD_TRY(reader_->poll(batches_, read_records, wait));
  for (auto& batch : batches_) KSTREAMD_TRY(apply(batch));
  batches_.clear();
  return {};
}

Status Restorer::apply(FetchedBatch& batch) {
  auto found = slots_.find(batch.slot);
  if (found == slots_.end()) return {};
  Job& job = *found->second.first;
  StoreJob& store = job.stores[found->second.second];
  if (store.unproven && !prove(job, store, batch)) return {};
  store.position = std::max(store.position, batch.next_offset);
  if (job.follow) store.end = std::max(store.end, reader_->high_watermark(store.slot));
  auto restored = job.state->restore(store.store, batch.records, store.position);
  if (restored && store.done()) restored = job.state->finish_restore(store.store);
  if (!restored) {
    if (restored.error().recovery != Recovery::rebuild_state)
      return std::move(restored).error().in("task " + plan_.tasks[job.task].id.text() + ", store '" + store.name + "'");
    say_rebuild(job, restored.error(), &store);
    begin_rebuild(job);
    return {};
  }
  store.restored += static_cast<int64_t>(batch.records.size());
  store.bytes += static_cast<int64_t>(batch.bytes);
  store.records->add(static_cast<double>(batch.records.size()));
  store.bytes_counter->add(static_cast<double>(batch.bytes));
  store.remaining_gauge->set(static_cast<double>(store.remaining()));
  if (store.done() && !job.follow) finish_store(job, store);
  return {};
}

// Looks for the last record applied, and takes what was applied before out of the batch. False: nothing of the batch is
// to be applied, because it has not come to it yet, or the state is rebuilt.
bool Restorer::prove(Job& job, StoreJob& store, FetchedBatch& batch) {
  auto record = std::find_if(batch.records.begin(), batch.records.end(), [&store](const FetchedRecord& r) {
    return r.origin.raw_key && r.origin.offset >= store.unproven->offset;
  });
  MarkFacts facts{store.unproven->offset, store.unproven->fingerprint, store.position, std::nullopt, 0};
  if (record != batch.records.end()) {
    const StoreValue value{record->origin.raw_value != nullptr, raw_value(record->origin), 0};
    facts.found = record->origin.offset;
    facts.found_fingerprint = changelog_fingerprint(raw_key(record->origin), value);
  } else if (batch.next_offset < store.end) {
    return false;
  }
  if (auto another = check_mark(facts)) {
    say_rebuild(job, Error{Recovery::rebuild_state, *another, ""}, &store);
    begin_rebuild(job);
    return false;
  }
  store.unproven.reset();
  std::erase_if(batch.records, [&](const FetchedRecord& r) {
    if (r.origin.offset >= store.position) return false;
    batch.bytes -= std::min<size_t>(batch.bytes, r.origin.raw_key_size + r.origin.raw_value_size);
    return true;
  });
  return true;
}

// Everything is applied that its changelog had.
void Restorer::finish_store(Job& job, StoreJob& store) {
  if (store.restored > 0) {
    const double seconds = std::chrono::duration<double>(ports_.clock.now() - store.begun).count();
    log(LogLevel::info, "store restored",
        {{"topology", topology_.name},
         {"task", plan_.tasks[job.task].id.text()},
         {"store", store.name},
         {"records", store.restored},
         {"bytes", store.bytes},
         {"seconds", seconds}});
  }
  stop_reading(store);
}

void Restorer::finish_done() {
  if (globals_ && !globals_->whole()) return;  // tasks look into them from the first record on
  for (auto it = jobs_.begin(); it != jobs_.end();) {
    Job& job = **it;
    if (!job.done()) {
      ++it;
      continue;
    }
    const std::string task = plan_.tasks[job.task].id.text();
    const double seconds = std::chrono::duration<double>(ports_.clock.now() - job.begun).count();
    ports_.metrics.histogram("kstreamd_restore_duration_seconds", {{"topology", topology_.name}})->observe(seconds);
    int64_t records = 0, bytes = 0;
    for (const auto& store : job.stores) {
      records += store.restored;
      bytes += store.bytes;
    }
    log(LogLevel::info, "task restored",
        {{"topology", topology_.name}, {"task", task}, {"records", records}, {"bytes", bytes}, {"seconds", seconds}});
    events_.push(TaskRestored{job.task, std::move(job.state), std::move(job.starts)});
    it = jobs_.erase(it);
  }
  if (jobs_.empty()) reader_.reset();  // a consumer costs memory and threads
}

void Restorer::stop_reading(Job& job) {
  for (auto& store : job.stores) stop_reading(store);
}

void Restorer::stop_reading(StoreJob& store) {
  if (store.slot < 0) return;
  const int32_t slot = std::exchange(store.slot, -1);
  slots_.erase(slot);
  if (auto status = reader_->unassign(slot); !status)
    log(LogLevel::warn, "a changelog could not be unassigned", {{"cause", status.error().text()}});
}

void Restorer::say_progress() {
  const Duration now = ports_.clock.now();
  if (now < next_progress_) return;
  next_progress_ = now + progress_interval;
  for (const auto& job : jobs_)
    for (const auto& store : job->stores) {
      const double seconds = std::chrono::duration<double>(now - store.begun).count();
      if (store.slot < 0 || job->follow || now - store.begun < progress_interval) continue;
      log(LogLevel::info, "restoring",
          {{"topology", topology_.name},
           {"task", plan_.tasks[job->task].id.text()},
           {"store", store.name},
           {"records", store.restored},
           {"bytes", store.bytes},
           {"records_per_second", static_cast<int64_t>(static_cast<double>(store.restored) / seconds)},
           {"remaining", store.remaining()},
           {"seconds", seconds}});
    }
}

void Restorer::publish() {
  std::map<int, std::vector<RestoreStatus>> progress;
  for (const auto& job : jobs_)
    for (const auto& store : job->stores)
      progress[job->task].push_back({store.name, store.restored, store.remaining()});
  if (globals_ && !globals_->whole())
    for (const auto& table : globals_->progress())
      for (const auto& job : jobs_) progress[job->task].push_back(table);
  std::lock_guard lock(mutex_);
  progress_ = std::move(progress);
}

std::map<int, std::vector<RestoreStatus>> Restorer::progress() const {
  std::lock_guard lock(mutex_);
  return progress_;
}

}  // namespace kstreamd
