// Metrics of a processor's own: handles that Context makes (counter, gauge, histogram) in the processor's constructor
// or init. Any thread may use them until the processor's destructor has returned. One that is default-constructed
// counts nothing.
#pragma once
#include <kstreamd/abi/metrics.h>

namespace kstreamd::sdk {

namespace detail {
class Metric {
 public:
  Metric() = default;
  Metric(const kst_metrics_extension& functions, kst_metric* metric) : functions_(&functions), metric_(metric) {}

 protected:
  void record(double value) const {
    if (functions_) functions_->record(metric_, value);
  }

 private:
  const kst_metrics_extension* functions_ = nullptr;
  kst_metric* metric_ = nullptr;
};
}  // namespace detail

// Only grows. `by` is 0 or more.
class Counter : public detail::Metric {
 public:
  using Metric::Metric;
  void add(double by = 1) const { record(by); }
};

// A value that is set.
class Gauge : public detail::Metric {
 public:
  using Metric::Metric;
  void set(double value) const { record(value); }
};

// Observations in buckets from 0.0001 to 100, made for seconds.
class Histogram : public detail::Metric {
 public:
  using Metric::Metric;
  void observe(double value) const { record(value); }
};

}  // namespace kstreamd::sdk
