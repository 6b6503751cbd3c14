// What the operating system knows about this process: kstreamd_process_* and kstreamd_build_info.
#pragma once
#include <memory>
#include <mutex>
#include <string>

#include "core/ports/metrics.h"

namespace kstreamd {

// Life-cycle: made once; update() reads /proc when somebody is about to look. Thread safety: any thread.
class ProcessMetrics {
 public:
  ProcessMetrics(Metrics& metrics, const std::string& version);
  void update();

 private:
  std::mutex mutex_;
  double cpu_seconds_ = 0;  // as last shown; guarded by mutex_
  const std::shared_ptr<Gauge> build_info_;
  const std::shared_ptr<Gauge> resident_;
  const std::shared_ptr<Counter> cpu_;
  const std::shared_ptr<Gauge> threads_;
  const std::shared_ptr<Gauge> open_fds_;
  const std::shared_ptr<Gauge> start_time_;
};

}  // namespace kstreamd
