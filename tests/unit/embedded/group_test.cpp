#include <catch2/catch.hpp>

#include "tests/unit/embedded/bed.h"

namespace kstreamd {
namespace {

struct Group {
  explicit Group(EmbeddedOptions options = {}, int32_t tasks = 4) : bed(options) {
    bed.topic("tasks", tasks);
    bed.topic("in");
  }
  std::string owns(const std::unique_ptr<GroupMember>& member) { return text(owned[member.get()]); }
  Status send(const GroupToken& token) {
    auto producer = bed.producer("p");
    REQUIRE(producer->begin().ok());
    auto offset = at("in", 0, 1);
    return producer->send_offsets(std::span(&offset, 1), token);
  }
  Bed bed;
  std::map<GroupMember*, std::vector<int32_t>> owned;
};

}  // namespace

TEST_CASE("an expelled member that holds partitions is told that they are lost, and joins again") {
  Group group;
  auto a = group.bed.member("a"), b = group.bed.member("b");
  settle({a.get(), b.get()}, group.owned);
  CHECK(group.owned[a.get()].size() == 2);
  auto token = a->token();
  auto held = group.owned[a.get()];
  REQUIRE(group.bed.levers().expel_member("g", "a"));
  CHECK(group.send(*token).error().recovery == Recovery::abort_transaction);
  auto event = next(*a);
  REQUIRE(event.type == GroupEvent::Type::lost);
  CHECK(event.partitions == held);
  CHECK(a->token() == nullptr);
  REQUIRE(a->finish(event).ok());
  CHECK(a->token() == nullptr);
  group.owned[a.get()].clear();
  settle({a.get(), b.get()}, group.owned);
  CHECK(group.owned[a.get()].size() == 2);
  CHECK(a->token()->member_id() != token->member_id());
  CHECK(group.send(*a->token()).ok());
}

TEST_CASE("an expelled member without partitions is told nothing but its new assignment") {
  Group group({}, 1);
  auto a = group.bed.member("a"), b = group.bed.member("b");
  settle({a.get()}, group.owned);
  settle({a.get(), b.get()}, group.owned);
  CHECK(group.owned[a.get()].size() == 1);
  auto token = b->token();
  REQUIRE(token != nullptr);
  REQUIRE(group.bed.levers().expel_member("g", "b"));
  CHECK(group.send(*token).error().recovery == Recovery::abort_transaction);
  CHECK(next(*b).type == GroupEvent::Type::none);
  CHECK(next(*a).type == GroupEvent::Type::assigned);
  auto event = next(*b);
  CHECK(event.type == GroupEvent::Type::assigned);
  CHECK(event.partitions.empty());
  REQUIRE(b->finish(event).ok());
  CHECK(b->token()->member_id() != token->member_id());
  CHECK_FALSE(group.bed.levers().expel_member("g", "nobody"));
}

TEST_CASE("a closed static member keeps its place until its session times out") {
  ManualClock clock;
  EmbeddedOptions options;
  options.clock = &clock;
  options.session_timeout = std::chrono::seconds(30);
  Group group(options);
  auto a = group.bed.member("a"), b = group.bed.member("b");
  settle({a.get(), b.get()}, group.owned);
  std::string of_a = group.owns(a), of_b = group.owns(b);
  auto b_token = b->token();

  SECTION("back in time: the same partitions, and the others see nothing") {
    a->close();
    group.owned.erase(a.get());
    clock.advance(std::chrono::seconds(29));
    CHECK(next(*b).type == GroupEvent::Type::none);
    auto back = group.bed.member("a");
    auto event = next(*back);
    REQUIRE(event.type == GroupEvent::Type::assigned);
    CHECK(text(event.partitions) == of_a);
    REQUIRE(back->finish(event).ok());
    CHECK(next(*b).type == GroupEvent::Type::none);
    CHECK(group.send(*b_token).ok());
    CHECK(group.send(*back->token()).ok());
  }
  SECTION("too late: the others have them, and it gets back what it had") {
    a->close();
    group.owned.erase(a.get());
    clock.advance(std::chrono::seconds(31));
    settle({b.get()}, group.owned);
    CHECK(group.owns(b) == "0,1,2,3");
    CHECK_FALSE(group.send(*b_token).ok());
    auto back = group.bed.member("a");
    settle({back.get(), b.get()}, group.owned);
    CHECK(group.owns(back) == of_a);
    CHECK(group.owns(b) == of_b);
  }
}

TEST_CASE("what a member gave up before it went and came back is handed on") {
  ManualClock clock;
  EmbeddedOptions options;
  options.clock = &clock;
  options.session_timeout = std::chrono::seconds(30);
  Group group(options);
  auto a = group.bed.member("a");
  settle({a.get()}, group.owned);
  auto b = group.bed.member("b");
  next(*b);
  GroupEvent revoked = next(*a);
  REQUIRE(revoked.type == GroupEvent::Type::revoked);
  REQUIRE(revoked.partitions.size() == 2);
  REQUIRE(a->finish(revoked).ok());
  a.reset();
  group.owned.clear();
  auto again = group.bed.member("a");
  settle({again.get(), b.get()}, group.owned);
  CHECK(group.owned[again.get()].size() == 2);
  CHECK(group.owned[b.get()].size() == 2);
}

TEST_CASE("without a session time-out a closed member's partitions are free at once") {
  Group group;
  auto a = group.bed.member("a"), b = group.bed.member("b");
  settle({a.get(), b.get()}, group.owned);
  auto token = a->token();
  a.reset();
  group.owned.erase(group.owned.begin()->first == b.get() ? std::next(group.owned.begin()) : group.owned.begin());
  settle({b.get()}, group.owned);
  CHECK(group.owns(b) == "0,1,2,3");
  CHECK_FALSE(group.send(*token).ok());
}

TEST_CASE("a second living member of the same instance id fences the first") {
  Group group;
  auto first = group.bed.member("a");
  settle({first.get()}, group.owned);
  auto token = first->token();
  auto second = group.bed.member("a");
  auto event = next(*second);
  REQUIRE(event.type == GroupEvent::Type::assigned);
  CHECK(text(event.partitions) == "0,1,2,3");
  CHECK(group.send(*token).error().recovery == Recovery::abort_transaction);
  event = next(*first);
  REQUIRE(event.type == GroupEvent::Type::error);
  CHECK(event.error.recovery == Recovery::stop_topology);
  CHECK(first->token() == nullptr);
  CHECK(next(*first).type == GroupEvent::Type::none);
  first->close();  // closes nothing of the second's
  CHECK(group.send(*token).error().recovery == Recovery::abort_transaction);
  REQUIRE(second->poll(kNow).type == GroupEvent::Type::none);
}

TEST_CASE("a group whose topic is missing says so once, and begins when it is there") {
  Bed bed;
  auto member = bed.member("a");
  auto event = next(*member);
  REQUIRE(event.type == GroupEvent::Type::error);
  CHECK(event.error.recovery == Recovery::retry_topology);
  CHECK(event.error.message.find("tasks") != std::string::npos);
  CHECK(next(*member).type == GroupEvent::Type::none);
  bed.topic("tasks", 2);
  event = next(*member);
  REQUIRE(event.type == GroupEvent::Type::assigned);
  CHECK(event.partitions.size() == 2);
}

TEST_CASE("the generation moves only when every member has joined") {
  Group group;
  auto a = group.bed.member("a");
  settle({a.get()}, group.owned);
  auto token = a->token();
  auto b = group.bed.member("b");
  CHECK(next(*b).type == GroupEvent::Type::none);  // waits for a
  CHECK(group.send(*token).ok());                  // which has not heard of it yet
  CHECK(next(*a).type == GroupEvent::Type::revoked);
  CHECK_FALSE(group.send(*token).ok());
}

TEST_CASE("members come and go: at rest everything is owned once, and evenly") {
  Group group({}, 7);
  std::vector<std::unique_ptr<GroupMember>> members;
  uint32_t seed = 7;
  auto random = [&](uint32_t n) { return (seed = seed * 1664525 + 1013904223) / 65536 % n; };
  for (int round = 0; round < 60; ++round) {
    uint32_t what = random(4);
    if (members.size() < 4 && (members.empty() || what < 2)) {
      members.push_back(group.bed.member("m" + std::to_string(random(1000))));
    } else if (what == 2) {
      group.owned.erase(members.front().get());
      members.erase(members.begin());
    } else {
      next(*members[random(static_cast<uint32_t>(members.size()))]);
      continue;
    }
    if (random(2)) continue;
    std::vector<GroupMember*> all;
    for (auto& member : members) all.push_back(member.get());
    if (all.empty()) continue;
    // An event that was taken above and not answered would block: answer by starting afresh.
    members.clear();
    group.owned.clear();
    for (int i = 0; i < 3; ++i) members.push_back(group.bed.member("n" + std::to_string(i)));
    all.clear();
    for (auto& member : members) all.push_back(member.get());
    settle(all, group.owned);
    size_t owned = 0;
    for (auto* member : all) {
      CHECK(group.owned[member].size() >= 2);
      CHECK(group.owned[member].size() <= 3);
      owned += group.owned[member].size();
    }
    CHECK(owned == 7);
  }
}

}  // namespace kstreamd
