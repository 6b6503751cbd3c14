#include "core/plugin_host/host_table.h"

#include <kstreamd/abi/log.h>
#include <kstreamd/abi/schedule.h>
#include <kstreamd/abi/task.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "core/base/log.h"
#include "core/plugin_host/plugin_context.h"
#include "core/ports/completions.h"
#include "kstreamd/sdk/progress.h"
#include "kstreamd/sdk/serdes.h"
#include "kstreamd/sdk/store_bytes.h"

namespace kstreamd {
namespace {

// noexcept: nothing may cross the boundary, and a task that cannot even note an error has no way to go on.

// PortCall asks whether the function may be called where it is.

kst_status forward(kst_context* context, uint32_t output, const kst_record* records, size_t count) noexcept {
  const PortCall port(kInForward, context, "forward");
  return port ? port->forward(output, {records, count}) : KST_FATAL;
}
kst_status output(kst_context* context, const char* name, size_t size, uint32_t* number) noexcept {
  const PortCall port(kInAny, context, "output");
  return port ? port->output({name, size}, *number) : KST_FATAL;
}
void fail(kst_context* context, const char* message, size_t size) noexcept {
  if (const PortCall port{kInFailing, context, "fail"}) set_failure(context, {message, size});
}
void drop(kst_context* context, const char* reason, size_t count) noexcept {
  if (const PortCall port{kInTask, context, "drop"}) port->drop(reason, count);
}
void* scratch(kst_context* context, size_t size) noexcept {
  if (const PortCall port{kInTask, context, "scratch"}) return port->scratch(size);
  // It is promised never to be NULL; nobody knows until when this is used.
  void* memory = std::aligned_alloc(16, (size + 15) & ~size_t{15});
  return memory ? memory : (std::abort(), nullptr);
}

// ---- Stores

// The class of each kind, and what messages call it.
template <typename T>
struct Kind;
template <>
struct Kind<KeyValueAccess> {
  static constexpr uint32_t number = KST_STORE_KEY_VALUE;
  static constexpr const char* name = "key-value";
};
template <>
struct Kind<WindowAccess> {
  static constexpr uint32_t number = KST_STORE_WINDOW;
  static constexpr const char* name = "window";
};
template <>
struct Kind<SessionAccess> {
  static constexpr uint32_t number = KST_STORE_SESSION;
  static constexpr const char* name = "session";
};
template <>
struct Kind<VersionedAccess> {
  static constexpr uint32_t number = KST_STORE_VERSIONED;
  static constexpr const char* name = "versioned";
};

// Calls `use` with the store of a number, if it is of the kind of T; else KST_FATAL, with the message set.
template <typename T, typename Use>
kst_status with_store(kst_context* context, uint32_t index, Use use) {
  const PortCall port(kInTask, context, "a function of a store");
  if (!port) return KST_FATAL;
  ProcessorStore* store = port->store(index);
  if (store && store->kind() == Kind<T>::number) [[likely]]
    return use(static_cast<T&>(*store));
  const std::string number = "store " + std::to_string(index);
  set_failure(context, store ? number + " of the node is no " + Kind<T>::name + " store"
                             : "the node has no " + number + ": its `stores` in the topology are numbered from 0");
  return KST_FATAL;
}

// A visitor of the plugin, called by a store: what it allocates is the plugin's again.
template <typename Row>
class Visitor {
 public:
  using Function = int (*)(void*, size_t, const Row*);
  Visitor(kst_context* context, void* visitor, Function visit)
      : meter_(context->meter), visitor_(visitor), visit_(visit) {}
  void* argument() { return meter_ ? this : visitor_; }
  Function function() const { return meter_ ? metered : visit_; }

 private:
  static int metered(void* self, size_t range, const Row* row) {
    auto& mine = *static_cast<Visitor*>(self);
    mine.meter_->enter();
    const int answer = mine.visit_(mine.visitor_, range, row);
    mine.meter_->leave();
    return answer;
  }
  HeapMeter* const meter_;
  void* const visitor_;
  const Function visit_;
};

uint32_t store_kind(kst_context* context, uint32_t index) noexcept {
  const PortCall port(kInTask, context, "a function of a store");
  const ProcessorStore* store = port ? port->store(index) : nullptr;
  return store ? store->kind() : uint32_t{KST_STORE_ANY};
}
uint64_t approximate_rows(kst_context* context, uint32_t index) noexcept {
  const PortCall port(kInTask, context, "a function of a store");
  const ProcessorStore* store = port ? port->store(index) : nullptr;
  return store ? store->approximate_rows() : 0;
}
kst_status get_many(kst_context* context, uint32_t store, kst_store_row* rows, size_t count) noexcept {
  return with_store<KeyValueAccess>(context, store, [&](auto& to) { return to.get_many({rows, count}); });
}
kst_status put_many(kst_context* context, uint32_t store, const kst_store_row* rows, size_t count) noexcept {
  return with_store<KeyValueAccess>(context, store, [&](auto& to) { return to.put_many({rows, count}); });
}
kst_status put_if_absent_many(kst_context* context, uint32_t store, kst_store_row* rows, size_t count) noexcept {
  return with_store<KeyValueAccess>(context, store, [&](auto& to) { return to.put_if_absent_many({rows, count}); });
}
kst_status delete_many(kst_context* context, uint32_t store, kst_store_row* rows, size_t count) noexcept {
  return with_store<KeyValueAccess>(context, store, [&](auto& to) { return to.delete_many({rows, count}); });
}
kst_status scan(kst_context* context, uint32_t store, const kst_key_range* ranges, size_t count, int reverse,
                void* visitor, kst_row_visitor visit) noexcept {
  return with_store<KeyValueAccess>(context, store, [&](auto& to) {
    Visitor<kst_store_row> each(context, visitor, visit);
    return to.scan({ranges, count}, reverse != 0, each.argument(), each.function());
  });
}
kst_status prefix_scan(kst_context* context, uint32_t store, const kst_value* prefixes, size_t count, int reverse,
                       void* visitor, kst_row_visitor visit) noexcept {
  return with_store<KeyValueAccess>(context, store, [&](auto& to) {
    Visitor<kst_store_row> each(context, visitor, visit);
    return to.prefix_scan({prefixes, count}, reverse != 0, each.argument(), each.function());
  });
}

kst_status window_get_many(kst_context* context, uint32_t store, kst_window_row* rows, size_t count) noexcept {
  return with_store<WindowAccess>(context, store, [&](auto& to) { return to.get_many({rows, count}); });
}
kst_status window_put_many(kst_context* context, uint32_t store, const kst_window_row* rows, size_t count) noexcept {
  return with_store<WindowAccess>(context, store, [&](auto& to) { return to.put_many({rows, count}); });
}
kst_status window_scan(kst_context* context, uint32_t store, const kst_window_range* ranges, size_t count, int reverse,
                       void* visitor, kst_window_visitor visit) noexcept {
  return with_store<WindowAccess>(context, store, [&](auto& to) {
    Visitor<kst_window_row> each(context, visitor, visit);
    return to.scan({ranges, count}, reverse != 0, each.argument(), each.function());
  });
}

kst_status session_get_many(kst_context* context, uint32_t store, kst_session_row* rows, size_t count) noexcept {
  return with_store<SessionAccess>(context, store, [&](auto& to) { return to.get_many({rows, count}); });
}
kst_status session_put_many(kst_context* context, uint32_t store, const kst_session_row* rows, size_t count) noexcept {
  return with_store<SessionAccess>(context, store, [&](auto& to) { return to.put_many({rows, count}); });
}
kst_status session_scan(kst_context* context, uint32_t store, const kst_session_range* ranges, size_t count,
                        int reverse, void* visitor, kst_session_visitor visit) noexcept {
  return with_store<SessionAccess>(context, store, [&](auto& to) {
    Visitor<kst_session_row> each(context, visitor, visit);
    return to.scan({ranges, count}, reverse != 0, each.argument(), each.function());
  });
}

kst_status version_get_many(kst_context* context, uint32_t store, kst_version_row* rows, size_t count) noexcept {
  return with_store<VersionedAccess>(context, store, [&](auto& to) { return to.get_many({rows, count}); });
}
kst_status version_put_many(kst_context* context, uint32_t store, kst_version_row* rows, size_t count) noexcept {
  return with_store<VersionedAccess>(context, store, [&](auto& to) { return to.put_many({rows, count}); });
}
kst_status version_delete_many(kst_context* context, uint32_t store, kst_version_row* rows, size_t count) noexcept {
  return with_store<VersionedAccess>(context, store, [&](auto& to) { return to.delete_many({rows, count}); });
}
kst_status version_scan(kst_context* context, uint32_t store, const kst_version_range* ranges, size_t count,
                        int reverse, void* visitor, kst_version_visitor visit) noexcept {
  return with_store<VersionedAccess>(context, store, [&](auto& to) {
    Visitor<kst_version_row> each(context, visitor, visit);
    return to.scan({ranges, count}, reverse != 0, each.argument(), each.function());
  });
}

kst_status store_write(kst_context* context, uint32_t store, uint32_t part, const kst_value* value, const char** bytes,
                       size_t* size) noexcept {
  const PortCall port(kInTask, context, "a function of a store");
  if (!port) return KST_FATAL;
  std::string_view written;
  const kst_status status = port->to_stored(store, part, *value, written);
  *bytes = written.data();
  *size = written.size();
  return status;
}
kst_status store_read(kst_context* context, uint32_t store, uint32_t part, const char* bytes, size_t size,
                      kst_value* value) noexcept {
  const PortCall port(kInTask, context, "a function of a store");
  return port ? port->from_stored(store, part, {bytes, size}, *value) : KST_FATAL;
}

// ---- Serdes

const void* serde_find(kst_context* context, const char* name, size_t size) noexcept {
  const PortCall port(kInTask, context, "a function of a serde");
  return port ? port->find_serde({name, size}) : nullptr;
}
kst_status serde_write(kst_context* context, const void* serde, const kst_value* value, const char** bytes,
                       size_t* size) noexcept {
  const PortCall port(kInTask, context, "a function of a serde");
  if (!port) return KST_FATAL;
  std::string_view written;
  const kst_status status = port->to_bytes(*static_cast<const Serde*>(serde), *value, written);
  *bytes = written.data();
  *size = written.size();
  return status;
}
kst_status serde_read(kst_context* context, const void* serde, const char* bytes, size_t size,
                      kst_value* value) noexcept {
  const PortCall port(kInTask, context, "a function of a serde");
  return port ? port->from_bytes(*static_cast<const Serde*>(serde), {bytes, size}, *value) : KST_FATAL;
}

// ---- Punctuations and held records

kst_status schedule(kst_context* context, uint32_t kind, int64_t interval, int64_t start, uint64_t* number) noexcept {
  const PortCall port(kInTask, context, "schedule");
  return port ? port->schedule(kind, interval, start, *number) : KST_FATAL;
}
void cancel(kst_context* context, uint64_t number) noexcept {
  if (const PortCall port{kInTask, context, "cancel"}) port->cancel(number);
}

kst_status hold(kst_context* context, const kst_record* record, kst_token* token, const kst_record** held) noexcept {
  const PortCall port(call_bit(CallKind::process), context, "hold");
  return port ? port->hold(*record, *token, *held) : KST_FATAL;
}
kst_status complete(kst_token token, const uint32_t* outputs, const kst_record* records, size_t count) noexcept {
  const HostWork host;
  return Completions::complete(token, outputs, {records, count});
}
kst_status fail_held(kst_token token, const char* message, size_t size) noexcept {
  const HostWork host;
  return Completions::fail(token, {message, size});
}
kst_status drop_held(kst_token token, const char* reason) noexcept {
  const HostWork host;
  return Completions::drop(token, reason);
}

// ---- The task

// Names stay with the context, also when it is closed.
const char* application_id(kst_context* context) noexcept { return context->topology.c_str(); }
const char* task_id(kst_context* context) noexcept { return context->task.c_str(); }
const char* node_name(kst_context* context) noexcept { return context->node.c_str(); }
int64_t stream_time(kst_context* context) noexcept {
  const PortCall port(kInTask, context, "stream_time");
  return port ? port->stream_time() : -1;
}
int64_t wall_time(kst_context* context) noexcept {
  const PortCall port(kInAny, context, "wall_time");
  return port ? port->wall_time() : 0;
}
int64_t* find_progress(kst_context* context, const char* name, size_t size) noexcept {
  const PortCall port(call_bit(CallKind::init), context, "find");
  return port ? port->progress({name, size}) : nullptr;
}
int64_t* find_store_progress(kst_context* context, uint32_t store) noexcept {
  const PortCall port(call_bit(CallKind::init), context, "find_of_store");
  return port ? port->store_progress(store) : nullptr;
}
void request_commit(kst_context* context) noexcept {
  if (const PortCall port{kInTask, context, "request_commit"}) port->request_commit();
}

void write_log(kst_context* context, int level, const char* message, size_t size) noexcept {
  const HostWork host;
  const LogLevel known = level <= KST_LOG_DEBUG  ? LogLevel::debug
                         : level == KST_LOG_INFO ? LogLevel::info
                         : level == KST_LOG_WARN ? LogLevel::warn
                                                 : LogLevel::error;
  if (ProcessorContext* port = context->port.load(std::memory_order_acquire)) return port->log(known, {message, size});
  // What it has to say is worth hearing even then.
  log(known, std::string_view(message, size),
      {{"topology", context->topology}, {"task", context->task}, {"node", context->node}});
}

kst_status metric_make(kst_context* context, uint32_t kind, const char* name, const char* help,
                       kst_metric** metric) noexcept {
  return make_metric(context, kind, name, help, metric);
}
void metric_record(kst_metric* metric, double value) noexcept { record_metric(metric, value); }

const void* extension(const char* id, uint32_t revision) noexcept {
  static constexpr kst_store_extension store = {sizeof(kst_store_extension),
                                                store_kind,
                                                get_many,
                                                put_many,
                                                put_if_absent_many,
                                                delete_many,
                                                scan,
                                                prefix_scan,
                                                approximate_rows};
  static constexpr kst_window_store_extension windows = {sizeof(kst_window_store_extension), window_get_many,
                                                         window_put_many, window_scan};
  static constexpr kst_session_store_extension sessions = {sizeof(kst_session_store_extension), session_get_many,
                                                           session_put_many, session_scan};
  static constexpr kst_versioned_store_extension versions = {sizeof(kst_versioned_store_extension), version_get_many,
                                                             version_put_many, version_delete_many, version_scan};
  static constexpr kst_schedule_extension schedules = {sizeof(kst_schedule_extension), schedule, cancel};
  static constexpr kst_async_extension async = {sizeof(kst_async_extension), hold, complete, fail_held, drop_held};
  static constexpr kst_task_extension task = {
      sizeof(kst_task_extension), application_id, task_id, node_name, stream_time, wall_time, request_commit};
  static constexpr kst_log_extension log = {sizeof(kst_log_extension), write_log};
  static constexpr kst_metrics_extension metrics = {sizeof(kst_metrics_extension), metric_make, metric_record};
  static constexpr StoreBytesExtension store_bytes = {sizeof(StoreBytesExtension), store_write, store_read};
  static constexpr SerdesExtension serdes = {sizeof(SerdesExtension), serde_find, serde_write, serde_read};
  static constexpr ProgressExtension progress = {sizeof(ProgressExtension), find_progress, find_store_progress};
  struct Entry {
    const char* id;
    uint32_t revision;
    const void* table;
  };
  static constexpr Entry entries[] = {{KST_STORE_EXTENSION, KST_STORE_REVISION, &store},
                                      {KST_WINDOW_STORE_EXTENSION, KST_WINDOW_STORE_REVISION, &windows},
                                      {KST_SESSION_STORE_EXTENSION, KST_SESSION_STORE_REVISION, &sessions},
                                      {KST_VERSIONED_STORE_EXTENSION, KST_VERSIONED_STORE_REVISION, &versions},
                                      {KST_SCHEDULE_EXTENSION, KST_SCHEDULE_REVISION, &schedules},
                                      {KST_ASYNC_EXTENSION, KST_ASYNC_REVISION, &async},
                                      {KST_TASK_EXTENSION, KST_TASK_REVISION, &task},
                                      {KST_LOG_EXTENSION, KST_LOG_REVISION, &log},
                                      {KST_METRICS_EXTENSION, KST_METRICS_REVISION, &metrics},
                                      {StoreBytesExtension::kId, StoreBytesExtension::kRevision, &store_bytes},
                                      {SerdesExtension::kId, SerdesExtension::kRevision, &serdes},
                                      {ProgressExtension::kId, ProgressExtension::kRevision, &progress}};
  for (const auto& entry : entries)
    if (std::strcmp(entry.id, id) == 0 && entry.revision == revision) return entry.table;
  return nullptr;
}

}  // namespace

const kst_host& host_table() {
  static constexpr kst_host table = {sizeof(kst_host), KST_ABI_MAJOR, KST_ABI_MINOR, forward, output, fail, drop,
                                     scratch,          extension};
  return table;
}

}  // namespace kstreamd
