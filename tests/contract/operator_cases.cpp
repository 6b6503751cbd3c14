// What an operator does to topics and groups from outside.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/contract/contract.h"

namespace kstreamd::contract {
namespace {

// A group that has one task, and a topic of ten records, the n-th of the time 1000 * n.
struct Scene {
  Scene() : tasks_topic(lab.topic(1)), input(lab.topic(2)), group(lab.fresh_name()) {
    auto producer = lab.producer("");
    TopicHandle topic = open(*producer, input);
    for (int i = 0; i < 10; ++i) {
      OutgoingRecord record{.topic = topic, .partition = 0, .key_null = false, .value_null = false};
      record.key = "k";
      record.value = "v";
      record.timestamp = 1000 * i;
      must(producer->produce(record));
    }
    must(producer->flush(kPatience));
  }
  std::vector<GroupMemberInfo> members() {
    auto found = lab.admin().group_members(group, kPatience);
    if (!found) FAIL(found.error().text());
    return *found;
  }
  Status set(std::vector<PartitionOffset> offsets) { return lab.admin().set_group_offsets(group, offsets, kPatience); }
  // Of both partitions of the input.
  std::vector<int64_t> offsets() {
    std::vector<TopicPartition> partitions{{input, 0}, {input, 1}};
    auto found = lab.admin().group_offsets(group, partitions, kPatience);
    if (!found) FAIL(found.error().text());
    REQUIRE(found->size() == 2);
    std::sort(found->begin(), found->end(), [](const auto& a, const auto& b) { return a.partition < b.partition; });
    CHECK((*found)[0].partition == partitions[0]);
    return {(*found)[0].offset, (*found)[1].offset};
  }
  MemberDriver member(const std::string& instance) {
    MemberDriver driver(lab.join(group, tasks_topic, instance));
    turn_until({&driver}, [&] { return driver.owned().size() == 1; });
    return driver;
  }

  Lab lab;
  std::string tasks_topic;
  std::string input;
  std::string group;
};

}  // namespace

TEST_CASE("the first record at or after a time has an offset") {
  Scene scene;
  const auto at = [&](int64_t time, int32_t partition = 0) {
    auto found = scene.lab.admin().offset_at({scene.input, partition}, time, kPatience);
    if (!found) FAIL(found.error().text());
    return *found;
  };
  CHECK(at(0) == 0);
  CHECK(at(3000) == 3);
  CHECK(at(3001) == 4);
  CHECK(at(9000) == 9);
  CHECK_FALSE(at(9001));
  CHECK_FALSE(at(0, 1));
  CHECK_FALSE(scene.lab.admin().offset_at({scene.lab.fresh_name(), 0}, 0, kPatience).ok());
}

TEST_CASE("a group that nobody ever joined has no members and no offsets") {
  Scene scene;
  CHECK(scene.members().empty());
  CHECK(scene.offsets() == std::vector<int64_t>{-1, -1});
}

TEST_CASE("offsets of a group without members are set and forgotten from outside") {
  Scene scene;
  must(scene.set({{{scene.input, 0}, 4, ""}, {{scene.input, 1}, 0, ""}}));
  CHECK(scene.offsets() == std::vector<int64_t>{4, 0});
  must(scene.set({{{scene.input, 0}, 7, ""}, {{scene.input, 1}, -1, ""}}));
  CHECK(scene.offsets() == std::vector<int64_t>{7, -1});
  must(scene.set({{{scene.input, 1}, -1, ""}}));
  // Who joins then begins there.
  auto driver = scene.member("");
  TopicPartition partition{scene.input, 0};
  Result<std::vector<PartitionOffset>> committed = Error{};
  must(persist([&]() -> Status {
    committed = driver.member().committed({&partition, 1}, kPatience);
    return committed ? Status() : Status(committed.error());
  }));
  CHECK(committed->at(0).offset == 7);
}

TEST_CASE("members are shown, and guard their group's offsets") {
  Scene scene;
  const std::string instance = scene.lab.fresh_name();
  auto driver = scene.member(instance);
  auto members = scene.members();
  REQUIRE(members.size() == 1);
  CHECK(members[0].instance_id == instance);
  CHECK(members[0].member_id == driver.member().token()->member_id());
  CHECK_FALSE(members[0].host.empty());
  auto refused = scene.set({{{scene.input, 0}, 4, ""}});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().recovery == Recovery::stop_topology);
  CHECK(refused.error().message == "group '" + scene.group + "' has members, so that its offsets cannot be set");
  CHECK(scene.offsets() == std::vector<int64_t>{-1, -1});
}

TEST_CASE("a static member that was stopped is expelled") {
  Scene scene;
  const std::string instance = scene.lab.fresh_name();
  auto driver = scene.member(instance);
  driver.close();
  must(scene.lab.admin().expel({scene.group, instance, scene.tasks_topic}, kPatience));
  CHECK(scene.members().empty());
  must(scene.set({{{scene.input, 0}, 4, ""}}));
  CHECK(scene.offsets() == std::vector<int64_t>{4, -1});
  // A wish that is fulfilled already.
  must(scene.lab.admin().expel({scene.group, instance, scene.tasks_topic}, kPatience));
}

}  // namespace kstreamd::contract
