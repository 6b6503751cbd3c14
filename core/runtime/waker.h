// Wakes a worker that waits for records, from any thread, also when the worker is long gone.
// Thread safety: every function from any thread.
#pragma once
#include <mutex>

#include "core/ports/cluster.h"

namespace kstreamd {

class Waker {
 public:
  // `source` is woken until detach().
  explicit Waker(RecordSource& source) : source_(&source) {}
  void wake() {
    std::lock_guard lock(mutex_);
    if (source_) source_->wake();
  }
  // When it has returned the source is not touched any more.
  void detach() {
    std::lock_guard lock(mutex_);
    source_ = nullptr;
  }

 private:
  std::mutex mutex_;
  RecordSource* source_;  // guarded by mutex_
};

}  // namespace kstreamd
