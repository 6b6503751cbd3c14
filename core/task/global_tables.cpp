#include "core/task/global_tables.h"

#include <charconv>
#include <utility>

#include "core/task/record_times.h"
#include "core/task/task_store.h"
#include "core/topology/serde_text.h"

namespace kstreamd {
namespace {

constexpr size_t kRows = 0, kPositions = 1;  // the stores of a table's state
constexpr int64_t kUnchanged[] = {-1, -1};

std::string place_of(const GlobalTable& table, const Origin& origin) {
  return "global table '" + table.name + "', record " + std::string(origin.topic, origin.topic_size) + "-" +
         std::to_string(origin.partition) + "@" + std::to_string(origin.offset);
}

}  // namespace

struct GlobalTables::Table {
  const GlobalTable* declared = nullptr;
  const Store* store = nullptr;
  const Serde* key = nullptr;
  const Serde* value = nullptr;
  std::unique_ptr<RecordTimes> times;  // of apply(); null: records keep their own
  std::mutex mutex;
  std::unique_ptr<TaskState> state;  // what it holds is guarded by mutex; the pointer too
};

// Copies what it finds, for the table may change as soon as the lock is free.
class GlobalTables::Reader final : public KeyValueStore {
 public:
  explicit Reader(Table& table) : table_(table) {}

  const std::string& name() const override { return table_.store->name; }
  Result<StoreValue> get(std::string_view key) override {
    const std::lock_guard lock(table_.mutex);
    auto found = table_.state->store(kRows).get(key);
    if (!found || !found->present) return found;
    value_.assign(found->value);
    return StoreValue{true, value_, found->timestamp};
  }
  Status put(std::string_view, const StoreValue&) override {
    return Error{Recovery::stop_topology, "store '" + name() + "' is a global table's, which tasks cannot write",
                 "write to its topic '" + table_.declared->topic + "' instead"};
  }
  using KeyValueStore::range;
  Status range(std::optional<std::string_view> from, std::optional<std::string_view> to, const TimeSpan& times,
               bool reverse, const Visitor& visit) override {
    const std::lock_guard lock(table_.mutex);
    return table_.state->store(kRows).range(from, to, times, reverse, visit);
  }
  size_t uncommitted_bytes() const override { return 0; }
  uint64_t approximate_rows() const override {
    const std::lock_guard lock(table_.mutex);
    return table_.state->store(kRows).approximate_rows();
  }

 private:
  Table& table_;
  std::string value_;
};

GlobalTables::GlobalTables(const Topology& topology, std::string cluster_id, GlobalTablesPorts ports)
    : topology_(topology), cluster_id_(std::move(cluster_id)), ports_(ports) {}

GlobalTables::~GlobalTables() = default;

Result<std::unique_ptr<GlobalTables>> GlobalTables::open(const Topology& topology, std::string cluster_id,
                                                         GlobalTablesPorts ports) {
  std::unique_ptr<GlobalTables> tables(new GlobalTables(topology, std::move(cluster_id), ports));
  for (const GlobalTable& declared : topology.global_tables) {
    auto table = std::make_unique<Table>();
    table->declared = &declared;
    table->store = &topology.stores[static_cast<size_t>(declared.store)];
    table->key = ports.processors.serde(table->store->key_serde);
    table->value = ports.processors.serde(table->store->value_serde);
    if (!table->key || !table->value)
      return Error{Recovery::stop_topology, "global table '" + declared.name + "' has an unknown serde", ""};
    if (!declared.processor_type.empty()) {
      auto times = RecordTimes::make(topology, declared, ports.processors, ports.metrics);
      if (!times) return std::move(times).error();
      table->times = std::move(*times);
    }
    KSTREAMD_TRY(tables->open_state(*table));
    tables->tables_.push_back(std::move(table));
  }
  return tables;
}

// The rows, and beside them how far each partition was read.
Status GlobalTables::open_state(Table& table) {
  StoreConfig rows = store_config(*table.store);
  rows.changelogged = false;
  StoreConfig positions{
      .name = "positions", .timestamped = false, .persistent = rows.persistent, .changelogged = false};
  const TaskStateConfig config{topology_.name, state_id(*table.declared), cluster_id_, {rows, positions}};
  auto opened = ports_.state.open(config);
  if (!opened && opened.error().recovery == Recovery::rebuild_state) {
    KSTREAMD_TRY(ports_.state.wipe(topology_.name, config.task));
    opened = ports_.state.open(config);
  }
  if (!opened) return std::move(opened).error();
  table.state = std::move(*opened);
  return {};
}

Status GlobalTables::restart(size_t index) {
  Table& table = *tables_[index];
  const std::lock_guard lock(table.mutex);
  table.state.reset();
  KSTREAMD_TRY(ports_.state.wipe(topology_.name, state_id(*table.declared)));
  return open_state(table);
}

Result<int64_t> GlobalTables::position(size_t index, int32_t partition) {
  Table& table = *tables_[index];
  const std::lock_guard lock(table.mutex);
  auto found = table.state->store(kPositions).get(std::to_string(partition));
  if (!found) return std::move(found).error();
  int64_t position = 0;
  if (found->present) std::from_chars(found->value.data(), found->value.data() + found->value.size(), position);
  return position;
}

Status GlobalTables::apply(size_t index, int32_t partition, std::span<const FetchedRecord> records,
                           int64_t next_offset) {
  Table& table = *tables_[index];
  arena_.reset();
  const std::lock_guard lock(table.mutex);
  for (const FetchedRecord& record : records)
    if (auto put = this->put(table, record); !put) {
      table.state->rollback();
      return put;
    }
  const std::string position = std::to_string(next_offset);
  KSTREAMD_TRY(table.state->store(kPositions).put(std::to_string(partition), {true, position, 0}));
  return table.state->commit(kUnchanged);
}

Status GlobalTables::put(Table& table, const FetchedRecord& record) {
  if (!record.origin.raw_key) {
    drop(table, "null_key");
    return {};
  }
  auto row = read(table, record);
  if (!row || !*row) return row ? Status() : std::move(row).error();
  StoreValue value;
  value.timestamp = (*row)->timestamp;
  value.present = record.origin.raw_value != nullptr;
  if (value.present) value.value = raw_value(record.origin);
  return table.state->store(kRows).put(raw_key(record.origin), value);
}

// The record as lookups will read it, with its time; nullopt: it is left out.
Result<std::optional<Record>> GlobalTables::read(Table& table, const FetchedRecord& in) {
  auto key = table.key->read(raw_key(in.origin), arena_);
  auto value = in.origin.raw_value ? table.value->read(raw_value(in.origin), arena_) : Result<Value>(null_value());
  if (!key || !value) {
    const std::string serde = serde_text(key ? table.store->value_serde : table.store->key_serde);
    Error error = std::move(key ? value : key).error();
    return refuse(table, in, "deserialization",
                  std::move(error).in(std::string("the ") + (key ? "value" : "key") + " cannot be read as " + serde));
  }
  Record record{*key, *value, in.timestamp, in.headers, &in.origin, in.header_count, 0};
  if (table.times) {
    auto time = table.times->of(record);
    if (!time) return refuse(table, in, "processing", std::move(time).error());
    record.timestamp = *time;
  }
  if (record.timestamp >= 0) return std::optional<Record>(record);
  drop(table, "timestamp");
  return std::optional<Record>();
}

// What fails and is not to stop the topology is left out and counted: there is no transaction to send it to the
// dead-letter topic by.
Result<std::optional<Record>> GlobalTables::refuse(Table& table, const FetchedRecord& record, const std::string& stage,
                                                   const Error& error) {
  const auto& on_error = topology_.on_error;
  if ((stage == "processing" ? on_error.processing : on_error.deserialization) != ErrorAction::fail) {
    drop(table, stage.c_str());
    return std::optional<Record>();
  }
  return Error{Recovery::stop_topology, place_of(*table.declared, record.origin) + ": " + error.message,
               error.hint.empty() ? "mend the record, or set on_error: { " + stage + ": skip }" : error.hint};
}

void GlobalTables::drop(Table& table, const char* reason) {
  ports_.metrics
      .counter("kstreamd_records_dropped_total", {{"topology", topology_.name},
                                                  {"task", state_id(*table.declared).text()},
                                                  {"node", table.declared->name},
                                                  {"reason", reason}})
      ->add(1);
}

Status GlobalTables::upkeep() {
  for (auto& table : tables_) {
    const std::lock_guard lock(table->mutex);
    KSTREAMD_TRY(table->state->upkeep());
  }
  return {};
}

std::unique_ptr<KeyValueStore> GlobalTables::reader(int store) {
  for (auto& table : tables_)
    if (table->declared->store == store) return std::make_unique<Reader>(*table);
  return nullptr;
}

}  // namespace kstreamd
