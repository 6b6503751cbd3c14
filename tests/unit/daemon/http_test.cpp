#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/embedded/embedded_cluster.h"
#include "daemon/daemon_client.h"
#include "daemon/http_api.h"
#include "daemon/http_server.h"
#include "daemon/real_clock.h"

namespace kstreamd {
namespace {

using Catch::Matchers::Contains;
using nlohmann::json;

// An HttpApi over statuses that a test sets, on an embedded log in memory, answering on a free port.
class Port {
 public:
  explicit Port(std::string token = {}, bool with_log = true) {
    if (with_log) {
      auto made = make_embedded_cluster({.clock = &clock_});
      REQUIRE(made);
      log_ = std::move(made).value();
    }
    ApiSources sources;
    sources.topologies = [this] { return topologies; };
    sources.applied = [this] { return applied; };
    sources.plugins = [] {
      PluginDescription plugin;
      plugin.name = "demo";
      plugin.version = "1.0";
      plugin.path = "/demo.so";
      ProcessorInfo type;
      type.name = "demo.type";
      type.config_schema = R"({"type":"object"})";
      plugin.processors = {type};
      return std::vector{plugin};
    };
    sources.metrics = [] { return std::string("kstreamd_build_info{version=\"x\"} 1\n"); };
    sources.embedded_log = log_.get();
    sources.default_partitions = 2;
    sources.version = "x";
    api_ = std::make_unique<HttpApi>(std::move(sources), ApiAccess{token});
    auto started = HttpServer::start({"127.0.0.1", 0}, *api_);
    REQUIRE(started);
    server_ = std::move(started).value();
  }

  const Address& address() const { return server_->address(); }
  HttpApi& api() { return *api_; }
  const Clock& clock() const { return clock_; }

  // Set before requests are made
  std::vector<TopologyStatus> topologies;
  bool applied = true;

 private:
  RealClock clock_;
  std::unique_ptr<Cluster> log_;
  std::unique_ptr<HttpApi> api_;
  std::unique_ptr<HttpServer> server_;
};

TopologyStatus running_topology() {
  TopologyStatus topology;
  topology.name = "word-count";
  topology.phase = TopologyPhase::running;
  topology.tasks.push_back({"lines-0", TaskPhase::running, 1, {{"text-lines", 0, 10, 8, 5}}, {}});
  topology.tasks.push_back({"lines-1", TaskPhase::restoring, -1, {}, {{"counts", 3, 7}}});
  return topology;
}

TEST_CASE("health, metrics and plugins are served on a free port") {
  Port port;
  REQUIRE(port.address().port != 0);
  DaemonClient client(port.address(), "");
  auto health = client.get("/healthz");
  REQUIRE(health);
  CHECK(json::parse(*health)["status"] == "ok");
  CHECK(*client.get("/metrics") == "kstreamd_build_info{version=\"x\"} 1\n");
  const json plugins = json::parse(*client.get("/api/v1/plugins"))["plugins"];
  CHECK(plugins[0]["name"] == "demo");
  CHECK(plugins[0]["processors"][0]["config_schema"]["type"] == "object");
}

TEST_CASE("readiness waits for every topology and every task, and says why not") {
  Port port;
  const auto ready = [&](int& status) {
    DaemonClient client(port.address(), "");
    status = 0;
    auto answer = client.get("/readyz", &status);
    return port.api().handle({.method = "GET", .path = "/readyz"}).body;
  };
  int status = 0;
  port.applied = false;  // no topology, because none has been started yet
  CHECK(json::parse(ready(status))["ready"] == false);
  CHECK(status == 503);
  port.applied = true;
  CHECK(json::parse(ready(status))["ready"] == true);
  CHECK(status == 200);
  port.topologies = {running_topology()};
  const json waiting = json::parse(ready(status));
  CHECK(status == 503);
  CHECK(waiting["ready"] == false);
  CHECK(waiting["reasons"][0] ==
        "word-count: 1 of 2 tasks are not running yet, 7 changelog records to restore (counts 7)");
  port.topologies[0].tasks[1].phase = TaskPhase::running;
  ready(status);
  CHECK(status == 200);
  TopologyStatus failed;
  failed.name = "other";
  failed.phase = TopologyPhase::failed;
  failed.error = "no topic 'x'";
  port.topologies.push_back(failed);
  CHECK(json::parse(ready(status))["reasons"][0] == "other: failed: no topic 'x'");
  CHECK(status == 503);
}

TEST_CASE("topologies and tasks are shown as JSON") {
  Port port;
  port.topologies = {running_topology()};
  DaemonClient client(port.address(), "");
  const json topology = json::parse(*client.get("/api/v1/topologies"))["topologies"][0];
  CHECK(topology["name"] == "word-count");
  CHECK(topology["state"] == "running");
  CHECK(topology["ready"] == false);
  CHECK(topology["tasks"] == 2);
  CHECK(topology["tasks_running"] == 1);
  CHECK(topology["lag"] == 5);
  CHECK(topology["error"].is_null());
  const json tasks = json::parse(*client.get("/api/v1/tasks"))["tasks"];
  CHECK(tasks[0]["inputs"][0] ==
        json{{"topic", "text-lines"}, {"partition", 0}, {"position", 10}, {"committed", 8}, {"lag", 5}});
  CHECK(tasks[1]["restores"][0] == json{{"store", "counts"}, {"restored", 3}, {"remaining", 7}});
  CHECK(tasks[1]["state"] == "restoring");
}

TEST_CASE("errors have a code, a message and a hint") {
  Port port;
  const auto error = [&](const std::string& method, const std::string& path, int status) {
    const auto answer = port.api().handle({.method = method, .path = path, .content_type = "application/json"});
    CHECK(answer.status == status);
    return json::parse(answer.body)["error"];
  };
  CHECK(error("GET", "/nothing", 404)["code"] == "not_found");
  CHECK(error("POST", "/metrics", 405)["code"] == "method_not_allowed");
  CHECK(error("DELETE", "/api/v1/topics/t", 405)["code"] == "method_not_allowed");
  CHECK(error("GET", "/api/v1/topics/t", 404)["code"] == "unknown_topic");
  CHECK(error("GET", "/api/v1/topics/../x", 400)["code"] == "bad_request");
  CHECK(error("POST", "/api/v1/topics/t/records", 400)["message"] == "the body must be {\"records\": [...]}");

  Port kafka("", false);
  const auto answer = kafka.api().handle({.method = "GET", .path = "/api/v1/topics"});
  CHECK(answer.status == 404);
  CHECK_THAT(answer.body, Contains("no_embedded_log") && Contains("--bootstrap"));
}

TEST_CASE("a token is asked for where there is one, but not of probes") {
  Port port("secret");
  CHECK(DaemonClient(port.address(), "").get("/healthz"));
  auto refused = DaemonClient(port.address(), "").get("/metrics");
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().text(), Contains("token"));
  for (const auto* wrong : {"secre", "secret2", "secretsecret", "Secret", ""})
    CHECK_FALSE(DaemonClient(port.address(), wrong).get("/metrics"));
  CHECK(DaemonClient(port.address(), "secret").get("/metrics"));
  CHECK(same_secret("a", "a"));
  CHECK_FALSE(same_secret("", ""));
  CHECK_FALSE(same_secret("aa", "a"));
}

TEST_CASE("web pages of others cannot reach a daemon without a token") {
  Port port;
  const auto status = [&](const std::string& host) {
    return port.api().handle({.method = "GET", .path = "/metrics", .host = host}).status;
  };
  CHECK(status("127.0.0.1:8910") == 200);
  CHECK(status("localhost") == 200);
  CHECK(status("evil.example:8910") == 403);
  CHECK(port.api().handle({.method = "POST", .path = "/api/v1/topics/t/records", .body = "{\"records\":[]}"}).status ==
        415);
}

TEST_CASE("a port in use is an error that names it") {
  Port port;
  auto second = HttpServer::start(port.address(), port.api());
  REQUIRE_FALSE(second);
  CHECK_THAT(second.error().text(), Contains(port.address().text()) && Contains("--listen"));
}

TEST_CASE("more clients than threads are all answered") {
  Port port;
  std::vector<std::thread> clients;
  std::atomic<int> answered{0};
  for (int i = 0; i < 24; ++i)
    clients.emplace_back([&] {
      DaemonClient client(port.address(), "");
      for (int n = 0; n < 5; ++n) answered += client.get("/healthz").ok();
    });
  for (auto& client : clients) client.join();
  CHECK(answered == 120);
}

TextRecord record_of(const std::string& key, const std::string& value, int32_t partition) {
  TextRecord record;
  record.key = key;
  record.value = value;
  record.partition = partition;
  record.timestamp = 1000;
  return record;
}

TEST_CASE("records go through a daemon and back, byte for byte") {
  Port port;
  const auto client = make_daemon_topic_client(port.address(), "", port.clock());
  REQUIRE(client->connect(std::chrono::seconds(1)));
  CHECK(client->ranges("t")->empty());
  std::vector<TextRecord> records = {record_of("a", "plain", 0), record_of("b", std::string("\xff\0x", 3), 1),
                                     record_of("c", "", 1)};
  records[0].headers = {{"h", "v"}, {"none", std::nullopt}};
  records.push_back(record_of("", "", 0));
  records.back().key.reset();
  records.back().value.reset();
  REQUIRE(client->write("t", records));
  REQUIRE(client->finish());
  auto ranges = client->ranges("t");
  REQUIRE(ranges);
  REQUIRE(ranges->size() == 2);

  const ReadFrom from[] = {{0, 0}, {1, 0}};
  REQUIRE(client->start_reading("t", from, true));
  std::map<std::string, std::string> seen;
  bool ended[2] = {};
  const Duration deadline = port.clock().now() + std::chrono::seconds(10);
  while ((!ended[0] || !ended[1]) && port.clock().now() < deadline) {
    std::vector<FetchedBatch> batches;
    REQUIRE(client->poll(batches, 100, std::chrono::milliseconds(100)));
    for (const auto& batch : batches) {
      ended[batch.slot] = batch.at_end;
      for (const auto& record : batch.records) {
        CHECK(record.timestamp == 1000);
        CHECK(record.origin.partition == batch.slot);
        if (record.origin.raw_key == nullptr) {
          CHECK(record.origin.raw_value == nullptr);
          continue;
        }
        seen[std::string(raw_key(record.origin))] = raw_value(record.origin);
        if (raw_key(record.origin) != "a") continue;
        REQUIRE(record.header_count == 2);
        CHECK(std::string_view(static_cast<const char*>(record.headers[0].value), 1) == "v");
        CHECK(record.headers[1].value == nullptr);
      }
    }
  }
  CHECK(ended[0]);
  CHECK(ended[1]);
  CHECK(seen == std::map<std::string, std::string>{{"a", "plain"}, {"b", std::string("\xff\0x", 3)}, {"c", ""}});
}

TEST_CASE("the records of one request are written all or not at all") {
  Port port;
  const auto post = [&](const std::string& body, std::map<std::string, std::string> query = {}) {
    return port.api().handle({.method = "POST",
                              .path = "/api/v1/topics/t/records",
                              .query = std::move(query),
                              .body = body,
                              .content_type = "application/json"});
  };
  CHECK(post(R"({"records":[{"value":"a"},{"value":5}]})").status == 400);
  CHECK(post(R"({"records":[{"value":"a"},{"value":"b","partition":9}]})").status == 400);
  CHECK(post(R"({"records":[{"value":"a","colour":"red"}]})").status == 400);
  CHECK(post(R"({"records":[{"value":"a"}]})", {{"value", "int46"}}).status == 400);
  CHECK(post(R"([])").status == 400);
  CHECK(post("nonsense").status == 400);
  // No request makes the daemon open a file or ask another server.
  for (const std::string serde :
       {R"({"avro":{"schema":"/etc/passwd"}})", R"({"time_windowed":{"avro":{"schema":"/etc/passwd"}}})",
        R"({"time_windowed":"{\"avro\":{\"schema\":\"/etc/passwd\"}}"})",
        R"({"\u0061vro":{"registry":"http://h:1"}})"}) {
    const auto refused = post(R"({"records":[{"value":"a"}]})", {{"value", serde}});
    CHECK(refused.status == 400);
    CHECK_THAT(refused.body, Catch::Matchers::Contains("cannot be used over HTTP"));
  }
  const auto written = post(R"({"records":[{"key":"k","value":7,"partition":1,"timestamp":5}]})", {{"value", "int64"}});
  REQUIRE(written.status == 200);
  CHECK(json::parse(written.body)["written"] == 1);

  const auto get = [&](std::map<std::string, std::string> query) {
    return port.api().handle({.method = "GET", .path = "/api/v1/topics/t/records", .query = std::move(query)});
  };
  const auto read = get({{"partition", "1"}, {"value", "int64"}});
  REQUIRE(read.status == 200);
  const json body = json::parse(read.body);
  REQUIRE(body["records"].size() == 1);
  CHECK(body["records"][0]["value"] == 7);
  CHECK(body["records"][0]["key"] == "k");
  CHECK(body["records"][0]["timestamp"] == 5);
  CHECK(json::parse(get({{"partition", "0"}}).body)["records"].empty());
  CHECK(json::parse(get({{"partition", "1"}, {"from", "end"}}).body)["records"].empty());
  CHECK(get({{"partition", "2"}}).status == 404);
  CHECK(get({{"from", "middle"}}).status == 400);
  CHECK(get({{"max", "0"}}).status == 400);
  CHECK(get({{"timeout", "x"}}).status == 400);
  CHECK(get({{"read", "dirty"}}).status == 400);
}

}  // namespace
}  // namespace kstreamd
