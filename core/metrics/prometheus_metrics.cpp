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
#include <span>
#include <utility>
#include <vector>

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

// All metrics. Shared by the PrometheusMetrics and every handle. Families are never removed.
struct Store {
  prometheus::Registry registry;
  mutable std::mutex mutex;
  std::map<std::string, Series<prometheus::Counter>, std::less<>> counters;  // guarded by mutex, as the next two
  std::map<std::string, Series<prometheus::Gauge>, std::less<>> gauges;
  std::map<std::string, Series<prometheus::Histogram>, std::less<>> histograms;

  Store() {
    for (const auto& info : metric_catalogue())
      add(std::string(info.name), info.type, std::string(info.help), info.lasting);
  }
  void add(const std::string& name, MetricKind kind, const std::string& help, bool lasting) {
    switch (kind) {
      case MetricKind::counter:
        counters.try_emplace(name, prometheus::BuildCounter().Name(name).Help(help).Register(registry), lasting);
        break;
      case MetricKind::gauge:
        gauges.try_emplace(name, prometheus::BuildGauge().Name(name).Help(help).Register(registry), lasting);
        break;
      case MetricKind::histogram:
        histograms.try_emplace(name, prometheus::BuildHistogram().Name(name).Help(help).Register(registry), lasting);
        break;
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

// What is known of a name when somebody asks for it.
struct Family {
  std::span<const std::string_view> labels;
  std::span<const double> buckets;  // of a histogram
};

constexpr std::string_view kPluginPrefix = "kstreamd_plugin_";
constexpr std::string_view kPluginLabels[] = {"topology", "task", "node"};
// Made for seconds.
constexpr double kPluginBuckets[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                     0.25,   0.5,     1,      2.5,   5,      10,    25,   50,    100};

class PrometheusMetricsImpl final : public PrometheusMetrics {
 public:
  Status declare(const std::string& name, MetricKind kind, const std::string& help) override {
    const auto refuse = [&](const std::string& why) {
      return Error{Recovery::stop_topology, "metric " + name + " " + why, "choose another name"};
    };
    if (find_metric(name)) return refuse("is one of kstreamd's own");
    if (!name.starts_with(kPluginPrefix)) return refuse("does not begin with " + std::string(kPluginPrefix));
    const std::lock_guard lock(store_->mutex);
    const auto [declared, fresh] = declared_.emplace(name, kind);
    if (declared->second != kind)
      return refuse(std::string("is a ") + type_name(declared->second) + " already, and cannot be a " +
                    type_name(kind));
    if (fresh) store_->add(name, kind, help, false);
    return {};
  }
  std::shared_ptr<Counter> counter(const std::string& name, const Labels& labels) override {
    (void)known(name, MetricKind::counter, labels);
    return std::make_shared<CounterHandle>(store_, series(store_->counters, name), labels);
  }
  std::shared_ptr<Gauge> gauge(const std::string& name, const Labels& labels) override {
    (void)known(name, MetricKind::gauge, labels);
    return std::make_shared<GaugeHandle>(store_, series(store_->gauges, name), labels);
  }
  std::shared_ptr<Histogram> histogram(const std::string& name, const Labels& labels) override {
    const auto family = known(name, MetricKind::histogram, labels);
    return std::make_shared<HistogramHandle>(store_, series(store_->histograms, name), labels,
                                             std::vector<double>(family.buckets.begin(), family.buckets.end()));
  }
  std::string expose() const override { return prometheus::TextSerializer().Serialize(store_->registry.Collect()); }

 private:
  template <typename T>
  Series<T>& series(std::map<std::string, Series<T>, std::less<>>& all, const std::string& name) {
    const std::lock_guard lock(store_->mutex);
    return all.at(name);
  }
  Family known(const std::string& name, MetricKind kind, const Labels& labels) const {
    Family family{kPluginLabels, kPluginBuckets};
    const MetricInfo* info = find_metric(name);
    MetricKind is = kind;
    if (info) {
      family = {info->labels, info->buckets};
      is = info->type;
    } else {
      const std::lock_guard lock(store_->mutex);
      const auto declared = declared_.find(name);
      if (declared == declared_.end()) bug("metric " + name + " is neither in the catalogue nor declared");
      is = declared->second;
    }
    if (is != kind) bug("metric " + name + " is a " + type_name(is) + ", not a " + type_name(kind));
    for (const auto& [label, value] : labels)
      if (std::find(family.labels.begin(), family.labels.end(), label) == family.labels.end())
        bug("metric " + name + " has no label " + label);
    return family;
  }

  std::map<std::string, MetricKind> declared_;  // guarded by store_->mutex; those of plugins
  std::shared_ptr<Store> store_ = std::make_shared<Store>();
};

}  // namespace

std::unique_ptr<PrometheusMetrics> make_prometheus_metrics() { return std::make_unique<PrometheusMetricsImpl>(); }

}  // namespace kstreamd
