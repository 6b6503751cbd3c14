// What is left of a crash within a plugin's call: one line on standard error, and one in the crash file, by which the
// next process knows the record (crash_file.h). Then the signal takes its way: a core dump, the end.
//
// Armed once per process. A crash outside of plugin calls leaves nothing, nor does a signal that somebody sent.
#pragma once

namespace kstreamd {

// Handles SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT from now on. `file` is open for appending until the process ends;
// -1: none is kept.
void arm_crash_guard(int file);

// While it lives, a crash of this thread within a plugin's call removes the file at `path`, which outlives it.
class UnlinkOnCrash {
 public:
  explicit UnlinkOnCrash(const char* path);
  ~UnlinkOnCrash();
  UnlinkOnCrash(const UnlinkOnCrash&) = delete;
  UnlinkOnCrash& operator=(const UnlinkOnCrash&) = delete;
};

}  // namespace kstreamd
