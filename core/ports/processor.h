// Processors as the engine sees them. core/plugin_host makes them from plugins and from the built-in operators alike.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/log.h"
#include "core/base/result.h"
#include "kstreamd/abi/plugin.h"
#include "kstreamd/abi/store.h"
#include "kstreamd/sdk/value.h"

namespace kstreamd {

// What a processor may ask of its task: one per node and task, implemented by core/task. Same thread as the processor.
// Statuses are the ABI's (KST_OK, KST_STOP, ...); memory is borrowed as abi/plugin.h and abi/store.h say.
class ProcessorContext {
 public:
  virtual ~ProcessorContext() = default;
  virtual kst_status forward(uint32_t output, std::span<const Record> records) = 0;
  virtual void drop(std::string_view reason, size_t count) = 0;
  virtual void* scratch(size_t size) = 0;
  // The message for the status about to be returned.
  virtual void fail(std::string_view message) = 0;

  virtual kst_status get_many(uint32_t store, std::span<kst_store_row> rows) = 0;
  virtual kst_status put_many(uint32_t store, std::span<const kst_store_row> rows) = 0;
  virtual kst_status range(uint32_t store, const Value& from, const Value& to, bool reverse, void* visitor,
                           kst_row_visitor visit) = 0;

  virtual const char* application_id() const = 0;
  virtual const char* task_id() const = 0;
  virtual const char* node_name() const = 0;
  virtual int64_t stream_time() const = 0;
  virtual int64_t wall_time() const = 0;
  virtual void request_commit() = 0;
  virtual void log(LogLevel level, std::string_view message) = 0;
};

// An instance for one node of one task. Used by the task's worker only.
class Processor {
 public:
  virtual ~Processor() = default;
  // As kst_processor_type.process: on KST_RECORD_ERROR `done` is the index of the record that failed.
  virtual kst_status process(std::span<const Record> records, size_t& done) = 0;
};

// One problem of a configuration, placed by a JSON pointer into it.
struct ConfigProblem {
  std::string pointer;
  uint32_t line = 0;  // within a text value, from 1; 0: none
  uint32_t column = 0;
  std::string message;
  std::string hint;
};

struct ProcessorInfo {
  std::string name;
  std::string description;
  std::string config_schema;         // JSON Schema, may be empty
  std::vector<std::string> outputs;  // empty: one unnamed
  uint32_t store_count = 0;
  std::string plugin;  // "builtin" or the plugin's name and version
  bool deterministic = true;
};

// All processor types of the process. Thread safety: every function may be called from any thread.
class ProcessorCatalog {
 public:
  virtual ~ProcessorCatalog() = default;
  virtual const ProcessorInfo* find(std::string_view type) const = 0;
  virtual std::vector<ProcessorInfo> list() const = 0;
  virtual std::vector<ConfigProblem> check(std::string_view type, std::string_view config_json) const = 0;
  // `context` outlives the processor.
  virtual Result<std::unique_ptr<Processor>> create(std::string_view type, std::string_view config_json,
                                                    ProcessorContext& context) const = 0;
};

}  // namespace kstreamd
