#include "core/metrics/prometheus_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <utility>

#include "core/base/log.h"
#include "core/metrics/catalogue.h"

namespace kstreamd {
namespace {

// One metric: its series and how many handles each has. The count, not the handle, decides when a series goes: a new
// handle may be asked for while the last old one is being destroyed.
template <typename T>
class Series {
 public:
  Series(prometheus::Family<T>& family, bool lasting) : family_(family), lasting_(lasting) {}

  template <typename... Args>
  T& take(const Labels& labels, const Args&... args) {
    std::lock_guard lock(mutex_);
    auto& entry = entries_[labels];
    if (entry.handles++ == 0) {
      entry.series = &family_.Add(labels, args...);
      if (lasting_) ++entry.handles;  // one that nobody gives back
    }
    return *entry.series;
  }
  void give_back(const Labels& labels) {
    std::lock_guard lock(mutex_);
    auto found = entries_.find(labels);
    if (--found->second.handles > 0) return;
    family_.Remove(found->second.series);
    entries_.erase(found);
  }

 private:
  struct Entry {
    T* series = nullptr;
    size_t handles = 0;
  };
  prometheus::Family<T>& family_;
  const bool lasting_;
  std::mutex mutex_;
  std::map<Labels, Entry> entries_;  // guarded by mutex_
};

// All metrics. Shared by the PrometheusMetrics and every handle.
struct Store {
  prometheus::Registry registry;
  std::map<std::string_view, Series<prometheus::Counter>> counters;  // constant after construction, as the next two
  std::map<std::string_view, Series<prometheus::Gauge>> gauges;
  std::map<std::string_view, Series<prometheus::Histogram>> histograms;

  Store() {
    for (const auto& info : metric_catalogue()) {
      const std::string name(info.name);
      const std::string help(info.help);
      switch (info.type) {
        case MetricType::counter:
          counters.try_emplace(info.name, prometheus::BuildCounter().Name(name).Help(help).Register(registry),
                               info.lasting);
          break;
        case MetricType::gauge:
          gauges.try_emplace(info.name, prometheus::BuildGauge().Name(name).Help(help).Register(registry),
                             info.lasting);
          break;
        case MetricType::histogram:
          histograms.try_emplace(info.name, prometheus::BuildHistogram().Name(name).Help(help).Register(registry),
                                 info.lasting);
          break;
      }
    }
  }
};

template <typename T, typename... Args>
class Handle {
 public:
  Handle(std::shared_ptr<Store> store, Series<T>& series, const Labels& labels, const Args&... args)
      : store_(std::move(store)), series_(series), labels_(labels), value_(series.take(labels, args...)) {}
  ~Handle() { series_.give_back(labels_); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  T& value() { return value_; }

 private:
  const std::shared_ptr<Store> store_;
  Series<T>& series_;
  const Labels labels_;
  T& value_;
};

class CounterHandle final : public Counter {
 public:
  template <typename... Args>
  explicit CounterHandle(Args&&... args) : handle_(std::forward<Args>(args)...) {}
  void add(double n) override { handle_.value().Increment(n); }

 private:
  Handle<prometheus::Counter> handle_;
};

class GaugeHandle final : public Gauge {
 public:
  template <typename... Args>
  explicit GaugeHandle(Args&&... args) : handle_(std::forward<Args>(args)...) {}
  void set(double v) override { handle_.value().Set(v); }

 private:
  Handle<prometheus::Gauge> handle_;
};

class HistogramHandle final : public Histogram {
 public:
  template <typename... Args>
  explicit HistogramHandle(Args&&... args) : handle_(std::forward<Args>(args)...) {}
  void observe(double v) override { handle_.value().Observe(v); }

 private:
  Handle<prometheus::Histogram, prometheus::Histogram::BucketBoundaries> handle_;
};

[[noreturn]] void bug(const std::string& message) {
  log(LogLevel::error, message, {{"hint", "this is a bug of kstreamd: core/metrics/catalogue.cpp must name it"}});
  std::abort();
}

const MetricInfo& known(const std::string& name, MetricType type, const Labels& labels) {
  const MetricInfo* info = find_metric(name);
  if (info == nullptr) bug("metric " + name + " is not in the catalogue");
  if (info->type != type) bug("metric " + name + " is a " + type_name(info->type) + ", not a " + type_name(type));
  for (const auto& [label, value] : labels)
    if (std::find(info->labels.begin(), info->labels.end(), label) == info->labels.end())
      bug("metric " + name + " has no label " + label);
  return *info;
}

class PrometheusMetricsImpl final : public PrometheusMetrics {
 public:
  std::shared_ptr<Counter> counter(const std::string& name, const Labels& labels) override {
    const auto& info = known(name, MetricType::counter, labels);
    return std::make_shared<CounterHandle>(store_, store_->counters.at(info.name), labels);
  }
  std::shared_ptr<Gauge> gauge(const std::string& name, const Labels& labels) override {
    const auto& info = known(name, MetricType::gauge, labels);
    return std::make_shared<GaugeHandle>(store_, store_->gauges.at(info.name), labels);
  }
  std::shared_ptr<Histogram> histogram(const std::string& name, const Labels& labels) override {
    const auto& info = known(name, MetricType::histogram, labels);
    return std::make_shared<HistogramHandle>(store_, store_->histograms.at(info.name), labels, info.buckets);
  }
  std::string expose() const override { return prometheus::TextSerializer().Serialize(store_->registry.Collect()); }

 private:
  std::shared_ptr<Store> store_ = std::make_shared<Store>();
};

}  // namespace

std::unique_ptr<PrometheusMetrics> make_prometheus_metrics() { return std::make_unique<PrometheusMetricsImpl>(); }

}  // namespace kstreamd
