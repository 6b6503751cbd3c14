#include "core/task/task_node.h"

#include <algorithm>
#include <utility>

#include "core/record/murmur2.h"
#include "core/serde/objects.h"
#include "core/task/global_tables.h"
#include "kstreamd/abi/schedule.h"
#include "kstreamd/sdk/change.h"
#include "kstreamd/sdk/store_bytes.h"

namespace kstreamd {
TaskNode::TaskNode(Task& task, const Node& node) : task_(task), node_(node) {}

const Serde* TaskNode::serde_or_null(const std::string& name) const {
  return name.empty() ? nullptr : task_.services_.processors.serde(name);
}

// ---- Building

Status TaskNode::build(const OutputTopics& topics) {
  bind_outputs();
  KSTREAMD_TRY(bind_serdes());
  KSTREAMD_TRY(bind_stores());
  if (node_.kind == NodeKind::sink) {
    if (!node_.topics.empty()) output_topic_ = topics.number(node_.topics.front());
    taken_counter_ = task_.services_.metrics.counter("kstreamd_records_produced_total", labels());
  } else if (node_.kind == NodeKind::source) {
    taken_counter_ = task_.services_.metrics.counter("kstreamd_records_consumed_total", labels());
  }
  return node_.processor_type.empty() ? Status() : make_processor();
}

// Outputs first, by their place in the type; then each child by itself, under the name that the file gives it.
void TaskNode::bind_outputs() {
  target_names_ = node_.outputs;
  target_names_.resize(std::max({target_names_.size(), node_.children.size(), size_t{1}}));
  output_count_ = target_names_.size();
  targets_.resize(output_count_);
  for (size_t i = 0; i < node_.children.size(); ++i)
    for (const Edge& edge : node_.children[i]) {
      TaskNode& child = *task_.nodes_[edge.node];
      targets_[i].push_back({&child, edge.input});
      child.below_table_ = child.below_table_ || (node_.table && !child.node_.takes_changes);
    }
  std::vector<int> known;
  for (const auto& output : node_.children) {
    for (const Edge& child : output) {
      if (std::find(known.begin(), known.end(), child.node) != known.end()) continue;
      known.push_back(child.node);
      const Node& node = task_.topology_.nodes[child.node];
      target_names_.push_back(node.derived_for.empty() ? node.name : node.derived_for);
      targets_.push_back({{task_.nodes_[child.node].get(), child.input}});
    }
  }
}

Status TaskNode::make_processor() {
  const ProcessorInfo* info = task_.services_.processors.find(node_.processor_type);
  if (info && info->max_in_flight > 0)
    held_ = std::make_unique<HeldRecords>(node_.max_in_flight > 0 ? node_.max_in_flight : info->max_in_flight,
                                          info->completion_timeout, task_.services_.wake);
  keeps_late_ =
      task_.topology_.late_records == LateRecords::dead_letter && node_.processor_type.starts_with("kstreamd.");
  if (node_.per_commit) pending_ = std::make_unique<PendingUpdates>();
  begin(Call::create);
  auto made = task_.services_.processors.create(node_.processor_type, node_.config, *this);
  call_ = Call::none;
  arena_.reset();
  if (!misuse_.empty()) message_ = misuse_;
  if (made && misuse_.empty()) {
    processor_ = std::move(made).value();
    return {};
  }
  Error error = made ? Error{Recovery::stop_topology, "processor '" + node_.processor_type + "' cannot be made", ""}
                     : std::move(made).error();
  if (!message_.empty()) error.message += ": " + message_;
  return error;
}

Status TaskNode::init() {
  if (!processor_) return {};
  begin(Call::init);
  const kst_status status = end(processor_->init());
  arena_.reset();
  if (status == KST_OK) return {};
  stop_call("init", status);
  return *std::exchange(task_.failure_, std::nullopt);
}

Status TaskNode::bind_serdes() {
  if (node_.kind == NodeKind::processor) return {};
  key_serde_ = serde_or_null(node_.key_serde);
  value_serde_ = serde_or_null(node_.value_serde);
  if (!key_serde_ || !value_serde_)
    return Error{Recovery::stop_topology, "unknown serde '" + (key_serde_ ? node_.value_serde : node_.key_serde) + "'",
                 ""};
  plugin_serdes_ = key_serde_->of_plugin() || value_serde_->of_plugin();
  // As Kafka Streams partitions: all windows of a key go where the key goes. Not so on internal topics.
  partitions_by_inner_key_ = node_.operator_name == "sink" && key_serde_->windowed();
  return {};
}

// Of the task, or a global table's.
KeyValueStore* TaskNode::find_store(int index) {
  if (task_.topology_.stores[index].global) {
    if (!task_.services_.globals) return nullptr;
    global_stores_.push_back(task_.services_.globals->reader(index));
    return global_stores_.back().get();
  }
  const auto& mine = task_.topology_.sub_topologies[task_.plan_.sub_topology].stores;
  const auto at = std::find(mine.begin(), mine.end(), index);
  return at == mine.end() || !task_.state_ ? nullptr : &task_.state_->store(static_cast<size_t>(at - mine.begin()));
}

Status TaskNode::bind_stores() {
  for (int index : node_.stores) {
    const Store& declared = task_.topology_.stores[index];
    KeyValueStore* store = find_store(index);
    if (!store) return Error{Recovery::stop_topology, "store '" + declared.name + "' is not part of the task", ""};
    const Serde *key = serde_or_null(declared.key_serde), *value = serde_or_null(declared.value_serde);
    if (!key || !value) return Error{Recovery::stop_topology, "store '" + declared.name + "' has an unknown serde", ""};
    stores_.push_back(make_store_access({*store, *key, *value, declared}, *this));
    store_serdes_.push_back({"store '" + declared.name + "'", key, value});
  }
  store_serdes_.push_back({"the node", serde_or_null(node_.key_serde), serde_or_null(node_.value_serde)});
  return {};
}

// ---- Records in

Result<Value> TaskNode::read_value(const Serde& serde, const void* data, uint32_t size, const Origin& origin) {
  if (!data) return null_value();
  const std::string_view bytes(static_cast<const char*>(data), size);
  if (!plugin_serdes_) [[likely]]
    return serde.read(bytes, arena_);
  const UsedSerde used{application_id(), node_name(), &origin};
  const SerdeUse use(used);
  return serde.read(bytes, arena_);
}

bool TaskNode::refuses(const Origin* origin) const {
  const CrashLog* crashes = task_.services_.crashes;
  return plugin_serdes_ && origin && crashes && !crashes->empty() &&
         crashes->verdict(task_.topology_.name, node_.name, *origin) == CrashVerdict::refuse;
}

kst_status TaskNode::read(std::span<FetchedRecord> fetched) {
  records_.clear();
  arena_.reset();
  kst_status status = KST_OK;
  for (size_t i = 0; i < fetched.size() && status == KST_OK; ++i) {
    FetchedRecord& in = fetched[i];
    Record record{null_value(), null_value(), in.timestamp, in.headers, &in.origin, in.header_count, 0};
    const bool refused = refuses(&in.origin);
    const Origin& bytes = in.origin;
    auto key = read_value(*key_serde_, refused ? nullptr : bytes.raw_key, bytes.raw_key_size, bytes);
    auto value = read_value(*value_serde_, refused ? nullptr : bytes.raw_value, bytes.raw_value_size, bytes);
    if (key && value && in.timestamp >= 0 && !refused && !in.without_time) {
      task_.pass_time(in.timestamp);
      in.origin.stream_time = task_.stream_time_;
      record.key = *key;
      record.value = *value;
      records_.push_back(record);
      continue;
    }
    // What came before goes first, so that the order of effects is the order of the records.
    in.origin.stream_time = task_.stream_time_;
    status = hand_on(0, records_);
    records_.clear();
    if (status != KST_OK) break;
    if (refused)
      status = refuse(Stage::deserialization, record);
    else if (!key)
      status = refuse_bytes(record, "key", node_.key_serde, std::move(key).error());
    else if (!value)
      status = refuse_bytes(record, "value", node_.value_serde, std::move(value).error());
    else if (in.without_time)
      status = reject_timestamp(record, *key, *value);
    else
      drop("timestamp", 1);
  }
  if (status == KST_OK) status = hand_on(0, records_);
  taken_ += static_cast<double>(fetched.size());
  return status;
}

// ---- Expressions of sources and sinks

void TaskNode::extract_timestamps(std::span<FetchedRecord> fetched) {
  records_.clear();
  arena_.reset();
  std::vector<FetchedRecord*> read;
  for (FetchedRecord& in : fetched) {
    if (refuses(&in.origin)) continue;
    const Origin& bytes = in.origin;
    auto key = read_value(*key_serde_, bytes.raw_key, bytes.raw_key_size, bytes);
    auto value = read_value(*value_serde_, bytes.raw_value, bytes.raw_value_size, bytes);
    if (!key || !value) continue;  // for read() to find again
    records_.push_back({*key, *value, in.timestamp, in.headers, &in.origin, in.header_count, 0});
    read.push_back(&in);
  }
  for (size_t at = 0; at < read.size();) {
    kst_status status = KST_OK;
    const size_t done = extract(std::span(records_).subspan(at), status);
    for (size_t i = 0; i < done; ++i) read[at + i]->timestamp = times_[i];
    at += done;
    if (status == KST_OK) break;
    if (at < read.size()) read[at++]->without_time = true;
  }
  arena_.reset();
}

// Fills times_; of how many of the records.
size_t TaskNode::extract(std::span<const Record> records, kst_status& status) {
  times_.clear();
  size_t done = 0;
  begin(Call::process);
  status = end(processor_->process(records, done));
  return std::min(times_.size(), records.size());
}

// What has failed fails again, and now says why.
kst_status TaskNode::reject_timestamp(Record record, const Value& key, const Value& value) {
  record.key = key;
  record.value = value;
  kst_status status = KST_OK;
  extract({&record, 1}, status);
  if (status == KST_OK) message_ = "the expression for its timestamp failed, and does so no more";
  if (status != KST_OK && status != KST_RECORD_ERROR) return stop_call("timestamp", status);
  count_error();
  return reject(Stage::processing, record, message_, "");
}

// What the processors of expressions hand over: of a source the records with their timestamps; of a sink first, as
// output 1, where the next record goes, then that.
kst_status TaskNode::forward_fields(uint32_t output, std::span<const Record> records) {
  kst_status status = KST_OK;
  for (size_t i = 0; i < records.size() && status == KST_OK; ++i) {
    if (node_.kind == NodeKind::source)
      times_.push_back(records[i].timestamp);
    else if (output == 1)
      destination_ = records[i];
    else
      status = write_one(records[i]);
  }
  return status;
}

Result<TopicHandle> TaskNode::named_topic(std::string_view name) {
  constexpr Duration patience = std::chrono::seconds(5);
  auto& named = task_.outputs_.named;
  if (const auto known = named.find(name); known != named.end()) return known->second;
  const std::string topic(name);
  if (task_.topology_.is_internal(topic))
    return Error{Recovery::stop_topology, "the sink's topic '" + topic + "' is an internal topic of this topology",
                 "name a topic of your own"};
  auto found = task_.outputs_.producer->find_topic(topic, patience);
  if (!found) return std::move(found).error().in("the sink's topic '" + topic + "'");
  if (!*found)
    return Error{Recovery::stop_topology, "the sink's topic '" + topic + "' does not exist",
                 "create it before records name it"};
  named.emplace(topic, **found);
  return **found;
}

Status TaskNode::choose_destination(OutgoingRecord& out) {
  if (output_topic_ >= 0) {
    out.topic = task_.outputs_.handles[output_topic_];
  } else {
    if (is_null(destination_.key))
      return Error{Recovery::stop_topology, "the expression for the sink's topic gives nothing", ""};
    auto topic = named_topic(data_of(destination_.key));
    if (!topic) return std::move(topic).error();
    out.topic = *topic;
  }
  if (is_null(destination_.value)) return {};
  const int64_t partition = destination_.value.u.integer;
  const int32_t partitions = task_.outputs_.producer->partition_count(out.topic);
  if (partition < 0 || partition >= partitions)
    return Error{
        Recovery::stop_topology,
        "the sink's partition is " + std::to_string(partition) + ", and the topic has " + std::to_string(partitions),
        "partitions count from 0"};
  out.partition = static_cast<int32_t>(partition);
  return {};
}

// ---- Through the graph

kst_status TaskNode::hand_on(uint32_t output, std::span<const Record> records) {
  if (records.empty()) return KST_OK;
  const auto& children = targets_[output];
  if (task_.batches_ || (records.size() == 1 && children.size() == 1)) {
    for (const Target& child : children)
      if (kst_status status = child.node->take(records, child.input); status != KST_OK) return status;
    return KST_OK;
  }
  for (const Record& record : records)
    for (const Target& child : children)
      if (kst_status status = child.node->take({&record, 1}, child.input); status != KST_OK) return status;
  return KST_OK;
}

// Nodes that are no operators of tables are given what a key has now, and no old values; those with several inputs are
// told over which a record came.
std::span<const Record> TaskNode::as_taken(std::span<const Record> records, uint32_t input) {
  if (!below_table_ && !node_.tells_inputs) [[likely]]
    return records;
  taken_records_.assign(records.begin(), records.end());
  for (Record& record : taken_records_) {
    if (!node_.takes_changes) record.value = new_value(record.value);
    record.input = input;
  }
  return taken_records_;
}

kst_status TaskNode::take(std::span<const Record> came, uint32_t input) {
  const std::span<const Record> records = as_taken(came, input);
  if (!processor_) return write(records);
  return held_ ? take_asynchronous(records) : process(records);
}

// One by one, so that it is known which record was late.
kst_status TaskNode::process_each(std::span<const Record> records) {
  for (const Record& record : records) {
    late_ = false;
    kst_status status = process_batch({&record, 1});
    if (status == KST_OK && late_ && record.origin)
      status = dead_letter("LateRecord", record, "it came after its window had closed");
    if (status != KST_OK) return status;
  }
  return KST_OK;
}

kst_status TaskNode::process(std::span<const Record> records) {
  const CrashLog* crashes = task_.services_.crashes;
  if (crashes && !crashes->empty()) [[unlikely]]
    return process_warned(records);
  return keeps_late_ ? process_each(records) : process_batch(records);
}

kst_status TaskNode::process_batch(std::span<const Record> records) {
  kst_status status = KST_OK;
  while (!records.empty() && status == KST_OK) {
    size_t done = 0;
    batch_ = records;
    if (held_) batch_numbers_.assign(records.size(), 0);
    begin(Call::process);
    status = end(processor_->process(records, done));
    if (status == KST_OK) [[likely]]
      break;
    status = process_failed(records, done, status);
  }
  arena_.reset();
  return status;
}

// Deals with what process has answered; `records` becomes what is to go on with.
kst_status TaskNode::process_failed(std::span<const Record>& records, size_t done, kst_status status) {
  if (status != KST_RECORD_ERROR || done >= records.size()) return stop_call("", status);
  const OwnedRecords copy = forget_held(done);
  forget_held_after(done);
  count_error();
  status = reject(Stage::processing, records[done], message_, "");
  records = records.subspan(done + 1);
  return status;
}

// When records are known on which the process crashed: those are processed alone, or not any more.
kst_status TaskNode::process_warned(std::span<const Record> records) {
  kst_status status = KST_OK;
  size_t begun = 0;
  for (size_t i = 0; i < records.size() && status == KST_OK; ++i) {
    const Origin* origin = records[i].origin;
    const CrashVerdict verdict =
        origin ? task_.services_.crashes->verdict(task_.topology_.name, node_.name, *origin) : CrashVerdict::none;
    if (verdict == CrashVerdict::none) continue;
    if (i > begun) status = process_batch(records.subspan(begun, i - begun));
    begun = i + 1;
    if (status != KST_OK) break;
    status =
        verdict == CrashVerdict::alone ? process_batch(records.subspan(i, 1)) : refuse(Stage::processing, records[i]);
  }
  return status == KST_OK && begun < records.size() ? process_batch(records.subspan(begun)) : status;
}

kst_status TaskNode::punctuate(uint64_t schedule, int64_t timestamp) {
  begin(Call::punctuate);
  kst_status status = end(processor_->punctuate(schedule, timestamp));
  if (status != KST_OK) status = stop_call("punctuation at " + std::to_string(timestamp), status);
  arena_.reset();
  size_t finished = 0;
  return held_ && status == KST_OK ? finish_completed(finished) : status;
}

// ---- What the processor may ask for

// The task stops with what the call has said; `what` was called, empty for process.
kst_status TaskNode::stop_call(const std::string& what, kst_status status) {
  const std::string place = what.empty() ? "" : what + ": ";
  if (status != KST_STOP)
    return stop({Recovery::stop_topology,
                 place + (message_.empty() ? "the processor failed without a message" : message_),
                 "see the documentation of processor '" + node_.processor_type + "'"});
  if (task_.failure_) return KST_STOP;
  return stop({Recovery::stop_topology, place + "the processor asked to stop, but nothing else had failed",
               "KST_STOP is for handing on what the host returned"});
}

kst_status TaskNode::misused(std::string message) {
  if (misuse_.empty()) misuse_ = std::move(message);
  return KST_FATAL;
}

int64_t* TaskNode::store_progress(uint32_t store) {
  if (store >= node_.stores.size()) return nullptr;
  return &task_.progress(task_.topology_.stores[static_cast<size_t>(node_.stores[store])].name);
}

kst_status TaskNode::forward(uint32_t output, std::span<const Record> records) {
  if (may_forward_ && output < targets_.size()) [[likely]]
    return pending_ ? keep(records) : hand_on(output, records);
  if (node_.kind != NodeKind::processor && call_ == Call::process) return forward_fields(output, records);
  return refuse_forward(output);
}

// A table has one output.
kst_status TaskNode::keep(std::span<const Record> records) {
  for (const Record& record : records) pending_->add(record);
  return KST_OK;
}

kst_status TaskNode::emit_updates() {
  const PendingUpdates::Taken taken = pending_->take();
  const std::span<const Record> updates = taken.records;
  kst_status status = KST_OK;
  for (size_t at = 0; at < updates.size() && status == KST_OK; at += Task::batch_size)
    status = hand_on(0, updates.subspan(at, std::min(Task::batch_size, updates.size() - at)));
  return status;
}

kst_status TaskNode::refuse_forward(uint32_t output) {
  if (call_ == Call::process && held_)
    return misused(
        "forwarded during process, but a processor that holds records hands its outputs over by completing them");
  if (call_ == Call::create || call_ == Call::init)
    return misused(std::string("forwarded during ") + (call_ == Call::create ? "create" : "init") +
                   ", when nothing is processed yet");
  if (call_ == Call::none) return misused("forwarded outside of process and punctuate");
  return misused("forwarded to output " + std::to_string(output) + ", but there are only " + outputs_text());
}

kst_status TaskNode::output(std::string_view name, uint32_t& number) {
  const auto found = std::find(target_names_.begin(), target_names_.end(), name);
  number = static_cast<uint32_t>(found - target_names_.begin());
  if (found != target_names_.end()) return KST_OK;
  message_ = "there is no output or child '" + std::string(name) + "', only " + outputs_text();
  return KST_FATAL;
}

// "the outputs 'good' (0), 'bad' (1) and the children 'seen' (2)"
std::string TaskNode::outputs_text() const {
  auto list = [this](size_t from, size_t to) {
    std::string text;
    for (size_t i = from; i < to; ++i) {
      text += text.empty() ? " " : ", ";
      if (!target_names_[i].empty()) text += "'" + target_names_[i] + "' ";
      text += "(" + std::to_string(i) + ")";
    }
    return text;
  };
  const size_t children = targets_.size() - output_count_;
  std::string text = output_count_ == 1 ? "the output" : "the outputs";
  text += list(0, output_count_);
  if (children > 0)
    text += (children == 1 ? " and the child" : " and the children") + list(output_count_, targets_.size());
  return text;
}

kst_status TaskNode::schedule(uint32_t kind, int64_t interval, int64_t start, uint64_t& schedule) {
  if (call_ == Call::none || call_ == Call::create)
    return misused("made a schedule outside of init, process and punctuate");
  if (kind != KST_STREAM_TIME && kind != KST_WALL_CLOCK)
    return misused("made a schedule of the unknown kind " + std::to_string(kind));
  if (interval < 1) return misused("made a schedule every " + std::to_string(interval) + " ms; it takes 1 or more");
  if (start < 0 && start != KST_NO_START)
    return misused("made a schedule from " + std::to_string(start) + " ms on; it takes 0 or more");
  schedule = task_.add_schedule(*this, kind, interval, start);
  return KST_OK;
}

const TaskNode::StoreSerdes* TaskNode::store_serdes(uint32_t store) const {
  if (store == StoreBytesExtension::kNode) return &store_serdes_.back();
  return store < stores_.size() ? &store_serdes_[store] : nullptr;
}

kst_status TaskNode::to_stored(uint32_t store, uint32_t part, const Value& value, std::string_view& bytes) {
  const StoreSerdes* serdes = store_serdes(store);
  const bool key = part == StoreBytesExtension::key;
  const Serde* serde = serdes ? (key ? serdes->key : serdes->value) : nullptr;
  if (!serde) return misused("asked for the bytes of a store that it does not have");
  auto written = kstreamd::write_value(*serde, value, arena_);
  if (!written) return record_error(serdes->name + ", " + (key ? "key: " : "value: ") + written.error().text());
  bytes = *written;
  return KST_OK;
}

kst_status TaskNode::from_stored(uint32_t store, uint32_t part, std::string_view bytes, Value& value) {
  const StoreSerdes* serdes = store_serdes(store);
  const Serde* serde = serdes ? (part == StoreBytesExtension::key ? serdes->key : serdes->value) : nullptr;
  if (!serde) return misused("asked for a value of a store that it does not have");
  auto read = serde->read(bytes, arena_);
  if (!read) return stop(std::move(read).error().in(serdes->name + " has kept bytes that its serdes cannot read"));
  value = *read;
  return KST_OK;
}

void TaskNode::cancel(uint64_t schedule) {
  task_.stream_schedules_.cancel(schedule, this);
  task_.wall_schedules_.cancel(schedule, this);
}

// ---- Records out

kst_status TaskNode::write(std::span<const Record> records) {
  kst_status status = KST_OK;
  for (size_t i = 0; i < records.size() && status == KST_OK; ++i) {
    if (node_.drops_null_keys && is_null(records[i].key))
      drop("null_key", 1);
    else
      status = write_one(records[i]);
  }
  arena_.reset();
  return status;
}

Result<std::string_view> TaskNode::write_value(const Serde& serde, const Value& value, const Origin* origin) {
  if (!plugin_serdes_) [[likely]]
    return kstreamd::write_value(serde, value, arena_);
  const UsedSerde used{application_id(), node_name(), origin};
  const SerdeUse use(used);
  return kstreamd::write_value(serde, value, arena_);
}

kst_status TaskNode::write_one(const Record& record) {
  if (refuses(record.origin)) return refuse(Stage::production, record);
  OutgoingRecord out;
  if (auto chosen = choose_destination(out); !chosen) {
    if (chosen.error().recovery != Recovery::stop_topology) return stop(std::move(chosen).error());
    return reject(Stage::production, record, chosen.error().message, chosen.error().hint);
  }
  out.timestamp = record.timestamp;
  out.headers = {record.headers, record.header_count};
  if (node_.takes_partitions) out.partition = static_cast<int32_t>(record.input);
  if (!is_null(record.key)) {
    auto key = write_value(*key_serde_, record.key, record.origin);
    if (!key) return refuse_value(record, "key", node_.key_serde, std::move(key).error());
    out.key_null = false;
    out.key = *key;
    if (partitions_by_inner_key_ && out.partition < 0)
      out.partition =
          partition_of_key(key_serde_->partitioning_bytes(*key), task_.outputs_.producer->partition_count(out.topic));
  }
  if (!is_null(record.value)) {
    auto value = write_value(*value_serde_, record.value, record.origin);
    if (!value) return refuse_value(record, "value", node_.value_serde, std::move(value).error());
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

// ---- Log and metrics

Labels TaskNode::labels() const {
  return {{"topology", task_.topology_.name}, {"task", task_.id_text_}, {"node", node_.name}};
}

void TaskNode::log(LogLevel level, std::string_view message) {
  kstreamd::log(level, message, {{"topology", task_.topology_.name}, {"task", task_.id_text_}, {"node", node_.name}});
}

void TaskNode::publish_metrics() {
  if (taken_ == 0 || !taken_counter_) return;
  taken_counter_->add(taken_);
  taken_ = 0;
}

}  // namespace kstreamd
