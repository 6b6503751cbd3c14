// Where a source waits for records, and how it is woken. Thread safety: any thread.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace kstreamd::embedded {

class Waker {
 public:
  void notify() {
    if (signalled_.exchange(true)) return;
    std::lock_guard lock(mutex_);  // so that the signal does not fall between a waiter's look and its sleep
    changed_.notify_all();
  }
  // Before looking for records: what comes after this is not missed.
  void clear() { signalled_ = false; }
  void wait_until(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, deadline, [this] { return signalled_.load(); });
  }

 private:
  std::atomic<bool> signalled_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
};

}  // namespace kstreamd::embedded
