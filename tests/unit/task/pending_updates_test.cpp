// emit: per_commit: what is kept until the commit, in which order it goes on, and what an abort does to it.
#include "core/task/pending_updates.h"

#include <catch2/catch.hpp>

#include "tests/unit/task/task_fixture.h"

namespace kstreamd {
namespace {

using namespace testing;

Record update(std::string_view key, std::string_view value, int64_t timestamp = 0) {
  return Record{string_value(key), string_value(value), timestamp, nullptr, nullptr, 0, 0};
}

// "key=value@timestamp", in order.
std::vector<std::string> taken(PendingUpdates& pending) {
  std::vector<std::string> all;
  const auto taken = pending.take();
  for (const Record& r : taken.records)
    all.push_back(std::string(data_of(r.key)) + "=" + std::string(data_of(r.value)) + "@" +
                  std::to_string(r.timestamp));
  return all;
}

TEST_CASE("of each key the last update is kept, in the order of these") {
  PendingUpdates pending;
  pending.add(update("a", "1", 10));
  pending.add(update("b", "1", 11));
  pending.add(update("a", "2", 5));
  CHECK_FALSE(pending.empty());
  CHECK(taken(pending) == std::vector<std::string>{"b=1@11", "a=2@5"});
  CHECK(pending.empty());
  CHECK(pending.bytes() == 0);
  pending.add(update("a", "3", 6));
  CHECK(taken(pending) == std::vector<std::string>{"a=3@6"});
}

TEST_CASE("an update keeps its headers and its origin, whatever becomes of the batch that it came in") {
  PendingUpdates pending;
  {
    std::string topic = "topic", raw = "raw", name = "h", text = "x";
    const Header header{name.data(), text.data(), 1, 1};
    Origin origin{};
    origin.topic = topic.data();
    origin.topic_size = 5;
    origin.raw_key = raw.data();
    origin.raw_key_size = 3;
    origin.offset = 7;
    Record r = update("k", "v");
    r.headers = &header;
    r.header_count = 1;
    r.origin = &origin;
    pending.add(r);
  }
  const auto all = pending.take();
  REQUIRE(all.records.size() == 1);
  const Record& r = all.records[0];
  CHECK(std::string_view(r.origin->topic, r.origin->topic_size) == "topic");
  CHECK(std::string_view(static_cast<const char*>(r.origin->raw_key), 3) == "raw");
  CHECK(r.origin->offset == 7);
  CHECK(std::string_view(r.headers[0].name, 1) == "h");
}

// "key=now(before)@timestamp", in order; "-" is null.
std::string changes(PendingUpdates& pending) {
  auto shown = [](const Value& v) { return is_null(v) ? std::string("-") : std::string(data_of(v)); };
  std::string all;
  const auto taken = pending.take();
  for (const Record& r : taken.records) {
    REQUIRE(is_change(r.value));
    const Change& change = change_of(r.value);
    all += (all.empty() ? "" : " ") + std::string(data_of(r.key)) + "=" + shown(change.now) + "(" +
           shown(change.before) + ")@" + std::to_string(r.timestamp);
  }
  return all;
}

void add(PendingUpdates& pending, std::string_view key, const char* now, const char* before, int64_t timestamp) {
  const Change change{now ? string_value(now) : null_value(), before ? string_value(before) : null_value()};
  Record r = update(key, "", timestamp);
  r.value = change_value(change);
  pending.add(r);
}

TEST_CASE("the old value of a pending update is that of the last commit") {
  PendingUpdates pending;
  add(pending, "a", "2", "1", 5);
  add(pending, "b", "1", nullptr, 6);
  add(pending, "a", "3", "2", 7);
  CHECK(changes(pending) == "b=1(-)@6 a=3(1)@7");
  add(pending, "a", nullptr, "3", 8);
  CHECK(changes(pending) == "a=-(3)@8");
}

TEST_CASE("a key that came and went within a commit is not mentioned, one that was there before is") {
  PendingUpdates pending;
  add(pending, "new", "1", nullptr, 1);
  add(pending, "new", nullptr, "1", 2);
  add(pending, "old", "2", "1", 3);
  add(pending, "old", nullptr, "2", 4);
  add(pending, "unknown", nullptr, nullptr, 5);
  add(pending, "back", nullptr, "1", 6);
  add(pending, "back", "1", nullptr, 7);
  CHECK_FALSE(pending.empty());
  CHECK(changes(pending) == "old=-(1)@4 back=1(1)@7");
  CHECK(pending.empty());
}

TEST_CASE("old values outlive the forgetting of replaced updates") {
  PendingUpdates pending;
  add(pending, "a", "0", "first", 0);
  for (int i = 1; i < 20'000; ++i) add(pending, i % 2 ? "b" : "a", std::to_string(i).c_str(), "between", i);
  CHECK(changes(pending) == "a=19998(first)@19998 b=19999(between)@19999");
}

TEST_CASE("many updates of few keys do not take more memory than these keys need") {
  PendingUpdates pending;
  size_t most = 0;
  for (int i = 0; i < 100'000; ++i) {
    pending.add(update("k" + std::to_string(i % 3), std::string(100, static_cast<char>('a' + i % 26)), i));
    most = std::max(most, pending.bytes());
  }
  CHECK(most < 3'000'000);
  const auto all = pending.take();
  REQUIRE(all.records.size() == 3);
  for (size_t i = 0; i < 3; ++i) CHECK(all.records[i].timestamp == 99'997 + static_cast<int64_t>(i));
}

TEST_CASE("a task with emit: per_commit puts out once per commit, and forgets what was undone") {
  Fixture f;
  f.topology.nodes[1].per_commit = true;
  Task& task = f.start();
  f.send({"a", "b"});
  REQUIRE(task.process(100));
  CHECK(f.values("out").empty());
  CHECK(task.uncommitted_bytes() > 0);
  REQUIRE(task.rollback());
  CHECK(task.uncommitted_bytes() == 0);
  REQUIRE(task.emit_updates());
  CHECK(f.values("out").empty());

  f.send({"c", "d"});
  REQUIRE(task.process(100));
  REQUIRE(task.emit_updates());
  CHECK(f.values("out") == Fixture::Values{"d"});  // all have one key
  REQUIRE(task.write_changes());
  REQUIRE(task.commit_state());
  REQUIRE(task.emit_updates());
  CHECK(f.values("out") == Fixture::Values{"d"});
}

}  // namespace
}  // namespace kstreamd
