// What a processor can ask of its task: hand records on, drop them, scratch memory, stores, time, names, the log.
#pragma once
#include <kstreamd/abi/log.h>
#include <kstreamd/abi/plugin.h>
#include <kstreamd/abi/store.h>
#include <kstreamd/abi/task.h>
#include <kstreamd/sdk/errors.h>
#include <kstreamd/sdk/value.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace kstreamd::sdk {

using Row = kst_store_row;  // key, value (null: no such row), timestamp in ms

enum class Log { debug = KST_LOG_DEBUG, info = KST_LOG_INFO, warn = KST_LOG_WARN, error = KST_LOG_ERROR };

namespace detail {
struct Barrier;
}
class KeyValueStore;

// One node of one task, as its processor sees it. Made by the SDK before the processor and destroyed after it; the
// processor may keep a reference. Used only inside the calls into the processor, by one thread at a time.
//
// Functions tagged [process] may be called only while process() runs. A host call that does not succeed throws
// StopProcessing: let it pass.
class Context {
 public:
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // Hands one record to the children of an output. Its memory may be reused when this returns: what does not belong to
  // the record being processed or to scratch is copied if it has to wait. Records reach the children in the order of
  // these calls per output; across outputs too wherever the topology can tell the difference. [process]
  void forward(const Record& record, uint32_t output = 0) {
    if (batch_.size() == 1) return check(host_.forward(context_, output, &record, 1));
    Record kept = record;
    keep(kept);
    collect(output, kept);
  }

  // The same without a copy: whatever the record points to stays as it is until process() returns (memory of any of the
  // batch's records, of scratch, of a store's values, of constants). [process]
  void forward_borrowed(const Record& record, uint32_t output = 0) {
    if (batch_.size() == 1) return check(host_.forward(context_, output, &record, 1));
    collect(output, record);
  }

  // Hands records on at once, after those collected for this output. [process]
  void forward(uint32_t output, std::span<const Record> records) {
    check(flush(output));
    if (!records.empty()) check(host_.forward(context_, output, records.data(), records.size()));
  }

  // For processors of batches: says that records[index] is the one being processed, so that an exception is put down to
  // it; what was forwarded before still reaches the children. [process]
  void processing(size_t index) { index_ = index; }

  // Counts records as dropped; `reason` is a word of [a-z_]+ and shows in the metrics. [process]
  void drop(const char* reason, size_t count = 1) { host_.drop(context_, reason, count); }

  // Room for `n` values of T, uninitialized, until process() returns. [process]
  template <typename T>
  T* scratch(size_t n) {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= 16);
    return static_cast<T*>(allocate(n * sizeof(T), alignof(T)));
  }
  // A copy of the bytes that lives until process() returns. [process]
  std::string_view copy(std::string_view bytes) {
    if (bytes.empty()) return {"", 0};
    auto* to = static_cast<char*>(allocate(bytes.size(), 1));
    std::memcpy(to, bytes.data(), bytes.size());
    return {to, bytes.size()};
  }

  // The node's store number `index`, in the order of `stores:` in the topology.
  KeyValueStore store(uint32_t index);

  // The greatest record timestamp the task has taken up, ms; -1 before the first record. [process]
  int64_t stream_time() const { return task_->stream_time(context_); }
  // The wall clock, ms since 1970. Results that depend on it are not deterministic.
  int64_t wall_time() const { return task_->wall_time(context_); }
  std::string_view application_id() const { return task_->application_id(context_); }
  std::string_view task_id() const { return task_->task_id(context_); }
  std::string_view node_name() const { return task_->node_name(context_); }
  // Asks for a commit soon after this batch. [process]
  void request_commit() { task_->request_commit(context_); }

  // One line to the daemon's log; topology, task and node are added there.
  void log(Log level, std::string_view text) {
    log_->write(context_, static_cast<int>(level), text.data(), text.size());
  }

 private:
  friend struct detail::Barrier;
  friend class KeyValueStore;

  static constexpr size_t kCollectAtMost = 1024;  // records of one output that wait to be forwarded together
  static constexpr size_t kScratchChunk = 2048;

  Context(const kst_host& host, kst_context* context) : host_(host), context_(context) {
    task_ = static_cast<const kst_task_extension*>(host.extension(KST_TASK_EXTENSION, KST_TASK_REVISION));
    log_ = static_cast<const kst_log_extension*>(host.extension(KST_LOG_EXTENSION, KST_LOG_REVISION));
    store_ = static_cast<const kst_store_extension*>(host.extension(KST_STORE_EXTENSION, KST_STORE_REVISION));
    if (!task_ || !log_ || !store_)
      throw FatalError(
          "this kstreamd lacks an extension that the plugin's SDK needs (kstreamd.task 1, kstreamd.log 1 "
          "or kstreamd.store 1): upgrade kstreamd, or rebuild the plugin with its headers");
  }

  // The host said something else than KST_OK. Remembered, in case that the exception is swallowed on its way.
  void check(kst_status status) {
    if (status == KST_OK) [[likely]]
      return;
    status_ = status;
    throw StopProcessing(status);
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

  // Copies what the record points to unless it is known to stay until process() returns.
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
    if (!has_data(value) || value.size == 0 || stays(value.u.data)) return;
    value.u.data = copy({value.u.data, value.size}).data();
  }
  bool stays(const char* data) const {
    if (data >= chunk_ && data < next_) return true;
    if (index_ >= batch_.size()) return false;
    return inside(batch_[index_].value, data) || inside(batch_[index_].key, data);
  }
  static bool inside(const Value& value, const char* data) {
    return has_data(value) && data >= value.u.data && data < value.u.data + value.size;
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

  // Constant after construction.
  const kst_host& host_;
  kst_context* const context_;
  const kst_task_extension* task_ = nullptr;
  const kst_log_extension* log_ = nullptr;
  const kst_store_extension* store_ = nullptr;

  // Of the call into the processor that is running.
  std::span<const Record> batch_;
  size_t index_ = RecordError::kCurrent;  // of the record being processed; kCurrent: not said
  kst_status status_ = KST_OK;
  char* chunk_ = nullptr;  // scratch: chunk_ <= next_ <= end_
  char* next_ = nullptr;
  char* end_ = nullptr;
  std::vector<std::vector<Record>> collected_;  // by output, in order; the room is reused
};

// A key-value store of the node's task: what was put is read back at once, and becomes durable together with the
// records that caused it, or not at all. A handle: copy it, keep it. All functions [process].
class KeyValueStore {
 public:
  // The row of a key, if there is one; its value stays valid until process() returns.
  std::optional<Row> get(const Value& key) const {
    Row row{key, null_value(), 0};
    get_many({&row, 1});
    if (is_null(row.value)) return std::nullopt;
    return row;
  }
  // Fills value and timestamp of rows whose keys are set; a null value: no such row. One call for a whole batch.
  void get_many(std::span<Row> rows) const {
    if (!rows.empty())
      context_->check(context_->store_->get_many(context_->context_, index_, rows.data(), rows.size()));
  }
  // The same, with a status instead of an exception: a batch in which one key does not fit (KST_RECORD_ERROR) can then
  // be looked up key by key. Pass any other status but KST_OK on by StopProcessing.
  kst_status try_get_many(std::span<Row> rows) const {
    return context_->store_->get_many(context_->context_, index_, rows.data(), rows.size());
  }
  // `timestamp`: of the value, ms (kept by timestamped stores, the default kind). A null value deletes.
  void put(const Value& key, const Value& value, int64_t timestamp) const {
    const Row row{key, value, timestamp};
    put_many({&row, 1});
  }
  void put_many(std::span<const Row> rows) const {
    if (!rows.empty())
      context_->check(context_->store_->put_many(context_->context_, index_, rows.data(), rows.size()));
  }
  void erase(const Value& key) const { put(key, null_value(), 0); }

  // Calls visit(const Row&) -> bool for from <= key <= to (null: open end) in the order of the serialized keys, until
  // it returns false. The row is borrowed for the visit; the store must not be written meanwhile.
  template <typename Visit>
  void range(const Value& from, const Value& to, Visit&& visit, bool reverse = false) const {
    struct State {
      std::remove_reference_t<Visit>& visit;
      std::exception_ptr thrown;
    } state{visit, nullptr};
    const auto visitor = [](void* at, size_t, const kst_store_row* row) -> int {
      auto& s = *static_cast<State*>(at);
      try {
        return s.visit(*row) ? 0 : 1;
      } catch (...) {
        s.thrown = std::current_exception();
        return 1;
      }
    };
    const kst_key_range range{from, to};
    const kst_status status =
        context_->store_->scan(context_->context_, index_, &range, 1, reverse ? 1 : 0, &state, visitor);
    if (state.thrown) std::rethrow_exception(state.thrown);
    context_->check(status);
  }

 private:
  friend class Context;
  KeyValueStore(Context& context, uint32_t index) : context_(&context), index_(index) {}

  Context* context_;
  uint32_t index_;
};

inline KeyValueStore Context::store(uint32_t index) { return KeyValueStore(*this, index); }

}  // namespace kstreamd::sdk
