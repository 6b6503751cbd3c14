// Keeps the process within its memory limit where malloc would not: what is freed between what is in use stays
// resident, and after hours of compactions that is a fifth of it.
#pragma once
#include <cstdint>
#include <functional>

#include "core/base/clock.h"

namespace kstreamd {

// Gives freed pages back to the system when resident memory comes near the limit. That takes milliseconds during which
// others wait for malloc, and costs page faults later: so not often, and ever more rarely while it does not help.
// Life-cycle: look() again and again, several times a second. One thread.
class HeapTrimmer {
 public:
  struct Process {
    std::function<uint64_t()> resident;  // bytes
    std::function<void()> trim;
  };
  // This process: /proc/self/statm and malloc_trim.
  static Process this_process();

  HeapTrimmer(uint64_t limit, Process process) : limit_(limit), process_(std::move(process)) {}

  void look(Duration now);

 private:
  const uint64_t limit_;
  const Process process_;
  Duration next_{0};
  Duration pause_ = std::chrono::seconds(1);
};

}  // namespace kstreamd
