#include "core/plugin_host/host_table.h"

#include <kstreamd/abi/log.h>
#include <kstreamd/abi/schedule.h>
#include <kstreamd/abi/task.h>

#include <cstring>
#include <string>

#include "core/ports/completions.h"

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
kst_status output(kst_context* context, const char* name, size_t size, uint32_t* number) noexcept {
  return context->port.output({name, size}, *number);
}
void fail(kst_context* context, const char* message, size_t size) noexcept {
  if (context->create_message)
    context->create_message->assign(message, size);
  else
    context->port.fail({message, size});
}
void fail_with(kst_context* context, const std::string& message) noexcept {
  fail(context, message.data(), message.size());
}
void drop(kst_context* context, const char* reason, size_t count) noexcept { context->port.drop(reason, count); }
void* scratch(kst_context* context, size_t size) noexcept { return context->port.scratch(size); }

// ---- Stores

// The store of a number if it is of the kind of T; else null, with the message set.
template <typename T>
T* access(kst_context* context, uint32_t index, uint32_t kind, const char* what) noexcept {
  ProcessorStore* store = context->port.store(index);
  if (store && store->kind() == kind) [[likely]]
    return static_cast<T*>(store);
  const std::string number = "store " + std::to_string(index);
  fail_with(context, store ? number + " of the node is no " + what + " store"
                           : "the node has no " + number + ": its `stores` in the topology are numbered from 0");
  return nullptr;
}
KeyValueAccess* key_value(kst_context* context, uint32_t store) noexcept {
  return access<KeyValueAccess>(context, store, KST_STORE_KEY_VALUE, "key-value");
}
WindowAccess* window(kst_context* context, uint32_t store) noexcept {
  return access<WindowAccess>(context, store, KST_STORE_WINDOW, "window");
}
SessionAccess* session(kst_context* context, uint32_t store) noexcept {
  return access<SessionAccess>(context, store, KST_STORE_SESSION, "session");
}

uint32_t store_kind(kst_context* context, uint32_t index) noexcept {
  const ProcessorStore* store = context->port.store(index);
  return store ? store->kind() : uint32_t{KST_STORE_ANY};
}
uint64_t approximate_rows(kst_context* context, uint32_t index) noexcept {
  const ProcessorStore* store = context->port.store(index);
  return store ? store->approximate_rows() : 0;
}
kst_status get_many(kst_context* context, uint32_t store, kst_store_row* rows, size_t count) noexcept {
  auto* to = key_value(context, store);
  return to ? to->get_many({rows, count}) : KST_FATAL;
}
kst_status put_many(kst_context* context, uint32_t store, const kst_store_row* rows, size_t count) noexcept {
  auto* to = key_value(context, store);
  return to ? to->put_many({rows, count}) : KST_FATAL;
}
kst_status put_if_absent_many(kst_context* context, uint32_t store, kst_store_row* rows, size_t count) noexcept {
  auto* to = key_value(context, store);
  return to ? to->put_if_absent_many({rows, count}) : KST_FATAL;
}
kst_status delete_many(kst_context* context, uint32_t store, kst_store_row* rows, size_t count) noexcept {
  auto* to = key_value(context, store);
  return to ? to->delete_many({rows, count}) : KST_FATAL;
}
kst_status scan(kst_context* context, uint32_t store, const kst_key_range* ranges, size_t count, int reverse,
                void* visitor, kst_row_visitor visit) noexcept {
  auto* to = key_value(context, store);
  return to ? to->scan({ranges, count}, reverse != 0, visitor, visit) : KST_FATAL;
}
kst_status prefix_scan(kst_context* context, uint32_t store, const kst_value* prefixes, size_t count, int reverse,
                       void* visitor, kst_row_visitor visit) noexcept {
  auto* to = key_value(context, store);
  return to ? to->prefix_scan({prefixes, count}, reverse != 0, visitor, visit) : KST_FATAL;
}

kst_status window_get_many(kst_context* context, uint32_t store, kst_window_row* rows, size_t count) noexcept {
  auto* to = window(context, store);
  return to ? to->get_many({rows, count}) : KST_FATAL;
}
kst_status window_put_many(kst_context* context, uint32_t store, const kst_window_row* rows, size_t count) noexcept {
  auto* to = window(context, store);
  return to ? to->put_many({rows, count}) : KST_FATAL;
}
kst_status window_scan(kst_context* context, uint32_t store, const kst_window_range* ranges, size_t count, int reverse,
                       void* visitor, kst_window_visitor visit) noexcept {
  auto* to = window(context, store);
  return to ? to->scan({ranges, count}, reverse != 0, visitor, visit) : KST_FATAL;
}

kst_status session_get_many(kst_context* context, uint32_t store, kst_session_row* rows, size_t count) noexcept {
  auto* to = session(context, store);
  return to ? to->get_many({rows, count}) : KST_FATAL;
}
kst_status session_put_many(kst_context* context, uint32_t store, const kst_session_row* rows, size_t count) noexcept {
  auto* to = session(context, store);
  return to ? to->put_many({rows, count}) : KST_FATAL;
}
kst_status session_scan(kst_context* context, uint32_t store, const kst_session_range* ranges, size_t count,
                        int reverse, void* visitor, kst_session_visitor visit) noexcept {
  auto* to = session(context, store);
  return to ? to->scan({ranges, count}, reverse != 0, visitor, visit) : KST_FATAL;
}

// ---- Punctuations and held records

kst_status schedule(kst_context* context, uint32_t kind, int64_t interval, int64_t start, uint64_t* number) noexcept {
  return context->port.schedule(kind, interval, start, *number);
}
void cancel(kst_context* context, uint64_t number) noexcept { context->port.cancel(number); }

kst_status hold(kst_context* context, const kst_record* record, kst_token* token, const kst_record** held) noexcept {
  return context->port.hold(*record, *token, *held);
}
kst_status complete(kst_token token, const uint32_t* outputs, const kst_record* records, size_t count) noexcept {
  return Completions::complete(token, outputs, {records, count});
}
kst_status fail_held(kst_token token, const char* message, size_t size) noexcept {
  return Completions::fail(token, {message, size});
}
kst_status drop_held(kst_token token, const char* reason) noexcept { return Completions::drop(token, reason); }

// ---- The task

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
  static constexpr kst_store_extension store = {
      sizeof(kst_store_extension), store_kind, get_many,    put_many,        put_if_absent_many,
      delete_many,                 scan,       prefix_scan, approximate_rows};
  static constexpr kst_window_store_extension windows = {sizeof(kst_window_store_extension), window_get_many,
                                                         window_put_many, window_scan};
  static constexpr kst_session_store_extension sessions = {sizeof(kst_session_store_extension), session_get_many,
                                                           session_put_many, session_scan};
  static constexpr kst_schedule_extension schedules = {sizeof(kst_schedule_extension), schedule, cancel};
  static constexpr kst_async_extension async = {sizeof(kst_async_extension), hold, complete, fail_held, drop_held};
  static constexpr kst_task_extension task = {
      sizeof(kst_task_extension), application_id, task_id, node_name, stream_time, wall_time, request_commit};
  static constexpr kst_log_extension log = {sizeof(kst_log_extension), write_log};
  struct Entry {
    const char* id;
    uint32_t revision;
    const void* table;
  };
  static constexpr Entry entries[] = {{KST_STORE_EXTENSION, KST_STORE_REVISION, &store},
                                      {KST_WINDOW_STORE_EXTENSION, KST_WINDOW_STORE_REVISION, &windows},
                                      {KST_SESSION_STORE_EXTENSION, KST_SESSION_STORE_REVISION, &sessions},
                                      {KST_SCHEDULE_EXTENSION, KST_SCHEDULE_REVISION, &schedules},
                                      {KST_ASYNC_EXTENSION, KST_ASYNC_REVISION, &async},
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

  kst_status init() override {
    return type_.init ? call([&] { return type_.init(instance_); }) : KST_OK;
  }

  kst_status process(std::span<const Record> records, size_t& done) override {
    const kst_status status = call([&] { return type_.process(instance_, records.data(), records.size(), &done); });
    if (status == KST_RECORD_ERROR && done >= records.size())
      return misbehaved("said that record " + std::to_string(done) + " of a batch of " +
                        std::to_string(records.size()) + " failed");
    return status;
  }

  kst_status punctuate(uint64_t schedule, int64_t timestamp) override {
    if (!type_.punctuate) return misbehaved("scheduled a punctuation, but has no punctuate function");
    return call([&] { return type_.punctuate(instance_, schedule, timestamp); });
  }

 private:
  // What the plugin's function answers, when that is a status at all.
  template <typename Function>
  kst_status call(Function function) {
    kst_status status;
    try {
      status = function();
    } catch (...) {
      return misbehaved("threw a C++ exception across the plugin ABI");
    }
    if (status >= KST_OK && status <= KST_FATAL) [[likely]]
      return status;
    return misbehaved("returned an unknown status " + std::to_string(status));
  }
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
  static constexpr kst_host table = {sizeof(kst_host), KST_ABI_MAJOR, KST_ABI_MINOR, forward, output, fail,
                                     drop,             scratch,       extension};
  return table;
}

Result<std::unique_ptr<Processor>> make_processor(const kst_processor_type& type, std::string_view config_json,
                                                  ProcessorContext& context) {
  auto processor = std::make_unique<PluginProcessor>(type, context);
  KSTREAMD_TRY(processor->create(config_json));
  return std::unique_ptr<Processor>(std::move(processor));
}

}  // namespace kstreamd
