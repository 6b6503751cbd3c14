// The metrics of the process in Prometheus' text format.
#pragma once
#include <memory>
#include <string>

#include "core/ports/metrics.h"

namespace kstreamd {

// Life-cycle: one per process, made by the composition root. Handles may outlive it: they keep what they need. Thread
// safety: every function may be called from any thread.
class PrometheusMetrics : public Metrics {
 public:
  // Everything there is, in text format 0.0.4.
  virtual std::string expose() const = 0;
};

std::unique_ptr<PrometheusMetrics> make_prometheus_metrics();

}  // namespace kstreamd
