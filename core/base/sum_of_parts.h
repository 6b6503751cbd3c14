// A sum over objects that come and go: each is asked for its part whenever the sum is.
//
// Thread safety: every function may be called from any thread; so parts are asked on any. Once an Entry is gone its
// part is not asked any more.
#pragma once
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <utility>

namespace kstreamd {

class SumOfParts {
 public:
  using Part = std::function<uint64_t()>;

  // A part, for as long as this object lives.
  class Entry {
   public:
    Entry(std::shared_ptr<SumOfParts> sum, Part part) : sum_(std::move(sum)) {
      std::lock_guard lock(sum_->mutex_);
      at_ = sum_->parts_.insert(sum_->parts_.end(), std::move(part));
    }
    ~Entry() {
      std::lock_guard lock(sum_->mutex_);
      sum_->parts_.erase(at_);
    }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

   private:
    const std::shared_ptr<SumOfParts> sum_;
    std::list<Part>::iterator at_;
  };

  uint64_t value() const {
    std::lock_guard lock(mutex_);
    uint64_t sum = 0;
    for (const Part& part : parts_) sum += part();
    return sum;
  }

 private:
  mutable std::mutex mutex_;
  std::list<Part> parts_;  // guarded by mutex_
};

}  // namespace kstreamd
