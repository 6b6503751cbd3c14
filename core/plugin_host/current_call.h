// Which plugin is being called on which thread, at a cost of a few plain stores per call: what a crash, a call that
// does not return and a call of the wrong function are put down to.
//
// A call is noted for as long as a PluginCall lives, on the stack of its thread; calls nest where a processor forwards
// to the next. Nothing here takes a lock or reads a clock.
#pragma once
#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "kstreamd/abi/record.h"

struct kst_context;

namespace kstreamd {

enum class CallKind : uint8_t { load, check, serde, create, init, process, punctuate, close };
// "process", ...
const char* call_name(CallKind kind);

// One call into a plugin. Plain data: a signal handler reads it on the same thread, the watch copies it from another.
struct CallFrame {
  kst_context* context = nullptr;       // create ... close; else null
  const char* subject = nullptr;        // load: the file; check, serde: the name
  const char* content = nullptr;        // serde: tells contents of its plugin's file apart; null: nothing does
  const kst_record* records = nullptr;  // process: the batch
  size_t count = 0;
  CallKind kind = CallKind::process;
  CallFrame* outer = nullptr;
};

// A thread that calls plugins. Written by that thread only.
struct CallingThread {
  std::atomic<CallFrame*> top{nullptr};
  std::atomic<uint64_t> changes{0};  // grows with each call that begins or ends
  pid_t id = 0;
};

// Null until the thread's first call.
extern constinit thread_local CallingThread* calling_thread __attribute__((tls_model("initial-exec")));
// Makes it known, with a stack of its own for the handler of a crash; undone when the thread ends.
CallingThread& register_calling_thread();
// Calls `look` for each thread that is known; none begins or ends meanwhile.
void for_each_calling_thread(const std::function<void(CallingThread&)>& look);

class PluginCall {
 public:
  PluginCall(CallKind kind, kst_context* context, const kst_record* records = nullptr, size_t count = 0)
      : frame_{context, nullptr, nullptr, records, count, kind, nullptr} {
    enter();
  }
  PluginCall(CallKind kind, const char* subject, const char* content = nullptr)
      : frame_{nullptr, subject, content, nullptr, 0, kind, nullptr} {
    enter();
  }
  ~PluginCall() {
    thread_.top.store(frame_.outer, std::memory_order_release);
    count();
  }
  PluginCall(const PluginCall&) = delete;
  PluginCall& operator=(const PluginCall&) = delete;

 private:
  static CallingThread& thread() {
    if (calling_thread) [[likely]]
      return *calling_thread;
    return register_calling_thread();
  }
  void enter() {
    frame_.outer = thread_.top.load(std::memory_order_relaxed);
    thread_.top.store(&frame_, std::memory_order_release);
    count();
  }
  void count() {
    thread_.changes.store(thread_.changes.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  CallingThread& thread_ = thread();
  CallFrame frame_;
};

// The innermost call of this thread; null outside of all.
inline const CallFrame* current_call() {
  return calling_thread ? calling_thread->top.load(std::memory_order_relaxed) : nullptr;
}

}  // namespace kstreamd
