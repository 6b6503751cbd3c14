#include "core/plugin_host/host_table.h"

#include <kstreamd/abi/task.h>

#include <cstring>
#include <string>

// What a plugin holds of a node: a way back to its port, and where create's message goes.
struct kst_context {
  kstreamd::ProcessorContext& port;
  std::string* create_message = nullptr;  // set while create runs
};

namespace kstreamd {
namespace {

// noexcept: nothing may cross the boundary, and a task that cannot even note an error has no way to go on.

kst_status forward(kst_context* context, uint32_t output, const kst_record* records, size_t count) noexcept {
  return context->port.forward(output, {records, count});
}
void fail(kst_context* context, const char* message, size_t size) noexcept {
  if (context->create_message)
    context->create_message->assign(message, size);
  else
    context->port.fail({message, size});
}
void drop(kst_context* context, const char* reason, size_t count) noexcept { context->port.drop(reason, count); }
void* scratch(kst_context* context, size_t size) noexcept { return context->port.scratch(size); }

kst_status get_many(kst_context* context, uint32_t store, kst_store_row* rows, size_t count) noexcept {
  return context->port.get_many(store, {rows, count});
}
kst_status put_many(kst_context* context, uint32_t store, const kst_store_row* rows, size_t count) noexcept {
  return context->port.put_many(store, {rows, count});
}
kst_status range(kst_context* context, uint32_t store, const kst_value* from, const kst_value* to, int reverse,
                 void* visitor, kst_row_visitor visit) noexcept {
  return context->port.range(store, *from, *to, reverse != 0, visitor, visit);
}

const char* application_id(kst_context* context) noexcept { return context->port.application_id(); }
const char* task_id(kst_context* context) noexcept { return context->port.task_id(); }
const char* node_name(kst_context* context) noexcept { return context->port.node_name(); }
int64_t stream_time(kst_context* context) noexcept { return context->port.stream_time(); }
int64_t wall_time(kst_context* context) noexcept { return context->port.wall_time(); }
void request_commit(kst_context* context) noexcept { context->port.request_commit(); }

void write_log(kst_context* context, int level, const char* message, size_t size) noexcept {
  const LogLevel known = level <= KST_LOG_DEBUG  ? LogLevel::debug
                         : level == KST_LOG_INFO ? LogLevel::info
                         : level == KST_LOG_WARN ? LogLevel::warn
                                                 : LogLevel::error;
  context->port.log(known, {message, size});
}

const void* extension(const char* id, uint32_t revision) noexcept {
  static constexpr kst_store_extension store = {sizeof(kst_store_extension), get_many, put_many, range};
  static constexpr kst_task_extension task = {
      sizeof(kst_task_extension), application_id, task_id, node_name, stream_time, wall_time, request_commit};
  static constexpr kst_log_extension log = {sizeof(kst_log_extension), write_log};
  struct Entry {
    const char* id;
    uint32_t revision;
    const void* table;
  };
  static constexpr Entry entries[] = {{KST_STORE_EXTENSION, KST_STORE_REVISION, &store},
                                      {KST_TASK_EXTENSION, KST_TASK_REVISION, &task},
                                      {KST_LOG_EXTENSION, KST_LOG_REVISION, &log}};
  for (const auto& entry : entries)
    if (std::strcmp(entry.id, id) == 0 && entry.revision == revision) return entry.table;
  return nullptr;
}

// A plugin's instance. Used by its task's worker.
class PluginProcessor final : public Processor {
 public:
  PluginProcessor(const kst_processor_type& type, ProcessorContext& context) : type_(type), context_{context} {}
  ~PluginProcessor() override {
    if (created_) type_.close(instance_);
  }

  Status create(std::string_view config) {
    std::string message;
    context_.create_message = &message;
    kst_status status = KST_FATAL;
    void* instance = nullptr;
    try {
      status = type_.create(&host_table(), &context_, config.data(), config.size(), &instance);
    } catch (...) {
      message = "its create function threw a C++ exception across the plugin ABI";
    }
    context_.create_message = nullptr;
    if (status == KST_OK) {
      instance_ = instance;
      created_ = true;
      return {};
    }
    return Error{Recovery::stop_topology,
                 "processor '" + std::string(type_.name) + "' cannot be made for node '" + context_.port.node_name() +
                     "': " + (message.empty() ? "it gives no reason" : message),
                 "`kstreamd validate` checks the node's config, `kstreamd plugins` shows what it takes"};
  }

  kst_status process(std::span<const Record> records, size_t& done) override {
    kst_status status;
    try {
      status = type_.process(instance_, records.data(), records.size(), &done);
    } catch (...) {
      return misbehaved("threw a C++ exception across the plugin ABI");
    }
    if (status == KST_OK) [[likely]]
      return status;
    if (status == KST_RECORD_ERROR && done >= records.size())
      return misbehaved("said that record " + std::to_string(done) + " of a batch of " +
                        std::to_string(records.size()) + " failed");
    if (status < KST_OK || status > KST_FATAL)
      return misbehaved("returned an unknown status " + std::to_string(status));
    return status;
  }

 private:
  kst_status misbehaved(const std::string& what) {
    context_.port.fail("the plugin's processor '" + std::string(type_.name) + "' " + what +
                       ": this is a bug of the plugin");
    return KST_FATAL;
  }

  const kst_processor_type& type_;
  kst_context context_;
  void* instance_ = nullptr;  // NULL is a valid instance
  bool created_ = false;
};

}  // namespace

const kst_host& host_table() {
  static constexpr kst_host table = {sizeof(kst_host), KST_ABI_MAJOR, KST_ABI_MINOR, forward, fail, drop,
                                     scratch,          extension};
  return table;
}

Result<std::unique_ptr<Processor>> make_processor(const kst_processor_type& type, std::string_view config_json,
                                                  ProcessorContext& context) {
  auto processor = std::make_unique<PluginProcessor>(type, context);
  KSTREAMD_TRY(processor->create(config_json));
  return std::unique_ptr<Processor>(std::move(processor));
}

}  // namespace kstreamd
