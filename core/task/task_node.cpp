#include "core/task/task_node.h"

#include <algorithm>

namespace kstreamd {
namespace {

std::string place_of(const Record& record) {
  if (!record.origin) return "a record without origin";
  return "record " + std::string(record.origin->topic, record.origin->topic_size) + "-" +
         std::to_string(record.origin->partition) + "@" + std::to_string(record.origin->offset);
}

}  // namespace

TaskNode::TaskNode(Task& task, const Node& node) : task_(task), node_(node) {}

const Serde* TaskNode::serde_or_null(const std::string& name) const {
  return name.empty() ? nullptr : task_.services_.processors.serde(name);
}

Status TaskNode::build(const OutputTopics& topics) {
  for (const auto& output : node_.children) {
    auto& row = children_.emplace_back();
    for (int child : output) row.push_back(task_.nodes_[child].get());
  }
  KSTREAMD_TRY(bind_serdes());
  KSTREAMD_TRY(bind_stores());
  const Labels labels{{"topology", task_.topology_.name}, {"task", task_.id_text_}, {"node", node_.name}};
  if (node_.kind == NodeKind::sink) {
    output_topic_ = topics.number(node_.topics.at(0));
    drops_null_keys_ = node_.operator_name == "repartition_sink";
    taken_counter_ = task_.services_.metrics.counter("kstreamd_records_produced_total", labels);
  } else if (node_.kind == NodeKind::source) {
    taken_counter_ = task_.services_.metrics.counter("kstreamd_records_consumed_total", labels);
  }
  if (node_.kind == NodeKind::processor) {
    auto made = task_.services_.processors.create(node_.processor_type, node_.config, *this);
    if (!made) return std::move(made).error();
    processor_ = std::move(made).value();
  }
  return {};
}

Status TaskNode::bind_serdes() {
  if (node_.kind == NodeKind::processor) return {};
  key_serde_ = serde_or_null(node_.key_serde);
  value_serde_ = serde_or_null(node_.value_serde);
  if (!key_serde_ || !value_serde_)
    return Error{Recovery::stop_topology, "unknown serde '" + (key_serde_ ? node_.value_serde : node_.key_serde) + "'",
                 ""};
  return {};
}

Status TaskNode::bind_stores() {
  const auto& mine = task_.topology_.sub_topologies[task_.plan_.sub_topology].stores;
  for (int index : node_.stores) {
    const Store& declared = task_.topology_.stores[index];
    const auto at = std::find(mine.begin(), mine.end(), index);
    if (at == mine.end() || !task_.state_)
      return Error{Recovery::stop_topology, "store '" + declared.name + "' is not part of the task", ""};
    const Serde *key = serde_or_null(declared.key_serde), *value = serde_or_null(declared.value_serde);
    if (!key || !value)
      return Error{Recovery::stop_topology, "store '" + declared.name + "' has an unknown serde", ""};
    KeyValueStore& store = task_.state_->store(static_cast<size_t>(at - mine.begin()));
    stores_.push_back(make_key_value_access({store, *key, *value, declared.type != "key_value"}, *this));
  }
  return {};
}

// ---- Records in

Result<Value> TaskNode::read_value(const Serde& serde, const void* data, uint32_t size) {
  if (!data) return null_value();
  return serde.read({static_cast<const char*>(data), size}, arena_);
}

kst_status TaskNode::read(std::span<const FetchedRecord> fetched) {
  records_.clear();
  arena_.reset();
  kst_status status = KST_OK;
  for (size_t i = 0; i < fetched.size() && status == KST_OK; ++i) {
    const FetchedRecord& in = fetched[i];
    Record record{null_value(), null_value(), in.timestamp, in.headers, &in.origin, in.header_count, 0};
    auto key = read_value(*key_serde_, in.origin.raw_key, in.origin.raw_key_size);
    auto value = read_value(*value_serde_, in.origin.raw_value, in.origin.raw_value_size);
    if (key && value && in.timestamp >= 0) {
      record.key = *key;
      record.value = *value;
      records_.push_back(record);
      continue;
    }
    // What came before goes first, so that the order of effects is the order of the records.
    status = forward(0, records_);
    records_.clear();
    if (status != KST_OK) break;
    if (!key)
      status = reject(Stage::deserialization, record,
                      "the key cannot be read as " + node_.key_serde + ": " + key.error().message, key.error().hint);
    else if (!value)
      status =
          reject(Stage::deserialization, record,
                 "the value cannot be read as " + node_.value_serde + ": " + value.error().message, value.error().hint);
    else
      drop("timestamp", 1);
  }
  if (status == KST_OK) status = forward(0, records_);
  taken_ += static_cast<double>(fetched.size());
  return status;
}

// ---- Through the graph

kst_status TaskNode::forward(uint32_t output, std::span<const Record> records) {
  if (records.empty() || output >= children_.size()) return KST_OK;
  const auto& children = children_[output];
  if (task_.batches_ || (records.size() == 1 && children.size() == 1)) {
    for (TaskNode* child : children)
      if (kst_status status = child->take(records); status != KST_OK) return status;
    return KST_OK;
  }
  for (const Record& record : records)
    for (TaskNode* child : children)
      if (kst_status status = child->take({&record, 1}); status != KST_OK) return status;
  return KST_OK;
}

kst_status TaskNode::output(std::string_view, uint32_t&) { return KST_FATAL; }
kst_status TaskNode::schedule(uint32_t, int64_t, int64_t, uint64_t&) { return KST_FATAL; }
void TaskNode::cancel(uint64_t) {}
kst_status TaskNode::hold(const Record&, kst_token&, const Record*&) { return KST_FATAL; }

kst_status TaskNode::take(std::span<const Record> records) { return processor_ ? process(records) : write(records); }

kst_status TaskNode::process(std::span<const Record> records) {
  kst_status status = KST_OK;
  while (!records.empty() && status == KST_OK) {
    size_t done = 0;
    message_.clear();
    status = processor_->process(records, done);
    if (status == KST_OK) break;
    if (status == KST_RECORD_ERROR && done < records.size()) {
      error_counter_ = error_counter_ ? error_counter_
                                      : task_.services_.metrics.counter("kstreamd_plugin_errors_total",
                                                                        {{"topology", task_.topology_.name},
                                                                         {"task", task_.id_text_},
                                                                         {"node", node_.name},
                                                                         {"type", node_.processor_type}});
      error_counter_->add(1);
      status = reject(Stage::processing, records[done], message_, "");
      records = records.subspan(done + 1);
    } else if (status != KST_STOP) {
      status = stop({Recovery::stop_topology, message_.empty() ? "the processor failed without a message" : message_,
                     "see the documentation of processor '" + node_.processor_type + "'"});
    } else if (!task_.failure_) {
      status = stop({Recovery::stop_topology, "the processor asked to stop, but nothing else had failed",
                     "KST_STOP is for handing on what the host returned"});
    }
  }
  arena_.reset();
  return status;
}

// ---- Records out

kst_status TaskNode::write(std::span<const Record> records) {
  kst_status status = KST_OK;
  for (size_t i = 0; i < records.size() && status == KST_OK; ++i) {
    if (drops_null_keys_ && is_null(records[i].key))
      drop("null_key", 1);
    else
      status = write_one(records[i]);
  }
  arena_.reset();
  return status;
}

kst_status TaskNode::write_one(const Record& record) {
  OutgoingRecord out;
  out.topic = task_.outputs_.handles[output_topic_];
  out.timestamp = record.timestamp;
  out.headers = {record.headers, record.header_count};
  if (!is_null(record.key)) {
    auto key = key_serde_->write(record.key, arena_);
    if (!key)
      return reject(Stage::production, record,
                    "the key cannot be written as " + node_.key_serde + ": " + key.error().message, key.error().hint);
    out.key_null = false;
    out.key = *key;
  }
  if (!is_null(record.value)) {
    auto value = value_serde_->write(record.value, arena_);
    if (!value)
      return reject(Stage::production, record,
                    "the value cannot be written as " + node_.value_serde + ": " + value.error().message,
                    value.error().hint);
    out.value_null = false;
    out.value = *value;
  }
  if (auto produced = task_.outputs_.producer->produce(out); !produced) {
    if (produced.error().recovery == Recovery::stop_topology)
      return reject(Stage::production, record, produced.error().message, produced.error().hint);
    return stop(std::move(produced).error());
  }
  taken_ += 1;
  return KST_OK;
}

// ---- Records that fail

kst_status TaskNode::stop(Error error) {
  if (!task_.failure_)
    task_.failure_ = std::move(error).in("topology '" + task_.topology_.name + "', task " + task_.id_text_ +
                                         ", node '" + node_.name + "'");
  return KST_STOP;
}

kst_status TaskNode::reject(Stage stage, const Record& record, const std::string& message, const std::string& hint) {
  static constexpr const char* names[] = {"deserialization", "processing", "production"};
  const char* name = names[static_cast<int>(stage)];
  const ErrorAction action = stage == Stage::deserialization ? node_.on_error.deserialization
                             : stage == Stage::processing    ? node_.on_error.processing
                                                             : node_.on_error.production;
  if (action == ErrorAction::fail)
    return stop({Recovery::stop_topology, place_of(record) + ": " + message,
                 (hint.empty() ? "" : hint + "; ") + std::string("to go on without such records, set on_error: { ") +
                     name + ": skip } or dead_letter"});
  log(LogLevel::warn, place_of(record) + ": " + message);
  drop(name, 1);
  return action == ErrorAction::dead_letter ? dead_letter(stage, record, message) : KST_OK;
}

// The record of the source topic as it came, with headers that say where it failed and why (names as KIP-1034's).
kst_status TaskNode::dead_letter(Stage stage, const Record& record, const std::string& message) {
  static constexpr const char* kinds[] = {"DeserializationError", "ProcessingError", "ProductionError"};
  if (!record.origin)
    return stop(
        {Recovery::stop_topology, "a record without origin cannot be sent to the dead-letter topic: " + message, ""});
  const Origin& origin = *record.origin;
  const std::string partition = std::to_string(origin.partition), offset = std::to_string(origin.offset);
  const std::string_view kind = kinds[static_cast<int>(stage)];
  std::vector<Header> headers(record.headers, record.headers + record.header_count);
  auto add = [&headers](std::string_view name, std::string_view value) {
    headers.push_back(
        {name.data(), value.data(), static_cast<uint32_t>(name.size()), static_cast<uint32_t>(value.size())});
  };
  add("__streams.errors.topic", {origin.topic, origin.topic_size});
  add("__streams.errors.partition", partition);
  add("__streams.errors.offset", offset);
  add("__streams.errors.exception", kind);
  add("__streams.errors.message", message);
  add("__streams.errors.stacktrace", node_.name);
  OutgoingRecord out;
  out.topic = task_.outputs_.handles[task_.dead_letter_topic_];
  out.timestamp = record.timestamp;
  out.headers = headers;
  out.key_null = origin.raw_key == nullptr;
  out.key = raw_key(origin);
  out.value_null = origin.raw_value == nullptr;
  out.value = raw_value(origin);
  if (auto produced = task_.outputs_.producer->produce(out); !produced)
    return stop(std::move(produced).error().in("dead-letter topic '" + task_.topology_.dead_letter_topic + "'"));
  if (!dead_letter_counter_)
    dead_letter_counter_ = task_.services_.metrics.counter(
        "kstreamd_dead_letter_records_total",
        {{"topology", task_.topology_.name}, {"task", task_.id_text_}, {"node", node_.name}});
  dead_letter_counter_->add(1);
  return KST_OK;
}

void TaskNode::drop(std::string_view reason, size_t count) {
  auto found = drop_counters_.find(reason);
  if (found == drop_counters_.end())
    found = drop_counters_
                .emplace(std::string(reason), task_.services_.metrics.counter("kstreamd_records_dropped_total",
                                                                              {{"topology", task_.topology_.name},
                                                                               {"task", task_.id_text_},
                                                                               {"node", node_.name},
                                                                               {"reason", std::string(reason)}}))
                .first;
  found->second->add(static_cast<double>(count));
}

kst_status TaskNode::record_error(std::string message) {
  message_ = std::move(message);
  return KST_RECORD_ERROR;
}

// ---- Log and metrics

void TaskNode::log(LogLevel level, std::string_view message) {
  kstreamd::log(level, message, {{"topology", task_.topology_.name}, {"task", task_.id_text_}, {"node", node_.name}});
}

void TaskNode::publish_metrics() {
  if (taken_ == 0 || !taken_counter_) return;
  taken_counter_->add(taken_);
  taken_ = 0;
}

}  // namespace kstreamd
