#include <catch2/catch.hpp>

#include "tests/unit/embedded/bed.h"

namespace kstreamd {

TEST_CASE("transactions that overlap: the oldest open one holds readers back") {
  Bed bed;
  bed.topic("t");
  auto a = bed.producer("a"), b = bed.producer("b");
  REQUIRE(a->begin().ok());
  REQUIRE(b->begin().ok());
  REQUIRE(put(*a, "t", "k", "a1").ok());
  REQUIRE(a->flush(kNow).ok());
  REQUIRE(put(*b, "t", "k", "b1").ok());
  REQUIRE(b->flush(kNow).ok());
  REQUIRE(put(*a, "t", "k", "a2").ok());
  REQUIRE(b->commit().ok());  // its marker is offset 2
  CHECK(bed.text("t").empty());
  CHECK(bed.watermarks("t").high == 4);  // a2 was pushed by asking
  REQUIRE(a->abort().ok());
  CHECK(bed.text("t") == "1:k=b1");
  CHECK(bed.text("t", 0, false) == "0:k=a1 1:k=b1 3:k=a2");
  CHECK(bed.watermarks("t").high == 5);
}

TEST_CASE("records without a transaction are read before they are flushed, and by whoever waits for them") {
  Bed bed;
  bed.topic("t");
  auto producer = bed.producer();
  auto reader = bed.cluster().make_reader(true).value();
  REQUIRE(reader->assign(0, {"t", 0}, 0).ok());
  std::vector<FetchedBatch> batches;
  REQUIRE(reader->poll(batches, 10, kNow).ok());
  REQUIRE(batches.size() == 1);
  CHECK(batches[0].at_end);
  for (int64_t i = 0; i < 3; ++i) {
    REQUIRE(put(*producer, "t", "k", "v").ok());
    batches.clear();
    REQUIRE(reader->poll(batches, 10, kPatience).ok());
    REQUIRE(batches.size() == 1);
    CHECK(batches[0].next_offset == i + 1);
    CHECK(reader->high_watermark(0) == i + 1);
  }
}

TEST_CASE("an aborted transaction alone moves the end, and the reader is told") {
  Bed bed;
  bed.topic("t");
  auto producer = bed.producer("a");
  auto reader = bed.cluster().make_reader(true).value();
  REQUIRE(reader->assign(0, {"t", 0}, 0).ok());
  std::vector<FetchedBatch> batches;
  REQUIRE(reader->poll(batches, 10, kNow).ok());
  REQUIRE(producer->begin().ok());
  REQUIRE(put(*producer, "t", "k", "v").ok());
  REQUIRE(producer->flush(kNow).ok());
  REQUIRE(producer->abort().ok());
  batches.clear();
  REQUIRE(reader->poll(batches, 10, kPatience).ok());
  REQUIRE(batches.size() == 1);
  CHECK(batches[0].records.empty());
  CHECK(batches[0].at_end);
  CHECK(batches[0].next_offset == 2);
}

TEST_CASE("records without a key go evenly, in small batches") {
  Bed bed;
  bed.topic("t", 4);
  auto producer = bed.producer();
  auto topic = *producer->open_topic("t", kNow);
  OutgoingRecord record;
  record.topic = topic;
  record.value_null = false;
  for (int i = 0; i < 4096; ++i) REQUIRE(producer->produce(record).ok());
  for (int32_t p = 0; p < 4; ++p) CHECK(bed.watermarks("t", p).high == 1024);
}

TEST_CASE("what makes no sense is refused with words") {
  Bed bed;
  bed.topic("compacted", 1, {{"cleanup.policy", "compact"}});
  auto producer = bed.producer("id");
  CHECK(put(*producer, "compacted", "k", "v").error().message.find("outside a transaction") != std::string::npos);
  REQUIRE(producer->begin().ok());
  auto refused = put(*producer, "compacted", std::nullopt, "v");
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("compacted") != std::string::npos);
  // The transaction has failed: it can only be aborted.
  CHECK(put(*producer, "compacted", "k", "v").error().recovery == Recovery::abort_transaction);
  CHECK(producer->commit().error().recovery == Recovery::abort_transaction);
  REQUIRE(producer->abort().ok());
  REQUIRE(producer->begin().ok());
  CHECK(put(*producer, "compacted", "k", "v").ok());
  REQUIRE(producer->commit().ok());

  for (const char* name : {"", "..", "a/b", "a b"}) {
    TopicSpec spec{name};
    CHECK_FALSE(bed.cluster().admin().create(std::span(&spec, 1), kNow).ok());
  }
  TopicSpec strange{"t", 1, -1, {{"cleanup.policy", "burn"}}};
  CHECK_FALSE(bed.cluster().admin().create(std::span(&strange, 1), kNow).ok());
  TopicSpec none{"t", 0};
  CHECK_FALSE(bed.cluster().admin().create(std::span(&none, 1), kNow).ok());
  TopicSpec by_default{"t", -1};
  REQUIRE(bed.cluster().admin().create(std::span(&by_default, 1), kNow).ok());
  std::string name = "t";
  CHECK(bed.cluster().admin().describe(std::span(&name, 1), kNow)->at(0).partitions == 4);
}

TEST_CASE("a topic that is deleted while in use is an error on both sides, and its offsets go with it") {
  Bed bed;
  bed.topic("tasks");
  bed.topic("t");
  auto member = bed.member("m");
  std::map<GroupMember*, std::vector<int32_t>> owned;
  settle({member.get()}, owned);
  auto offset = at("t", 0, 1);
  REQUIRE(member->commit(std::span(&offset, 1), *member->token()).ok());
  auto producer = bed.producer();
  REQUIRE(put(*producer, "t", "k", "v").ok());
  auto reader = bed.cluster().make_reader(true).value();
  REQUIRE(reader->assign(0, {"t", 0}, 0).ok());
  std::string name = "t";
  REQUIRE(bed.cluster().admin().remove(std::span(&name, 1), kNow).ok());
  std::vector<FetchedBatch> batches;
  CHECK(reader->poll(batches, 10, kNow).error().message.find("deleted") != std::string::npos);
  CHECK(producer->flush(kNow).error().recovery == Recovery::retry_topology);
  CHECK(member->committed(std::span(&offset.partition, 1), kNow)->at(0).offset == -1);
  bed.topic("t");
  CHECK(bed.watermarks("t").high == 0);
}

TEST_CASE("an offset past the end is out of range, one within open records is not") {
  Bed bed;
  bed.topic("t");
  auto producer = bed.producer("a");
  REQUIRE(producer->begin().ok());
  REQUIRE(put(*producer, "t", "k", "v").ok());
  REQUIRE(producer->flush(kNow).ok());
  auto reader = bed.cluster().make_reader(true).value();
  REQUIRE(reader->assign(0, {"t", 0}, 1).ok());
  REQUIRE(reader->assign(1, {"t", 0}, 2).ok());
  std::vector<FetchedBatch> batches;
  auto polled = reader->poll(batches, 10, kNow);
  REQUIRE_FALSE(polled.ok());
  CHECK(polled.error().message.find("t-0") != std::string::npos);
  REQUIRE(reader->unassign(1).ok());
  CHECK(reader->poll(batches, 10, kNow).ok());
}

TEST_CASE("of two offsets the one written last wins, whatever commits last") {
  Bed bed;
  bed.topic("tasks");
  bed.topic("in");
  auto member = bed.member("m");
  std::map<GroupMember*, std::vector<int32_t>> owned;
  settle({member.get()}, owned);
  auto producer = bed.producer("a");
  REQUIRE(producer->begin().ok());
  auto pending = at("in", 0, 10), plain = at("in", 0, 4);
  REQUIRE(producer->send_offsets(std::span(&pending, 1), *member->token()).ok());
  REQUIRE(member->commit(std::span(&plain, 1), *member->token()).ok());
  REQUIRE(producer->commit().ok());
  CHECK(member->committed(std::span(&plain.partition, 1), kNow)->at(0).offset == 4);
}

TEST_CASE("a destroyed producer aborts what it left open") {
  Bed bed;
  bed.topic("t");
  auto producer = bed.producer("a");
  REQUIRE(producer->begin().ok());
  REQUIRE(put(*producer, "t", "k", "v").ok());
  REQUIRE(producer->flush(kNow).ok());
  producer.reset();
  auto other = bed.producer("b");
  REQUIRE(other->begin().ok());
  REQUIRE(put(*other, "t", "k", "w").ok());
  REQUIRE(other->commit().ok());
  CHECK(bed.text("t") == "2:k=w");
}

}  // namespace kstreamd
