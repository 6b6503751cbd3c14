#include "core/kafka/settings.h"

#include <catch2/catch.hpp>
#include <chrono>

#include "core/kafka/kafka_cluster.h"

namespace kstreamd::kafka {

constexpr uint64_t kMemory = 64 << 20;

TEST_CASE("the user's properties beat our tuning, and what exactly-once needs beats the user's") {
  Properties user{
      {"bootstrap.servers", "h:1"},    {"fetch.wait.max.ms", "7"},     {"isolation.level", "read_uncommitted"},
      {"enable.idempotence", "false"}, {"enable.auto.commit", "true"}, {"transactional.id", "mine"}};
  auto source = source_properties(user, "g", true, false, kMemory);
  CHECK(source.at("fetch.wait.max.ms") == "7");
  CHECK(source.at("isolation.level") == "read_committed");
  CHECK(source.at("enable.auto.commit") == "false");
  auto producer = producer_properties(user, "ours", kMemory);
  CHECK(producer.at("enable.idempotence") == "true");
  CHECK(producer.at("transactional.id") == "ours");
  CHECK(producer_properties(user, "", kMemory).count("transactional.id") == 0);
  CHECK(admin_properties(user).at("isolation.level") == "read_uncommitted");
}

TEST_CASE("the instance id is the configuration's, or none") {
  Properties user{{"bootstrap.servers", "h:1"}, {"group.instance.id", "x"}};
  CHECK(member_properties(user, {"g", "i", "t"}).at("group.instance.id") == "i");
  CHECK(member_properties(user, {"g", "", "t"}).count("group.instance.id") == 0);
  // Two clients of one static id would fence each other.
  CHECK(source_properties(user, "g", true, false, kMemory).count("group.instance.id") == 0);
}

TEST_CASE("a property that librdkafka does not know is named") {
  auto status = check_kafka_properties({{"bootstrap.servers", "h:1"}, {"bootstrap.server", "h:1"}});
  REQUIRE_FALSE(status.ok());
  CHECK_THAT(status.error().message, Catch::Contains("'bootstrap.server'"));
  CHECK(status.error().recovery == Recovery::stop_topology);
  CHECK(check_kafka_properties({{"bootstrap.servers", "h:1"}}).ok());
}

TEST_CASE("the value of a secret property never shows") {
  auto status = check_kafka_properties({{"ssl.key.password", std::string("top-secret\0", 11)},
                                        {"sasl.oauthbearer.client.secret", "top-secret"},
                                        {"sasl.oauthbearer.method", "top-secret"}});
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().text().find("top-secret") == std::string::npos);
}

TEST_CASE("an unreachable broker is answered in time, and named") {
  auto cluster = make_kafka_cluster({{"bootstrap.servers", "127.0.0.1:1"}});
  auto begin = std::chrono::steady_clock::now();
  std::string topic = "t";
  auto described = cluster->admin().describe(std::span(&topic, 1), std::chrono::milliseconds(500));
  REQUIRE_FALSE(described.ok());
  CHECK(described.error().recovery == Recovery::retry_topology);
  CHECK_THAT(described.error().message, Catch::StartsWith("cannot reach Kafka at 127.0.0.1:1: "));
  CHECK_THAT(described.error().message, Catch::Contains("refused"));
  CHECK_THAT(described.error().hint, Catch::Contains("bootstrap.servers"));
  auto id = cluster->admin().cluster_id(std::chrono::milliseconds(300));
  REQUIRE_FALSE(id.ok());
  CHECK(id.error().recovery == Recovery::retry_topology);
  auto producer = cluster->make_producer({"id"});
  REQUIRE(producer.ok());
  auto status = producer.value()->init(std::chrono::milliseconds(300));
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().recovery == Recovery::retry);
  CHECK_THAT(status.error().message, Catch::Contains("127.0.0.1:1"));
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
}

}  // namespace kstreamd::kafka
