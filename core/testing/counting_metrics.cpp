#include "core/testing/counting_metrics.h"

#include <algorithm>
#include <atomic>

namespace kstreamd {
namespace {

class Ignored final : public Gauge, public Histogram {
 public:
  void set(double) override {}
  void observe(double) override {}
};

}  // namespace

class CountingMetrics::Sum final : public Counter {
 public:
  void add(double n) override {
    double before = now_.load();
    while (!now_.compare_exchange_weak(before, before + n)) {
    }
  }
  double value() const { return now_; }
  void commit() { committed_ = now_.load(); }
  void rollback() { now_ = committed_; }

 private:
  std::atomic<double> now_ = 0;
  double committed_ = 0;  // guarded by the owner's mutex
};

std::shared_ptr<Counter> CountingMetrics::counter(const std::string& name, const Labels& labels) {
  std::lock_guard lock(mutex_);
  auto& sum = counters_[{name, labels}];
  if (!sum) sum = std::make_shared<Sum>();
  return sum;
}

std::shared_ptr<Gauge> CountingMetrics::gauge(const std::string&, const Labels&) { return std::make_shared<Ignored>(); }

std::shared_ptr<Histogram> CountingMetrics::histogram(const std::string&, const Labels&) {
  return std::make_shared<Ignored>();
}

double CountingMetrics::sum(const std::string& name, const Labels& labels) const {
  std::lock_guard lock(mutex_);
  double total = 0;
  for (const auto& [key, counter] : counters_)
    if (key.first == name && std::includes(key.second.begin(), key.second.end(), labels.begin(), labels.end()))
      total += counter->value();
  return total;
}

std::map<std::string, double> CountingMetrics::by_label(const std::string& name, const std::string& label) const {
  std::lock_guard lock(mutex_);
  std::map<std::string, double> sums;
  for (const auto& [key, counter] : counters_) {
    const auto found = key.second.find(label);
    if (key.first == name && found != key.second.end() && counter->value() != 0)
      sums[found->second] += counter->value();
  }
  return sums;
}

void CountingMetrics::commit() {
  std::lock_guard lock(mutex_);
  for (auto& [key, counter] : counters_) counter->commit();
}

void CountingMetrics::rollback() {
  std::lock_guard lock(mutex_);
  for (auto& [key, counter] : counters_) counter->rollback();
}

}  // namespace kstreamd
