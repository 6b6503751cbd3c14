#include "core/task/task_node.h"

#include <algorithm>

namespace kstreamd {
namespace {

std::string place_of(const Record& record) {
  if (!record.origin) return "a record without origin";
  return "record " + std::string(record.origin->topic, record.origin->topic_size) + "-" +
         std::to_string(record.origin->partition) + "@" + std::to_string(record.origin->offset);
}

const Serde* serde_or_null(const std::string& name) { return name.empty() ? nullptr : find_serde(name); }

}  // namespace

TaskNode::TaskNode(Task& task, const Node& node) : task_(task), node_(node) {}

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
    stores_.push_back({&task_.state_->store(static_cast<size_t>(at - mine.begin())), serde_or_null(declared.key_serde),
                       serde_or_null(declared.value_serde), declared.type != "key_value"});
    if (!stores_.back().key || !stores_.back().value)
      return Error{Recovery::stop_topology, "store '" + declared.name + "' has an unknown serde", ""};
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

// ---- Stores

kst_status TaskNode::store_key(const BoundStore& bound, const Value& key, std::string_view& bytes) {
  if (is_null(key)) {
    message_ = "a null key was used with store '" + bound.store->name() + "'";
    return KST_RECORD_ERROR;
  }
  auto written = bound.key->write(key, arena_);
  if (!written) {
    message_ = "store '" + bound.store->name() + "', key: " + written.error().text();
    return KST_RECORD_ERROR;
  }
  bytes = *written;
  return KST_OK;
}

kst_status TaskNode::get_many(uint32_t index, std::span<kst_store_row> rows) {
  const BoundStore& bound = stores_[index];
  for (auto& row : rows) {
    std::string_view key;
    if (kst_status status = store_key(bound, row.key, key); status != KST_OK) return status;
    auto found = bound.store->get(key);
    if (!found) return stop(std::move(found).error());
    row.value = null_value();
    row.timestamp = bound.timestamped ? found->timestamp : 0;
    if (!found->present) continue;
    auto value = bound.value->read(found->value, arena_);
    if (!value)
      return stop(
          std::move(value).error().in("store '" + bound.store->name() + "' holds a value that its serde cannot read"));
    row.value = *value;
    // The store's memory may move with the next write; the row stays valid until the processor returns.
    if (has_data(row.value)) row.value.u.data = arena_.copy(data_of(row.value)).data();
  }
  return KST_OK;
}

kst_status TaskNode::put_many(uint32_t index, std::span<const kst_store_row> rows) {
  const BoundStore& bound = stores_[index];
  for (const auto& row : rows) {
    std::string_view key;
    if (kst_status status = store_key(bound, row.key, key); status != KST_OK) return status;
    StoreValue value;
    value.timestamp = row.timestamp;
    if (!is_null(row.value)) {
      auto written = bound.value->write(row.value, arena_);
      if (!written) {
        message_ = "store '" + bound.store->name() + "', value: " + written.error().text();
        return KST_RECORD_ERROR;
      }
      value.present = true;
      value.value = *written;
    }
    if (auto put = bound.store->put(key, value); !put) return stop(std::move(put).error());
  }
  return KST_OK;
}

kst_status TaskNode::range(uint32_t index, const Value& from, const Value& to, bool reverse, void* visitor,
                           kst_row_visitor visit) {
  const BoundStore& bound = stores_[index];
  std::optional<std::string_view> low, high;
  for (auto [bound_value, end] : {std::pair(&from, &low), std::pair(&to, &high)})
    if (!is_null(*bound_value)) {
      std::string_view bytes;
      if (kst_status status = store_key(bound, *bound_value, bytes); status != KST_OK) return status;
      *end = bytes;
    }
  std::optional<Error> unreadable;
  auto visited = bound.store->range(low, high, reverse, [&](std::string_view key, const StoreValue& stored) {
    auto key_value = bound.key->read(key, arena_);
    auto value = bound.value->read(stored.value, arena_);
    if (!key_value || !value) {
      unreadable = key_value ? value.error() : key_value.error();
      return false;
    }
    const kst_store_row row{*key_value, *value, bound.timestamped ? stored.timestamp : 0};
    return visit(visitor, &row) == 0;
  });
  if (unreadable)
    return stop(
        std::move(*unreadable).in("store '" + bound.store->name() + "' holds a row that its serdes cannot read"));
  if (!visited) return stop(std::move(visited).error());
  return KST_OK;
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
