#include <catch2/catch.hpp>
#include <cstdlib>

#include "core/spec/spec.h"

using namespace kstreamd;
using Catch::Matchers::Contains;

namespace {

Diagnostic one(const std::string& text) {
  auto result = load_daemon_text(text, "d.yaml");
  for (const auto& d : result.diagnostics) UNSCOPED_INFO(kstreamd::text(d));
  CHECK_FALSE(result.ok());
  REQUIRE(result.diagnostics.size() == 1);
  return result.diagnostics[0];
}

}  // namespace

TEST_CASE("the daemon file of the contract") {
  unsetenv("KAFKA_BOOTSTRAP");
  auto result = load_daemon_text(R"(kstreamd: 1
kafka:
  bootstrap.servers: ${env:KAFKA_BOOTSTRAP:-127.0.0.1:9092}
  queued.min.messages: 1000
topologies: [/etc/a, /etc/b.yaml]
plugins: /usr/lib/p
state_dir: /var/lib/s
workers: 4
memory: { limit: 2GiB }
listen: 0.0.0.0:0
http: { token: secret }
log: { level: warn, format: json }
internal_topics: { replication_factor: 3, topic_config: { min.insync.replicas: 2 } }
state_cleanup_delay: 10m
plugin_limits: { crashes: 5, call_time: 2s }
stop_timeout: 500ms
)",
                                 "d.yaml");
  REQUIRE(result.ok());
  const auto& c = *result.value;
  CHECK(c.kafka.at("bootstrap.servers") == "127.0.0.1:9092");
  CHECK(c.kafka.at("queued.min.messages") == "1000");
  CHECK(c.topologies == std::vector<std::string>{"/etc/a", "/etc/b.yaml"});
  CHECK(c.plugins == "/usr/lib/p");
  CHECK(c.state_dir == "/var/lib/s");
  CHECK(c.workers == 4);
  CHECK(c.memory_limit == 2147483648u);
  CHECK(c.listen == "0.0.0.0:0");
  CHECK(c.http_token == "secret");
  CHECK(c.log_level == LogLevel::warn);
  CHECK(c.log_json);
  CHECK(c.internal_replication_factor == 3);
  CHECK(c.internal_topic_configs == std::map<std::string, std::string>{{"min.insync.replicas", "2"}});
  CHECK(c.state_cleanup_delay == std::chrono::minutes(10));
  CHECK(c.plugin_crashes == 5);
  CHECK(c.plugin_call_time == std::chrono::seconds(2));
  CHECK(c.stop_timeout == std::chrono::milliseconds(500));
}

TEST_CASE("the sample daemon file holds the defaults") {
  auto result = load_daemon_file(KSTREAMD_CONFIG_DIR "/kstreamd.yaml");
  for (const auto& d : result.diagnostics) UNSCOPED_INFO(text(d));
  REQUIRE(result.ok());
  const auto& c = *result.value;
  const DaemonConfig defaults;
  CHECK(c.kafka.size() == 1);
  CHECK(c.topologies == defaults.topologies);
  CHECK(c.plugins == defaults.plugins);
  CHECK(c.state_dir == defaults.state_dir);
  CHECK(c.workers == defaults.workers);
  CHECK(c.memory_limit == defaults.memory_limit);
  CHECK(c.listen == defaults.listen);
  CHECK(c.log_level == defaults.log_level);
  CHECK(c.log_json == defaults.log_json);
  CHECK(c.internal_replication_factor == defaults.internal_replication_factor);
  CHECK(c.internal_topic_configs == defaults.internal_topic_configs);
  CHECK(c.state_cleanup_delay == defaults.state_cleanup_delay);
  CHECK(c.plugin_crashes == defaults.plugin_crashes);
  CHECK(c.plugin_call_time == defaults.plugin_call_time);
  CHECK(c.stop_timeout == defaults.stop_timeout);
}

TEST_CASE("mistakes in a daemon file") {
  CHECK(one("kstreamd: 1\nworker: 4\n").hint == "did you mean 'workers'?");
  CHECK(one("kstreamd: 1\nworkers: many\n").line == 2);
  CHECK_THAT(one("kstreamd: 1\nworkers: 0\n").hint, Contains("from 1"));
  CHECK_THAT(one("kstreamd: 1\nmemory: { limit: 2GB }\n").message, Contains("'2GB' is not a size"));
  CHECK_THAT(one("kstreamd: 1\nlisten: here\n").message, Contains("not an address"));
  CHECK_THAT(one("kstreamd: 1\nlog: { level: loud }\n").message, Contains("cannot be 'loud'"));
  CHECK_THAT(one("kstreamd: 1\nkafka: [a]\n").message, Contains("has to be a map"));
  CHECK_THAT(one("kstreamd: 1\nkafka: { a: { b: c } }\n").message, Contains("'a' has to be text"));
  CHECK_THAT(one("kstreamd: 1\nworkers: 1\nworkers: 2\n").message, Contains("given twice"));
  CHECK_THAT(one("kstreamd: 1\nstate_cleanup_delay: 1ms\n").message, Contains("too short"));
  CHECK_THAT(one("kstreamd: 1\ninternal_topics: { topic_config: { retention.ms: 5 } }\n").message,
             Contains("'retention.ms' is not for all internal topics alike"));
  CHECK_THAT(one("workers: 1\n").message, Contains("format version"));
  CHECK(load_daemon_text("kstreamd: 1\nworker: 1\nlisten: x\nlog: { levle: info }\n", "d").diagnostics.size() == 3);
}
