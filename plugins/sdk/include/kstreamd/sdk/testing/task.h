// A task in miniature, for unit tests of one processor without a daemon. See testing.h.
#pragma once
#include <kstreamd/abi/log.h>
#include <kstreamd/abi/task.h>
#include <kstreamd/sdk/plugin.h>
#include <kstreamd/sdk/testing/held_records.h>
#include <kstreamd/sdk/testing/metrics.h>
#include <kstreamd/sdk/testing/schedules.h>
#include <kstreamd/sdk/testing/stores.h>
#include <kstreamd/sdk/testing/values.h>

#include <chrono>
#include <cstddef>
#include <cstring>
#include <deque>
#include <initializer_list>
#include <iostream>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kstreamd::sdk::testing {

// What surrounds the processor.
struct TaskOptions {
  std::string application_id = "test";
  std::string task_id = "test-0";
  std::string node_name = "node";
  int64_t wall_time = 0;                    // ms since 1970
  std::map<uint32_t, StoreOptions> stores;  // by number
  std::vector<std::string> children;        // nodes that Context::output finds by name
};

// Runs any processor type: one written with the SDK, or against the C ABI. Behaves as a task with on_error: skip,
// noting errors. Used by one thread; what is held may be completed by any.
class Task {
 public:
  // Throws std::invalid_argument with the processor's message when it refuses the configuration, or its init fails.
  Task(const kst_processor_type* type, std::string_view config, TaskOptions options = {})
      : type_(type), config_(config), options_(std::move(options)), wall_time_(options_.wall_time) {
    detail::count_objects = true;
    objects_before_ = detail::objects_alive;
    host_ = {sizeof(kst_host), KST_ABI_MAJOR,  KST_ABI_MINOR,     &Task::on_forward,  &Task::on_output,
             &Task::on_fail,   &Task::on_drop, &Task::on_scratch, &Task::on_extension};
    for (uint32_t i = 0; i < type_->store_count; ++i) {
      const uint32_t kind = type_->stores[i].kind;
      stores_.emplace_back(kind == KST_STORE_ANY ? uint32_t{KST_STORE_KEY_VALUE} : kind, options_.stores[i]);
    }
    start();
  }
  // Says on stderr what close() would, when nobody asked.
  ~Task() {
    if (!closed_)
      for (const auto& line : close()) std::cerr << "sdk::testing::Task: " << line << '\n';
  }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  // ---- Records in

  // Processes a batch, going on behind each record that fails; schedules on stream time fire after the record that
  // makes them due. Records without an origin get one. Returns the last status other than KST_RECORD_ERROR.
  kst_status pipe(std::span<const Record> records) {
    std::vector<Record> batch(records.begin(), records.end());
    std::deque<Origin> origins;
    int64_t time = stream_time_;
    for (Record& r : batch) {
      time = std::max(time, r.timestamp);
      Origin& origin = origins.emplace_back(r.origin ? *r.origin : Origin{});
      if (!r.origin) origin = {"input", nullptr, nullptr, 5, 0, 0, 0, next_offset_++, 0};
      origin.stream_time = time;
      r.origin = &origin;
    }
    std::span<const Record> left = batch;
    kst_status status = KST_OK;
    while (!left.empty() && status == KST_OK) {
      size_t count = cut(left);
      for (const Record& r : left.first(count)) stream_time_ = std::max(stream_time_, r.timestamp);
      status = process(left, count);
      left = left.subspan(count);
      if (status == KST_OK) status = punctuate(KST_STREAM_TIME, stream_time_);
    }
    collect_held();
    return status;
  }
  kst_status pipe(std::initializer_list<Record> records) {
    return pipe(std::span<const Record>(records.begin(), records.size()));
  }
  // One typed record: task.pipe("key", int64_t{5}, 1000); nullptr for null.
  template <typename K, typename V>
  kst_status pipe(const K& key, const V& value, int64_t timestamp = 0) {
    return pipe(Typed<detail::Plain<K>, detail::Plain<V>>{key, value, timestamp});
  }
  template <typename K, typename V>
  kst_status pipe(const Typed<K, V>& typed) {
    OwnMemory memory;
    return pipe({detail::encode_record(typed, memory)});
  }

  // ---- Records out

  // What was forwarded to an output, by its number, or its name or that of a child, since the beginning or the last
  // take_output.
  const std::vector<OwnedRecord>& output(uint32_t index = 0) { return outputs_[index]; }
  const std::vector<OwnedRecord>& output(std::string_view name) { return outputs_[number_of(name)]; }
  std::vector<OwnedRecord> take_output(uint32_t index = 0) { return std::exchange(outputs_[index], {}); }
  std::vector<OwnedRecord> take_output(std::string_view name) { return take_output(number_of(name)); }
  // Takes the first record of an output as types of C++; they stay valid as long as the task. Throws when there is
  // none, or it does not fit.
  template <typename K, typename V>
  Typed<K, V> read(uint32_t index = 0) {
    auto& records = outputs_[index];
    if (records.empty()) throw std::out_of_range("no record is left in output " + std::to_string(index));
    const OwnedRecord& taken = read_.emplace_back(std::move(records.front()));
    records.erase(records.begin());
    Typed<K, V> typed{detail::decode<K>(taken.key.get(), read_memory_, "the key"),
                      detail::decode<V>(taken.value.get(), read_memory_, "the value"), taken.timestamp};
    for (const auto& [name, value] : taken.headers) typed.headers = typed.headers.with(name, value, read_memory_);
    return typed;
  }
  template <typename K, typename V>
  Typed<K, V> read(std::string_view name) {
    return read<K, V>(number_of(name));
  }
  // How many records each call of the host's forward brought, over all outputs.
  const std::vector<size_t>& forwards() const { return forwards_; }

  // ---- What else came of it

  size_t dropped(const std::string& reason) const {
    const auto found = drops_.find(reason);
    return found == drops_.end() ? 0 : found->second;
  }
  // The messages of failed calls and held records, in order.
  const std::vector<std::string>& errors() const { return errors_; }
  const std::vector<std::string>& log_lines() const { return log_; }
  bool commit_requested() const { return commit_requested_; }
  // A counter's sum, or a gauge's value; 0 when there is none of the name.
  double metric(std::string_view name) const { return metrics_.value(name); }
  // A histogram's observations.
  std::vector<double> observations(std::string_view name) const { return metrics_.observations(name); }

  // ---- Stores: what the processor wrote, and what it is to find

  FakeStore& store(uint32_t index) { return stores_.at(index); }
  size_t rows(uint32_t index) const { return stores_.at(index).size(); }
  std::optional<std::pair<OwnedValue, int64_t>> stored(uint32_t index, const Value& key) const {
    return told(stores_.at(index).find({OwnedValue(key).bytes()}));
  }
  void put(uint32_t index, const Value& key, const Value& value, int64_t timestamp = 0) {
    stores_.at(index).put({OwnedValue(key).bytes()}, key, value, timestamp);
  }
  std::optional<std::pair<OwnedValue, int64_t>> stored_window(uint32_t index, const Value& key, int64_t start) const {
    return told(stores_.at(index).find({OwnedValue(key).bytes(), start, INT64_MIN}));
  }
  std::optional<std::pair<OwnedValue, int64_t>> stored_session(uint32_t index, const Value& key, int64_t start,
                                                               int64_t end) const {
    return told(stores_.at(index).find({OwnedValue(key).bytes(), end, start}));
  }
  // What was valid at a time, and since when; INT64_MAX: the latest.
  std::optional<std::pair<OwnedValue, int64_t>> stored_version(uint32_t index, const Value& key,
                                                               int64_t as_of = INT64_MAX) const {
    return told(stores_.at(index).version(OwnedValue(key).bytes(), as_of).stored);
  }

  // ---- Clocks

  int64_t stream_time() const { return stream_time_; }
  int64_t wall_time() const { return wall_time_; }
  // Moves the wall clock, and fires what is due: each schedule once, whatever it missed, as Kafka Streams does.
  kst_status advance_wall_clock(std::chrono::milliseconds by) {
    wall_time_ += by.count();
    const kst_status status = punctuate(KST_WALL_CLOCK, wall_time_);
    collect_held();
    return status;
  }
  // Moves stream time without a record, as a record of another source node of the task would.
  kst_status advance_stream_time(int64_t to) {
    stream_time_ = std::max(stream_time_, to);
    return punctuate(KST_STREAM_TIME, stream_time_);
  }
  size_t schedules() const { return schedules_.size(); }

  // ---- Held records

  size_t held() const { return held_.size(); }
  // Waits until nothing is held any more, and takes the results; false: something still is when the time is over.
  bool finish(std::chrono::milliseconds within = std::chrono::seconds(10)) {
    const auto deadline = std::chrono::steady_clock::now() + within;
    do {
      collect_held();
      if (held_.size() == 0) return true;
    } while (held_.wait(deadline));
    collect_held();
    return held_.size() == 0;
  }
  // What is held fails as after completion_timeout; what comes for it later is ignored.
  void time_out() {
    for (size_t count = held_.forget(); count > 0; --count) errors_.push_back("the record was held for too long");
  }

  // ---- The end

  // Ends the instance. Gives what is left behind: held records that were never completed, objects that are still alive
  // (copies that the test keeps count too), misuse of tokens. Nothing of it may be used afterwards but errors() and
  // such.
  std::vector<std::string> close() {
    std::vector<std::string> problems;
    if (closed_) return problems;
    closed_ = true;
    const size_t open = stopped_ ? 0 : held_.unfinished();
    stop();
    if (open > 0)
      problems.push_back(std::to_string(open) + (open == 1 ? " record is" : " records are") +
                         " still held: never completed, failed or dropped");
    if (const auto misuse = held_.misuse(); !misuse.empty()) problems.push_back(misuse);
    held_.forget();
    outputs_.clear();
    read_.clear();
    stores_.clear();
    if (const int64_t alive = detail::objects_alive - objects_before_; alive > 0)
      problems.push_back(std::to_string(alive) + (alive == 1 ? " object" : " objects") +
                         " of the plugin's types are still alive: an owner was never released");
    return problems;
  }
  // What an abort does: the instance is closed, held records are forgotten, and a new instance begins. Stores stay.
  void restart() {
    stop();
    held_.forget();
    start();
  }

  // ---- Levers

  // From now on every forward answers with this.
  void fail_forwards(kst_status status) { forward_status_ = status; }
  // From now on every store call answers with this.
  void fail_stores(kst_status status) { store_status_ = status; }

 private:
  friend struct StoreFunctions<Task>;
  enum class Phase { create, init, process, punctuate, none };

  static kst_context* handle_of(Task* task) { return reinterpret_cast<kst_context*>(task); }
  static Task& of(kst_context* context) { return *reinterpret_cast<Task*>(context); }

  void start() {
    phase_ = Phase::create;
    message_.clear();
    if (type_->create(&host_, handle_of(this), config_.data(), config_.size(), &instance_) != KST_OK) refused();
    running_ = true;
    phase_ = Phase::init;
    const kst_status status = type_->init ? type_->init(instance_) : KST_OK;
    after_call();
    if (status == KST_OK) return;
    stop();
    refused();
  }
  [[noreturn]] void refused() {
    closed_ = true;
    throw std::invalid_argument(message_);
  }
  void stop() {
    if (running_) type_->close(instance_);
    running_ = false;
    schedules_ = {};
  }
  void after_call() {
    phase_ = Phase::none;
    scratch_.clear();
    borrowed_.clear();
  }

  // How many records go in at once: up to the one that makes a schedule due, and no more than may be held.
  size_t cut(std::span<const Record> records) {
    size_t count = records.size();
    if (type_->max_in_flight > 0) {
      for (const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
           held_.size() >= type_->max_in_flight;) {
        if (!held_.wait(deadline))
          throw std::runtime_error("the processor holds " + std::to_string(held_.size()) +
                                   " records, as many as it may, and completed none within 10 s");
        collect_held();
      }
      count = std::min<size_t>(count, type_->max_in_flight - held_.size());
    }
    for (size_t i = 0; i < count; ++i)
      if (schedules_.is_due(KST_STREAM_TIME, records[i].origin->stream_time)) return i + 1;
    return count;
  }

  // Processes the first `count` of `records`; afterwards `count` is how many were dealt with.
  kst_status process(std::span<const Record> records, size_t& count) {
    for (size_t begin = 0; begin < count;) {
      size_t done = 0;
      message_.clear();
      phase_ = Phase::process;
      held_now_.clear();
      batch_ = records.subspan(begin, count - begin);
      const kst_status status = type_->process(instance_, batch_.data(), batch_.size(), &done);
      batch_ = {};
      after_call();
      if (status != KST_OK) errors_.push_back(message_);
      stopped_ |= status == KST_FATAL || status == KST_STOP;
      if (status != KST_RECORD_ERROR) return status;
      for (auto& [of, number] : std::exchange(held_now_, {}))
        if (of >= &records[begin] + done) held_.forget(number);
      if (done >= count - begin) throw std::logic_error("the processor blames a record that is not in the batch");
      begin += done + 1;
    }
    return KST_OK;
  }

  kst_status punctuate(uint32_t kind, int64_t now) {
    if (kind == KST_STREAM_TIME && now < 0) return KST_OK;  // no record yet
    while (const auto due = schedules_.take(kind, now)) {
      if (!type_->punctuate) throw std::logic_error("a schedule is due, but the processor has no punctuate");
      message_.clear();
      phase_ = Phase::punctuate;
      const kst_status status = type_->punctuate(instance_, *due, now);
      after_call();
      if (status == KST_OK) continue;
      errors_.push_back(message_);
      return status;
    }
    return KST_OK;
  }

  void collect_held() {
    for (auto& finished : held_.take()) {
      if (finished.end == HeldRecords::End::failed) errors_.push_back(finished.text);
      if (finished.end == HeldRecords::End::dropped) ++drops_[finished.text];
      for (auto& [output, record] : finished.results) {
        record.has_origin = true;
        outputs_[output].push_back(std::move(record));
      }
    }
  }

  // ---- Outputs by name

  uint32_t output_count() const {
    uint32_t count = 0;
    while (type_->outputs && type_->outputs[count]) ++count;
    return type_->outputs ? count : 1;
  }
  std::optional<uint32_t> find_output(std::string_view name) const {
    for (uint32_t i = 0; type_->outputs && type_->outputs[i]; ++i)
      if (name == type_->outputs[i]) return i;
    for (size_t i = 0; i < options_.children.size(); ++i)
      if (name == options_.children[i]) return output_count() + static_cast<uint32_t>(i);
    return std::nullopt;
  }
  uint32_t number_of(std::string_view name) const {
    if (const auto found = find_output(name)) return *found;
    throw std::invalid_argument(no_output(name));
  }
  std::string no_output(std::string_view name) const {
    std::string known;
    for (uint32_t i = 0; type_->outputs && type_->outputs[i]; ++i) known += std::string(" ") + type_->outputs[i];
    for (const auto& child : options_.children) known += " " + child;
    return "there is no output and no child '" + std::string(name) + "'; there is:" + (known.empty() ? " none" : known);
  }

  // ---- The host's functions

  kst_status fatal(std::string message) {
    message_ = std::move(message);
    return KST_FATAL;
  }

  static kst_status on_forward(kst_context* context, uint32_t output, const kst_record* records, size_t count) {
    Task& task = of(context);
    if (task.forward_status_ != KST_OK) return task.forward_status_;
    if (task.phase_ != Phase::process && task.phase_ != Phase::punctuate)
      return task.fatal("records are forwarded in process and punctuate only");
    if (task.phase_ == Phase::process && task.type_->max_in_flight > 0)
      return task.fatal("a processor that holds records completes them, and forwards nothing in process");
    // A type that names no outputs may be given names by its configuration, as `branch` is.
    if (task.type_->outputs && output >= task.output_count() + task.options_.children.size())
      return task.fatal("there is no output " + std::to_string(output));
    task.forwards_.push_back(count);
    for (size_t i = 0; i < count; ++i) task.outputs_[output].push_back(own(records[i]));
    return KST_OK;
  }
  static kst_status on_output(kst_context* context, const char* name, size_t size, uint32_t* number) {
    Task& task = of(context);
    const auto found = task.find_output({name, size});
    if (!found) return task.fatal(task.no_output({name, size}));
    *number = *found;
    return KST_OK;
  }
  static void on_fail(kst_context* context, const char* message, size_t size) {
    of(context).message_.assign(message, size);
  }
  static void on_drop(kst_context* context, const char* reason, size_t count) { of(context).drops_[reason] += count; }
  static void* on_scratch(kst_context* context, size_t size) {
    auto& block = of(context).scratch_.emplace_back(size / sizeof(std::max_align_t) + 1);
    return block.data();
  }
  static kst_status on_hold(kst_context* context, const kst_record* record, kst_token* token, const kst_record** held) {
    Task& task = of(context);
    if (task.type_->max_in_flight == 0) return task.fatal("the processor's type has no max_in_flight");
    if (record < task.batch_.data() || record >= task.batch_.data() + task.batch_.size())
      return task.fatal("only a record of the batch at hand can be held");
    if (task.held_now_.count(record)) return task.fatal("the record is held already");
    *token = task.held_.hold(*record, *held);
    task.held_now_[record] = token->record;
    return KST_OK;
  }

  static kst_status on_schedule(kst_context* context, uint32_t kind, int64_t interval, int64_t start,
                                uint64_t* schedule) {
    Task& task = of(context);
    if (task.phase_ == Phase::create) return task.fatal("schedules are made in init or later");
    if (interval < 1) return task.fatal("the interval of a schedule is 1 ms or more");
    if (start < 0 && start != KST_NO_START) return task.fatal("a schedule starts in 1970 or later");
    *schedule = task.schedules_.add(kind, interval, start, task.wall_time_);
    return KST_OK;
  }
  static kst_status on_metric(kst_context* context, uint32_t kind, const char* name, const char*, kst_metric** made) {
    Task& task = of(context);
    if (task.phase_ != Phase::create && task.phase_ != Phase::init)
      return task.fatal("metrics are made in the constructor or in init");
    *made = task.metrics_.make(kind, name, task.message_);
    return *made ? KST_OK : KST_FATAL;
  }
  static const void* on_extension(const char* id, uint32_t revision) {
    static const kst_task_extension task = {
        sizeof(kst_task_extension),
        [](kst_context* c) { return of(c).options_.application_id.c_str(); },
        [](kst_context* c) { return of(c).options_.task_id.c_str(); },
        [](kst_context* c) { return of(c).options_.node_name.c_str(); },
        [](kst_context* c) { return of(c).stream_time_; },
        [](kst_context* c) { return of(c).wall_time_; },
        [](kst_context* c) { of(c).commit_requested_ = true; },
    };
    static const kst_log_extension log = {
        sizeof(kst_log_extension),
        [](kst_context* c, int, const char* text, size_t size) { of(c).log_.emplace_back(text, size); }};
    static const kst_schedule_extension schedule = {
        sizeof(kst_schedule_extension), &Task::on_schedule,
        [](kst_context* c, uint64_t number) { of(c).schedules_.cancel(number); }};
    static const kst_metrics_extension metrics = {sizeof(kst_metrics_extension), &Task::on_metric,
                                                  &FakeMetrics::record};
    static const std::map<std::string_view, const void*> tables = {
        {KST_TASK_EXTENSION, &task},
        {KST_LOG_EXTENSION, &log},
        {KST_SCHEDULE_EXTENSION, &schedule},
        {KST_METRICS_EXTENSION, &metrics},
        {KST_ASYNC_EXTENSION, HeldRecords::functions(&Task::on_hold)},
        {KST_STORE_EXTENSION, StoreFunctions<Task>::key_value()},
        {KST_WINDOW_STORE_EXTENSION, StoreFunctions<Task>::window()},
        {KST_SESSION_STORE_EXTENSION, StoreFunctions<Task>::session()},
        {KST_VERSIONED_STORE_EXTENSION, StoreFunctions<Task>::versioned()}};
    const auto found = tables.find(id);
    return revision == 1 && found != tables.end() ? found->second : nullptr;
  }

  // ---- For StoreFunctions

  static FakeStore* readable(kst_context* context, uint32_t index, uint32_t kind, kst_status& status) {
    Task& task = of(context);
    status = task.store_status_;
    if (status != KST_OK) return nullptr;
    FakeStore* found = index < task.stores_.size() ? &task.stores_[index] : nullptr;
    if (found && found->kind() == kind && task.phase_ != Phase::create) return found;
    status = task.fatal("store " + std::to_string(index) +
                        (!found                         ? " is not one of the type's"
                         : task.phase_ == Phase::create ? " cannot be used before init"
                                                        : " is of another kind than it is used as"));
    return nullptr;
  }
  static FakeStore* writable(kst_context* context, uint32_t index, uint32_t kind, kst_status& status) {
    FakeStore* found = readable(context, index, kind, status);
    if (!found || !found->scanning()) return found;
    status = of(context).fatal("a store must not be written during a scan of it");
    return nullptr;
  }
  static Value lend(kst_context* context, const OwnedValue& value) {
    return of(context).borrowed_.emplace_back(value).get();
  }
  static kst_status bad(kst_context* context, const char* message) {
    of(context).message_ = message;
    return KST_RECORD_ERROR;
  }
  static uint32_t store_kind(kst_context* context, uint32_t index) {
    const auto& stores = of(context).stores_;
    return index < stores.size() ? stores[index].kind() : uint32_t{KST_STORE_ANY};
  }
  static uint64_t store_rows(kst_context* context, uint32_t index) { return of(context).rows(index); }
  static std::optional<std::pair<OwnedValue, int64_t>> told(const FakeStore::Stored* row) {
    if (!row) return std::nullopt;
    return std::pair(row->value, row->timestamp);
  }

  const kst_processor_type* const type_;
  const std::string config_;
  TaskOptions options_;
  kst_host host_;
  void* instance_ = nullptr;
  bool running_ = false;  // there is an instance
  bool stopped_ = false;  // a call ended in KST_FATAL or KST_STOP: what it held is nobody's any more
  bool closed_ = false;
  Phase phase_ = Phase::none;
  std::string message_;  // the last of fail
  std::span<const Record> batch_;
  int64_t next_offset_ = 0;
  int64_t stream_time_ = -1;
  int64_t wall_time_ = 0;
  Schedules schedules_;
  HeldRecords held_;
  std::map<const Record*, uint64_t> held_now_;  // of the batch at hand, by their tokens' numbers
  std::deque<FakeStore> stores_;
  std::map<uint32_t, std::vector<OwnedRecord>> outputs_;
  std::deque<OwnedRecord> read_;
  OwnMemory read_memory_;
  std::vector<size_t> forwards_;
  std::map<std::string, size_t> drops_;
  std::vector<std::string> errors_;
  std::vector<std::string> log_;
  FakeMetrics metrics_;
  std::list<std::vector<std::max_align_t>> scratch_;
  std::list<OwnedValue> borrowed_;
  bool commit_requested_ = false;
  kst_status forward_status_ = KST_OK;
  kst_status store_status_ = KST_OK;
  int64_t objects_before_ = 0;
};

// A Task around a processor class.
template <typename P>
class TestTask : public Task {
 public:
  explicit TestTask(std::string_view config = "{}", TaskOptions options = {})
      : Task(processor_type<P>(), config, std::move(options)) {}
};

}  // namespace kstreamd::sdk::testing
