// The metrics of a processor's own, in tests.
#pragma once
#include <kstreamd/abi/metrics.h>

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace kstreamd::sdk::testing {

// Thread safety: every function may be called by any thread.
class FakeMetrics {
 public:
  struct One {
    FakeMetrics* owner;
    uint32_t kind;
    std::string name;
    double value = 0;                  // a counter's sum, a gauge's value
    std::vector<double> observations;  // a histogram's
  };

  // Null when the name is not well-formed or taken by another kind; `problem` says so.
  kst_metric* make(uint32_t kind, std::string_view name, std::string& problem) {
    const std::lock_guard lock(mutex_);
    const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
    bool formed = !name.empty() && name[0] >= 'a' && name[0] <= 'z';
    for (const char c : name) formed &= good(c);
    for (auto& one : all_)
      if (one.name == name) {
        if (one.kind == kind) return reinterpret_cast<kst_metric*>(&one);
        problem = "the metric '" + std::string(name) + "' is of another kind already";
        return nullptr;
      }
    if (formed) return reinterpret_cast<kst_metric*>(&all_.emplace_back(One{this, kind, std::string(name), 0, {}}));
    problem = "'" + std::string(name) + "' is no name of a metric: [a-z][a-z0-9_]*";
    return nullptr;
  }
  static void record(kst_metric* metric, double value) {
    One& one = *reinterpret_cast<One*>(metric);
    const std::lock_guard lock(one.owner->mutex_);
    if (one.kind == KST_HISTOGRAM) one.observations.push_back(value);
    one.value = one.kind == KST_COUNTER ? one.value + value : value;
  }
  double value(std::string_view name) const {
    const std::lock_guard lock(mutex_);
    for (const auto& one : all_)
      if (one.name == name) return one.value;
    return 0;
  }
  std::vector<double> observations(std::string_view name) const {
    const std::lock_guard lock(mutex_);
    for (const auto& one : all_)
      if (one.name == name) return one.observations;
    return {};
  }

 private:
  mutable std::mutex mutex_;
  std::deque<One> all_;  // guarded by mutex_
};

}  // namespace kstreamd::sdk::testing
