// Processors as the engine sees them. core/plugin_host makes them from plugins and from the built-in operators alike.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/log.h"
#include "core/base/result.h"
#include "core/ports/metrics.h"
#include "core/ports/processor_store.h"
#include "core/serde/serde.h"
#include "kstreamd/abi/async.h"
#include "kstreamd/abi/plugin.h"
#include "kstreamd/sdk/value.h"

namespace kstreamd {

// What a processor may ask of its task: one per node and task, implemented by core/task. Same thread as the processor,
// but for what says otherwise. Statuses are the ABI's (KST_OK, KST_STOP, ...); memory is borrowed, and functions may be
// called when, as abi/plugin.h and the headers of the extensions say.
class ProcessorContext {
 public:
  virtual ~ProcessorContext() = default;
  virtual kst_status forward(uint32_t output, std::span<const Record> records) = 0;
  virtual kst_status output(std::string_view name, uint32_t& number) = 0;
  virtual void drop(std::string_view reason, size_t count) = 0;
  virtual void* scratch(size_t size) = 0;
  // The message for the status about to be returned.
  virtual void fail(std::string_view message) = 0;

  // The store of a number; null where the node has none.
  virtual ProcessorStore* store(uint32_t index) = 0;
  // A key or value (sdk/store_bytes.h: Part) as the store of a number keeps it, and back.
  virtual kst_status to_stored(uint32_t, uint32_t, const Value&, std::string_view&) { return KST_FATAL; }
  virtual kst_status from_stored(uint32_t, uint32_t, std::string_view, Value&) { return KST_FATAL; }

  // The serde of a name or spec, null when there is none, and values as its bytes, and back (sdk/serdes.h).
  virtual const Serde* find_serde(std::string_view) { return nullptr; }
  virtual kst_status to_bytes(const Serde&, const Value&, std::string_view&) { return KST_FATAL; }
  virtual kst_status from_bytes(const Serde&, std::string_view, Value&) { return KST_FATAL; }

  // `kind` is KST_STREAM_TIME or KST_WALL_CLOCK.
  virtual kst_status schedule(uint32_t kind, int64_t interval, int64_t start, uint64_t& schedule) = 0;
  virtual void cancel(uint64_t schedule) = 0;
  virtual kst_status hold(const Record& record, kst_token& token, const Record*& held) = 0;

  virtual Metrics& metrics() = 0;
  virtual const char* application_id() const = 0;
  virtual const char* task_id() const = 0;
  virtual const char* node_name() const = 0;
  virtual int64_t stream_time() const = 0;
  virtual int64_t wall_time() const = 0;
  // As sdk/progress.h says; null where nothing is kept.
  virtual int64_t* progress(std::string_view) { return nullptr; }
  virtual int64_t* store_progress(uint32_t) { return nullptr; }
  virtual void request_commit() = 0;
  // [any thread]
  virtual void log(LogLevel level, std::string_view message) = 0;
};

// An instance for one node of one task. Used by the task's worker only. Statuses as those of kst_processor_type.
class Processor {
 public:
  virtual ~Processor() = default;
  virtual kst_status init() { return KST_OK; }
  // On KST_RECORD_ERROR `done` is the index of the record that failed.
  virtual kst_status process(std::span<const Record> records, size_t& done) = 0;
  virtual kst_status punctuate(uint64_t, int64_t) { return KST_OK; }
};

// One problem of a configuration, placed by a JSON pointer into it, as kst_problem says.
struct ConfigProblem {
  bool warning = false;
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
  struct StoreNeed {
    std::string purpose;
    uint32_t kind = KST_STORE_ANY;
  };
  std::vector<StoreNeed> stores;
  std::string plugin;   // "builtin" or the plugin's name and version
  std::string content;  // tells contents of the plugin's file apart; empty: built in
  bool deterministic = true;
  uint32_t max_in_flight = 0;  // records it may hold at a time; 0: it finishes each within process
  std::chrono::milliseconds completion_timeout{30'000};
};

struct SerdeInfo {
  std::string name;
  std::string description;
  std::string plugin;   // "builtin" or the plugin's name and version
  std::string content;  // as ProcessorInfo's
};

// All processor types and serdes of the process. Thread safety: every function may be called from any thread.
class ProcessorCatalog {
 public:
  virtual ~ProcessorCatalog() = default;
  virtual const ProcessorInfo* find(std::string_view type) const = 0;
  virtual std::vector<ProcessorInfo> list() const = 0;
  virtual std::vector<ConfigProblem> check(std::string_view type, std::string_view config_json) const = 0;
  // `context` outlives the processor.
  virtual Result<std::unique_ptr<Processor>> create(std::string_view type, std::string_view config_json,
                                                    ProcessorContext& context) const = 0;
  // The serde of a name, built in or of a plugin; null when there is none. It lives as long as the process.
  virtual const Serde* serde(std::string_view name) const { return find_serde(name); }
  virtual std::vector<SerdeInfo> serdes() const = 0;
};

}  // namespace kstreamd
