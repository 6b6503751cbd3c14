// The same lookup in three ways: one call a record, one call a batch, and one call a record with many in flight. A call
// takes a millisecond, as one over a network may; it sleeps, so that the other side's CPU is not counted.
#include <kstreamd/abi/async.h>
#include <kstreamd/abi/plugin.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace {

constexpr size_t batch = 100;
constexpr size_t in_flight = 100;

void call_outside() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

struct Caller {
  const kst_host* host;
  kst_context* context;
};

kst_status create(const kst_host* host, kst_context* context, const char*, size_t, void** instance) {
  *instance = new Caller{host, context};
  return KST_OK;
}
void close(void* instance) { delete static_cast<Caller*>(instance); }

kst_status process_one(void* instance, const kst_record* records, size_t count, size_t*) {
  const auto& self = *static_cast<Caller*>(instance);
  for (size_t i = 0; i < count; ++i) {
    call_outside();
    if (kst_status status = self.host->forward(self.context, 0, records + i, 1); status != KST_OK) return status;
  }
  return KST_OK;
}

kst_status process_batch(void* instance, const kst_record* records, size_t count, size_t*) {
  const auto& self = *static_cast<Caller*>(instance);
  for (size_t at = 0; at < count; at += batch) {
    const size_t some = count - at < batch ? count - at : batch;
    call_outside();
    if (kst_status status = self.host->forward(self.context, 0, records + at, some); status != KST_OK) return status;
  }
  return KST_OK;
}

// As many threads as calls in flight: the plainest way to have them.
class Pool {
 public:
  explicit Pool(const kst_host* host, kst_context* context)
      : context_(context),
        async_(static_cast<const kst_async_extension*>(host->extension(KST_ASYNC_EXTENSION, KST_ASYNC_REVISION))) {
    for (size_t i = 0; i < in_flight; ++i) threads_.emplace_back([this] { run(); });
  }
  ~Pool() {
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
    }
    filled_.notify_all();
    for (auto& thread : threads_) thread.join();
  }
  kst_status hold(const kst_record* record) {
    Held held{};
    if (kst_status status = async_->hold(context_, record, &held.token, &held.record); status != KST_OK) return status;
    {
      std::lock_guard lock(mutex_);
      waiting_.push_back(held);
    }
    filled_.notify_one();
    return KST_OK;
  }

 private:
  struct Held {
    kst_token token;
    const kst_record* record;
  };
  void run() {
    for (;;) {
      Held held{};
      {
        std::unique_lock lock(mutex_);
        filled_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
        if (closed_) return;
        held = waiting_.front();
        waiting_.pop_front();
      }
      call_outside();
      async_->complete(held.token, nullptr, held.record, 1);
    }
  }

  kst_context* const context_;
  const kst_async_extension* const async_;
  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<Held> waiting_;  // guarded by mutex_
  bool closed_ = false;       // guarded by mutex_
  std::vector<std::thread> threads_;
};

kst_status create_async(const kst_host* host, kst_context* context, const char*, size_t, void** instance) {
  *instance = new Pool(host, context);
  return KST_OK;
}
void close_async(void* instance) { delete static_cast<Pool*>(instance); }
kst_status process_async(void* instance, const kst_record* records, size_t count, size_t*) {
  for (size_t i = 0; i < count; ++i)
    if (kst_status status = static_cast<Pool*>(instance)->hold(records + i); status != KST_OK) return status;
  return KST_OK;
}

kst_processor_type make(const char* name) {
  kst_processor_type type{};
  type.struct_size = sizeof type;
  type.name = name;
  type.description = "asks somebody outside, 1 ms a call";
  type.create = create;
  type.close = close;
  return type;
}
kst_processor_type make(const char* name, decltype(&process_one) process) {
  kst_processor_type type = make(name);
  type.process = process;
  return type;
}
kst_processor_type make_async(const char* name) {
  kst_processor_type type = make(name, process_async);
  type.max_in_flight = in_flight;
  type.create = create_async;
  type.close = close_async;
  return type;
}

const kst_processor_type one = make("lookup_one", process_one);
const kst_processor_type batches = make("lookup_batch", process_batch);
const kst_processor_type async = make_async("lookup_async");
const kst_processor_type* const types[] = {&one, &batches, &async, nullptr};
const kst_plugin plugin = {KST_PLUGIN_MAGIC, KST_ABI_MAJOR, KST_ABI_MINOR, sizeof(kst_plugin),
                           "lookups",        "1.0.0",       types,         nullptr};

}  // namespace

extern "C" KST_EXPORT const kst_plugin* kst_plugin_entry(const kst_host*) { return &plugin; }
