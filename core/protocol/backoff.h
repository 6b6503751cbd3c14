// Delays between attempts: doubling from `first` to `most`. Pure; the caller waits.
#pragma once
#include <algorithm>

#include "core/base/clock.h"

namespace kstreamd {

class Backoff {
 public:
  Backoff(Duration first, Duration most) : first_(first), most_(most), next_(first) {}
  Duration next() {
    const Duration now = next_;
    next_ = std::min(next_ * 2, most_);
    return now;
  }
  void reset() { next_ = first_; }

 private:
  const Duration first_;
  const Duration most_;
  Duration next_;
};

}  // namespace kstreamd
