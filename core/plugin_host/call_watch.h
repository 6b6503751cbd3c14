// Watches the calls into plugins: says, once per call, which has not returned for long, and when it has after all.
//
// The calls themselves read no clock: sample() is called every now and then, and sees that a thread is still where it
// was. Meanwhile other threads, and their topologies, go on.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/plugin_host/current_call.h"
#include "core/ports/metrics.h"

namespace kstreamd {

// Used by one thread. Life-cycle: may be made before and destroyed after any of the threads that it watches.
class CallWatch {
 public:
  // `limit`: how long a call may take before it is said.
  CallWatch(Duration limit, const Clock& clock, Metrics& metrics) : limit_(limit), clock_(clock), metrics_(metrics) {}

  // Looks at every thread. To be called several times within the limit.
  void sample();

 private:
  // A thread that was in a call when it was last seen.
  struct Seen {
    uint64_t changes = 0;
    Duration since{0};
    std::string said;  // what was logged of this call; empty: nothing yet
    std::string topology, task, node;
    std::shared_ptr<Gauge> gauge;
  };
  void look(CallingThread& thread, Duration now, Seen& seen);
  void say_blocked(const CallFrame& frame, uint64_t changes, CallingThread& thread, Duration now, Seen& seen);
  void say_returned(Duration now, Seen& seen);

  const Duration limit_;
  const Clock& clock_;
  Metrics& metrics_;
  std::map<pid_t, Seen> seen_;
};

}  // namespace kstreamd
