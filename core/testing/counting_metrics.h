// Metrics that can be asked what they counted: for tests of topologies.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/ports/metrics.h"

namespace kstreamd {

// Thread safety: as Metrics; snapshot and restore too.
class CountingMetrics final : public Metrics {
 public:
  std::shared_ptr<Counter> counter(const std::string& name, const Labels& labels) override;
  std::shared_ptr<Gauge> gauge(const std::string& name, const Labels& labels) override;
  std::shared_ptr<Histogram> histogram(const std::string& name, const Labels& labels) override;

  // The sum of all counters of the name that have these labels, among others.
  double sum(const std::string& name, const Labels& labels) const;
  // The values that a label of the name's counters has, with their sums; those that counted nothing are left out.
  std::map<std::string, double> by_label(const std::string& name, const std::string& label) const;

  // What was counted up to now becomes what a rollback goes back to.
  void commit();
  void rollback();

 private:
  class Sum;
  using Key = std::pair<std::string, Labels>;

  mutable std::mutex mutex_;  // guards what follows
  std::map<Key, std::shared_ptr<Sum>> counters_;
};

}  // namespace kstreamd
