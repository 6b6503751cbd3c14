// How much memory the calls into one processor have left allocated: finds processors that do not give back what they
// took. For tests: it asks the allocator at every call, and counts what other threads do meanwhile.
#pragma once
#include <cstddef>
#include <cstdint>

#include "core/base/result.h"

namespace kstreamd {

// Counts between enter() and leave(): what the host does while a plugin calls it is left out. Used by one thread.
class HeapMeter {
 public:
  // Less is not said: a library may keep a little for itself.
  static constexpr int64_t kWorthSaying = 1024;  // bytes

  // Whether the allocator of this process counts to the byte; the error says how to start the process so that it does.
  static Status exact();

  void enter() { before_ = in_use(); }
  void leave() { kept_ += in_use() - before_; }
  // Bytes allocated and not given back so far.
  int64_t kept() const { return kept_; }

 private:
  static int64_t in_use();
  int64_t before_ = 0;
  int64_t kept_ = 0;
};

}  // namespace kstreamd
