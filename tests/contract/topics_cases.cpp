#include <catch2/catch.hpp>

#include "tests/contract/contract.h"

namespace kstreamd::contract {

TEST_CASE("a topic is created with its partitions, and described") {
  Lab lab;
  std::string name = lab.topic(3);
  std::string missing = lab.fresh_name();
  std::vector<std::string> names{name, missing};
  auto infos = lab.admin().describe(names, kPatience);
  REQUIRE(infos.ok());
  REQUIRE(infos->size() == 2);
  CHECK((*infos)[0].name == name);
  CHECK((*infos)[0].exists);
  CHECK((*infos)[0].partitions == 3);
  CHECK((*infos)[1].name == missing);
  CHECK_FALSE((*infos)[1].exists);
  // Asking must not have made it.
  infos = lab.admin().describe(names, kPatience);
  REQUIRE(infos.ok());
  CHECK_FALSE((*infos)[1].exists);
}

TEST_CASE("creating a topic that exists leaves it as it is") {
  Lab lab;
  std::string name = lab.topic(2);
  TopicSpec spec;
  spec.name = name;
  spec.partitions = 5;
  REQUIRE(lab.admin().create(std::span(&spec, 1), kPatience).ok());
  auto infos = lab.admin().describe(std::span(&name, 1), kPatience);
  REQUIRE(infos.ok());
  CHECK(infos->at(0).partitions == 2);
}

TEST_CASE("list shows a topic until it is removed") {
  Lab lab;
  std::string name = lab.topic(2);
  auto listed = [&] {
    auto infos = lab.admin().list(kPatience);
    REQUIRE(infos.ok());
    for (const auto& info : *infos)
      if (info.name == name) return info.partitions;
    return 0;
  };
  CHECK(listed() == 2);
  REQUIRE(lab.admin().remove(std::span(&name, 1), kPatience).ok());
  CHECK(listed() == 0);
  // Removing what is not there is no error: the wish is fulfilled.
  CHECK(lab.admin().remove(std::span(&name, 1), kPatience).ok());
}

TEST_CASE("the configs of a topic are those it was created with") {
  Lab lab;
  TopicSpec spec;
  spec.name = lab.fresh_name();
  spec.configs = {{"cleanup.policy", "compact"}, {"retention.ms", "123456"}};
  REQUIRE(lab.admin().create(std::span(&spec, 1), kPatience).ok());
  auto configs = lab.admin().configs(spec.name, kPatience);
  REQUIRE(configs.ok());
  CHECK(configs->at("cleanup.policy") == "compact");
  CHECK(configs->at("retention.ms") == "123456");
}

TEST_CASE("the cluster has an id, always the same") {
  Lab lab;
  auto id = lab.admin().cluster_id(kPatience);
  REQUIRE(id.ok());
  CHECK_FALSE(id->empty());
  CHECK(*lab.admin().cluster_id(kPatience) == *id);
}

TEST_CASE("opening a missing topic for producing is an error that names it") {
  Lab lab;
  auto producer = lab.producer("");
  std::string missing = lab.fresh_name();
  auto handle = producer->open_topic(missing, kPatience);
  REQUIRE_FALSE(handle.ok());
  CHECK_THAT(handle.error().message, Catch::Contains(missing));
  CHECK(handle.error().recovery == Recovery::retry_topology);
}

TEST_CASE("assigning a missing topic or partition is an error that names it") {
  Lab lab;
  auto reader = lab.reader();
  std::string missing = lab.fresh_name();
  auto status = reader->assign(0, {missing, 0}, 0);
  REQUIRE_FALSE(status.ok());
  CHECK_THAT(status.error().message, Catch::Contains(missing));
  CHECK(status.error().recovery == Recovery::retry_topology);

  std::string small = lab.topic(1);
  status = reader->assign(0, {small, 1}, 0);
  REQUIRE_FALSE(status.ok());
  CHECK_THAT(status.error().message, Catch::Contains(small));
}

TEST_CASE("watermarks of a new topic are zero") {
  Lab lab;
  std::string name = lab.topic(1);
  auto watermarks = lab.admin().watermarks({name, 0}, kPatience);
  REQUIRE(watermarks.ok());
  CHECK(watermarks->low == 0);
  CHECK(watermarks->high == 0);
}

TEST_CASE("deleted records are gone, and the first offset moves") {
  Lab lab;
  std::string name = lab.topic(1);
  auto producer = lab.producer("");
  TopicHandle topic = open(*producer, name);
  for (int i = 0; i < 10; ++i) put(*producer, topic, "k", std::to_string(i));
  REQUIRE(producer->flush(kPatience).ok());
  PartitionOffset before{{name, 0}, 7, ""};
  REQUIRE(lab.admin().delete_records(std::span(&before, 1), kPatience).ok());
  auto watermarks = lab.admin().watermarks({name, 0}, kPatience);
  REQUIRE(watermarks.ok());
  CHECK(watermarks->low == 7);
  CHECK(watermarks->high == 10);
  auto reader = lab.reader();
  REQUIRE(reader->assign(0, {name, 0}, 7).ok());
  CHECK(values_of(read(*reader, 3)) == std::vector<std::string>{"7", "8", "9"});
}

TEST_CASE("a position below the first offset is an error that names the partition") {
  Lab lab;
  std::string name = lab.topic(1);
  auto producer = lab.producer("");
  TopicHandle topic = open(*producer, name);
  for (int i = 0; i < 10; ++i) put(*producer, topic, "k", std::to_string(i));
  REQUIRE(producer->flush(kPatience).ok());
  PartitionOffset before{{name, 0}, 5, ""};
  REQUIRE(lab.admin().delete_records(std::span(&before, 1), kPatience).ok());
  auto reader = lab.reader();
  REQUIRE(reader->assign(0, {name, 0}, 2).ok());
  std::vector<FetchedBatch> batches;
  Status status;
  auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (status.ok() && std::chrono::steady_clock::now() < deadline)
    status = reader->poll(batches, 100, std::chrono::milliseconds(100));
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().recovery == Recovery::stop_topology);
  CHECK_THAT(status.error().message, Catch::Contains(name));
  for (const auto& batch : batches) CHECK(batch.records.empty());
}

}  // namespace kstreamd::contract
