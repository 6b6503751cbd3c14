// What a processor can ask of its task: hand records on, hold or drop them, memory, stores, schedules, time, names, the
// log, metrics.
#pragma once
#include <kstreamd/abi/plugin.h>
#include <kstreamd/sdk/errors.h>
#include <kstreamd/sdk/extensions.h>
#include <kstreamd/sdk/held.h>
#include <kstreamd/sdk/memory.h>
#include <kstreamd/sdk/metrics.h>
#include <kstreamd/sdk/output.h>
#include <kstreamd/sdk/schedule.h>
#include <kstreamd/sdk/typed.h>
#include <kstreamd/sdk/value.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace kstreamd::sdk {

enum class Log { debug = KST_LOG_DEBUG, info = KST_LOG_INFO, warn = KST_LOG_WARN, error = KST_LOG_ERROR };

namespace detail {
struct Barrier;
class StoreHandle;
}  // namespace detail
class RawKeyValueStore;
class RawWindowStore;
class RawSessionStore;
class RawVersionedStore;
template <typename K, typename V>
class KeyValueStore;
template <typename K, typename V>
class WindowStore;
template <typename K, typename V>
class SessionStore;
template <typename K, typename V>
class VersionedStore;

// One node of one task, as its processor sees it. Made by the SDK before the processor and destroyed after it; the
// processor may keep a reference. Used only inside the calls into the processor, by one thread at a time.
//
// Functions are tagged with the calls in which they may be used: [process], [init] (not yet in the constructor) and so
// on; without a tag in all of them, the constructor included. A host call that does not succeed throws StopProcessing:
// let it pass.
class Context {
 public:
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // ---- Records out. A processor with kMaxInFlight does this by completing what it holds; see hold().

  // Hands one record to the children of an output. Its memory may be reused when this returns: what does not belong to
  // the record being processed or to memory() is copied if it has to wait. Records reach the children in the order of
  // these calls per output; across outputs too wherever the topology can tell the difference. A record made from
  // nothing gets the origin of the one being processed. [process, punctuate]
  void forward(const Record& record, Output output = {}) {
    if (batch_.size() <= 1 && (record.origin || batch_.empty())) [[likely]]
      return check(host_.forward(context_, output.number, &record, 1));
    Record kept = record;
    if (!kept.origin && index_ < batch_.size()) kept.origin = batch_[index_].origin;
    if (batch_.size() <= 1) return check(host_.forward(context_, output.number, &kept, 1));
    keep(kept);
    collect(output.number, kept);
  }
  template <typename K, typename V>
  void forward(const Typed<K, V>& record, Output output = {}) {
    forward(detail::encode_record(record, memory_), output);
  }

  // The same without a copy: whatever the record points to stays as it is until the call returns (memory of any of the
  // batch's records, of memory(), of a store's values, of constants), and so does its origin. [process, punctuate]
  void forward_borrowed(const Record& record, Output output = {}) {
    if (batch_.size() <= 1) return check(host_.forward(context_, output.number, &record, 1));
    collect(output.number, record);
  }

  // Hands records on at once, after those collected for this output. [process, punctuate]
  void forward(Output output, std::span<const Record> records) {
    check(flush(output.number));
    if (!records.empty()) check(host_.forward(context_, output.number, records.data(), records.size()));
  }

  // An output by its name in kOutputs, or one child of the node by its name in the topology, which then gets the
  // records alone. For the constructor or init: names are looked up once.
  Output output(std::string_view name) {
    uint32_t number = 0;
    check(host_.output(context_, name.data(), name.size(), &number));
    return {number};
  }

  // For processors of batches: says that records[index] is the one being processed, so that an exception is put down to
  // it; what was forwarded before still reaches the children. [process]
  void processing(size_t index) { index_ = index; }

  // Counts records as dropped; `reason` is a word of [a-z_]+ and shows in the metrics. [init, process, punctuate]
  void drop(const char* reason, size_t count = 1) { host_.drop(context_, reason, count); }

  // ---- Records held: for processors with kMaxInFlight. See held.h.

  // Holds a record of the batch at hand, to be finished later by any thread. [process]
  Held hold(const Record& record) {
    const kst_async_extension& async = extensions_.async.of(host_);
    kst_token token{};
    const Record* held = nullptr;
    check(async.hold(context_, &record, &token, &held));
    return Held(async, token, held);
  }
  template <typename K, typename V>
  Held hold(const Typed<K, V>& record) {
    if (!record.source) throw FatalError("only a record that came in can be held, not one that the processor made");
    return hold(*record.source);
  }
  // All of them, in order: records of the batch, typed or not. [process]
  template <typename R>
  std::vector<Held> hold_all(std::span<const R> records) {
    std::vector<Held> held;
    held.reserve(records.size());
    for (const R& record : records) held.push_back(hold(record));
    return held;
  }

  // ---- Memory

  // Room until the call into the processor returns. [init, process, punctuate]
  Memory& memory() { return memory_; }
  // Room for `n` values of T there, uninitialized. [init, process, punctuate]
  template <typename T>
  T* scratch(size_t n) {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= 16);
    return static_cast<T*>(allocate(n * sizeof(T), alignof(T)));
  }
  // A copy of the bytes there. [init, process, punctuate]
  std::string_view copy(std::string_view bytes) {
    if (bytes.empty()) return {"", 0};
    auto* to = static_cast<char*>(allocate(bytes.size(), 1));
    std::memcpy(to, bytes.data(), bytes.size());
    return {to, bytes.size()};
  }

  // ---- Stores: the node's store number `index`, in the order of kStores and of `stores:` in the topology. Handles may
  // be made in the constructor; they work in [init, process, punctuate]. Include store.h, window_store.h,
  // session_store.h, versioned_store.h, or plugin.h, which has them all.

  template <typename K, typename V>
  KeyValueStore<K, V> store(uint32_t index) {
    return KeyValueStore<K, V>(*this, index);
  }
  template <typename K, typename V>
  WindowStore<K, V> window_store(uint32_t index) {
    return WindowStore<K, V>(*this, index);
  }
  template <typename K, typename V>
  SessionStore<K, V> session_store(uint32_t index) {
    return SessionStore<K, V>(*this, index);
  }
  template <typename K, typename V>
  VersionedStore<K, V> versioned_store(uint32_t index) {
    return VersionedStore<K, V>(*this, index);
  }
  // The same for values of any type.
  RawKeyValueStore store(uint32_t index);
  RawWindowStore window_store(uint32_t index);
  RawSessionStore session_store(uint32_t index);
  RawVersionedStore versioned_store(uint32_t index);

  // ---- Time

  // Has punctuate called every `interval`, of 1 ms or more. The first time is `start`, in ms since 1970 (where the wall
  // clock is past it, the first step of the interval that is not); without it stream time counts from 0, so that it
  // fires with the first record, and the wall clock waits for one interval. Missed times are not caught up. The class
  // needs `void punctuate(const Schedule&, int64_t timestamp, Context&)`. [init, process, punctuate]
  Schedule every(Clock clock, std::chrono::milliseconds interval, std::optional<int64_t> start = std::nullopt) {
    if (!ready_) throw FatalError("schedules are made in init(Context&) or later, not in the constructor");
    if (!punctuates_)
      throw FatalError(
          "the processor asks for punctuations, but its class has no public `void punctuate(const sdk::Schedule&, "
          "int64_t timestamp, sdk::Context&)`");
    const kst_schedule_extension& functions = extensions_.schedule.of(host_);
    uint64_t number = 0;
    check(functions.schedule(context_, static_cast<uint32_t>(clock), interval.count(), start.value_or(KST_NO_START),
                             &number));
    return Schedule(&functions, context_, number);
  }

  // The greatest record timestamp the task has taken up, ms: at a record that is being processed up to and including
  // that record, however batches are cut; -1 before the first record. [init, process, punctuate]
  int64_t stream_time() {
    if (index_ < batch_.size() && batch_[index_].origin) return batch_[index_].origin->stream_time;
    return task().stream_time(context_);
  }
  // The wall clock, ms since 1970. Results that depend on it are not deterministic.
  int64_t wall_time() { return task().wall_time(context_); }

  // ---- The task

  std::string_view application_id() { return task().application_id(context_); }
  std::string_view task_id() { return task().task_id(context_); }
  std::string_view node_name() { return task().node_name(context_); }
  // Asks for a commit soon after this batch. [init, process, punctuate]
  void request_commit() { task().request_commit(context_); }

  // One line to the daemon's log; topology, task and node are added there. [any thread, if it was called once before by
  // the processor's own]
  void log(Log level, std::string_view text) {
    extensions_.log.of(host_).write(context_, static_cast<int>(level), text.data(), text.size());
  }

  // Metrics of the node's own, shown as kstreamd_plugin_<name> (a counter as ..._total); `name` is [a-z][a-z0-9_]* with
  // its unit, `help` one line. The same name gives the same metric. [constructor, init]
  Counter counter(const char* name, const char* help) { return metric<Counter>(KST_COUNTER, name, help); }
  Gauge gauge(const char* name, const char* help) { return metric<Gauge>(KST_GAUGE, name, help); }
  Histogram histogram(const char* name, const char* help) { return metric<Histogram>(KST_HISTOGRAM, name, help); }

 private:
  friend struct detail::Barrier;
  friend class detail::StoreHandle;

  class Scratch final : public Memory {
   public:
    explicit Scratch(Context& context) : context_(context) {}
    void* allocate(size_t size) override { return context_.allocate(size, 16); }

   private:
    Context& context_;
  };

  static constexpr size_t kCollectAtMost = 1024;  // records of one output that wait to be forwarded together
  static constexpr size_t kScratchChunk = 2048;

  Context(const kst_host& host, kst_context* context, bool punctuates)
      : host_(host), context_(context), punctuates_(punctuates) {}

  // The host said something else than KST_OK. Remembered, in case that the exception is swallowed on its way.
  void check(kst_status status) {
    if (status == KST_OK) [[likely]]
      return;
    status_ = status;
    throw StopProcessing(status);
  }

  const kst_task_extension& task() { return extensions_.task.of(host_); }

  template <typename M>
  M metric(uint32_t kind, const char* name, const char* help) {
    const kst_metrics_extension& functions = extensions_.metrics.of(host_);
    kst_metric* made = nullptr;
    check(functions.make(context_, kind, name, help, &made));
    return M(functions, made);
  }

  void collect(uint32_t output, const Record& record) {
    if (output >= collected_.size()) collected_.resize(output + 1);
    auto& records = collected_[output];
    records.push_back(record);
    if (records.size() >= kCollectAtMost) check(flush(output));
  }

  kst_status flush(uint32_t output) noexcept {
    if (output >= collected_.size() || collected_[output].empty()) return KST_OK;
    auto& records = collected_[output];
    const kst_status status = host_.forward(context_, output, records.data(), records.size());
    records.clear();
    return status;
  }
  kst_status flush() noexcept {
    for (uint32_t output = 0; output < collected_.size(); ++output)
      if (const kst_status status = flush(output); status != KST_OK) return status;
    return KST_OK;
  }

  // Copies what the record points to unless it is known to stay until the call returns.
  void keep(Record& record) {
    keep(record.key);
    keep(record.value);
    const Record* current = index_ < batch_.size() ? &batch_[index_] : nullptr;
    if (record.header_count == 0 || (current && record.headers == current->headers)) return;
    auto* headers = scratch<Header>(record.header_count);
    for (uint32_t i = 0; i < record.header_count; ++i) {
      const Header& from = record.headers[i];
      headers[i] = from;
      headers[i].name = copy({from.name, from.name_size}).data();
      if (from.value) headers[i].value = copy({static_cast<const char*>(from.value), from.value_size}).data();
    }
    record.headers = headers;
  }
  void keep(Value& value) {
    if (value.type == KST_OBJECT) {
      if (index_ < batch_.size() &&
          (same_object(value, batch_[index_].value) || same_object(value, batch_[index_].key)))
        return;
      kept_objects_.push_back(value.u.object);
      value.u.object->type->retain(value.u.object);
    } else if ((has_data(value) || value.type == KST_WINDOWED) && value.size != 0 && !stays(value.u.data)) {
      value.u.data = copy({value.u.data, value.size}).data();
    }
  }
  static bool same_object(const Value& a, const Value& b) { return b.type == KST_OBJECT && a.u.object == b.u.object; }
  bool stays(const char* data) const {
    if (data >= chunk_ && data < next_) return true;
    if (index_ >= batch_.size()) return false;
    return inside(batch_[index_].value, data) || inside(batch_[index_].key, data);
  }
  static bool inside(const Value& value, const char* data) {
    return (has_data(value) || value.type == KST_WINDOWED) && data >= value.u.data && data < value.u.data + value.size;
  }

  void* allocate(size_t size, size_t alignment) {
    const size_t pad = (alignment - reinterpret_cast<uintptr_t>(next_) % alignment) % alignment;
    if (static_cast<size_t>(end_ - next_) < size + pad) {
      const size_t chunk = std::max(size, kScratchChunk);
      chunk_ = next_ = static_cast<char*>(host_.scratch(context_, chunk));
      end_ = chunk_ + chunk;
    } else {
      next_ += pad;
    }
    char* at = next_;
    next_ += size;
    return at;
  }

  // Constant after construction of the processor.
  const kst_host& host_;
  kst_context* const context_;
  const bool punctuates_;
  bool ready_ = false;  // the constructor has returned

  detail::Extensions extensions_;
  Scratch memory_{*this};

  // Of the call into the processor that is running.
  std::span<const Record> batch_;
  size_t index_ = RecordError::kCurrent;  // of the record being processed; kCurrent: not said
  kst_status status_ = KST_OK;
  char* chunk_ = nullptr;  // scratch: chunk_ <= next_ <= end_
  char* next_ = nullptr;
  char* end_ = nullptr;
  std::vector<std::vector<Record>> collected_;   // by output, in order; the room is reused
  std::vector<const kst_object*> kept_objects_;  // one owner each, for collected records
};

}  // namespace kstreamd::sdk
