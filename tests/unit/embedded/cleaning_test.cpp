#include <catch2/catch.hpp>

#include "tests/unit/embedded/bed.h"

namespace kstreamd {
namespace {

// The same cases in memory and on RocksDB.
struct Cleaned {
  explicit Cleaned(bool durable, EmbeddedOptions options = {}) : base(options) {
    base.clock = &clock;
    base.maintenance_thread = false;
    if (durable) base.folder = folder.path();
    clock.set_wall_ms(1'000'000'000);
    bed.emplace(base);
  }
  void reopen() {
    bed.reset();
    bed.emplace(base);
  }
  void commit(std::vector<std::pair<std::string, std::optional<std::string>>> records, int64_t timestamp = 0) {
    auto producer = bed->producer("p");
    REQUIRE(producer->begin().ok());
    for (const auto& [key, value] : records) REQUIRE(put(*producer, "t", key, value, 0, timestamp).ok());
    REQUIRE(producer->commit().ok());
  }

  TemporaryFolder folder;
  ManualClock clock;
  EmbeddedOptions base;
  std::optional<Bed> bed;
};

const std::map<std::string, std::string> kCompact{{"cleanup.policy", "compact"}, {"delete.retention.ms", "1000"}};

}  // namespace

TEST_CASE("compaction keeps the last record of each key, where it was") {
  bool durable = GENERATE(false, true);
  Cleaned log(durable);
  log.bed->topic("t", 1, kCompact);
  log.commit({{"a", "1"}, {"b", "1"}, {"c", "1"}});  // 0-2, marker 3
  log.commit({{"a", "2"}, {"b", std::nullopt}});     // 4-5, marker 6
  {
    auto aborted = log.bed->producer("q");
    REQUIRE(aborted->begin().ok());
    REQUIRE(put(*aborted, "t", "c", "aborted").ok());  // 7, marker 8
    REQUIRE(aborted->flush(kNow).ok());
    REQUIRE(aborted->abort().ok());
  }
  auto open = log.bed->producer("r");
  REQUIRE(open->begin().ok());
  REQUIRE(put(*open, "t", "a", "open").ok());  // 9
  REQUIRE(open->flush(kNow).ok());
  log.commit({{"c", "3"}});  // 10: above the last stable offset

  auto reader = log.bed->cluster().make_reader(true).value();
  REQUIRE(reader->assign(0, {"t", 0}, 0).ok());
  std::vector<FetchedBatch> half;
  REQUIRE(reader->poll(half, 1, kNow).ok());

  REQUIRE(log.bed->levers().clean("t").ok());
  CHECK(log.bed->text("t") == "2:c=1 4:a=2 5:b=-");
  // A reader that was in the midst of it goes on without an error, and ends with the same last values.
  std::map<std::string, std::string> last;
  for (int i = 0; i < 10; ++i) {
    std::vector<FetchedBatch> batches;
    REQUIRE(reader->poll(batches, 1, kNow).ok());
    for (const auto& batch : batches)
      for (const auto& r : batch.records) last[std::string(raw_key(r.origin))] = raw_value(r.origin);
  }
  CHECK(last["a"] == "2");
  CHECK(last["c"] == "1");
  CHECK(log.bed->watermarks("t").low == 0);

  REQUIRE(open->commit().ok());
  REQUIRE(log.bed->levers().clean("t").ok());
  CHECK(log.bed->text("t") == "5:b=- 9:a=open 10:c=3");
  CHECK(log.bed->text("t", 0, true, 6) == "9:a=open 10:c=3");

  log.clock.advance(std::chrono::seconds(2));  // past delete.retention.ms
  REQUIRE(log.bed->levers().clean("t").ok());
  CHECK(log.bed->text("t") == "9:a=open 10:c=3");
  auto high = log.bed->watermarks("t").high;
  if (durable) {
    open.reset();
    reader.reset();
    half.clear();
    log.reopen();
    CHECK(log.bed->text("t") == "9:a=open 10:c=3");
    CHECK(log.bed->watermarks("t").high == high);
  }
}

TEST_CASE("a changelog that has grown is compacted by itself") {
  bool durable = GENERATE(false, true);
  EmbeddedOptions options;
  options.compact_min_records = 1000;
  Cleaned log(durable, options);
  log.bed->topic("t", 1, kCompact);
  std::string value(100, 'v');
  for (int round = 0; round < 100; ++round) {
    std::vector<std::pair<std::string, std::optional<std::string>>> records;
    for (int i = 0; i < 50; ++i) records.push_back({"key" + std::to_string(i), value + std::to_string(round)});
    log.commit(records);
  }
  auto left = log.bed->read("t");
  CHECK(left.size() < 1100);
  std::map<std::string, std::string> last;
  for (const auto& record : left) last[*record.key] = *record.value;
  REQUIRE(last.size() == 50);
  for (const auto& [key, v] : last) CHECK(v == value + "99");
  CHECK(log.bed->watermarks("t").high == 100 * 51);
}

TEST_CASE("records older than the retention go, where one is configured") {
  bool durable = GENERATE(false, true);
  Cleaned log(durable);
  log.bed->topic("t", 1, {{"retention.ms", "60000"}});
  int64_t now = log.clock.wall_ms();
  log.commit({{"a", "old"}}, now - 120'000);
  log.commit({{"b", "new"}}, now);
  REQUIRE(log.bed->levers().clean("t").ok());
  CHECK(log.bed->text("t", 0, true, 2) == "2:b=new");
  CHECK(log.bed->watermarks("t").low == 2);
  log.clock.advance(std::chrono::seconds(61));
  log.commit({{"c", "newest"}}, now + 61'000);  // looks after the old ones by itself
  CHECK(log.bed->watermarks("t").low == 4);
  CHECK(log.bed->text("t", 0, true, 4) == "4:c=newest");
}

TEST_CASE("deleted records are gone for good, and their offsets are not used again") {
  bool durable = GENERATE(false, true);
  Cleaned log(durable);
  log.bed->topic("t");
  for (int i = 0; i < 5; ++i) log.commit({{"k", std::to_string(i)}});
  auto before = at("t", 0, 5);
  REQUIRE(log.bed->cluster().admin().delete_records(std::span(&before, 1), kNow).ok());
  CHECK(log.bed->text("t", 0, true, 5) == "6:k=3 8:k=4");
  before = at("t", 0, 11);
  CHECK_FALSE(log.bed->cluster().admin().delete_records(std::span(&before, 1), kNow).ok());
  before = at("t", 0, -1);
  REQUIRE(log.bed->cluster().admin().delete_records(std::span(&before, 1), kNow).ok());
  if (durable) log.reopen();
  CHECK(log.bed->watermarks("t").low == 10);
  CHECK(log.bed->watermarks("t").high == 10);
  log.commit({{"k", "next"}});
  CHECK(log.bed->text("t", 0, true, 10) == "10:k=next");
}

}  // namespace kstreamd
