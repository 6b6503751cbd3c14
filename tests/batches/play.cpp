#include "tests/batches/play.h"

#include <algorithm>
#include <cstdio>

#include "core/testing/topology_test_driver.h"

namespace kstreamd::batches {
namespace {

constexpr const char* kFailingNode = "__streams.errors.stacktrace";

std::string readable(const std::optional<std::string>& bytes) {
  if (!bytes) return "null";
  std::string text = "'";
  for (const char c : *bytes) {
    char code[5];
    std::snprintf(code, sizeof code, "\\x%02x", static_cast<unsigned char>(c));
    text += c >= ' ' && c <= '~' && c != '\\' ? std::string(1, c) : code;
  }
  return text + "'";
}

std::string line_of(const LoggedRecord& record) {
  std::string line = readable(record.key) + " = " + readable(record.value) + " @" + std::to_string(record.timestamp);
  for (const auto& header : record.headers) line += " " + header.name + ":" + readable(header.value);
  return line;
}

std::string place_of(const std::string& topic, const LoggedRecord& record) {
  for (const auto& header : record.headers)
    if (header.name == kFailingNode) return topic + " from " + header.value.value_or("");
  return topic + "-" + std::to_string(record.partition);
}

Status look(TopologyTestDriver& driver, bool by_key, Seen& seen) {
  for (const auto& topic : driver.topics_with_unread(true))
    for (const LoggedRecord* record : driver.unread(topic)) {
      const std::string of_key = by_key ? " of key " + readable(record->key) : "";
      seen.lines[place_of(topic, *record) + of_key].push_back(line_of(*record));
      ++seen.records;
    }
  for (const Store& store : driver.topology().stores) {
    auto rows = driver.all_rows(store.name);
    if (!rows) return std::move(rows).error();
    for (const auto& [key, row] : *rows)
      seen.lines["store " + store.name].push_back(readable(key) + " = " + readable(row.value) + " @" +
                                                  std::to_string(row.timestamp));
  }
  for (const auto& [reason, count] : driver.dropped())
    for (const Node& node : driver.topology().nodes)
      if (const uint64_t mine = driver.dropped(reason, node.name); mine > 0)
        seen.lines["dropped as " + reason].push_back(node.name + ": " + std::to_string(mine));
  return {};
}

}  // namespace

Result<Seen> play(const RandomTopology& random, const Topology& topology, const ProcessorCatalog& processors,
                  const Way& way) {
  auto taken = std::make_shared<Topology>(topology);
  for (SubTopology& sub : taken->sub_topologies) sub.batches = (sub.batches && !way.one_by_one) || way.whole;
  DriverOptions options;
  options.partitions = random.partitions;
  options.together = true;
  options.most_at_once = way.most;
  auto driver = TopologyTestDriver::make(std::move(taken), processors, options);
  if (!driver) return std::move(driver).error();
  for (const Step& step : random.steps) {
    KSTREAMD_TRY((*driver)->send(step.records));
    if (step.advance.count() > 0) KSTREAMD_TRY((*driver)->advance(step.advance));
  }
  Seen seen;
  KSTREAMD_TRY(look(**driver, random.by_key, seen));
  return seen;
}

std::string difference(const Seen& expected, const Seen& got) {
  std::map<std::string, bool> places;
  for (const auto* seen : {&expected, &got})
    for (const auto& [place, lines] : seen->lines) places[place] = true;
  const auto lines_of = [](const Seen& seen, const std::string& place) {
    const auto found = seen.lines.find(place);
    return found == seen.lines.end() ? std::vector<std::string>() : found->second;
  };
  for (const auto& [place, unused] : places) {
    const auto one = lines_of(expected, place), other = lines_of(got, place);
    const auto [at, there] = std::mismatch(one.begin(), one.end(), other.begin(), other.end());
    if (at == one.end() && there == other.end()) continue;
    return place + ", line " + std::to_string(at - one.begin() + 1) + "\n  expected " +
           (at == one.end() ? "no more" : *at) + "\n  got      " + (there == other.end() ? "no more" : *there);
  }
  return "";
}

}  // namespace kstreamd::batches
