// A task in miniature, for unit tests of one processor without a daemon: pipe records in, look at what comes out.
//
//   sdk::testing::TestTask<Dedup> task(R"({"within": "1h"})");
//   task.pipe({testing::record(string_value("k"), string_value("v"), 5)});
//   CHECK(task.output().size() == 1);
//   CHECK(task.dropped("duplicate") == 0);
#pragma once
#include <kstreamd/sdk/plugin.h>

#include <cstring>
#include <initializer_list>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace kstreamd::sdk::testing {

inline Record record(const Value& key, const Value& value, int64_t timestamp = 0) {
  return Record{key, value, timestamp, nullptr, nullptr, 0, 0};
}

// A value that owns its bytes.
class OwnedValue {
 public:
  OwnedValue() = default;
  explicit OwnedValue(const Value& value) : value_(value), data_(data_of(value)) {}
  Value get() const {
    Value out = value_;
    if (has_data(out)) out.u.data = data_.data();
    return out;
  }
  kst_type type() const { return value_.type; }
  int64_t integer() const { return value_.u.integer; }
  double real() const { return value_.u.real; }
  const std::string& text() const { return data_; }
  bool is_null() const { return value_.type == KST_NULL; }

 private:
  Value value_ = null_value();
  std::string data_;
};

// A record that owns all it shows. `value` of a header is nullopt for null.
struct OwnedRecord {
  OwnedValue key;
  OwnedValue value;
  int64_t timestamp = 0;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

inline OwnedRecord own(const Record& r) {
  OwnedRecord out{OwnedValue(r.key), OwnedValue(r.value), r.timestamp, {}};
  for (uint32_t i = 0; i < r.header_count; ++i) {
    const Header& h = r.headers[i];
    std::optional<std::string> value;
    if (h.value) value = std::string(static_cast<const char*>(h.value), h.value_size);
    out.headers.emplace_back(std::string(h.name, h.name_size), std::move(value));
  }
  return out;
}

// Runs any processor type: one written with the SDK, or against the C ABI. Behaves as a task does with on_error: skip,
// noting errors. Used by one thread.
class Task {
 public:
  // Throws std::invalid_argument with the processor's message when it refuses the configuration.
  Task(const kst_processor_type* type, std::string_view config) : type_(type), stores_(type->store_count) {
    host_ = {sizeof(kst_host), KST_ABI_MAJOR,  KST_ABI_MINOR,     &Task::on_forward,  &Task::on_output,
             &Task::on_fail,   &Task::on_drop, &Task::on_scratch, &Task::on_extension};
    if (type_->create(&host_, handle(), config.data(), config.size(), &instance_) != KST_OK)
      throw std::invalid_argument(message_);
  }
  ~Task() { type_->close(instance_); }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  // Processes a batch, going on behind each record that fails. Returns the last status other than KST_RECORD_ERROR.
  kst_status pipe(std::span<const Record> records) {
    while (!records.empty()) {
      for (const Record& r : records) stream_time_ = std::max(stream_time_, r.timestamp);
      size_t done = 0;
      message_.clear();
      const kst_status status = type_->process(instance_, records.data(), records.size(), &done);
      scratch_.clear();
      borrowed_.clear();
      if (status != KST_OK) errors_.push_back(message_);
      if (status != KST_RECORD_ERROR) return status;
      if (done >= records.size()) throw std::logic_error("the processor blames a record that is not in the batch");
      records = records.subspan(done + 1);
    }
    return KST_OK;
  }
  kst_status pipe(std::initializer_list<Record> records) {
    return pipe(std::span<const Record>(records.begin(), records.size()));
  }

  // What was forwarded to an output since the beginning or the last take_output.
  const std::vector<OwnedRecord>& output(uint32_t index = 0) { return outputs_[index]; }
  std::vector<OwnedRecord> take_output(uint32_t index = 0) { return std::exchange(outputs_[index], {}); }
  // How many records each call of the host's forward brought, over all outputs.
  const std::vector<size_t>& forwards() const { return forwards_; }
  size_t dropped(const std::string& reason) const {
    const auto found = drops_.find(reason);
    return found == drops_.end() ? 0 : found->second;
  }
  // The messages of failed calls, in order.
  const std::vector<std::string>& errors() const { return errors_; }
  const std::vector<std::string>& log_lines() const { return log_; }
  bool commit_requested() const { return commit_requested_; }

  // The stores: what the processor wrote, and what it is to find.
  std::optional<std::pair<OwnedValue, int64_t>> stored(uint32_t store, const Value& key) const {
    const auto& rows = stores_.at(store);
    const auto found = rows.find(bytes(key));
    if (found == rows.end()) return std::nullopt;
    return std::pair(found->second.value, found->second.timestamp);
  }
  void put(uint32_t store, const Value& key, const Value& value, int64_t timestamp = 0) {
    write(store, Row{key, value, timestamp});
  }
  size_t rows(uint32_t store) const { return stores_.at(store).size(); }

  void set_wall_time(int64_t ms) { wall_time_ = ms; }
  // From now on every forward answers with this.
  void fail_forwards(kst_status status) { forward_status_ = status; }
  // From now on every store call answers with this.
  void fail_stores(kst_status status) { store_status_ = status; }

 private:
  struct StoredRow {
    OwnedValue key;
    OwnedValue value;
    int64_t timestamp;
  };

  kst_context* handle() { return reinterpret_cast<kst_context*>(this); }
  static Task& of(kst_context* context) { return *reinterpret_cast<Task*>(context); }

  static kst_status on_forward(kst_context* context, uint32_t output, const kst_record* records, size_t count) {
    Task& task = of(context);
    if (task.forward_status_ != KST_OK) return task.forward_status_;
    task.forwards_.push_back(count);
    for (size_t i = 0; i < count; ++i) task.outputs_[output].push_back(own(records[i]));
    return KST_OK;
  }
  static kst_status on_output(kst_context* context, const char* name, size_t size, uint32_t* number) {
    const auto* const* names = of(context).type_->outputs;
    for (*number = 0; names && names[*number]; ++*number)
      if (std::string_view(name, size) == names[*number]) return KST_OK;
    return KST_FATAL;
  }
  static void on_fail(kst_context* context, const char* message, size_t size) {
    of(context).message_.assign(message, size);
  }
  static void on_drop(kst_context* context, const char* reason, size_t count) { of(context).drops_[reason] += count; }
  static void* on_scratch(kst_context* context, size_t size) {
    auto& block = of(context).scratch_.emplace_back(size / sizeof(std::max_align_t) + 1);
    return block.data();
  }

  static const void* on_extension(const char* id, uint32_t revision) {
    static const kst_store_extension store = {sizeof(kst_store_extension),
                                              nullptr,
                                              &Task::on_get,
                                              &Task::on_put,
                                              nullptr,
                                              nullptr,
                                              &Task::on_scan,
                                              nullptr,
                                              nullptr};
    static const kst_task_extension task = {
        sizeof(kst_task_extension),
        [](kst_context*) -> const char* { return "test"; },
        [](kst_context*) -> const char* { return "test-0"; },
        [](kst_context* c) -> const char* { return of(c).type_->name; },
        [](kst_context* c) { return of(c).stream_time_; },
        [](kst_context* c) { return of(c).wall_time_; },
        [](kst_context* c) { of(c).commit_requested_ = true; },
    };
    static const kst_log_extension log = {
        sizeof(kst_log_extension),
        [](kst_context* c, int, const char* text, size_t size) { of(c).log_.emplace_back(text, size); }};
    if (revision != 1) return nullptr;
    if (std::strcmp(id, KST_STORE_EXTENSION) == 0) return &store;
    if (std::strcmp(id, KST_TASK_EXTENSION) == 0) return &task;
    if (std::strcmp(id, KST_LOG_EXTENSION) == 0) return &log;
    return nullptr;
  }

  static kst_status on_get(kst_context* context, uint32_t store, kst_store_row* rows, size_t count) {
    Task& task = of(context);
    if (task.store_status_ != KST_OK) return task.store_status_;
    for (size_t i = 0; i < count; ++i) {
      const auto found = task.stored(store, rows[i].key);
      rows[i].timestamp = found ? found->second : 0;
      rows[i].value = found ? task.borrowed_.emplace_back(found->first).get() : null_value();
    }
    return KST_OK;
  }
  static kst_status on_put(kst_context* context, uint32_t store, const kst_store_row* rows, size_t count) {
    Task& task = of(context);
    if (task.store_status_ != KST_OK) return task.store_status_;
    for (size_t i = 0; i < count; ++i) task.write(store, rows[i]);
    return KST_OK;
  }
  static kst_status on_scan(kst_context* context, uint32_t store, const kst_key_range* ranges, size_t, int reverse,
                            void* visitor, kst_row_visitor visit) {
    const kst_value *from = &ranges->from, *to = &ranges->to;
    Task& task = of(context);
    if (task.store_status_ != KST_OK) return task.store_status_;
    auto& rows = task.stores_.at(store);
    auto begin = kstreamd::is_null(*from) ? rows.begin() : rows.lower_bound(bytes(*from));
    auto end = kstreamd::is_null(*to) ? rows.end() : rows.upper_bound(bytes(*to));
    const auto show = [&](const StoredRow& stored) {
      const Row row{stored.key.get(), stored.value.get(), stored.timestamp};
      return visit(visitor, 0, &row) == 0;
    };
    if (reverse) {
      while (end != begin && show((--end)->second)) {
      }
    } else {
      while (begin != end && show((begin++)->second)) {
      }
    }
    return KST_OK;
  }

  void write(uint32_t store, const Row& row) {
    if (kstreamd::is_null(row.value))
      stores_.at(store).erase(bytes(row.key));
    else
      stores_.at(store).insert_or_assign(bytes(row.key),
                                         StoredRow{OwnedValue(row.key), OwnedValue(row.value), row.timestamp});
  }

  // Big-endian, as the serdes write integers: the order of a store is that of its bytes.
  static std::string bytes(const Value& v) {
    if (has_data(v)) return std::string(data_of(v));
    const int size = v.type == KST_BOOL ? 1 : v.type == KST_INT32 ? 4 : 8;
    std::string out;
    for (int i = size - 1; i >= 0; --i) out.push_back(static_cast<char>(static_cast<uint64_t>(v.u.integer) >> (8 * i)));
    return out;
  }

  const kst_processor_type* type_;
  kst_host host_;
  void* instance_ = nullptr;
  std::string message_;
  std::map<uint32_t, std::vector<OwnedRecord>> outputs_;
  std::vector<size_t> forwards_;
  std::map<std::string, size_t> drops_;
  std::vector<std::string> errors_;
  std::vector<std::string> log_;
  std::vector<std::map<std::string, StoredRow>> stores_;
  std::list<std::vector<std::max_align_t>> scratch_;
  std::list<OwnedValue> borrowed_;
  int64_t stream_time_ = -1;
  int64_t wall_time_ = 0;
  bool commit_requested_ = false;
  kst_status forward_status_ = KST_OK;
  kst_status store_status_ = KST_OK;
};

// A Task around a processor class.
template <typename P>
class TestTask : public Task {
 public:
  explicit TestTask(std::string_view config = "{}") : Task(processor_type<P>(), config) {}
};

// The problems that a processor class finds in a configuration.
inline std::vector<ConfigProblem> check(const kst_processor_type* type, std::string_view config) {
  std::vector<ConfigProblem> out;
  if (!type->check) return out;
  type->check(config.data(), config.size(), &out, [](void* sink, const kst_problem* p) {
    static_cast<std::vector<ConfigProblem>*>(sink)->push_back(
        {p->pointer, p->message, p->hint ? p->hint : "", p->line, p->column,
             p->severity == KST_PROBLEM_WARNING});
  });
  return out;
}

}  // namespace kstreamd::sdk::testing
