// What a plugin knows of its node: kst_context.
//
// Life-cycle: opened before create, closed when close has returned. Its memory stays afterwards, so that a plugin that
// goes on using it is refused instead of followed into freed memory; it serves again only after many others have.
#pragma once
#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "core/plugin_host/current_call.h"
#include "core/plugin_host/heap_meter.h"
#include "core/ports/metrics.h"
#include "core/ports/processor.h"
#include "kstreamd/abi/metrics.h"

// One metric of a context.
struct kst_metric {
  std::string name;
  uint32_t kind = 0;
  std::atomic<bool> open{true};
  std::shared_ptr<kstreamd::Counter> counter;  // the one of its kind; gone when it is not open
  std::shared_ptr<kstreamd::Gauge> gauge;
  std::shared_ptr<kstreamd::Histogram> histogram;
};

struct kst_context {
  std::atomic<kstreamd::ProcessorContext*> port{nullptr};  // null: closed
  std::string* create_message = nullptr;                   // where the reason goes while create runs
  kstreamd::HeapMeter* meter = nullptr;                    // null: nothing is metered
  // Whose it is; stays when it is closed.
  std::string topology, task, node, type, plugin;
  std::string crash_key;            // as CrashFile wants it
  std::atomic<bool> blamed{false};  // a misuse was logged
  std::deque<kst_metric> metrics;   // the task's thread; each stays where it is until the context serves again
};

namespace kstreamd {

// [any thread]
kst_context& open_context(const ProcessorInfo& info, ProcessorContext& port);
void close_context(kst_context& context);

constexpr unsigned call_bit(CallKind kind) { return 1u << static_cast<unsigned>(kind); }
// The tags of the ABI's functions, as sets of calls.
constexpr unsigned kInTask = call_bit(CallKind::init) | call_bit(CallKind::process) | call_bit(CallKind::punctuate);
constexpr unsigned kInForward = call_bit(CallKind::process) | call_bit(CallKind::punctuate);
constexpr unsigned kInCreate = call_bit(CallKind::create) | call_bit(CallKind::init);
constexpr unsigned kInFailing = kInTask | kInCreate;
constexpr unsigned kInAny = kInFailing | call_bit(CallKind::close);

// Says that the context was used where it may not be: to the task, and once in the log.
void blame(kst_context* context, const char* function);

// The port for one function of the host, when the thread is in a call of one of these kinds with this very context;
// else nothing, and it was said.
class PortCall {
 public:
  PortCall(unsigned kinds, kst_context* context, const char* function) {
    const CallFrame* call = current_call();
    if (!call || call->context != context || (kinds & call_bit(call->kind)) == 0) [[unlikely]] {
      blame(context, function);
      return;
    }
    port_ = context->port.load(std::memory_order_relaxed);
    meter_ = context->meter;
    if (meter_) [[unlikely]]
      meter_->leave();
  }
  ~PortCall() {
    if (meter_) [[unlikely]]
      meter_->enter();
  }
  PortCall(const PortCall&) = delete;
  PortCall& operator=(const PortCall&) = delete;

  explicit operator bool() const { return port_ != nullptr; }
  ProcessorContext* operator->() const { return port_; }

 private:
  ProcessorContext* port_ = nullptr;
  HeapMeter* meter_ = nullptr;
};

// A function of the host that has no context of its own: what it allocates is not the plugin's.
class HostWork {
 public:
  HostWork() {
    if (const CallFrame* call = current_call(); call && call->context) meter_ = call->context->meter;
    if (meter_) [[unlikely]]
      meter_->leave();
  }
  ~HostWork() {
    if (meter_) [[unlikely]]
      meter_->enter();
  }
  HostWork(const HostWork&) = delete;
  HostWork& operator=(const HostWork&) = delete;

 private:
  HeapMeter* meter_ = nullptr;
};

// The reason for the status that the plugin is about to return.
void set_failure(kst_context* context, std::string_view message);

// A metric of a context, as kst_metrics_extension says.
kst_status make_metric(kst_context* context, uint32_t kind, const char* name, const char* help, kst_metric** metric);
void record_metric(kst_metric* metric, double value);

}  // namespace kstreamd
