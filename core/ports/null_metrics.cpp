#include "core/ports/metrics.h"

namespace kstreamd {
namespace {

struct NullCounter final : Counter {
  void add(double) override {}
};
struct NullGauge final : Gauge {
  void set(double) override {}
};
struct NullHistogram final : Histogram {
  void observe(double) override {}
};
class NullMetrics final : public Metrics {
 public:
  std::shared_ptr<Counter> counter(const std::string&, const Labels&) override { return counter_; }
  std::shared_ptr<Gauge> gauge(const std::string&, const Labels&) override { return gauge_; }
  std::shared_ptr<Histogram> histogram(const std::string&, const Labels&) override { return histogram_; }

 private:
  std::shared_ptr<Counter> counter_ = std::make_shared<NullCounter>();
  std::shared_ptr<Gauge> gauge_ = std::make_shared<NullGauge>();
  std::shared_ptr<Histogram> histogram_ = std::make_shared<NullHistogram>();
};

}  // namespace

std::unique_ptr<Metrics> make_null_metrics() { return std::make_unique<NullMetrics>(); }

}  // namespace kstreamd
