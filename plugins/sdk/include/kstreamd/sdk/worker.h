// A thread that finishes held records, many at once: for lookups that are cheaper in batches.
//
//   Lookup(sdk::Context&, const sdk::Config&) : worker_(100, [this](std::span<sdk::Held> held) { look_up(held); }) {}
//   void process(const Record& record, sdk::Context& context) { worker_.push(context.hold(record)); }
//
// Include it besides plugin.h, and link a threads library. Authors with a pool or an event loop of their own do
// without.
#pragma once
#include <kstreamd/sdk/held.h>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <span>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace kstreamd::sdk {

// Life-cycle: starts its thread at once, and joins it in the destructor or stop(); records that nobody has looked at by
// then are let go of, which is right at the end of a processor: the host does not wait for them. Make it the last
// member of the processor, so that what its function uses outlives it.
class Worker {
 public:
  // `finish` gets 1 to `at_most` records, in the order of push, and completes, fails or drops each. What it leaves
  // unfinished fails; what it throws fails all that it has not finished. Called by the worker's thread.
  Worker(size_t at_most, std::function<void(std::span<Held>)> finish)
      : at_most_(at_most), finish_(std::move(finish)), thread_([this] { run(); }) {}
  ~Worker() { stop(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // [the processor's thread]
  void push(Held held) {
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(held));
    }
    filled_.notify_one();
  }

  // Waits for the batch at hand and ends the thread; `finish` should see to it that this takes not long. [the
  // processor's thread, more than once]
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    filled_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void run() {
    for (;;) {
      std::vector<Held> batch;
      {
        std::unique_lock lock(mutex_);
        filled_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
        if (stopped_) return;
        while (!waiting_.empty() && batch.size() < at_most_) {
          batch.push_back(std::move(waiting_.front()));
          waiting_.pop_front();
        }
      }
      try {
        finish_(batch);
      } catch (const std::exception& error) {
        fail(batch, error.what());
      } catch (...) {
        fail(batch, "the processor's worker threw something that is no std::exception");
      }
    }
  }
  static void fail(std::span<Held> batch, std::string_view message) {
    for (Held& held : batch) held.fail(message);
  }

  const size_t at_most_;
  const std::function<void(std::span<Held>)> finish_;
  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<Held> waiting_;  // guarded by mutex_
  bool stopped_ = false;      // guarded by mutex_
  std::thread thread_;        // the last: it uses all others
};

}  // namespace kstreamd::sdk
