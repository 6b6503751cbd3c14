// A queue of messages to one reader from any thread.
// Thread safety: push from any thread; take by the reader. The lock is held for a move of the list only.
#pragma once
#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "core/base/clock.h"

namespace kstreamd {

template <typename T>
class Mailbox {
 public:
  // `wake` is called after each push, outside the lock: for a reader that waits elsewhere than in wait().
  void set_wake(std::function<void()> wake) {
    std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
  }
  void push(T message) {
    std::function<void()> wake;
    {
      std::lock_guard lock(mutex_);
      messages_.push_back(std::move(message));
      wake = wake_;
    }
    filled_.notify_one();
    if (wake) wake();
  }
  // All messages so far, in order.
  std::vector<T> take() {
    std::lock_guard lock(mutex_);
    return std::exchange(messages_, {});
  }
  // Lets time pass, messages or not: for a reader that cannot take them up yet.
  void pause(Duration time) {
    if (time <= Duration(0)) return;
    std::unique_lock lock(mutex_);
    filled_.wait_for(lock, time, [] { return false; });
  }
  // Returns when there is a message, or after the time-out.
  void wait(Duration timeout) {
    if (timeout <= Duration(0)) return;  // the system would still take its time over it
    std::unique_lock lock(mutex_);
    filled_.wait_for(lock, timeout, [this] { return !messages_.empty(); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable filled_;
  std::vector<T> messages_;     // guarded by mutex_
  std::function<void()> wake_;  // guarded by mutex_
};

}  // namespace kstreamd
