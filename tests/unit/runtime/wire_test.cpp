// What Kafka Streams was seen to do, past what records show: its internal topics' configurations and partition counts,
// and its partitioner. The recordings are not part of this tree; without them the cases say so and are skipped.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/base/base64.h"
#include "core/record/murmur2.h"
#include "core/record/store_keys.h"
#include "core/runtime/internal_topics.h"
#include "core/spec/spec.h"
#include "core/spec/yaml_tree.h"
#include "tests/unit/spec/fake_catalog.h"

namespace kstreamd {
namespace {

namespace fs = std::filesystem;
using Configs = std::map<std::string, std::string>;

// Empty: there are no recordings.
fs::path golden() {
  const char* set = std::getenv("KSTREAMD_GOLDEN");
  const fs::path path = set ? set : KSTREAMD_GOLDEN_DIR;
  if (fs::is_directory(path)) return path;
  WARN("skipped: there is no folder " << path << "; set KSTREAMD_GOLDEN to that of the recorded cases");
  return {};
}

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE(in.good());
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::shared_ptr<const YamlNode> table(const fs::path& path) {
  std::vector<Diagnostic> diagnostics;
  auto tree = parse_yaml(content(path), path.string(), diagnostics);
  REQUIRE(diagnostics.empty());
  REQUIRE(tree->items.size() > 5);
  return tree;
}

std::vector<std::vector<std::string>> lines_of(const fs::path& path) {
  std::istringstream in(content(path));
  std::vector<std::vector<std::string>> lines;
  std::string line, field;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    lines.emplace_back();
    while (std::getline(fields, field, ',')) lines.back().push_back(field);
  }
  REQUIRE(lines.size() > 10);
  return lines;
}

// The topology of an entry, if this version can run it.
std::optional<Topology> topology_of(const fs::path& folder, const YamlNode& entry) {
  auto loaded = load_topology((folder / entry.find("topology")->value->text).string(), testing::FakeCatalog());
  if (!loaded.ok()) return std::nullopt;
  return std::move(*loaded.value);
}

// Its internal topics but for that of the tasks, which Kafka Streams does not have.
std::map<std::string, TopicSpec> topics_of(const Topology& topology, const std::map<std::string, int32_t>& inputs) {
  auto plan = plan_tasks(topology, inputs);
  INFO((plan ? "" : plan.error().text()));
  REQUIRE(plan.ok());
  std::map<std::string, TopicSpec> topics;
  for (const auto& topic : internal_topics(topology, *plan, {}))
    if (topic.spec.name != topology.tasks_topic()) topics.emplace(topic.spec.name, topic.spec);
  return topics;
}

TEST_CASE("internal topics are configured as those of Kafka Streams") {
  const auto folder = golden();
  if (folder.empty()) return;
  size_t compared = 0;
  const auto entries = table(folder / "wire/internal-topics.yaml");
  for (const auto& entry : entries->items) {
    const auto topology = topology_of(folder, *entry);
    // Kafka Streams was given a retention of a day there, which the file does not ask for.
    if (!topology || topology->name == "windows-close-leap") continue;
    INFO(topology->name);
    std::map<std::string, int32_t> inputs;
    for (const auto& topic : topology->source_topics()) inputs[topic] = 1;
    std::map<std::string, Configs> expected, actual;
    for (const auto& topic : entry->find("topics")->value->entries)
      for (const auto& config : topic.value->entries)
        if (config.key != "partitions") expected[topic.key][config.key] = config.value->text;
    for (const auto& [name, spec] : topics_of(*topology, inputs)) actual[name] = spec.configs;
    CHECK(actual == expected);
    compared += expected.size();
  }
  CHECK(compared >= 4);
}

TEST_CASE("internal topics have as many partitions as those of Kafka Streams") {
  const auto folder = golden();
  if (folder.empty()) return;
  size_t compared = 0;
  const auto entries = table(folder / "wire/partition-counts.yaml");
  for (const auto& entry : entries->items) {
    const auto topology = topology_of(folder, *entry);
    if (!topology) continue;
    INFO(topology->name);
    std::map<std::string, int32_t> inputs, actual;
    for (const auto& input : entry->find("inputs")->value->entries) inputs[input.key] = std::stoi(input.value->text);
    std::map<std::string, int32_t> expected;
    for (const auto& topic : entry->find("topics")->value->entries) expected[topic.key] = std::stoi(topic.value->text);
    for (const auto& [name, spec] : topics_of(*topology, inputs)) actual[name] = spec.partitions;
    CHECK(actual == expected);
    compared += expected.size();
  }
  CHECK(compared >= 2);
}

TEST_CASE("changelogs of stores of every type, on every backend") {
  struct Expected {
    std::string store;
    Configs configs;
  };
  const auto [store, configs] = GENERATE(
      Expected{"type: key_value", {{"cleanup.policy", "compact"}}},
      Expected{"type: timestamped", {{"cleanup.policy", "compact"}}},
      Expected{"ttl: 10s", {{"cleanup.policy", "compact,delete"}, {"retention.ms", "86410000"}}},
      Expected{"type: window, size: 5s, retention: 10s",
               {{"cleanup.policy", "compact,delete"}, {"retention.ms", "86410000"}}},
      Expected{"type: window, size: 5s, retention: 10s, duplicates: true",
               {{"cleanup.policy", "delete"}, {"retention.ms", "86410000"}}},
      Expected{"type: session, retention: 5s", {{"cleanup.policy", "compact,delete"}, {"retention.ms", "86405000"}}},
      Expected{"type: versioned, retention: 1m",
               {{"cleanup.policy", "compact"}, {"min.compaction.lag.ms", "86460000"}}});
  const std::string backend = GENERATE("rocksdb", "memory");
  const std::string changelog = GENERATE("true", "false", "{ topic_config: { retention.ms: 7, segment.ms: 8 } }");
  const std::string text = "kstreamd: 1\nname: t\nstores:\n  s: { " + store + ", backend: " + backend +
                           ", changelog: " + changelog +
                           " }\nnodes:\n  in:\n    source: { topic: in, key: string, value: string }\n  p:\n"
                           "    from: in\n    process: anything\n    stores: [s]\n";
  INFO(text);
  testing::FakeCatalog catalog;
  catalog.add_any_store("anything");
  auto loaded = load_topology_text(text, "t.yaml", catalog);
  for (const auto& diagnostic : loaded.diagnostics) UNSCOPED_INFO(kstreamd::text(diagnostic));
  REQUIRE(loaded.ok());
  CHECK(loaded.value->stores[0].persistent == (backend == "rocksdb"));
  const auto topics = topics_of(*loaded.value, {{"in", 3}});
  if (changelog == "false") {
    CHECK(topics.empty());
    return;
  }
  Configs expected = configs;
  expected["message.timestamp.type"] = "CreateTime";
  if (changelog != "true") expected["retention.ms"] = "7";
  if (changelog != "true") expected["segment.ms"] = "8";
  REQUIRE(topics.count("t-s-changelog") == 1);
  CHECK(topics.at("t-s-changelog").configs == expected);
  CHECK(topics.at("t-s-changelog").partitions == 3);
}

TEST_CASE("keys have the partitions that Kafka's partitioner gives them") {
  const auto folder = golden();
  if (folder.empty()) return;
  for (const auto& line : lines_of(folder / "wire/murmur2.csv")) {
    const auto key = base64_decode(line.at(0));
    REQUIRE(key);
    INFO(line[0] << " of " << line[1]);
    CHECK(partition_of_key(*key, std::stoi(line.at(1))) == std::stoi(line.at(2)));
  }
}

TEST_CASE("windowed keys have the partitions of their keys") {
  const auto folder = golden();
  if (folder.empty()) return;
  for (const auto& line : lines_of(folder / "wire/windowed-partitions.csv")) {
    const auto windowed = base64_decode(line.at(1)), inner = base64_decode(line.at(2));
    REQUIRE((windowed && inner));
    INFO(line[1]);
    // Its key is what begins it: the start follows, of sessions end and start.
    const size_t times = line[0] == "session_windowed" ? 16 : 8;
    REQUIRE(windowed->size() == inner->size() + times);
    CHECK(windowed->substr(0, inner->size()) == *inner);
    if (line[0] == "session_windowed") {
      std::string again;
      const auto session = read_session_key(*windowed);
      REQUIRE(session);
      CHECK(session->key == *inner);
      CHECK(session->end >= session->start);
      write_key(again, *session);
      CHECK(again == *windowed);
    }
    CHECK(partition_of_key(*inner, std::stoi(line.at(3))) == std::stoi(line.at(4)));
  }
}

}  // namespace
}  // namespace kstreamd
