#include "core/runtime/worker.h"

#include <algorithm>
#include <utility>

#include "core/base/log.h"
#include "core/runtime/rebuild.h"

namespace kstreamd {
namespace {
constexpr Duration start_timeout = std::chrono::seconds(5);  // a stop waits for this long at most
constexpr Duration retry_limit = std::chrono::seconds(60);
constexpr Duration notice_interval = std::chrono::seconds(1);
// Kafka forgets committed offsets of topics that a group is not subscribed to, after days (offsets.retention.minutes).
constexpr Duration recommit_interval = std::chrono::hours(1);
constexpr Duration flush_timeout = std::chrono::seconds(30);
constexpr Duration upkeep_interval = std::chrono::seconds(1);
constexpr Duration publish_interval = std::chrono::milliseconds(20);
constexpr Duration longest_retry_pause = std::chrono::milliseconds(10);
constexpr std::chrono::milliseconds longest_wait = std::chrono::hours(1);
constexpr size_t fetch_records = 4096;
constexpr size_t round_records = 4096;  // per task, before others and the commit have their turn
constexpr size_t pause_above = 16'384;  // buffered records of an input that waits for another
constexpr size_t resume_below = 4'096;

size_t uncommitted_of(const Task& task) { return task.dirty() ? task.uncommitted_bytes() : 0; }

// For the metric of aborted transactions.
const char* reason_of(WorkerAction action) {
  switch (action) {
    case WorkerAction::replace_reopen:
      return "producer_replaced";
    case WorkerAction::abort_reopen:
      return "membership_lost";
    case WorkerAction::reopen_rebuild:
      return "state_unusable";
    default:
      return "aborted";
  }
}
}  // namespace

Worker::Worker(WorkerConfig config, const Topology& topology, const OutputTopics& topics, const TaskPlan& plan,
               RuntimePorts ports, GroupMember& member, std::unique_ptr<RecordSource> source,
               Mailbox<ControlEvent>& events)
    : config_(std::move(config)),
      topology_(topology),
      topics_(topics),
      plan_(plan),
      ports_(ports),
      member_(member),
      events_(events),
      commits_(ports.metrics.counter("kstreamd_commits_total", worker_labels())),
      commit_seconds_(ports.metrics.histogram("kstreamd_commit_duration_seconds", worker_labels())),
      source_(std::move(source)),
      waker_(std::make_shared<Waker>(*source_)) {
  commands_.set_wake([this] { source_->wake(); });
}

Worker::~Worker() { waker_->detach(); }

// ---- One round

void Worker::step(Duration wait) {
  retry_pause_ = std::min(wait, longest_retry_pause);
  if (failed_ || (running_.empty() && producer_)) commands_.wait(wait);
  for (auto& command : commands_.take()) handle(std::move(command));
  if (failed_) return finish_closes();
  culprit_ = -1;
  Status status = producer_ ? Status() : open_producer();
  if (status && !running_.empty()) status = fetch(waiting_time(wait));
  if (status) status = finish_completed();
  if (status) status = process();
  if (status) status = punctuate();
  if (status) status = commit_when_due();
  if (status) status = upkeep();
  if (!status) recover(status.error(), culprit_);
  finish_closes();
  publish(false);
}

Duration Worker::waiting_time(Duration wait) const {
  const bool drains = draining() && in_flight() > 0;
  if (more_ && !drains) return Duration(0);
  const Duration now = ports_.clock.now();
  Duration next = drains ? now + wait : commit_all_at_;
  for (const auto& running : running_) {
    const Task& task = *running.task;
    if (!drains && task.dirty()) next = std::min(next, last_commit_ + topology_.commit_interval);
    if (const auto expiry = task.next_expiry()) next = std::min(next, *expiry);
    if (const auto idle_end = task.next_idle_end()) next = std::min(next, *idle_end);
    if (const auto due = task.next_wall_clock_ms(drains))
      next = std::min(next, now + std::chrono::milliseconds(
                                      std::clamp<int64_t>(*due - ports_.clock.wall_ms(), 0, longest_wait.count())));
  }
  for (const auto& closing : closing_) next = std::min(next, closing.deadline);
  return std::clamp(next - now, Duration(0), wait);
}

Status Worker::fetch(Duration wait) {
  batches_.clear();
  if (auto polled = source_->poll(batches_, fetch_records, wait); !polled) return unreadable(std::move(polled).error());
  for (auto& batch : batches_) {
    auto found = slots_.find(batch.slot);
    if (found == slots_.end()) continue;
    const auto [index, input] = found->second;
    for (auto& running : running_)
      if (running.index == index) running.task->buffer(input, std::move(batch));
  }
  batches_.clear();
  return {};
}

// A position that is out of range may be a former owner's: its successor has committed past it and purged what lay
// before. So the broker is asked where the tasks stand, once; what is refused after that too, is lost.
Error Worker::unreadable(Error error) {
  if (error.recovery == Recovery::stop_topology && error.message != unreadable_) {
    unreadable_ = error.message;
    error.recovery = Recovery::rejoin;
  }
  return error;
}

// What processors have completed of the records they held.
Status Worker::finish_completed() {
  for (size_t i = 0; i < running_.size(); ++i) {
    Task& task = *running_[i].task;
    if (!task.holds_records()) continue;
    culprit_ = static_cast<int>(i);
    if (auto finished = task.finish_completed(); !finished) return std::move(finished).error();
  }
  culprit_ = -1;
  return {};
}

size_t Worker::in_flight() const {
  size_t records = 0;
  for (const auto& running : running_) records += running.task->in_flight();
  return records;
}

// A commit is due and can only be made when nothing is in flight: until it is made no new records are taken up.
bool Worker::draining() const {
  const bool holds = std::any_of(running_.begin(), running_.end(),
                                 [](const Running& running) { return running.task->holds_records(); });
  return holds && (!closing_.empty() || commit_due());
}

Status Worker::process() {
  more_ = false;
  const bool drains = draining();
  size_t together = uncommitted();
  for (size_t i = 0; i < running_.size(); ++i) {
    Task& task = *running_[i].task;
    balance_buffers(running_[i]);
    if (drains) continue;
    size_t buffered = 0;
    for (size_t input = 0; input < task.input_count(); ++input) buffered += task.buffered(input);
    if (buffered == 0) continue;
    culprit_ = static_cast<int>(i);
    KSTREAMD_TRY(ensure_transaction());
    if (together > config_.uncommitted_bytes) {  // the rest has its turn after a commit
      more_ = true;
      break;
    }
    const size_t before = uncommitted_of(task) + producer_->open_bytes();
    auto processed = task.process(round_records, config_.uncommitted_bytes - together);
    if (!processed) return std::move(processed).error();
    together += uncommitted_of(task) + producer_->open_bytes() - before;
    more_ = more_ || *processed >= round_records || together > config_.uncommitted_bytes;
  }
  culprit_ = -1;
  return {};
}

// Punctuations on the wall clock. While a commit waits only those that may help what is in flight.
Status Worker::punctuate() {
  const bool drains = draining();
  const int64_t now = ports_.clock.wall_ms();
  for (size_t i = 0; i < running_.size(); ++i) {
    Task& task = *running_[i].task;
    const auto due = task.next_wall_clock_ms(drains);
    if (!due || *due > now) continue;
    culprit_ = static_cast<int>(i);
    KSTREAMD_TRY(ensure_transaction());
    KSTREAMD_TRY(task.punctuate_wall_clock(drains));
  }
  culprit_ = -1;
  return {};
}

// An input that waits for another's next record, or for records in flight, must not gather the whole topic in memory.
void Worker::balance_buffers(Running& running) {
  if (running.slots.size() < 2 && !running.task->holds_records()) return;
  const size_t share = config_.waiting_bytes / slots_.size();
  for (size_t input = 0; input < running.slots.size(); ++input) {
    const size_t buffered = running.task->buffered(input);
    const size_t bytes = running.task->buffered_bytes(input);
    if (!running.paused[input] && (buffered > pause_above || bytes > share))
      running.paused[input] = source_->pause(running.slots[input]).ok();
    else if (running.paused[input] && buffered < resume_below && bytes <= share / 2)
      running.paused[input] = !source_->resume(running.slots[input]).ok();
  }
}

// ---- Commit

Status Worker::commit_when_due() {
  if (!commit_due() || in_flight() > 0) return {};
  KSTREAMD_TRY(emit_updates());
  if (in_flight() > 0) return {};  // of what was emitted
  KSTREAMD_TRY(commit());
  // What was buffered while the commit waited is there to be processed at once.
  for (const auto& running : running_)
    for (size_t input = 0; running.task->holds_records() && input < running.task->input_count(); ++input)
      more_ = more_ || running.task->buffered(input) > 0;
  return {};
}

// What tables put out once per commit belongs to the transaction that is about to be committed.
Status Worker::emit_updates() {
  for (size_t i = 0; i < running_.size(); ++i) {
    if (!running_[i].task->dirty()) continue;
    culprit_ = static_cast<int>(i);
    KSTREAMD_TRY(running_[i].task->emit_updates());
  }
  culprit_ = -1;
  return {};
}

bool Worker::commit_due() const {
  if (!running_.empty() && ports_.clock.now() >= commit_all_at_) return true;
  bool dirty = false;
  for (const auto& running : running_) {
    if (running.task->commit_requested()) return true;
    dirty = dirty || running.task->dirty();
  }
  if (!dirty) return false;
  return ports_.clock.now() >= last_commit_ + topology_.commit_interval || uncommitted() > config_.uncommitted_bytes;
}

// Bytes in memory that go with the next commit; none when there is nothing to commit.
size_t Worker::uncommitted() const {
  size_t bytes = 0;
  bool dirty = false;
  for (const auto& running : running_) {
    dirty = dirty || running.task->dirty();
    bytes += uncommitted_of(*running.task);
  }
  return dirty && producer_ ? bytes + producer_->open_bytes() : bytes;
}

Status Worker::ensure_transaction() {
  if (config_.transactional_id.empty() || phase_ != TransactionPhase::idle) return {};
  KSTREAMD_TRY(producer_->begin());
  phase_ = TransactionPhase::open;
  return {};
}

// Repeats a call as long as its error asks for that; when that takes too long, its outcome counts as unknown.
template <typename Call>
Status Worker::again(Call call) {
  const Duration begun = ports_.clock.now();
  Duration next_notice = begun;
  for (;;) {
    Status status = call();
    if (status || status.error().recovery != Recovery::retry) return status;
    if (ports_.clock.now() - begun > retry_limit) {
      Error error = std::move(status).error();
      error.recovery = Recovery::recreate_producer;
      return error;
    }
    if (ports_.clock.now() >= next_notice) {
      log(LogLevel::warn, "a transactional call is repeated",
          {{"topology", topology_.name}, {"worker", config_.index}, {"cause", status.error().message}});
      next_notice = ports_.clock.now() + notice_interval;
    }
    commands_.pause(retry_pause_);
  }
}

Status Worker::commit() {
  const Duration begun = ports_.clock.now();
  commit_all_ = commit_all_ || begun >= commit_all_at_;
  KSTREAMD_TRY(ensure_transaction());
  std::vector<PartitionOffset> offsets;
  for (size_t i = 0; i < running_.size(); ++i) {
    culprit_ = static_cast<int>(i);
    if (running_[i].task->dirty()) KSTREAMD_TRY(running_[i].task->write_changes());
    running_[i].task->offsets(offsets, commit_all_);
  }
  culprit_ = -1;
  phase_ = TransactionPhase::committing;
  KSTREAMD_TRY(send(offsets));
  phase_ = TransactionPhase::committed;
  for (size_t i = 0; i < running_.size(); ++i) {
    culprit_ = static_cast<int>(i);
    KSTREAMD_TRY(running_[i].task->commit_state());
  }
  culprit_ = -1;
  phase_ = TransactionPhase::idle;
  last_commit_ = ports_.clock.now();
  if (std::exchange(commit_all_, false)) commit_all_at_ = last_commit_ + recommit_interval;
  commits_->add(1);
  commit_seconds_->observe(std::chrono::duration<double>(last_commit_ - begun).count());
  return {};
}

Status Worker::send(const std::vector<PartitionOffset>& offsets) {
  if (!token_) return Error{Recovery::rejoin, "there is no group membership to commit under", ""};
  if (config_.transactional_id.empty()) {
    KSTREAMD_TRY(again([&] { return producer_->flush(flush_timeout); }));
    return offsets.empty() ? Status() : again([&] { return member_.commit(offsets, *token_); });
  }
  if (!offsets.empty()) KSTREAMD_TRY(again([&] { return producer_->send_offsets(offsets, *token_); }));
  return again([&] { return producer_->commit(); });
}

// ---- Failures

void Worker::recover(const Error& error, int culprit) {
  const WorkerAction action = after_failure(phase_, error.recovery);
  if (action == WorkerAction::fail_topology) return fail(error);
  if (action == WorkerAction::call_again) {
    // Nothing was begun that the next round could not begin again.
    log(LogLevel::warn, "a call is repeated",
        {{"topology", topology_.name}, {"worker", config_.index}, {"cause", error.text()}});
    return commands_.wait(retry_pause_);
  }
  log(LogLevel::warn, "a transaction is undone",
      {{"topology", topology_.name}, {"worker", config_.index}, {"cause", error.text()}});
  Labels labels = worker_labels();
  labels["reason"] = reason_of(action);
  ports_.metrics.counter("kstreamd_transactions_aborted_total", labels)->add(1);
  if (action == WorkerAction::replace_reopen) return replace_producer();
  const bool decided = phase_ == TransactionPhase::committed;
  if (!abort_transaction()) return replace_producer();
  switch (action) {
    case WorkerAction::abort_reopen:
      return hand_back_all();
    case WorkerAction::reopen_rebuild:
      if (culprit < 0 || culprit >= static_cast<int>(running_.size())) return hand_back_all();
      say_rebuild(ports_.metrics, topology_.name, plan_.tasks[running_[culprit].index].id, error);
      hand_back(running_[culprit], true, true);
      running_.erase(running_.begin() + culprit);
      // What the broker has committed must not be done again: then only the changelogs know the other tasks' state.
      return decided ? hand_back_all() : rewind();
    default:
      return rewind();
  }
}

// False: the producer is of no more use.
bool Worker::abort_transaction() {
  const bool open = phase_ != TransactionPhase::idle && phase_ != TransactionPhase::committed;
  phase_ = TransactionPhase::idle;
  if (config_.transactional_id.empty() || !open) return true;
  Status status = again([&] { return producer_->abort(); });
  if (!status)
    log(LogLevel::warn, "the abort failed; the producer is replaced",
        {{"topology", topology_.name}, {"worker", config_.index}, {"cause", status.error().text()}});
  return status.ok();
}

void Worker::rewind() {
  more_ = false;
  last_commit_ = ports_.clock.now();
  for (auto& running : running_) {
    Status status = running.task->rollback();
    for (size_t i = 0; status && i < running.slots.size(); ++i) {
      status = source_->seek(running.slots[i], running.task->committed(i));
      if (status && running.paused[i]) status = source_->resume(running.slots[i]);
      running.paused[i] = false;
    }
    if (!status) return fail(status.error());
  }
}

// After an outcome that nobody told us: only a new producer of the same id makes sure that nothing of the old one is
// still on its way, and only the broker knows where the tasks stand.
void Worker::replace_producer() {
  ports_.metrics.counter("kstreamd_producer_recreations_total", worker_labels())->add(1);
  phase_ = TransactionPhase::idle;
  hand_back_all();
  outputs_.producer = nullptr;
  outputs_.named.clear();
  producer_.reset();
}

void Worker::fail(const Error& error) {
  failed_ = true;
  if (producer_) abort_transaction();
  for (auto& running : running_)
    if (running.task->state()) running.task->state()->rollback();
  events_.push(Failed{error});
}

Status Worker::open_producer() {
  auto made = ports_.cluster.make_producer({config_.transactional_id});
  if (!made) return std::move(made).error();
  auto producer = std::move(*made);
  KSTREAMD_TRY(producer->init(start_timeout));
  outputs_.handles.clear();
  outputs_.named.clear();
  for (const auto& name : topics_.names()) {
    auto handle = producer->open_topic(name, start_timeout);
    if (!handle) return std::move(handle).error();
    outputs_.handles.push_back(*handle);
  }
  producer_ = std::move(producer);
  outputs_.producer = producer_.get();
  return {};
}

// ---- Commands

void Worker::handle(WorkerCommand command) {
  if (auto* renewed = std::get_if<NewToken>(&command)) {
    token_ = std::move(renewed->token);
  } else if (auto* close_task = std::get_if<CloseTask>(&command)) {
    close(*close_task);
  } else if (std::get_if<ReopenTasks>(&command)) {
    if (failed_) return;
    if (abort_transaction())
      hand_back_all();
    else
      replace_producer();
  } else if (auto* run_task = std::get_if<RunTask>(&command)) {
    const int index = run_task->task;
    auto status = run(std::move(*run_task));
    if (status) return;
    const bool taken = std::any_of(running_.begin(), running_.end(), [&](const auto& r) { return r.index == index; });
    if (!taken) events_.push(TaskClosed{index, false, false, nullptr});
    if (!failed_) fail(status.error());
  }
}

Status Worker::run(RunTask command) {
  const PlannedTask& plan = plan_.tasks[command.task];
  auto task = Task::make(topology_, topics_, plan, std::move(command.state), command.starts, outputs_,
                         {ports_.processors, ports_.metrics, ports_.clock, [waker = waker_] { waker->wake(); },
                          ports_.crashes, config_.globals});
  if (!task) return std::move(task).error();
  Running running;
  running.index = command.task;
  running.task = std::move(*task);
  running.paused.assign(plan.inputs.size(), false);
  Status status;
  for (size_t i = 0; i < plan.inputs.size(); ++i) {
    const auto& partition = plan.inputs[i].partition;
    running.slots.push_back(next_slot_++);
    slots_[running.slots[i]] = {command.task, i};
    running.lags.push_back(
        ports_.metrics.gauge("kstreamd_consumer_lag_records", {{"topology", topology_.name},
                                                               {"task", plan.id.text()},
                                                               {"topic", partition.topic},
                                                               {"partition", std::to_string(partition.partition)}}));
    if (status) status = source_->assign(running.slots[i], partition, command.starts[i].offset);
  }
  add_store_gauges(running);
  running_.push_back(std::move(running));
  // Where the task starts is committed too, also before its first record: by the reset policy it would be found
  // elsewhere later.
  commit_all_ = true;
  commit_all_at_ = ports_.clock.now() + topology_.commit_interval;
  publish(true);
  return status;
}

void Worker::add_store_gauges(Running& running) const {
  TaskState* state = running.task->state();
  if (!state) return;
  Labels labels{{"topology", topology_.name}, {"task", running.task->id().text()}};
  running.size = ports_.metrics.gauge("kstreamd_store_size_bytes", labels);
  for (size_t i = 0; i < state->store_count(); ++i) {
    labels["store"] = state->store(i).name();
    running.rows.push_back(ports_.metrics.gauge("kstreamd_store_rows", labels));
  }
}

void Worker::close(const CloseTask& command) {
  auto of_task = [&](const Running& r) { return r.index == command.task; };
  auto found = std::find_if(running_.begin(), running_.end(), of_task);
  if (found == running_.end()) return;  // handed back already; control has heard
  if (command.commit && !failed_ && in_flight() == 0) {
    if (Status status = emit_updates(); !status) recover(status.error(), culprit_);
    found = std::find_if(running_.begin(), running_.end(), of_task);
    if (found == running_.end()) return;
  }
  if (command.commit && !failed_ && found->task->dirty() && in_flight() > 0) {
    Duration longest{0};
    for (const auto& running : running_) longest = std::max(longest, running.task->longest_hold());
    return closing_.push_back({command, ports_.clock.now() + longest});
  }
  if (command.commit && !failed_ && found->task->dirty()) {
    if (Status status = commit(); !status) recover(status.error(), culprit_);
  } else if (!command.commit && !failed_ && found->task->dirty()) {
    // The transaction holds the work of all tasks: none of it can be kept without this one's.
    if (abort_transaction())
      rewind();
    else
      replace_producer();
  }
  found = std::find_if(running_.begin(), running_.end(), of_task);
  if (found == running_.end()) return;
  hand_back(*found, false, false);
  running_.erase(found);
  publish(true);
}

// Closes that waited for records in flight: committed when those are finished; undone when that takes too long.
void Worker::finish_closes() {
  if (closing_.empty()) return;
  if (!failed_ && in_flight() > 0) {
    if (ports_.clock.now() < closing_.front().deadline) return;
    log(LogLevel::warn, "a task is closed without a commit: records are still held by a processor",
        {{"topology", topology_.name}, {"worker", config_.index}, {"records", in_flight()}});
    if (abort_transaction())
      rewind();
    else
      replace_producer();
  }
  for (const auto& closing : std::exchange(closing_, {})) close(closing.command);
}

// Stops reading for the task and sends its state to control.
void Worker::hand_back(Running& running, bool reopen, bool rebuild) {
  for (int32_t slot : running.slots) {
    slots_.erase(slot);
    if (auto status = source_->unassign(slot); !status)
      log(LogLevel::warn, "a partition could not be unassigned",
          {{"topology", topology_.name}, {"cause", status.error().text()}});
  }
  std::erase_if(closing_, [&](const Closing& closing) { return closing.command.task == running.index; });
  running.task->publish_metrics();
  auto state = running.task->release_state();
  if (state) state->rollback();
  events_.push(TaskClosed{running.index, reopen, rebuild, std::move(state)});
}

void Worker::hand_back_all() {
  for (auto& running : running_) hand_back(running, true, false);
  running_.clear();
  more_ = false;
  publish(true);
}

// ---- Upkeep and snapshots

Status Worker::upkeep() {
  if (ports_.clock.now() < next_upkeep_) return {};
  next_upkeep_ = ports_.clock.now() + upkeep_interval;
  for (size_t i = 0; i < running_.size(); ++i) {
    culprit_ = static_cast<int>(i);
    if (TaskState* state = running_[i].task->state()) KSTREAMD_TRY(state->upkeep());
  }
  culprit_ = -1;
  return {};
}

void Worker::publish(bool always) {
  const Duration now = ports_.clock.now();
  if (!always && now < last_publish_ + publish_interval) return;
  last_publish_ = now;
  std::vector<TaskStatus> tasks;
  for (auto& running : running_) {
    TaskStatus status{running.task->id().text(), TaskPhase::running, config_.index, {}, {}};
    for (size_t i = 0; i < running.slots.size(); ++i) {
      const auto& partition = running.task->input(i);
      const int64_t high = source_->high_watermark(running.slots[i]);
      const int64_t position = running.task->position(i);
      const int64_t lag = high < 0 ? -1 : std::max<int64_t>(high - position, 0);
      const int64_t committed = running.task->committed(i);
      const int64_t done = running.task->dirty() ? committed : position;
      status.inputs.push_back({partition.topic, partition.partition, position, committed, lag, done});
      if (lag >= 0) running.lags[i]->set(static_cast<double>(lag));
    }
    running.task->publish_metrics();
    for (size_t i = 0; i < running.rows.size(); ++i)
      running.rows[i]->set(static_cast<double>(running.task->state()->store(i).approximate_rows()));
    if (running.size) running.size->set(static_cast<double>(running.task->state()->size_bytes()));
    tasks.push_back(std::move(status));
  }
  std::lock_guard lock(mutex_);
  snapshot_ = std::move(tasks);
}

std::vector<TaskStatus> Worker::tasks() const {
  std::lock_guard lock(mutex_);
  return snapshot_;
}

}  // namespace kstreamd
