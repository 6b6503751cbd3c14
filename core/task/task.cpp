#include "core/task/task.h"

#include <algorithm>

#include "core/task/task_node.h"
#include "kstreamd/abi/schedule.h"

namespace kstreamd {
namespace {
// Says which layout of its buffers Kafka Streams finds in their changelogs.
constexpr Header buffer_format{"v", "\3", 1, 1};

std::vector<int64_t> offsets_of(std::span<const InputStart> starts) {
  std::vector<int64_t> offsets;
  for (const auto& start : starts) offsets.push_back(start.offset);
  return offsets;
}
}  // namespace

Task::Task(const Topology& topology, const OutputTopics& topics, const PlannedTask& plan,
           std::unique_ptr<TaskState> state, std::span<const InputStart> starts, Outputs& outputs,
           TaskServices services)
    : topology_(topology),
      plan_(plan),
      id_text_(plan.id.text()),
      batches_(topology.sub_topologies[plan.sub_topology].batches),
      topics_(topics),
      outputs_(outputs),
      services_(services),
      state_(std::move(state)),
      buffer_(offsets_of(starts), topology.max_task_idle),
      committed_(offsets_of(starts)) {
  for (const auto& start : starts) {
    committed_times_.push_back(start.time);
    merge_progress(committed_progress_, start.progress);
  }
  start_times();
  for (int store : topology.sub_topologies[plan.sub_topology].stores) {
    const Store& declared = topology.stores[store];
    changelogs_.push_back(
        {declared.changelogged ? topics.number(declared.changelog_topic) : -1, declared.change_buffer});
  }
  if (!topology.dead_letter_topic.empty()) dead_letter_topic_ = topics.number(topology.dead_letter_topic);
}

Task::~Task() = default;

Result<std::unique_ptr<Task>> Task::make(const Topology& topology, const OutputTopics& topics, const PlannedTask& plan,
                                         std::unique_ptr<TaskState> state, std::span<const InputStart> starts,
                                         Outputs& outputs, TaskServices services) {
  std::unique_ptr<Task> task(new Task(topology, topics, plan, std::move(state), starts, outputs, services));
  KSTREAMD_TRY(task->build());
  return task;
}

// Back to what is committed.
void Task::start_times() {
  times_ = committed_times_;
  progress_ = committed_progress_;
  stream_time_ = kUnknownTime;
  for (const int64_t time : times_) stream_time_ = std::max(stream_time_, time);
}

Status Task::build() {
  stream_schedules_.clear();
  wall_schedules_.clear();
  holders_.clear();
  emitters_.clear();
  nodes_.clear();
  const auto& sub = topology_.sub_topologies[plan_.sub_topology];
  nodes_.resize(topology_.nodes.size());
  for (int index : sub.nodes) nodes_[index] = std::make_unique<TaskNode>(*this, topology_.nodes[index]);
  for (int index : sub.nodes) {
    if (auto built = nodes_[index]->build(topics_); !built)
      return std::move(built).error().in("topology '" + topology_.name + "', task " + id_text_ + ", node '" +
                                         topology_.nodes[index].name + "'");
    if (nodes_[index]->held()) holders_.push_back(nodes_[index].get());
    if (nodes_[index]->pending()) emitters_.push_back(nodes_[index].get());
  }
  for (int index : sub.nodes) KSTREAMD_TRY(nodes_[index]->init());
  // What init has written to stores is to be committed like anything else.
  dirty_ = uncommitted_bytes() > 0;
  return {};
}

// ---- Records

void Task::buffer(size_t input, FetchedBatch batch) {
  for (int source : plan_.inputs[input].source_nodes)
    if (!topology_.nodes[source].processor_type.empty()) {
      nodes_[source]->extract_timestamps(batch.records);
      break;  // all that read one topic say the same of its times
    }
  buffer_.add(input, std::move(batch));
}

Result<size_t> Task::process(size_t limit, size_t growth) {
  size_t total = 0;
  const size_t before = uncommitted_bytes();
  const size_t full = growth < SIZE_MAX - before ? before + growth : SIZE_MAX;
  while (total < limit && uncommitted_bytes() <= full) {
    size_t most = batches_ ? std::min(batch_size, limit - total) : 1;
    if (!holders_.empty()) most = std::min(most, room());
    if (most == 0) break;
    const InputBuffer::Run run = buffer_.next(most, services_.clock.now());
    if (run.records.empty()) break;
    dirty_ = true;
    const auto records = until_due(run.records);
    KSTREAMD_TRY(process_run(run.input, records));
    total += records.size();
    buffer_.consume(records.size());
    if (!stream_schedules_.empty()) KSTREAMD_TRY(punctuate(stream_schedules_, stream_time_, false));
  }
  return total;
}

// How many records may be taken up without one having to wait for another's completion, if each makes one.
size_t Task::room() const {
  size_t least = batch_size;
  for (const TaskNode* node : holders_) least = std::min(least, node->waiting() ? 0 : node->held()->room());
  return least;
}

// The records up to the one by which a punctuation on stream time falls due: it comes before those that follow. A task
// that goes on in a time it has found may have one due with whatever record comes first.
std::span<FetchedRecord> Task::until_due(std::span<FetchedRecord> records) const {
  const int64_t due = stream_schedules_.next();
  for (size_t i = 0; due != INT64_MAX && i < records.size(); ++i)
    if (std::max(records[i].timestamp, stream_time_) >= due) return records.first(i + 1);
  return records;
}

Status Task::process_run(size_t input, std::span<FetchedRecord> records) {
  reading_ = input;
  const auto& sources = plan_.inputs[input].source_nodes;
  if (sources.size() == 1) return checked(nodes_[sources.front()]->read(records));
  kst_status status = KST_OK;
  for (size_t i = 0; i < records.size() && status == KST_OK; ++i)
    for (size_t s = 0; s < sources.size() && status == KST_OK; ++s)
      status = nodes_[sources[s]]->read(records.subspan(i, 1));
  return checked(status);
}

Status Task::checked(kst_status status) {
  if (status == KST_OK) return {};
  Error error = failure_.value_or(Error{Recovery::stop_topology, "a node stopped without saying why", ""});
  failure_.reset();
  return error;
}

// ---- Punctuations

uint64_t Task::add_schedule(TaskNode& node, uint32_t kind, int64_t interval, int64_t start) {
  const uint64_t number = ++last_schedule_;
  if (kind == KST_STREAM_TIME) {
    stream_schedules_.add(number, &node, start == KST_NO_START ? 0 : start, interval);
    return number;
  }
  const int64_t now = services_.clock.wall_ms();
  const int64_t first = start == KST_NO_START ? first_time(now, interval, now + 1) : first_time(start, interval, now);
  wall_schedules_.add(number, &node, first, interval);
  return number;
}

Status Task::punctuate(Schedules& schedules, int64_t now, bool holders_only) {
  auto may = [holders_only](const TaskNode& node) { return !holders_only || node.held(); };
  while (const auto due = schedules.take(now, may)) {
    dirty_ = true;
    KSTREAMD_TRY(checked(due->node->punctuate(due->number, now)));
    schedules.put_back(*due, now);
  }
  return {};
}

Status Task::punctuate_wall_clock(bool holders_only) {
  if (wall_schedules_.empty()) return {};
  return punctuate(wall_schedules_, services_.clock.wall_ms(), holders_only);
}

std::optional<int64_t> Task::next_wall_clock_ms(bool holders_only) const {
  return wall_schedules_.next([holders_only](const TaskNode& node) { return !holders_only || node.held(); });
}

// ---- Records in flight

size_t Task::in_flight() const {
  size_t records = 0;
  for (const TaskNode* node : holders_) records += node->held()->count() + node->waiting();
  return records;
}

Result<size_t> Task::finish_completed() {
  size_t finished = 0;
  for (TaskNode* node : holders_) KSTREAMD_TRY(checked(node->finish_completed(finished)));
  return finished;
}

std::optional<Duration> Task::next_expiry() const {
  std::optional<Duration> first;
  for (const TaskNode* node : holders_)
    if (const auto expires = node->held()->expires(); expires && (!first || *expires < *first)) first = expires;
  return first;
}

Duration Task::longest_hold() const {
  Duration longest{0};
  for (const TaskNode* node : holders_) longest = std::max(longest, node->held()->timeout());
  return longest;
}

// ---- Commits

size_t Task::uncommitted_bytes() const {
  size_t bytes = 0;
  if (state_)
    for (size_t i = 0; i < state_->store_count(); ++i) bytes += state_->store(i).uncommitted_bytes();
  for (const TaskNode* node : holders_) bytes += node->held()->bytes() + node->waiting_bytes();
  for (const TaskNode* node : emitters_) bytes += node->pending()->bytes();
  return bytes;
}

Status Task::emit_updates() {
  for (TaskNode* node : emitters_)
    if (!node->pending()->empty()) KSTREAMD_TRY(checked(node->emit_updates()));
  return {};
}

Status Task::write_changes() {
  if (!state_) return {};
  return state_->changes([this](size_t store, std::string_view key, const StoreValue& value) -> Status {
    OutgoingRecord record;
    record.topic = outputs_.handles[changelogs_[store].topic];
    record.partition = plan_.id.partition;
    record.key_null = false;
    record.value_null = !value.present;
    record.tracked = true;
    record.key = key;
    record.value = value.value;
    record.timestamp = value.timestamp;
    if (changelogs_[store].marks && value.present) record.headers = {&buffer_format, 1};
    return outputs_.producer->produce(record);
  });
}

// What was committed may be there under the short name, if there are many.
int64_t& Task::progress(const std::string& name) {
  int64_t& known = progress_.try_emplace(name, kUnknownTime).first->second;
  if (const auto committed = progress_.find(short_name(name)); committed != progress_.end()) {
    known = std::max(known, committed->second);
    progress_.erase(committed);
  }
  return known;
}

void Task::offsets(std::vector<PartitionOffset>& out, bool all) const {
  Progress known = progress_;
  std::erase_if(known, [](const auto& entry) { return entry.second == kUnknownTime; });
  for (size_t i = 0; i < plan_.inputs.size(); ++i)
    if (all || dirty_ || position(i) > committed_[i])
      out.push_back({plan_.inputs[i].partition, position(i), input_metadata(times_[i], known)});
}

Status Task::commit_state() {
  if (state_) {
    std::vector<int64_t> positions(changelogs_.size(), -1);
    for (size_t store = 0; store < changelogs_.size(); ++store) {
      if (changelogs_[store].topic < 0) continue;
      const int64_t last =
          outputs_.producer->take_last_offset(outputs_.handles[changelogs_[store].topic], plan_.id.partition);
      if (last >= 0) positions[store] = last + 1;
    }
    if (auto written = state_->commit(positions); !written)
      return std::move(written).error().in("topology '" + topology_.name + "', task " + id_text_);
  }
  for (size_t i = 0; i < committed_.size(); ++i) committed_[i] = position(i);
  committed_times_ = times_;
  committed_progress_ = progress_;
  dirty_ = false;
  commit_requested_ = false;
  return {};
}

Status Task::rollback() {
  if (state_) state_->rollback();
  buffer_.reset(committed_);
  nodes_.clear();  // they know where their progress is kept
  start_times();
  dirty_ = false;
  commit_requested_ = false;
  failure_.reset();
  return build();
}

std::unique_ptr<TaskState> Task::release_state() {
  stream_schedules_.clear();
  wall_schedules_.clear();
  holders_.clear();
  emitters_.clear();
  nodes_.clear();  // they point into the state
  return std::move(state_);
}

void Task::publish_metrics() {
  for (auto& node : nodes_)
    if (node) node->publish_metrics();
}

}  // namespace kstreamd
