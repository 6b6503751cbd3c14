// Metrics as the engine writes them. The catalogue of names is core/metrics/catalogue.h; docs/metrics.md lists them.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "core/base/result.h"

namespace kstreamd {

using Labels = std::map<std::string, std::string>;

// Thread safety of all three: updates may come from any thread, and cost an atomic operation (a histogram: a lock).
class Counter {
 public:
  virtual ~Counter() = default;
  virtual void add(double n) = 0;
};
class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void set(double v) = 0;
};
class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void observe(double v) = 0;
};

enum class MetricKind { counter, gauge, histogram };

// Thread safety: every function may be called from any thread. A series lives until its last handle is gone,
// or, where the catalogue says lasting, as long as the process; asking twice for the same name and labels gives the
// same series. A name that is neither in the catalogue nor declared is a bug and ends the process.
class Metrics {
 public:
  virtual ~Metrics() = default;
  // Makes a name of a plugin's own known: it begins with kstreamd_plugin_, and its series have the labels topology,
  // task and node. Declaring it again is nothing; an error when the name is kstreamd's own or of another kind. The
  // first `help` counts.
  virtual Status declare(const std::string& name, MetricKind kind, const std::string& help) {
    (void)name, (void)kind, (void)help;
    return {};
  }
  virtual std::shared_ptr<Counter> counter(const std::string& name, const Labels& labels) = 0;
  virtual std::shared_ptr<Gauge> gauge(const std::string& name, const Labels& labels) = 0;
  virtual std::shared_ptr<Histogram> histogram(const std::string& name, const Labels& labels) = 0;
};

// Metrics that go nowhere, for tests and tools.
std::unique_ptr<Metrics> make_null_metrics();

}  // namespace kstreamd
