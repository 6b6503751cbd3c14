// Punctuations: calls of the processor's punctuate at regular times.
#pragma once
#include <kstreamd/abi/schedule.h>

#include <cstdint>

namespace kstreamd::sdk {

namespace detail {
struct Barrier;
}

// Which clock a schedule goes by.
enum class Clock : uint32_t {
  stream_time = KST_STREAM_TIME,  // moved by the records' timestamps: results repeat
  wall_clock = KST_WALL_CLOCK,    // goes on also when no records come
};

// Names one schedule: made by Context::every, told to punctuate, ended by cancel. A handle: copy it, keep it, compare
// it. Default-constructed it names none.
class Schedule {
 public:
  Schedule() = default;
  // Ends it, also from within its own punctuation, and more than once. [init, process, punctuate]
  void cancel() const {
    if (functions_) functions_->cancel(context_, number_);
  }
  bool operator==(const Schedule& other) const { return number_ == other.number_ && context_ == other.context_; }

 private:
  friend class Context;
  friend struct detail::Barrier;
  Schedule(const kst_schedule_extension* functions, kst_context* context, uint64_t number)
      : functions_(functions), context_(context), number_(number) {}

  const kst_schedule_extension* functions_ = nullptr;
  kst_context* context_ = nullptr;
  uint64_t number_ = 0;
};

}  // namespace kstreamd::sdk
