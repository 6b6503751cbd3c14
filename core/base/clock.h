// Time as the engine sees it: injected, so that tests and the simulator turn it by hand.
#pragma once
#include <chrono>
#include <cstdint>

namespace kstreamd {

using Duration = std::chrono::microseconds;

// Thread safety: all functions may be called from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  // Monotonic, from an arbitrary beginning: for intervals and deadlines.
  virtual Duration now() const = 0;
  // Milliseconds since 1970-01-01 UTC: for records.
  virtual int64_t wall_ms() const = 0;
};

// A clock that stands still until told otherwise. Not for use from several threads.
class ManualClock final : public Clock {
 public:
  Duration now() const override { return now_; }
  int64_t wall_ms() const override { return wall_ms_; }
  void advance(Duration by) {
    now_ += by;
    wall_us_rest_ += by.count();
    wall_ms_ += wall_us_rest_ / 1000;
    wall_us_rest_ %= 1000;
  }
  void set_wall_ms(int64_t wall_ms) { wall_ms_ = wall_ms; }

 private:
  Duration now_{0};
  int64_t wall_ms_ = 0;
  int64_t wall_us_rest_ = 0;
};

}  // namespace kstreamd
