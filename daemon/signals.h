// Signals as the commands need them.
#pragma once
#include <optional>

#include "core/base/clock.h"

namespace kstreamd {

// SIGTERM, SIGINT and SIGHUP taken one by one instead of interrupting anything. Life-cycle: made before any other
// thread, so that all of them inherit the mask; for the main thread of `run`.
class SignalQueue {
 public:
  SignalQueue();
  // The next signal, or nothing within the time.
  std::optional<int> wait(Duration timeout);
};

// SIGINT and SIGTERM end what the command is doing at the next opportunity; a second one ends the process at once. For
// commands that have something to finish. One per process.
class Interruption {
 public:
  Interruption();
  // 0, or the signal that came.
  static int signal();
  // 130 or 143.
  static int exit_code() { return 128 + signal(); }
};

}  // namespace kstreamd
