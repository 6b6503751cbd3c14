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
