// Every metric that kstreamd has: the one place where a name, its type, unit and labels are decided. docs/metrics.md
// lists the same, and a test compares both.
#pragma once
#include <span>
#include <string_view>
#include <vector>

#include "core/ports/metrics.h"

namespace kstreamd {

struct MetricInfo {
  std::string_view name;
  MetricKind type;
  std::string_view unit;  // "records", "seconds", "bytes", ...: what one is
  std::vector<std::string_view> labels;
  std::string_view help;
  std::vector<double> buckets = {};  // of a histogram: upper bounds
  // Counts events of things that are gone soon after: a series stays until the process ends.
  bool lasting = false;
};

// In the order of the documentation. Lives as long as the process; any thread.
std::span<const MetricInfo> metric_catalogue();
// nullptr: no such metric.
const MetricInfo* find_metric(std::string_view name);

const char* type_name(MetricKind type);

}  // namespace kstreamd
