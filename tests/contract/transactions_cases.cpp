#include <catch2/catch.hpp>

#include "tests/contract/contract.h"

namespace kstreamd::contract {

using std::chrono::milliseconds;

TEST_CASE("an aborted transaction is invisible to read_committed, a committed one is complete") {
  Lab lab;
  std::string name = lab.topic(2);
  auto producer = lab.producer(lab.fresh_name());
  TopicHandle topic = open(*producer, name);
  REQUIRE(producer->begin().ok());
  for (int i = 0; i < 20; ++i) put(*producer, topic, "k", "aborted", i % 2);
  must(persist([&] { return producer->abort(); }));
  REQUIRE(producer->begin().ok());
  for (int i = 0; i < 20; ++i) put(*producer, topic, "k", "committed", i % 2);
  must(persist([&] { return producer->commit(); }));

  auto reader = lab.reader();
  for (int32_t p = 0; p < 2; ++p) REQUIRE(reader->assign(p, {name, p}, 0).ok());
  auto records = read(*reader, 20);
  for (const auto& record : records) CHECK(record.value == "committed");
  CHECK(read_for(*reader, milliseconds(100)).empty());
}

TEST_CASE("the end of a partition lies past aborted records and markers") {
  Lab lab;
  std::string name = lab.topic(1);
  auto producer = lab.producer(lab.fresh_name());
  TopicHandle topic = open(*producer, name);
  put_transaction(*producer, topic, {"a"});
  REQUIRE(producer->begin().ok());
  put(*producer, topic, "k", "b");
  REQUIRE(producer->flush(kPatience).ok());
  must(persist([&] { return producer->abort(); }));
  int64_t high = high_watermark(lab, name);
  CHECK(high >= 2);
  auto reader = lab.reader();
  REQUIRE(reader->assign(0, {name, 0}, 0).ok());
  CHECK(values_of(read_to(*reader, 0, high)) == std::vector<std::string>{"a"});
}

TEST_CASE("records of an open transaction count in the high watermark, and are read only after the commit") {
  Lab lab;
  std::string name = lab.topic(1);
  auto producer = lab.producer(lab.fresh_name());
  TopicHandle topic = open(*producer, name);
  put_transaction(*producer, topic, {"before"});
  int64_t stable = high_watermark(lab, name);
  REQUIRE(producer->begin().ok());
  put(*producer, topic, "k", "open-1");
  put(*producer, topic, "k", "open-2");
  REQUIRE(producer->flush(kPatience).ok());
  CHECK(high_watermark(lab, name) >= stable + 2);  // a commit may be answered before its marker is written

  auto committed = lab.reader(true);
  REQUIRE(committed->assign(0, {name, 0}, 0).ok());
  CHECK(values_of(read(*committed, 1)) == std::vector<std::string>{"before"});
  CHECK(read_for(*committed, milliseconds(150)).empty());
  auto uncommitted = lab.reader(false);
  REQUIRE(uncommitted->assign(0, {name, 0}, 0).ok());
  CHECK(values_of(read(*uncommitted, 3)) == std::vector<std::string>{"before", "open-1", "open-2"});

  must(persist([&] { return producer->commit(); }));
  CHECK(values_of(read(*committed, 2)) == std::vector<std::string>{"open-1", "open-2"});
}

TEST_CASE("transactions of one producer follow each other in order") {
  Lab lab;
  std::string name = lab.topic(1);
  auto producer = lab.producer(lab.fresh_name());
  TopicHandle topic = open(*producer, name);
  std::vector<std::string> expected;
  for (int i = 0; i < 10; ++i) {
    REQUIRE(producer->begin().ok());
    put(*producer, topic, "k", std::to_string(i));
    bool keep = i % 3 != 1;
    if (keep) expected.push_back(std::to_string(i));
    // An abort that overtakes the adding of its first partition, while the markers of the transaction before are still
    // being written, is refused by a broker (INVALID_TXN_STATE), and the producer has to be replaced.
    must(producer->flush(kPatience));
    must(persist([&] { return keep ? producer->commit() : producer->abort(); }));
  }
  auto reader = lab.reader();
  REQUIRE(reader->assign(0, {name, 0}, 0).ok());
  CHECK(values_of(read(*reader, expected.size())) == expected);
}

TEST_CASE("an empty transaction commits and aborts") {
  Lab lab;
  auto producer = lab.producer(lab.fresh_name());
  for (int i = 0; i < 3; ++i) {
    REQUIRE(producer->begin().ok());
    must(persist([&] { return producer->commit(); }));
    REQUIRE(producer->begin().ok());
    must(persist([&] { return producer->abort(); }));
  }
}

TEST_CASE("init of the same id aborts what was open, and fences its holder for good") {
  Lab lab;
  std::string name = lab.topic(1);
  std::string id = lab.fresh_name();
  auto old_producer = lab.producer(id);
  TopicHandle old_topic = open(*old_producer, name);
  put_transaction(*old_producer, old_topic, {"one"});
  REQUIRE(old_producer->begin().ok());
  put(*old_producer, old_topic, "k", "of the fenced");
  REQUIRE(old_producer->flush(kPatience).ok());

  auto new_producer = lab.producer(id);
  TopicHandle new_topic = open(*new_producer, name);
  put_transaction(*new_producer, new_topic, {"two"});

  auto status = persist([&] { return old_producer->commit(); });
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().recovery == Recovery::recreate_producer);

  put_transaction(*new_producer, new_topic, {"three"});
  auto reader = lab.reader();
  REQUIRE(reader->assign(0, {name, 0}, 0).ok());
  CHECK(values_of(read(*reader, 3)) == std::vector<std::string>{"one", "two", "three"});
}

TEST_CASE("a fenced producer cannot begin and commit another transaction") {
  Lab lab;
  std::string name = lab.topic(1);
  std::string id = lab.fresh_name();
  auto old_producer = lab.producer(id);
  TopicHandle topic = open(*old_producer, name);
  put_transaction(*old_producer, topic, {"one"});
  auto new_producer = lab.producer(id);

  Status status = old_producer->begin();
  if (status.ok()) {
    OutgoingRecord record;
    record.topic = topic;
    record.partition = 0;
    status = old_producer->produce(record);
  }
  if (status.ok()) status = persist([&] { return old_producer->commit(); });
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().recovery == Recovery::recreate_producer);
  auto reader = lab.reader();
  REQUIRE(reader->assign(0, {name, 0}, 0).ok());
  CHECK(values_of(read(*reader, 1)) == std::vector<std::string>{"one"});
  CHECK(read_for(*reader, milliseconds(100)).empty());
}

TEST_CASE("a producer that is destroyed with a transaction open leaves nothing behind after the next init") {
  Lab lab;
  std::string name = lab.topic(1);
  std::string id = lab.fresh_name();
  {
    auto producer = lab.producer(id);
    TopicHandle topic = open(*producer, name);
    REQUIRE(producer->begin().ok());
    put(*producer, topic, "k", "lost");
    REQUIRE(producer->flush(kPatience).ok());
  }
  auto producer = lab.producer(id);
  TopicHandle topic = open(*producer, name);
  put_transaction(*producer, topic, {"kept"});
  auto reader = lab.reader();
  REQUIRE(reader->assign(0, {name, 0}, 0).ok());
  CHECK(values_of(read(*reader, 1)) == std::vector<std::string>{"kept"});
}

}  // namespace kstreamd::contract
