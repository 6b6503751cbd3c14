// A node of a task: reads, processes or writes records, hands them to its children, and deals with records that fail.
// It is the ProcessorContext of its processor.
//
// Life-cycle: construct, build() when all nodes of the task exist, init() when all are built; then read or take,
// punctuate and finish_completed in turn. Threads: the task's worker.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/arena.h"
#include "core/ports/cluster.h"
#include "core/ports/processor.h"
#include "core/ports/serde_use.h"
#include "core/serde/serde.h"
#include "core/task/held_records.h"
#include "core/task/pending_updates.h"
#include "core/task/task.h"
#include "core/task/task_store.h"

namespace kstreamd {

class TaskNode final : public ProcessorContext, private StoreUser {
 public:
  TaskNode(Task& task, const Node& node);
  Status build(const OutputTopics& topics);
  Status init();

  // Takes fetched records as a source: deserializes, moves the task's stream time, forwards. KST_STOP when the task
  // failed, here as below.
  kst_status read(std::span<FetchedRecord> records);
  // Of a source with an expression for timestamps: puts what it says into the records, -1 for nothing. Where it fails
  // FetchedRecord::without_time is set, and read() deals with it.
  void extract_timestamps(std::span<FetchedRecord> records);
  // Takes records from a parent, on one of the node's inputs: processes them, or writes them as a sink.
  kst_status take(std::span<const Record> records, uint32_t input);
  kst_status punctuate(uint64_t schedule, int64_t timestamp);
  void publish_metrics();

  // ---- Of an asynchronous processor: null of any other
  const HeldRecords* held() const { return held_.get(); }
  // Records that wait until fewer are held.
  size_t waiting() const { return waiting_.size(); }
  size_t waiting_bytes() const { return waiting_bytes_; }
  // Forwards what was completed, fails what was held for too long, and takes up what waited. Adds to `finished`.
  kst_status finish_completed(size_t& finished);

  // ---- Of a table with emit: per_commit: null of any other
  const PendingUpdates* pending() const { return pending_.get(); }
  // Forwards what is pending.
  kst_status emit_updates();

  // ProcessorContext
  kst_status forward(uint32_t output, std::span<const Record> records) override;
  kst_status output(std::string_view name, uint32_t& number) override;
  void drop(std::string_view reason, size_t count) override;
  void* scratch(size_t size) override { return arena_.allocate(size); }
  void fail(std::string_view message) override { message_ = message; }
  ProcessorStore* store(uint32_t index) override { return index < stores_.size() ? stores_[index].get() : nullptr; }
  const Serde* find_serde(std::string_view name) override { return task_.services_.processors.serde(name); }
  kst_status to_bytes(const Serde& serde, const Value& value, std::string_view& bytes) override;
  kst_status from_bytes(const Serde& serde, std::string_view bytes, Value& value) override;
  kst_status to_stored(uint32_t store, uint32_t part, const Value& value, std::string_view& bytes) override;
  kst_status from_stored(uint32_t store, uint32_t part, std::string_view bytes, Value& value) override;
  kst_status schedule(uint32_t kind, int64_t interval, int64_t start, uint64_t& schedule) override;
  void cancel(uint64_t schedule) override;
  kst_status hold(const Record& record, kst_token& token, const Record*& held) override;
  Metrics& metrics() override { return task_.services_.metrics; }
  const char* application_id() const override { return task_.topology_.name.c_str(); }
  const char* task_id() const override { return task_.id_text_.c_str(); }
  const char* node_name() const override { return node_.name.c_str(); }
  int64_t stream_time() const override { return task_.stream_time_; }
  int64_t wall_time() const override { return task_.services_.clock.wall_ms(); }
  int64_t* progress(std::string_view name) override { return &task_.progress(node_.name + "/" + std::string(name)); }
  int64_t* store_progress(uint32_t store) override;
  void request_commit() override { task_.commit_requested_ = true; }
  void log(LogLevel level, std::string_view message) override;

 private:
  enum class Stage { deserialization, processing, production };
  // The processor's function that runs.
  enum class Call { none, create, init, process, punctuate };

  // StoreUser, besides drop
  Arena& arena() override { return arena_; }
  kst_status record_error(std::string message) override;
  kst_status stop(Error error) override;

  // A node that is given what is forwarded, and on which of its inputs.
  struct Target {
    TaskNode* node;
    uint32_t input;
  };

  struct StoreSerdes {
    std::string name;  // for messages
    const Serde* key;
    const Serde* value;
  };
  const StoreSerdes* store_serdes(uint32_t store) const;

  // Building
  void bind_outputs();
  const Serde* serde_or_null(const std::string& name) const;
  Status bind_serdes();
  Status bind_stores();
  KeyValueStore* find_store(int index);
  Status make_processor();

  // Calls of the processor
  void begin(Call call) {
    call_ = call;
    may_forward_ = node_.kind == NodeKind::processor && (call == Call::punctuate || (call == Call::process && !held_));
    message_.clear();
  }
  // What a call came to. What went wrong during it counts also when the processor did not hand it on.
  kst_status end(kst_status status) {
    call_ = Call::none;
    may_forward_ = false;
    if (!task_.failure_ && misuse_.empty()) [[likely]]
      return status;
    if (task_.failure_) return KST_STOP;
    message_ = misuse_;
    return KST_FATAL;
  }
  kst_status stop_call(const std::string& what, kst_status status);
  kst_status misused(std::string message);
  std::span<const Record> as_taken(std::span<const Record> records, uint32_t input);
  kst_status process(std::span<const Record> records);
  kst_status process_each(std::span<const Record> records);
  kst_status process_warned(std::span<const Record> records);
  kst_status process_batch(std::span<const Record> records);
  kst_status process_failed(std::span<const Record>& records, size_t done, kst_status status);
  kst_status hand_on(uint32_t output, std::span<const Record> records);
  kst_status keep(std::span<const Record> records);
  kst_status forward_fields(uint32_t output, std::span<const Record> records);
  kst_status refuse_forward(uint32_t output);
  std::string outputs_text() const;

  // Of an asynchronous processor
  kst_status take_asynchronous(std::span<const Record> records);
  kst_status release_finished(size_t& finished);
  kst_status process_waiting(bool& any);
  OwnedRecords forget_held(size_t index);
  void forget_held_after(size_t index);

  // Sources and sinks
  Result<Value> read_value(const Serde& serde, const void* data, uint32_t size, const Origin& origin);
  Result<std::string_view> write_value(const Serde& serde, const Value& value, const Origin* origin);
  // Whether serdes have crashed on the record as often as is allowed.
  bool refuses(const Origin* origin) const;
  size_t extract(std::span<const Record> records, kst_status& status);
  kst_status reject_timestamp(Record record, const Value& key, const Value& value);
  kst_status write(std::span<const Record> records);
  kst_status write_one(const Record& record);
  Result<TopicHandle> named_topic(std::string_view name);
  Status choose_destination(OutgoingRecord& out);

  // Records that fail. Applies on_error; KST_OK when the task goes on without the record.
  kst_status reject(Stage stage, const Record& record, const std::string& message, const std::string& hint);
  kst_status refuse(Stage stage, const Record& record);
  // The same of a key or value (`part`) that its serde refuses; the task stops where the record is not at fault.
  kst_status refuse_bytes(const Record& record, const char* part, const std::string& serde, Error error);
  kst_status refuse_value(const Record& record, const char* part, const std::string& serde, Error error);
  kst_status refuse_serde(Stage stage, const Record& record, const std::string& what, Error error);
  kst_status dead_letter(std::string_view kind, const Record& record, const std::string& message);
  void count_error();
  Labels labels() const;

  // Constant after build
  Task& task_;
  const Node& node_;
  const Serde* key_serde_ = nullptr;
  const Serde* value_serde_ = nullptr;
  bool below_table_ = false;                  // it is given updates of a table, and wants the new values alone
  bool plugin_serdes_ = false;                // one of the two is a plugin's
  bool partitions_by_inner_key_ = false;      // sinks: keys are windowed
  std::vector<std::string> target_names_;     // the outputs, then the children one by one
  std::vector<std::vector<Target>> targets_;  // who gets what is forwarded to that number
  size_t output_count_ = 0;                   // of these, the outputs
  std::vector<std::unique_ptr<KeyValueStore>> global_stores_;  // those of stores_ that all tasks read
  std::vector<std::unique_ptr<ProcessorStore>> stores_;
  std::vector<StoreSerdes> store_serdes_;  // of stores_, and then the node's own
  int output_topic_ = -1;                  // sinks: OutputTopics number; -1: each record says its topic
  bool keeps_late_ = false;                // what it drops as late goes to the dead-letter topic

  // The worker's
  Arena arena_;
  std::vector<int64_t> times_;   // sources: what the expression for timestamps has said
  Record destination_{};         // sinks: topic (key) and partition (value) that expressions say for the next record
  std::vector<Record> records_;  // sources: the batch being deserialized; held records: what is being forwarded
  std::vector<Record> taken_records_;  // what came in, where the node is given it in another form
  std::string message_;                // why the running call fails, as the processor says
  std::string misuse_;                 // what the processor did in the running call that it must not do
  Call call_ = Call::none;
  bool may_forward_ = false;
  bool late_ = false;  // the running call has dropped something as late

  std::unique_ptr<HeldRecords> held_;
  std::deque<OwnedRecords> waiting_;  // one record each
  size_t waiting_bytes_ = 0;
  std::span<const Record> batch_;         // being processed
  std::vector<uint64_t> batch_numbers_;   // of its records those that are held, else 0
  std::span<OwnedRecords> batch_owners_;  // when the batch comes from waiting_: of each record of batch_start_
  const Record* batch_start_ = nullptr;

  std::unique_ptr<PendingUpdates> pending_;

  double taken_ = 0;  // not published yet: records read by a source, or written by a sink
  std::shared_ptr<Counter> taken_counter_;
  std::map<std::string, std::shared_ptr<Counter>, std::less<>> drop_counters_;
  std::shared_ptr<Counter> dead_letter_counter_;
  std::shared_ptr<Counter> error_counter_;

  std::unique_ptr<Processor> processor_;  // the first to go: it may use the rest
};

}  // namespace kstreamd
