#include <atomic>
#include <catch2/catch.hpp>
#include <set>
#include <thread>

#include "core/record/murmur2.h"
#include "tests/contract/contract.h"

namespace kstreamd::contract {

using std::chrono::milliseconds;

TEST_CASE("a poll gives no more bytes than it may, however many records are asked for") {
  Lab lab;
  std::string name = lab.topic(2);
  auto producer = lab.producer("");
  const TopicHandle topic = open(*producer, name);
  constexpr int kRecords = 40;
  const std::string large(500'000, 'x');
  for (int i = 0; i < kRecords; ++i) put(*producer, topic, "k", large, i % 2);
  REQUIRE(producer->flush(kPatience).ok());
  auto reader = lab.reader();
  for (int32_t p = 0; p < 2; ++p) REQUIRE(reader->assign(p, {name, p}, 0).ok());
  size_t records = 0;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (records < kRecords) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    std::vector<FetchedBatch> batches;
    must(reader->poll(batches, 10'000, milliseconds(100)));
    size_t bytes = 0;
    for (const auto& batch : batches) {
      records += batch.records.size();
      for (const auto& record : batch.records) bytes += record.origin.raw_value_size;
    }
    CHECK(bytes < kPollBytes + large.size());
  }
  CHECK(records == kRecords);
}

TEST_CASE("what was fetched and not yet polled is told, of members' sources and of readers") {
  Lab lab;
  std::string name = lab.topic();
  auto producer = lab.producer("");
  const TopicHandle topic = open(*producer, name);
  constexpr int kRecords = 200;
  const std::string value(1000, 'x');
  for (int i = 0; i < kRecords; ++i) put(*producer, topic, "k", value);
  REQUIRE(producer->flush(kPatience).ok());
  CHECK(lab.cluster().fetched_memory().sources == 0);
  CHECK(lab.cluster().fetched_memory().readers == 0);
  MemberDriver member(lab.join(lab.fresh_name(), lab.topic(), lab.fresh_name()));
  turn_until({&member}, [&] { return member.owned().size() == 1; });  // librdkafka aborts when it leaves before that
  const bool is_source = GENERATE(true, false);
  const auto told = [&] {
    const FetchedMemory memory = lab.cluster().fetched_memory();
    CHECK((is_source ? memory.readers : memory.sources) == 0);
    return is_source ? memory.sources : memory.readers;
  };
  auto source = is_source ? member.member().make_source() : lab.reader();
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  const auto poll_until = [&](const std::function<bool(size_t records)>& condition) {
    size_t records = 0;
    while (!condition(records)) {
      REQUIRE(std::chrono::steady_clock::now() < deadline);
      std::vector<FetchedBatch> batches;
      must(source->poll(batches, 1, milliseconds(100)));
      for (const auto& batch : batches) records += batch.records.size();
      CHECK(told() <= kRecords * (value.size() + 400));
    }
    return records;
  };
  REQUIRE(source->assign(0, {name, 0}, 0).ok());
  REQUIRE(poll_until([](size_t records) { return records > 0; }) == 1);
  while (told() < (kRecords - 1) * value.size()) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    std::this_thread::yield();
  }
  poll_until([&](size_t records) { return records >= kRecords - 1 && told() == 0; });
  REQUIRE(source->seek(0, 0).ok());
  poll_until([&](size_t) { return told() > 0; });
  source.reset();
  CHECK(told() == 0);
}

TEST_CASE("keys, values, nulls, headers and timestamps come back as they were sent") {
  Lab lab;
  std::string name = lab.topic(1);
  auto producer = lab.producer("");
  OutgoingRecord record;
  record.topic = open(*producer, name);
  record.partition = 0;
  std::string binary("a\0b\xff", 4);
  std::vector<Header> headers{{"h1", "v1", 2, 2}, {"null", nullptr, 4, 0}, {"h1", "", 2, 0}};

  record.key_null = record.value_null = false;
  record.key = "key";
  record.value = binary;
  record.timestamp = 1234567890123;
  record.headers = headers;
  REQUIRE(producer->produce(record).ok());
  record.headers = {};
  record.key = record.value = "";
  record.timestamp = 0;
  REQUIRE(producer->produce(record).ok());
  record.key_null = record.value_null = true;
  record.timestamp = 7;
  REQUIRE(producer->produce(record).ok());
  REQUIRE(producer->flush(kPatience).ok());

  auto reader = lab.reader();
  REQUIRE(reader->assign(4, {name, 0}, 0).ok());
  auto records = read(*reader, 3);
  CHECK(records[0].slot == 4);
  CHECK(records[0].offset == 0);
  CHECK(records[0].key == "key");
  CHECK(records[0].value == binary);
  CHECK(records[0].timestamp == 1234567890123);
  REQUIRE(records[0].headers.size() == 3);
  CHECK(records[0].headers[0] == std::pair<std::string, std::optional<std::string>>("h1", "v1"));
  CHECK(records[0].headers[1] == std::pair<std::string, std::optional<std::string>>("null", std::nullopt));
  CHECK(records[0].headers[2] == std::pair<std::string, std::optional<std::string>>("h1", ""));
  CHECK(records[1].offset == 1);
  CHECK(records[1].key == "");
  CHECK(records[1].value == "");
  CHECK(records[1].timestamp <= 1);  // librdkafka cannot say 0
  CHECK(records[1].headers.empty());
  CHECK(records[2].offset == 2);
  CHECK(records[2].key == std::nullopt);
  CHECK(records[2].value == std::nullopt);
  CHECK(records[2].timestamp == 7);
}

TEST_CASE("headers come with any value: some bytes, none, null, zeros") {
  Lab lab;
  std::string name = lab.topic(1);
  auto producer = lab.producer("");
  OutgoingRecord record;
  record.topic = open(*producer, name);
  record.partition = 0;
  record.timestamp = 5;
  std::vector<Header> headers{{"h", "v", 1, 1}};
  std::string zeros(4, '\0');
  for (bool with_headers : {true, false})
    for (std::string_view value : {std::string_view("value"), std::string_view(""), std::string_view(zeros)})
      for (bool null : {false, true}) {
        record.headers = with_headers ? std::span<const Header>(headers) : std::span<const Header>();
        record.value = value;
        record.value_null = null;
        REQUIRE(producer->produce(record).ok());
      }
  REQUIRE(producer->flush(kPatience).ok());
  auto reader = lab.reader();
  REQUIRE(reader->assign(0, {name, 0}, 0).ok());
  auto records = read(*reader, 12);
  for (size_t i = 0; i < records.size(); ++i) CHECK(records[i].headers.size() == (i < 6 ? 1u : 0u));
}

TEST_CASE("the origin of a record names its topic, partition and offset") {
  Lab lab;
  std::string name = lab.topic(2);
  auto producer = lab.producer("");
  TopicHandle topic = open(*producer, name);
  put(*producer, topic, "k", "v", 1);
  REQUIRE(producer->flush(kPatience).ok());
  auto reader = lab.reader();
  REQUIRE(reader->assign(0, {name, 1}, 0).ok());
  std::vector<FetchedBatch> batches;
  auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (batches.empty() || batches.front().records.empty()) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    batches.clear();
    REQUIRE(reader->poll(batches, 10, milliseconds(100)).ok());
  }
  const Origin& origin = batches.front().records.at(0).origin;
  CHECK(std::string(origin.topic, origin.topic_size) == name);
  CHECK(origin.partition == 1);
  CHECK(origin.offset == 0);
  CHECK(batches.front().next_offset == 1);
  CHECK(batches.front().bytes >= 2);
}

TEST_CASE("a keyed record goes to the partition that Kafka's partitioner gives") {
  Lab lab;
  constexpr int32_t kPartitions = 5;
  std::string name = lab.topic(kPartitions);
  auto producer = lab.producer("");
  TopicHandle topic = open(*producer, name);
  CHECK(producer->partition_count(topic) == kPartitions);
  std::vector<std::string> keys{"", "a", "foobar", "kstreamd", std::string("\0\xff\x80", 3)};
  for (int i = 0; i < 45; ++i) keys.push_back("key-" + std::to_string(i));
  for (const auto& key : keys) put(*producer, topic, key, "v");
  REQUIRE(producer->flush(kPatience).ok());
  auto reader = lab.reader();
  for (int32_t p = 0; p < kPartitions; ++p) REQUIRE(reader->assign(p, {name, p}, 0).ok());
  auto records = read(*reader, keys.size());
  std::set<std::string> seen;
  for (const auto& record : records) {
    CHECK(record.slot == partition_of_key(*record.key, kPartitions));
    seen.insert(*record.key);
  }
  CHECK(seen == std::set<std::string>(keys.begin(), keys.end()));
}

TEST_CASE("an explicit partition is honoured, and one out of range is refused") {
  Lab lab;
  std::string name = lab.topic(3);
  auto producer = lab.producer("");
  TopicHandle topic = open(*producer, name);
  put(*producer, topic, "same", "2", 2);
  put(*producer, topic, "same", "1", 1);
  OutgoingRecord bad;
  bad.topic = topic;
  bad.partition = 3;
  auto status = producer->produce(bad);
  REQUIRE_FALSE(status.ok());
  CHECK_THAT(status.error().message, Catch::Contains(name));
  REQUIRE(producer->flush(kPatience).ok());
  CHECK(high_watermark(lab, name, 0) == 0);
  CHECK(high_watermark(lab, name, 1) == 1);
  CHECK(high_watermark(lab, name, 2) == 1);
}

TEST_CASE("reading starts at the offset given, in order, in batches of at most what was asked for") {
  Lab lab;
  std::string name = lab.topic(1);
  auto producer = lab.producer("");
  TopicHandle topic = open(*producer, name);
  constexpr int kCount = 1000;
  for (int i = 0; i < kCount; ++i) put(*producer, topic, "k", std::to_string(i));
  REQUIRE(producer->flush(kPatience).ok());
  auto reader = lab.reader();
  REQUIRE(reader->assign(0, {name, 0}, 200).ok());
  int64_t next = 200;
  auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (next < kCount) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    std::vector<FetchedBatch> batches;
    REQUIRE(reader->poll(batches, 64, milliseconds(100)).ok());
    size_t polled = 0;
    for (const auto& batch : batches) {
      for (const auto& record : batch.records) {
        REQUIRE(record.origin.offset == next);
        REQUIRE(raw_value(record.origin) == std::to_string(next));
        ++next;
      }
      polled += batch.records.size();
      CHECK(batch.next_offset == next);
    }
    CHECK(polled <= 128);  // "about": an adapter may finish the block that it has begun
  }
}

TEST_CASE("the bytes of a batch outlive later polls, seeks and the source's partitions") {
  Lab lab;
  std::string name = lab.topic(1);
  auto producer = lab.producer("");
  TopicHandle topic = open(*producer, name);
  for (int i = 0; i < 200; ++i) put(*producer, topic, "key-" + std::to_string(i), "value-" + std::to_string(i));
  REQUIRE(producer->flush(kPatience).ok());
  auto reader = lab.reader();
  REQUIRE(reader->assign(0, {name, 0}, 0).ok());
  std::vector<FetchedBatch> kept;
  size_t count = 0;
  auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (count < 200) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    std::vector<FetchedBatch> batches;
    REQUIRE(reader->poll(batches, 10, milliseconds(100)).ok());
    for (auto& batch : batches) {
      count += batch.records.size();
      kept.push_back(std::move(batch));
    }
  }
  REQUIRE(reader->seek(0, 0).ok());
  REQUIRE(reader->unassign(0).ok());
  int64_t i = 0;
  for (const auto& batch : kept)
    for (const auto& record : batch.records) {
      CHECK(raw_key(record.origin) == "key-" + std::to_string(i));
      CHECK(raw_value(record.origin) == "value-" + std::to_string(i));
      ++i;
    }
}

TEST_CASE("the end of a partition is shown once for each time it is reached") {
  Lab lab;
  std::string name = lab.topic(1);
  auto producer = lab.producer("");
  TopicHandle topic = open(*producer, name);
  auto reader = lab.reader();
  REQUIRE(reader->assign(0, {name, 0}, 0).ok());
  CHECK(read_to(*reader, 0, 0).empty());  // of an empty topic, too
  put(*producer, topic, "k", "a");
  put(*producer, topic, "k", "b");
  REQUIRE(producer->flush(kPatience).ok());
  CHECK(values_of(read_to(*reader, 0, 2)) == std::vector<std::string>{"a", "b"});
  std::vector<FetchedBatch> batches;
  REQUIRE(reader->poll(batches, 10, milliseconds(200)).ok());
  for (const auto& batch : batches) CHECK_FALSE(batch.at_end);
  CHECK(reader->high_watermark(0) == 2);
}

TEST_CASE("seek goes back and forth, and nothing from before it comes any more") {
  Lab lab;
  std::string name = lab.topic(1);
  auto producer = lab.producer("");
  TopicHandle topic = open(*producer, name);
  constexpr int kCount = 3000;
  for (int i = 0; i < kCount; ++i) put(*producer, topic, "k", std::to_string(i));
  REQUIRE(producer->flush(kPatience).ok());
  auto reader = lab.reader();
  REQUIRE(reader->assign(0, {name, 0}, 0).ok());
  for (int64_t target : {100, 0, 2500, 17, 17, 1000}) {
    // A part of what is there only, so that more is on its way when the seek comes.
    std::vector<FetchedBatch> batches;
    REQUIRE(reader->poll(batches, 50, milliseconds(100)).ok());
    REQUIRE(reader->seek(0, target).ok());
    batches.clear();
    auto deadline = std::chrono::steady_clock::now() + kPatience;
    int64_t next = target;
    while (next < std::min<int64_t>(target + 120, kCount)) {
      REQUIRE(std::chrono::steady_clock::now() < deadline);
      batches.clear();
      REQUIRE(reader->poll(batches, 50, milliseconds(100)).ok());
      for (const auto& batch : batches)
        for (const auto& record : batch.records) REQUIRE(record.origin.offset == next++);
    }
  }
}

TEST_CASE("a paused partition is silent while others go on, and resumes exactly") {
  Lab lab;
  std::string name = lab.topic(2);
  auto producer = lab.producer("");
  TopicHandle topic = open(*producer, name);
  constexpr int kCount = 2000;
  for (int i = 0; i < kCount; ++i)
    for (int32_t p = 0; p < 2; ++p) put(*producer, topic, "k", std::to_string(i), p);
  REQUIRE(producer->flush(kPatience).ok());
  auto reader = lab.reader();
  int64_t next[2] = {0, 0};
  bool paused = false;
  for (int32_t p = 0; p < 2; ++p) REQUIRE(reader->assign(p, {name, p}, 0).ok());
  auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (int turn = 0; next[0] < kCount || next[1] < kCount; ++turn) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    if (turn % 4 == 3) {
      paused = !paused;
      REQUIRE((paused ? reader->pause(0) : reader->resume(0)).ok());
    }
    std::vector<FetchedBatch> batches;
    REQUIRE(reader->poll(batches, 100, milliseconds(paused && next[1] == kCount ? 5 : 50)).ok());
    for (const auto& batch : batches)
      for (const auto& record : batch.records) {
        REQUIRE_FALSE((paused && batch.slot == 0));
        REQUIRE(record.origin.offset == next[batch.slot]++);
      }
  }
  CHECK(read_for(*reader, milliseconds(100)).empty());
}

TEST_CASE("a seek of a paused partition counts from its resume") {
  Lab lab;
  std::string name = lab.topic(1);
  auto producer = lab.producer("");
  TopicHandle topic = open(*producer, name);
  for (int i = 0; i < 100; ++i) put(*producer, topic, "k", std::to_string(i));
  REQUIRE(producer->flush(kPatience).ok());
  auto reader = lab.reader();
  REQUIRE(reader->assign(0, {name, 0}, 0).ok());
  CHECK(read(*reader, 100).size() == 100);
  REQUIRE(reader->pause(0).ok());
  REQUIRE(reader->seek(0, 40).ok());
  CHECK(read_for(*reader, milliseconds(150)).empty());
  REQUIRE(reader->resume(0).ok());
  auto records = read(*reader, 60);
  CHECK(records.front().offset == 40);
}

TEST_CASE("an unassigned partition is silent, and can be assigned again elsewhere and under another slot") {
  Lab lab;
  std::string name = lab.topic(1);
  auto producer = lab.producer("");
  TopicHandle topic = open(*producer, name);
  for (int i = 0; i < 500; ++i) put(*producer, topic, "k", std::to_string(i));
  REQUIRE(producer->flush(kPatience).ok());
  auto reader = lab.reader();
  REQUIRE(reader->assign(1, {name, 0}, 0).ok());
  std::vector<FetchedBatch> batches;
  REQUIRE(reader->poll(batches, 10, kPatience).ok());
  REQUIRE(reader->unassign(1).ok());
  CHECK(read_for(*reader, milliseconds(150)).empty());
  REQUIRE(reader->assign(7, {name, 0}, 480).ok());
  auto records = read(*reader, 20);
  CHECK(records.front().slot == 7);
  CHECK(records.front().offset == 480);
}

TEST_CASE("wake ends a poll that waits, or makes the next one not wait") {
  Lab lab;
  std::string name = lab.topic(1);
  auto reader = lab.reader();
  REQUIRE(reader->assign(0, {name, 0}, 0).ok());
  read_to(*reader, 0, 0);
  auto begin = std::chrono::steady_clock::now();
  std::vector<FetchedBatch> batches;
  reader->wake();
  REQUIRE(reader->poll(batches, 10, kPatience).ok());
  std::thread waker([&] { reader->wake(); });
  auto status = reader->poll(batches, 10, kPatience);
  waker.join();
  REQUIRE(status.ok());
  CHECK(std::chrono::steady_clock::now() - begin < kPatience / 2);
}

TEST_CASE("tracked records tell the offset they were given") {
  Lab lab;
  std::string name = lab.topic(2);
  auto producer = lab.producer(lab.fresh_name());
  TopicHandle topic = open(*producer, name);
  REQUIRE(producer->begin().ok());
  put(*producer, topic, "k", "a", 0, true);
  put(*producer, topic, "k", "b", 0, true);
  put(*producer, topic, "k", "c", 0, false);
  put(*producer, topic, "k", "d", 1, false);
  must(persist([&] { return producer->commit(); }));
  CHECK(producer->take_last_offset(topic, 0) == 1);
  CHECK(producer->take_last_offset(topic, 0) == -1);  // taken
  CHECK(producer->take_last_offset(topic, 1) == -1);  // never tracked

  REQUIRE(producer->begin().ok());
  for (int i = 0; i < 100; ++i) put(*producer, topic, "k", std::to_string(i), 0, true);
  put(*producer, topic, "k", "e", 1, true);
  must(persist([&] { return producer->commit(); }));
  // The transaction markers take offsets: partition 0 holds 3 records and a marker before these 100.
  auto reader = lab.reader();
  REQUIRE(reader->assign(0, {name, 0}, 0).ok());
  auto records = read(*reader, 103);
  CHECK(producer->take_last_offset(topic, 0) == records.back().offset);
  CHECK(records.back().value == "99");
  REQUIRE(reader->assign(1, {name, 1}, 0).ok());
  records = read(*reader, 2);
  CHECK(producer->take_last_offset(topic, 1) == records.back().offset);
}

TEST_CASE("without transactions flush is the commit, and tells offsets too") {
  Lab lab;
  std::string name = lab.topic(1);
  auto producer = lab.producer("");
  TopicHandle topic = open(*producer, name);
  for (int i = 0; i < 10; ++i) put(*producer, topic, "k", std::to_string(i), 0, true);
  REQUIRE(producer->flush(kPatience).ok());
  CHECK(producer->take_last_offset(topic, 0) == 9);
  CHECK(high_watermark(lab, name) == 10);
}

}  // namespace kstreamd::contract
