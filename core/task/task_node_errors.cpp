// The part of TaskNode about records that fail: on_error, dead letters, what is counted.
#include "core/serde/objects.h"
#include "core/task/task_node.h"
#include "core/topology/serde_text.h"

namespace kstreamd {
namespace {

constexpr const char* kStageNames[] = {"deserialization", "processing", "production"};

std::string place_of(const Record& record) {
  if (!record.origin) return "a record with timestamp " + std::to_string(record.timestamp) + " that a punctuation made";
  return "record " + std::string(record.origin->topic, record.origin->topic_size) + "-" +
         std::to_string(record.origin->partition) + "@" + std::to_string(record.origin->offset);
}

}  // namespace

kst_status TaskNode::stop(Error error) {
  if (!task_.failure_)
    task_.failure_ = std::move(error).in("topology '" + task_.topology_.name + "', task " + task_.id_text_ +
                                         ", node '" + node_.name + "'");
  return KST_STOP;
}

kst_status TaskNode::reject(Stage stage, const Record& record, const std::string& message, const std::string& hint) {
  static constexpr const char* kinds[] = {"DeserializationError", "ProcessingError", "ProductionError"};
  const char* name = kStageNames[static_cast<int>(stage)];
  const ErrorAction action = stage == Stage::deserialization ? node_.on_error.deserialization
                             : stage == Stage::processing    ? node_.on_error.processing
                                                             : node_.on_error.production;
  const auto& at = node_.expressions_at.text;
  const std::string said =
      place_of(record) + ": " + message + (stage == Stage::processing && !at.empty() ? ", at " + at : "");
  if (action == ErrorAction::fail)
    return stop({Recovery::stop_topology, said,
                 (hint.empty() ? "" : hint + "; ") + std::string("to go on without such records, set on_error: { ") +
                     name + ": skip } or dead_letter"});
  log(LogLevel::warn, said);
  drop(name, 1);
  return action == ErrorAction::dead_letter ? dead_letter(kinds[static_cast<int>(stage)], record, message) : KST_OK;
}

kst_status TaskNode::refuse_bytes(const Record& record, const char* part, const std::string& serde, Error error) {
  return refuse_serde(Stage::deserialization, record,
                      std::string("the ") + part + " cannot be read as " + serde_text(serde), std::move(error));
}

kst_status TaskNode::refuse_value(const Record& record, const char* part, const std::string& serde, Error error) {
  return refuse_serde(Stage::production, record,
                      std::string("the ") + part + " cannot be written as " + serde_text(serde), std::move(error));
}

kst_status TaskNode::refuse_serde(Stage stage, const Record& record, const std::string& what, Error error) {
  if (error.recovery != Recovery::stop_topology) return stop(std::move(error).in(place_of(record) + ": " + what));
  return reject(stage, record, what + ": " + error.message, error.hint);
}

// A record on which the process crashed as often as is allowed. Whatever on_error says: processing it again would bring
// down all the others once more.
kst_status TaskNode::refuse(Stage stage, const Record& record) {
  const std::string serdes = "its serdes (" + serde_text(node_.key_serde) + ", " + serde_text(node_.value_serde) + ")";
  const std::string message = "the process crashed while this record was " +
                              (stage == Stage::deserialization ? "read by " + serdes
                               : stage == Stage::production    ? "written by " + serdes
                                                               : "in processor '" + node_.processor_type + "'") +
                              ", as often as is allowed: it is not processed again";
  if (task_.dead_letter_topic_ < 0)
    return stop({Recovery::stop_topology, place_of(record) + ": " + message,
                 "set dead_letter_topic, so that such records go there and the rest goes on; mend the plugin"});
  log(LogLevel::error, place_of(record) + ": " + message);
  drop(kStageNames[static_cast<int>(stage)], 1);
  return dead_letter("ProcessCrashed", record, message);
}

// The record of the source topic as it came, with headers that say where it failed and why (names as KIP-1034's).
kst_status TaskNode::dead_letter(std::string_view kind, const Record& record, const std::string& message) {
  if (!record.origin)
    return stop({Recovery::stop_topology,
                 place_of(record) +
                     " cannot go to the dead-letter topic, for there is no record of a topic that it was "
                     "made from: " +
                     message,
                 "mend what the punctuation makes, or set on_error: skip for this node"});
  const Origin& origin = *record.origin;
  const std::string partition = std::to_string(origin.partition), offset = std::to_string(origin.offset);
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
    dead_letter_counter_ = task_.services_.metrics.counter("kstreamd_dead_letter_records_total", labels());
  dead_letter_counter_->add(1);
  return KST_OK;
}

void TaskNode::drop(std::string_view reason, size_t count) {
  late_ = late_ || reason == "late";
  auto found = drop_counters_.find(reason);
  if (found == drop_counters_.end()) {
    Labels with_reason = labels();
    with_reason["reason"] = reason;
    found = drop_counters_
                .emplace(std::string(reason),
                         task_.services_.metrics.counter("kstreamd_records_dropped_total", with_reason))
                .first;
  }
  found->second->add(static_cast<double>(count));
}

kst_status TaskNode::to_bytes(const Serde& serde, const Value& value, std::string_view& bytes) {
  auto written = kstreamd::write_value(serde, value, arena_);
  if (!written) return record_error(written.error().text());
  bytes = *written;
  return KST_OK;
}

kst_status TaskNode::from_bytes(const Serde& serde, std::string_view bytes, Value& value) {
  auto read = serde.read(bytes, arena_);
  if (!read) return record_error(read.error().text());
  value = *read;
  return KST_OK;
}

kst_status TaskNode::record_error(std::string message) {
  message_ = std::move(message);
  return KST_RECORD_ERROR;
}

void TaskNode::count_error() {
  if (!error_counter_) {
    Labels with_type = labels();
    with_type["type"] = node_.processor_type;
    error_counter_ = task_.services_.metrics.counter("kstreamd_plugin_errors_total", with_type);
  }
  error_counter_->add(1);
}

}  // namespace kstreamd
