#include "daemon/settings.h"

#include <catch2/catch.hpp>
#include <map>

#include "daemon/arguments.h"
#include "daemon/commands/commands.h"
#include "daemon/line_records.h"

namespace kstreamd {
namespace {

using Catch::Matchers::Contains;

Environment environment_of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

Result<Settings> merge(const SettingsLayer& options, const Environment& environment, const DaemonConfig* file) {
  auto from_environment = layer_of_environment(environment);
  if (!from_environment) return std::move(from_environment).error();
  std::vector<SettingsLayer> layers = {options, *from_environment};
  if (file) layers.push_back(layer_of_file(*file, "kstreamd.yaml"));
  return merge_settings(layers, environment);
}

TEST_CASE("options beat the environment, that beats the file, that beats the defaults") {
  DaemonConfig file;
  file.workers = 7;
  file.listen = "127.0.0.1:7";
  file.state_dir = "/file";
  file.kafka = {{"bootstrap.servers", "file:9092"}, {"client.id", "file"}, {"acks", "all"}};
  file.log_level = LogLevel::warn;
  const auto environment = environment_of({{"KSTREAMD_LISTEN", "127.0.0.1:8"},
                                           {"KSTREAMD_STATE_DIR", "/environment"},
                                           {"KSTREAMD_BOOTSTRAP", "environment:9092"}});
  SettingsLayer options;
  options.state_dir = "/options";
  REQUIRE(add_setting(options, "kafka.client.id=options=x"));

  const auto all = merge(options, environment, &file);
  REQUIRE(all);
  CHECK(all->workers == 7);
  CHECK(all->listen.text() == "127.0.0.1:8");
  CHECK(all->state_dir == "/options");
  CHECK(all->log_level == LogLevel::warn);
  CHECK(all->kafka == std::map<std::string, std::string>{
                          {"bootstrap.servers", "environment:9092"}, {"client.id", "options=x"}, {"acks", "all"}});

  const auto bare = merge({}, environment_of({{"STATE_DIRECTORY", "/run/state"}}), nullptr);
  REQUIRE(bare);
  CHECK(bare->workers >= 1);
  CHECK(bare->listen.text() == "127.0.0.1:8910");
  CHECK(bare->state_dir == "/run/state");
  CHECK(bare->partitions == 4);
  CHECK(bare->replication_factor == -1);
  CHECK_FALSE(bare->embedded);
  REQUIRE_FALSE(check_cluster_chosen(*bare));
  CHECK_THAT(check_cluster_chosen(*bare).error().hint, Contains("--bootstrap") && Contains("--embedded"));
}

TEST_CASE("the stronger place chooses between Kafka and an embedded log") {
  DaemonConfig file;
  file.kafka = {{"bootstrap.servers", "file:9092"}};
  file.state_dir = "/var/lib/x";
  SettingsLayer options;
  options.embedded = "/tmp/d";
  const auto embedded = merge(options, environment_of({}), &file);
  REQUIRE(embedded);
  CHECK(embedded->embedded == "/tmp/d");
  CHECK(embedded->kafka.empty());
  CHECK(embedded->state_dir == "/tmp/d/state");
  CHECK_FALSE(embedded->in_memory());

  options.embedded = kInMemory;
  const auto memory = merge(options, environment_of({}), &file);
  REQUIRE(memory);
  CHECK(memory->in_memory());
  CHECK(memory->state_dir.empty());

  const auto kafka = merge({}, environment_of({{"KSTREAMD_EMBEDDED", "/tmp/d"}}), &file);
  REQUIRE(kafka);
  CHECK(kafka->embedded == "/tmp/d");
  SettingsLayer both;
  both.embedded = "/tmp/d";
  both.kafka["bootstrap.servers"] = "a:1";
  CHECK_FALSE(merge(both, environment_of({}), nullptr));
  both.embedded.reset();
  const auto chosen = merge(both, environment_of({{"KSTREAMD_EMBEDDED", "/tmp/d"}}), nullptr);
  REQUIRE(chosen);
  CHECK_FALSE(chosen->embedded);
}

TEST_CASE("mistakes in settings are refused, and named") {
  const auto refused = [](std::map<std::string, std::string> variables) {
    auto merged = merge({}, environment_of(std::move(variables)), nullptr);
    REQUIRE_FALSE(merged);
    return merged.error().text();
  };
  CHECK_THAT(refused({{"KSTREAMD_WORKERS", "many"}}), Contains("KSTREAMD_WORKERS='many'"));
  CHECK_THAT(refused({{"KSTREAMD_PARTITIONS", "0"}}), Contains("KSTREAMD_PARTITIONS"));
  CHECK_THAT(refused({{"KSTREAMD_LISTEN", "127.0.0.1:99999"}}), Contains("99999"));
  CHECK_THAT(refused({{"KSTREAMD_LOG_LEVEL", "loud"}}), Contains("loud") && Contains("debug, info, warn, error"));
  SettingsLayer layer;
  for (const auto* text : {"kafka.a", "client.id=x", "kafka.=x", ""}) CHECK_FALSE(add_setting(layer, text));
}

TEST_CASE("a port that the network can reach needs a token") {
  const auto open = merge({}, environment_of({{"KSTREAMD_LISTEN", "0.0.0.0:8910"}}), nullptr);
  REQUIRE_FALSE(open);
  CHECK_THAT(open.error().text(), Contains("token"));
  CHECK(merge({}, environment_of({{"KSTREAMD_LISTEN", "0.0.0.0:8910"}, {"KSTREAMD_TOKEN", "x"}}), nullptr));
  CHECK(merge({}, environment_of({{"KSTREAMD_LISTEN", "[::1]:0"}}), nullptr));
}

TEST_CASE("addresses") {
  const auto text = [](const std::string& given) {
    auto address = parse_address(given);
    return address ? address->text() : "wrong";
  };
  CHECK(text("localhost:1") == "localhost:1");
  CHECK(text("host") == "host:8910");
  CHECK(text(":0") == "127.0.0.1:0");
  CHECK(text("[::1]:80") == "[::1]:80");
  CHECK(text("[::1]") == "[::1]:8910");
  for (const auto* wrong : {"", "host:", "host:x", "host:65536", "host:-1", "::1", "[::1", "[::1]x", "[::1]:"}) {
    INFO(wrong);
    CHECK(text(wrong) == "wrong");
  }
  CHECK(parse_address("127.0.0.2:1")->loopback());
  CHECK_FALSE(parse_address("10.0.0.1:1")->loopback());
}

TEST_CASE("options with optional values do not swallow what follows") {
  using Words = std::vector<std::string>;
  CHECK(spell_out_optional_values({"run", "--embedded", "a.yaml"}) == Words{"run", "--embedded=:memory:", "a.yaml"});
  CHECK(spell_out_optional_values({"run", "--embedded=/tmp", "--", "--embedded"}) ==
        Words{"run", "--embedded=/tmp", "--", "--embedded"});
  CHECK(spell_out_optional_values({"--timestamp", "topic"}) == Words{"--timestamp=line", "topic"});
  CHECK(spell_out_optional_values({"--timestamp", "12"}) == Words{"--timestamp", "12"});
  CHECK(spell_out_optional_values({"--timestamp"}) == Words{"--timestamp=line"});
}

TEST_CASE("lines become records") {
  ProduceOptions options;
  options.key_separator = "\\t";
  options.value = "int64";
  options.null_marker = "-";
  options.headers = {"a=1", "b="};
  options.timestamp = "line";
  LineFormat format;
  REQUIRE(LineFormat::make(options, format));
  const auto record = format.record_of("5\tk\t7", 99);
  REQUIRE(record);
  CHECK(record->timestamp == 5);
  CHECK(record->key == "k");
  CHECK(record->value == std::string("\0\0\0\0\0\0\0\7", 8));
  CHECK(record->headers.size() == 2);
  CHECK(record->headers[1].second == "");
  CHECK_FALSE(format.record_of("5\t-\t-", 99)->key);
  for (const auto* wrong : {"k\t7", "5\tk", "5\tk\tseven", "", "-1\tk\t7"}) {
    INFO(wrong);
    CHECK_FALSE(format.record_of(wrong, 99));
  }
  ProduceOptions plain;
  REQUIRE(LineFormat::make(plain, format));
  const auto whole = format.record_of("a:b", 99);
  REQUIRE(whole);
  CHECK_FALSE(whole->key);
  CHECK(whole->value == "a:b");
  CHECK(whole->timestamp == 99);
  CHECK(whole->headers.empty());

  const auto refused = [](auto change) {
    ProduceOptions wrong;
    change(wrong);
    LineFormat made;
    return !LineFormat::make(wrong, made);
  };
  CHECK(refused([](auto& o) { o.key = "int46"; }));
  CHECK(refused([](auto& o) { o.headers = {"nothing"}; }));
  CHECK(refused([](auto& o) { o.timestamp = "noon"; }));
  CHECK(refused([](auto& o) { o.create = 0; }));
  CHECK(refused([](auto& o) { o.key_separator = ""; }));
}

}  // namespace
}  // namespace kstreamd
