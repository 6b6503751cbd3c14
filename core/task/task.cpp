#include "core/task/task.h"

#include <algorithm>

#include "core/task/task_node.h"

namespace kstreamd {
namespace {
constexpr size_t batch_size = 512;  // records that go through the graph together, where nobody can tell
}

Task::Task(const Topology& topology, const OutputTopics& topics, const PlannedTask& plan,
           std::unique_ptr<TaskState> state, std::span<const int64_t> start_offsets, Outputs& outputs,
           TaskServices services)
    : topology_(topology),
      plan_(plan),
      id_text_(plan.id.text()),
      batches_(topology.sub_topologies[plan.sub_topology].batches),
      topics_(topics),
      outputs_(outputs),
      services_(services),
      state_(std::move(state)),
      buffer_(start_offsets),
      committed_(start_offsets.begin(), start_offsets.end()) {
  for (int store : topology.sub_topologies[plan.sub_topology].stores) {
    const Store& declared = topology.stores[store];
    changelogs_.push_back(declared.changelogged ? topics.number(declared.changelog_topic) : -1);
  }
  if (!topology.dead_letter_topic.empty()) dead_letter_topic_ = topics.number(topology.dead_letter_topic);
}

Task::~Task() = default;

Result<std::unique_ptr<Task>> Task::make(const Topology& topology, const OutputTopics& topics, const PlannedTask& plan,
                                         std::unique_ptr<TaskState> state, std::span<const int64_t> start_offsets,
                                         Outputs& outputs, TaskServices services) {
  std::unique_ptr<Task> task(new Task(topology, topics, plan, std::move(state), start_offsets, outputs, services));
  KSTREAMD_TRY(task->build());
  return task;
}

Status Task::build() {
  nodes_.clear();
  const auto& sub = topology_.sub_topologies[plan_.sub_topology];
  nodes_.resize(topology_.nodes.size());
  for (int index : sub.nodes) nodes_[index] = std::make_unique<TaskNode>(*this, topology_.nodes[index]);
  for (int index : sub.nodes)
    if (auto built = nodes_[index]->build(topics_); !built)
      return std::move(built).error().in("topology '" + topology_.name + "', task " + id_text_ + ", node '" +
                                         topology_.nodes[index].name + "'");
  return {};
}

Result<size_t> Task::process(size_t limit) {
  size_t total = 0;
  while (total < limit) {
    const InputBuffer::Run run = buffer_.next(batches_ ? std::min(batch_size, limit - total) : 1);
    if (run.records.empty()) break;
    dirty_ = true;
    for (const auto& record : run.records) stream_time_ = std::max(stream_time_, record.timestamp);
    KSTREAMD_TRY(process_run(run.input, run.records));
    total += run.records.size();
    buffer_.consume(run.records.size());
  }
  return total;
}

Status Task::process_run(size_t input, std::span<const FetchedRecord> records) {
  const auto& sources = plan_.inputs[input].source_nodes;
  kst_status status = KST_OK;
  if (sources.size() == 1) {
    status = nodes_[sources.front()]->read(records);
  } else {
    for (size_t i = 0; i < records.size() && status == KST_OK; ++i)
      for (size_t s = 0; s < sources.size() && status == KST_OK; ++s)
        status = nodes_[sources[s]]->read(records.subspan(i, 1));
  }
  if (status == KST_OK) return {};
  Error error = failure_.value_or(Error{Recovery::stop_topology, "a node stopped without saying why", ""});
  failure_.reset();
  return error;
}

Status Task::punctuate_wall_clock() { return {}; }
std::optional<int64_t> Task::next_wall_clock_ms() const { return std::nullopt; }
size_t Task::in_flight() const { return 0; }
Result<size_t> Task::finish_completed() { return size_t{0}; }

size_t Task::uncommitted_bytes() const {
  size_t bytes = 0;
  if (state_)
    for (size_t i = 0; i < state_->store_count(); ++i) bytes += state_->store(i).uncommitted_bytes();
  return bytes;
}

Status Task::write_changes() {
  if (!state_) return {};
  return state_->changes([this](size_t store, std::string_view key, const StoreValue& value) -> Status {
    OutgoingRecord record;
    record.topic = outputs_.handles[changelogs_[store]];
    record.partition = plan_.id.partition;
    record.key_null = false;
    record.value_null = !value.present;
    record.tracked = true;
    record.key = key;
    record.value = value.value;
    record.timestamp = value.timestamp;
    return outputs_.producer->produce(record);
  });
}

void Task::offsets(std::vector<PartitionOffset>& out, bool all) const {
  for (size_t i = 0; i < plan_.inputs.size(); ++i)
    if (all || position(i) > committed_[i]) out.push_back({plan_.inputs[i].partition, position(i), ""});
}

Status Task::commit_state() {
  if (state_) {
    std::vector<int64_t> positions(changelogs_.size(), -1);
    for (size_t store = 0; store < changelogs_.size(); ++store) {
      if (changelogs_[store] < 0) continue;
      const int64_t last =
          outputs_.producer->take_last_offset(outputs_.handles[changelogs_[store]], plan_.id.partition);
      if (last >= 0) positions[store] = last + 1;
    }
    if (auto written = state_->commit(positions); !written)
      return std::move(written).error().in("topology '" + topology_.name + "', task " + id_text_);
  }
  for (size_t i = 0; i < committed_.size(); ++i) committed_[i] = position(i);
  committed_stream_time_ = stream_time_;
  dirty_ = false;
  commit_requested_ = false;
  return {};
}

Status Task::rollback() {
  if (state_) state_->rollback();
  buffer_.reset(committed_);
  stream_time_ = committed_stream_time_;
  dirty_ = false;
  commit_requested_ = false;
  failure_.reset();
  return build();
}

std::unique_ptr<TaskState> Task::release_state() {
  nodes_.clear();  // they point into the state
  return std::move(state_);
}

void Task::publish_metrics() {
  for (auto& node : nodes_)
    if (node) node->publish_metrics();
}

}  // namespace kstreamd
