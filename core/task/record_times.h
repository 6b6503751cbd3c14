// The timestamps that an expression gives to the records of a topic which no task reads: that of a global table.
//
// Life-cycle: make(), then of() for one record after the other. Threads: one at a time.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/base/arena.h"
#include "core/ports/metrics.h"
#include "core/ports/processor.h"
#include "core/topology/topology.h"

namespace kstreamd {

// It is the context of the expression's processor, which asks for nothing of a task.
class RecordTimes final : private ProcessorContext {
 public:
  // All outlive it.
  static Result<std::unique_ptr<RecordTimes>> make(const Topology& topology, const GlobalTable& table,
                                                   const ProcessorCatalog& processors, Metrics& metrics);
  ~RecordTimes() override;

  // In ms; -1: none. An error: the expression has failed, for the reason that the message gives.
  Result<int64_t> of(const Record& record);

 private:
  RecordTimes(const Topology& topology, const GlobalTable& table, Metrics& metrics);

  kst_status forward(uint32_t output, std::span<const Record> records) override;
  kst_status output(std::string_view, uint32_t&) override { return KST_FATAL; }
  void drop(std::string_view, size_t) override {}
  void* scratch(size_t size) override { return arena_.allocate(size); }
  void fail(std::string_view message) override { message_ = message; }
  ProcessorStore* store(uint32_t) override { return nullptr; }
  kst_status schedule(uint32_t, int64_t, int64_t, uint64_t&) override { return KST_FATAL; }
  void cancel(uint64_t) override {}
  kst_status hold(const Record&, kst_token&, const Record*&) override { return KST_FATAL; }
  Metrics& metrics() override { return metrics_; }
  const char* application_id() const override { return topology_.name.c_str(); }
  const char* task_id() const override { return task_id_.c_str(); }
  const char* node_name() const override { return table_.name.c_str(); }
  int64_t stream_time() const override { return -1; }
  int64_t wall_time() const override { return 0; }
  void request_commit() override {}
  void log(LogLevel level, std::string_view message) override;

  // Constant after make
  const Topology& topology_;
  const GlobalTable& table_;
  Metrics& metrics_;
  const std::string task_id_;

  Arena arena_;
  std::string message_;
  std::optional<int64_t> time_;           // what the running call has said
  std::unique_ptr<Processor> processor_;  // the first to go: it may use the rest
};

}  // namespace kstreamd
