#include "core/plugin_host/current_call.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

namespace kstreamd {

constinit thread_local CallingThread* calling_thread = nullptr;

namespace {

constexpr size_t kHandlerStack = 64 * 1024;

// Never destroyed: threads may end after main.
struct Registry {
  std::mutex mutex;
  std::vector<CallingThread*> threads;  // guarded by mutex
};
Registry& registry() {
  static auto& all = *new Registry;
  return all;
}

// What a thread that calls plugins has until it ends.
class Registration {
 public:
  Registration() : stack_(new char[kHandlerStack]) {
    thread_.id = ::gettid();
    stack_t old{};
    // One that is there (a sanitizer's) is left alone.
    if (::sigaltstack(nullptr, &old) == 0 && (old.ss_flags & SS_DISABLE) != 0) {
      stack_t mine{};
      mine.ss_sp = stack_.get();
      mine.ss_size = kHandlerStack;
      installed_ = ::sigaltstack(&mine, nullptr) == 0;
    }
    const std::lock_guard lock(registry().mutex);
    registry().threads.push_back(&thread_);
    calling_thread = &thread_;
  }
  ~Registration() {
    {
      const std::lock_guard lock(registry().mutex);
      std::erase(registry().threads, &thread_);
      calling_thread = nullptr;
    }
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    if (installed_) ::sigaltstack(&none, nullptr);
  }
  CallingThread& thread() { return thread_; }

 private:
  CallingThread thread_;
  std::unique_ptr<char[]> stack_;
  bool installed_ = false;
};

}  // namespace

const char* call_name(CallKind kind) {
  static constexpr const char* names[] = {"load", "check", "serde", "create", "init", "process", "punctuate", "close"};
  return names[static_cast<int>(kind)];
}

CallingThread& register_calling_thread() {
  static thread_local Registration registration;
  return registration.thread();
}

void for_each_calling_thread(const std::function<void(CallingThread&)>& look) {
  const std::lock_guard lock(registry().mutex);
  for (CallingThread* thread : registry().threads) look(*thread);
}

}  // namespace kstreamd
