#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/contract/contract.h"

namespace kstreamd::contract {
namespace {

std::vector<int32_t> all(int32_t count) {
  std::vector<int32_t> partitions;
  for (int32_t p = 0; p < count; ++p) partitions.push_back(p);
  return partitions;
}

// A group with one member that owns all of the tasks topic, and an input topic with ten records.
struct Scene {
  explicit Scene(int32_t tasks = 1) : tasks_topic(lab.topic(tasks)), input(lab.topic(1)), group(lab.fresh_name()) {
    auto producer = lab.producer("");
    TopicHandle topic = open(*producer, input);
    for (int i = 0; i < 10; ++i) put(*producer, topic, "k", std::to_string(i));
    REQUIRE(producer->flush(kPatience).ok());
  }
  MemberDriver member(const std::string& instance) { return MemberDriver(lab.join(group, tasks_topic, instance)); }

  Lab lab;
  std::string tasks_topic;
  std::string input;
  std::string group;
};

Result<std::vector<PartitionOffset>> committed(GroupMember& member, const std::string& topic, int32_t partition = 0) {
  TopicPartition tp{topic, partition};
  auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    auto offsets = member.committed(std::span(&tp, 1), std::chrono::seconds(1));
    if (offsets.ok() || offsets.error().recovery != Recovery::retry || std::chrono::steady_clock::now() > deadline)
      return offsets;
  }
}

Status send(Producer& producer, const std::string& topic, int64_t offset, const GroupToken& token,
            const std::string& metadata = "") {
  PartitionOffset po{{topic, 0}, offset, metadata};
  return persist([&] { return producer.send_offsets(std::span(&po, 1), token); });
}

}  // namespace

TEST_CASE("a lone member is given every task, and has a token only after it has answered") {
  Scene scene(3);
  auto member = scene.lab.join(scene.group, scene.tasks_topic, scene.lab.fresh_name());
  CHECK(member->token() == nullptr);
  GroupEvent event;
  auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (event.type == GroupEvent::Type::none && std::chrono::steady_clock::now() < deadline)
    event = member->poll(std::chrono::milliseconds(50));
  REQUIRE(event.type == GroupEvent::Type::assigned);
  std::sort(event.partitions.begin(), event.partitions.end());
  CHECK(event.partitions == all(3));
  // Unanswered, it is all that comes.
  CHECK(member->poll(std::chrono::milliseconds(20)).type == GroupEvent::Type::none);
  CHECK(member->token() == nullptr);
  REQUIRE(member->finish(event).ok());
  REQUIRE(member->token() != nullptr);
  CHECK_FALSE(member->token()->member_id().empty());
}

TEST_CASE("a member may leave at any moment of its joining") {
  Scene scene;
  for (int i = 0; i < 150; ++i) {
    auto member = scene.lab.join(scene.lab.fresh_name(), scene.tasks_topic, scene.lab.fresh_name());
    member->poll(std::chrono::milliseconds(i % 30));
  }
}

TEST_CASE("offsets are committed with the transaction, and not without it") {
  Scene scene;
  auto driver = scene.member(scene.lab.fresh_name());
  turn_until({&driver}, [&] { return driver.owned() == all(1); });
  GroupMember& member = driver.member();
  auto none = committed(member, scene.input);
  REQUIRE(none.ok());
  REQUIRE(none->size() == 1);
  CHECK(none->at(0).offset == -1);
  CHECK(none->at(0).partition == TopicPartition{scene.input, 0});

  auto producer = scene.lab.producer(scene.lab.fresh_name());
  REQUIRE(producer->begin().ok());
  REQUIRE(send(*producer, scene.input, 4, *member.token(), "note").ok());
  must(persist([&] { return producer->commit(); }));
  auto offsets = committed(member, scene.input);
  REQUIRE(offsets.ok());
  CHECK(offsets->at(0).offset == 4);
  CHECK(offsets->at(0).metadata == "note");

  REQUIRE(producer->begin().ok());
  REQUIRE(send(*producer, scene.input, 8, *member.token()).ok());
  must(persist([&] { return producer->abort(); }));
  offsets = committed(member, scene.input);
  REQUIRE(offsets.ok());
  CHECK(offsets->at(0).offset == 4);
}

TEST_CASE("committed asks for patience while a transaction on the offsets is open") {
  Scene scene;
  auto driver = scene.member(scene.lab.fresh_name());
  turn_until({&driver}, [&] { return driver.owned() == all(1); });
  auto producer = scene.lab.producer(scene.lab.fresh_name());
  REQUIRE(producer->begin().ok());
  REQUIRE(send(*producer, scene.input, 5, *driver.member().token()).ok());
  TopicPartition tp{scene.input, 0};
  auto offsets = driver.member().committed(std::span(&tp, 1), std::chrono::milliseconds(300));
  REQUIRE_FALSE(offsets.ok());
  CHECK(offsets.error().recovery == Recovery::retry);
  must(persist([&] { return producer->commit(); }));
  offsets = committed(driver.member(), scene.input);
  REQUIRE(offsets.ok());
  CHECK(offsets->at(0).offset == 5);
}

TEST_CASE("a member's source reads what was assigned, and goes on through rebalances") {
  Scene scene(2);
  auto first = scene.member(scene.lab.fresh_name());
  turn_until({&first}, [&] { return first.owned() == all(2); });
  auto source = first.member().make_source();
  REQUIRE(source->assign(0, {scene.input, 0}, 3).ok());
  auto records = read(*source, 7);
  CHECK(records.front().offset == 3);
  auto second = scene.member(scene.lab.fresh_name());
  turn_until({&first, &second}, [&] { return first.owned().size() == 1 && second.owned().size() == 1; });
  auto producer = scene.lab.producer("");
  put(*producer, open(*producer, scene.input), "k", "after");
  REQUIRE(producer->flush(kPatience).ok());
  CHECK(values_of(read(*source, 1)) == std::vector<std::string>{"after"});
}

TEST_CASE("a second member gets its share cooperatively, and gives it back when it leaves for good") {
  Scene scene(4);
  auto first = scene.member("");
  turn_until({&first}, [&] { return first.owned() == all(4); });
  auto second = scene.member("");
  turn_until({&first, &second}, [&] { return first.owned().size() == 2 && second.owned().size() == 2; });
  // Cooperatively: only what moves was revoked.
  size_t revoked = 0;
  for (const auto& event : first.history())
    if (event.type == GroupEvent::Type::revoked) revoked += event.partitions.size();
  CHECK(revoked == 2);
  std::vector<int32_t> together = first.owned();
  together.insert(together.end(), second.owned().begin(), second.owned().end());
  std::sort(together.begin(), together.end());
  CHECK(together == all(4));
  second.close();
  turn_until({&first}, [&] { return first.owned() == all(4); });
}

TEST_CASE("a revoked partition is given to nobody before finish") {
  Scene scene(2);
  auto first = scene.member("");
  turn_until({&first}, [&] { return first.owned() == all(2); });
  auto second = scene.member("");
  GroupEvent event;
  auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (event.type != GroupEvent::Type::revoked) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    second.turn();
    event = first.member().poll(std::chrono::milliseconds(20));
    if (event.type == GroupEvent::Type::assigned) REQUIRE(first.member().finish(event).ok());
  }
  REQUIRE(event.partitions.size() == 1);
  auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
  while (std::chrono::steady_clock::now() < until) {
    second.turn();
    CHECK(first.member().poll(std::chrono::milliseconds(10)).type == GroupEvent::Type::none);
  }
  CHECK(second.owned().empty());
  REQUIRE(first.member().finish(event).ok());
  turn_until({&first, &second}, [&] { return second.owned() == event.partitions; });
}

TEST_CASE("the token of a member before a rebalance is refused after it") {
  Scene scene(2);
  auto first = scene.member("");
  turn_until({&first}, [&] { return first.owned() == all(2); });
  auto old_token = first.member().token();
  auto second = scene.member("");
  turn_until({&first, &second}, [&] { return first.owned().size() == 1 && second.owned().size() == 1; });

  auto producer = scene.lab.producer(scene.lab.fresh_name());
  REQUIRE(producer->begin().ok());
  auto status = send(*producer, scene.input, 5, *old_token);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().recovery == Recovery::abort_transaction);
  must(persist([&] { return producer->abort(); }));
  // The same producer goes on with a token of today; the group may need one more round until that is the last one.
  turn_until({&first, &second}, [&] {
    REQUIRE(producer->begin().ok());
    bool sent = send(*producer, scene.input, 6, *first.member().token()).ok();
    must(persist([&] { return sent ? producer->commit() : producer->abort(); }));
    return sent;
  });
  CHECK(committed(first.member(), scene.input)->at(0).offset == 6);
}

TEST_CASE("a static member that returns gets its tasks at once, and the token of its former life is refused") {
  Scene scene(2);
  std::string instance_1 = scene.lab.fresh_name(), instance_2 = scene.lab.fresh_name();
  auto first = scene.member(instance_1);
  auto other = scene.member(instance_2);
  turn_until({&first, &other}, [&] { return first.owned().size() == 1 && other.owned().size() == 1; });
  auto old_token = first.member().token();
  auto owned = first.owned();
  size_t events_of_other = other.history().size();
  first.close();

  auto back = scene.member(instance_1);
  turn_until({&back, &other}, [&] { return back.owned().size() == 1; });
  CHECK(back.owned() == owned);
  for (size_t i = events_of_other; i < other.history().size(); ++i)
    CHECK(other.history()[i].partitions.empty());  // nothing of the other's moves
  CHECK(back.member().token()->member_id() != old_token->member_id());

  auto producer = scene.lab.producer(scene.lab.fresh_name());
  REQUIRE(producer->begin().ok());
  auto status = send(*producer, scene.input, 5, *old_token);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().recovery == Recovery::abort_transaction);
  must(persist([&] { return producer->abort(); }));
  CHECK(committed(back.member(), scene.input)->at(0).offset == -1);
}

TEST_CASE("offsets can be committed without a transaction") {
  Scene scene;
  auto driver = scene.member(scene.lab.fresh_name());
  turn_until({&driver}, [&] { return driver.owned() == all(1); });
  PartitionOffset offset{{scene.input, 0}, 9, "plain"};
  auto status = driver.member().commit(std::span(&offset, 1), *driver.member().token());
  if (!status) FAIL(status.error().text());
  auto offsets = committed(driver.member(), scene.input);
  REQUIRE(offsets.ok());
  CHECK(offsets->at(0).offset == 9);
  CHECK(offsets->at(0).metadata == "plain");
}

TEST_CASE("a plain commit with the token of a former life is refused") {
  Scene scene;
  std::string instance = scene.lab.fresh_name();
  auto first = scene.member(instance);
  turn_until({&first}, [&] { return first.owned() == all(1); });
  auto old_token = first.member().token();
  first.close();
  auto back = scene.member(instance);
  turn_until({&back}, [&] { return back.owned() == all(1); });
  PartitionOffset offset{{scene.input, 0}, 9, ""};
  CHECK_FALSE(back.member().commit(std::span(&offset, 1), *old_token).ok());
  CHECK(committed(back.member(), scene.input)->at(0).offset == -1);
}

TEST_CASE("committed offsets outlive the member") {
  Scene scene;
  std::string instance = scene.lab.fresh_name();
  {
    auto driver = scene.member(instance);
    turn_until({&driver}, [&] { return driver.owned() == all(1); });
    auto producer = scene.lab.producer(scene.lab.fresh_name());
    REQUIRE(producer->begin().ok());
    REQUIRE(send(*producer, scene.input, 3, *driver.member().token()).ok());
    must(persist([&] { return producer->commit(); }));
  }
  auto back = scene.member(instance);
  turn_until({&back}, [&] { return back.owned() == all(1); });
  CHECK(committed(back.member(), scene.input)->at(0).offset == 3);
}

TEST_CASE("close twice is close once, and a closed member says nothing") {
  Scene scene;
  auto driver = scene.member(scene.lab.fresh_name());
  turn_until({&driver}, [&] { return driver.owned() == all(1); });
  driver.close();
  driver.close();
  CHECK(driver.member().poll(std::chrono::milliseconds(10)).type == GroupEvent::Type::none);
  CHECK(driver.member().token() == nullptr);
}

}  // namespace kstreamd::contract
