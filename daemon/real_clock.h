// The system's clock.
#pragma once
#include <chrono>

#include "core/base/clock.h"

namespace kstreamd {

class RealClock final : public Clock {
 public:
  Duration now() const override {
    return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch());
  }
  int64_t wall_ms() const override {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
  }
};

}  // namespace kstreamd
