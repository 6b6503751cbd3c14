// A node of a task: reads, processes or writes records, hands them to its children, and deals with records that fail.
// It is the ProcessorContext of its processor. Threads: the task's worker.
#pragma once
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/arena.h"
#include "core/ports/cluster.h"
#include "core/ports/processor.h"
#include "core/serde/serde.h"
#include "core/task/task.h"
#include "core/task/task_store.h"

namespace kstreamd {

class TaskNode final : public ProcessorContext, private StoreUser {
 public:
  TaskNode(Task& task, const Node& node);
  // Second step of construction, when all nodes exist.
  Status build(const OutputTopics& topics);

  // Takes fetched records as a source: deserializes, forwards. KST_STOP when the task failed.
  kst_status read(std::span<const FetchedRecord> records);
  // Takes records from a parent: processes them, or writes them as a sink.
  kst_status take(std::span<const Record> records);
  void publish_metrics();

  // ProcessorContext
  kst_status forward(uint32_t output, std::span<const Record> records) override;
  void drop(std::string_view reason, size_t count) override;
  void* scratch(size_t size) override { return arena_.allocate(size); }
  void fail(std::string_view message) override { message_ = message; }
  kst_status output(std::string_view name, uint32_t& number) override;
  ProcessorStore* store(uint32_t index) override { return index < stores_.size() ? stores_[index].get() : nullptr; }
  kst_status schedule(uint32_t kind, int64_t interval, int64_t start, uint64_t& schedule) override;
  void cancel(uint64_t schedule) override;
  kst_status hold(const Record& record, kst_token& token, const Record*& held) override;
  Metrics& metrics() override { return task_.services_.metrics; }
  const char* application_id() const override { return task_.topology_.name.c_str(); }
  const char* task_id() const override { return task_.id_text_.c_str(); }
  const char* node_name() const override { return node_.name.c_str(); }
  int64_t stream_time() const override { return task_.stream_time_; }
  int64_t wall_time() const override { return task_.services_.clock.wall_ms(); }
  void request_commit() override { task_.commit_requested_ = true; }
  void log(LogLevel level, std::string_view message) override;

 private:
  // StoreUser, besides drop
  Arena& arena() override { return arena_; }
  kst_status record_error(std::string message) override;

  enum class Stage { deserialization, processing, production };

  const Serde* serde_or_null(const std::string& name) const;
  Status bind_serdes();
  Status bind_stores();
  kst_status process(std::span<const Record> records);
  kst_status write(std::span<const Record> records);
  kst_status write_one(const Record& record);
  // Applies on_error to a record; KST_OK when the task goes on without it.
  kst_status reject(Stage stage, const Record& record, const std::string& message, const std::string& hint);
  kst_status dead_letter(Stage stage, const Record& record, const std::string& message);
  kst_status stop(Error error) override;
  Result<Value> read_value(const Serde& serde, const void* data, uint32_t size);

  // Constant after build
  Task& task_;
  const Node& node_;
  const Serde* key_serde_ = nullptr;
  const Serde* value_serde_ = nullptr;
  std::vector<std::vector<TaskNode*>> children_;  // by output
  std::vector<std::unique_ptr<ProcessorStore>> stores_;
  std::unique_ptr<Processor> processor_;
  int output_topic_ = -1;  // sinks: OutputTopics number
  bool drops_null_keys_ = false;

  // The worker's
  Arena arena_;
  std::vector<Record> records_;  // sources: the batch being deserialized
  std::string message_;
  double taken_ = 0;  // not published yet: records read by a source, or written by a sink
  std::shared_ptr<Counter> taken_counter_;
  std::map<std::string, std::shared_ptr<Counter>, std::less<>> drop_counters_;
  std::shared_ptr<Counter> dead_letter_counter_;
  std::shared_ptr<Counter> error_counter_;
};

}  // namespace kstreamd
