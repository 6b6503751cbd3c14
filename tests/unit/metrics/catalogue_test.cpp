#include "core/metrics/catalogue.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace kstreamd {
namespace {

// A row of the tables in docs/metrics.md, its columns joined by '|'.
std::map<std::string, std::string> documented() {
  std::ifstream file(KSTREAMD_METRICS_DOC);
  REQUIRE(file);
  std::map<std::string, std::string> rows;
  std::string line;
  while (std::getline(file, line)) {
    static const std::regex row(R"(\| `(kstreamd_\w+)` \| *(\w+) \| *(\w*) *\| *([\w, ]*?) *\| (.*) \|)");
    std::smatch match;
    if (!std::regex_match(line, match, row)) {
      CHECK(line.find("| `") == std::string::npos);
      continue;
    }
    CHECK(rows.emplace(match[1], match[2].str() + "|" + match[3].str() + "|" + match[4].str() + "|" + match[5].str())
              .second);
  }
  return rows;
}

std::string row_of(const MetricInfo& info) {
  std::string labels;
  for (const auto& label : info.labels) labels += (labels.empty() ? "" : ", ") + std::string(label);
  return std::string(type_name(info.type)) + "|" + std::string(info.unit) + "|" + labels + "|" + std::string(info.help);
}

TEST_CASE("every metric of the catalogue is documented as it is, and nothing else is") {
  auto rows = documented();
  for (const auto& info : metric_catalogue()) {
    INFO(info.name);
    auto found = rows.find(std::string(info.name));
    REQUIRE(found != rows.end());
    CHECK(found->second == row_of(info));
    rows.erase(found);
  }
  for (const auto& [name, row] : rows) FAIL_CHECK("docs/metrics.md has " << name << ", the catalogue does not");
}

TEST_CASE("metric names follow Prometheus' conventions") {
  std::set<std::string_view> names;
  for (const auto& info : metric_catalogue()) {
    const std::string name(info.name);
    INFO(name);
    CHECK(names.insert(info.name).second);
    CHECK(std::regex_match(name, std::regex("kstreamd(_[a-z]+)+")));
    CHECK(name.ends_with("_total") == (info.type == MetricKind::counter));
    CHECK_FALSE(std::regex_search(name, std::regex("milli|micro|_ms|kilo|mega|minutes|hours|percent")));
    if (info.unit == "seconds" || info.unit == "bytes")
      CHECK(std::regex_search(name, std::regex("_" + std::string(info.unit) + "(_total)?$")));
    for (const auto& reserved : {"_count", "_sum", "_bucket"}) CHECK_FALSE(name.ends_with(reserved));
    CHECK(info.buckets.empty() == (info.type != MetricKind::histogram));
    CHECK(info.help.ends_with("."));
    for (const auto& label : info.labels) CHECK(std::regex_match(std::string(label), std::regex("[a-z]+")));
  }
}

TEST_CASE("find_metric knows the catalogue only") {
  REQUIRE(find_metric("kstreamd_commits_total") != nullptr);
  CHECK(find_metric("kstreamd_commits_total")->type == MetricKind::counter);
  CHECK(find_metric("kstreamd_comits_total") == nullptr);
}

}  // namespace
}  // namespace kstreamd
