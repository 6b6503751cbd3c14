// Log lines of one test: what its processors log while it runs is kept with its result, and shown when it fails.
//
// Life-cycle: capture_logs() once, before threads start; then one LogCapture at a time per thread. Lines of threads
// that have none are dropped.
#pragma once
#include <string>
#include <vector>

#include "core/base/log.h"

namespace kstreamd {

// Installs the writer of the process (core/base/log.h) that gives lines to the capture of their thread.
void capture_logs();

class LogCapture {
 public:
  LogCapture();
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;
  // The last lines, as "warn: message node=..." each.
  std::vector<std::string> take() { return std::move(lines_); }

 private:
  friend void capture_logs();
  void add(std::string line);
  std::vector<std::string> lines_;
};

}  // namespace kstreamd
