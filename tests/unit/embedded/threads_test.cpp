#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "tests/unit/embedded/bed.h"

namespace kstreamd {

TEST_CASE("several workers, each with its producer and source, lose and double nothing") {
  EmbeddedOptions options;
  options.compact_min_records = 500;
  Bed bed(options);
  constexpr int kWorkers = 3, kRounds = 60, kRecords = 50;
  bed.topic("in", kWorkers);
  bed.topic("out", 2);
  bed.topic("changelog", 1, {{"cleanup.policy", "compact"}});
  std::atomic<int> failures{0};
  auto check = [&](bool good) { failures += !good; };

  std::vector<std::thread> threads;
  // Made here, since Catch's assertions are for one thread only.
  auto feeder = bed.producer();
  std::vector<std::unique_ptr<Producer>> producers;
  for (int32_t w = 0; w < kWorkers; ++w) producers.push_back(bed.producer("worker-" + std::to_string(w)));
  threads.emplace_back([&] {  // fills the input while the others read it
    auto& producer = feeder;
    for (int i = 0; i < kRounds * kRecords; ++i)
      for (int32_t p = 0; p < kWorkers; ++p) check(put(*producer, "in", "k", std::to_string(i), p).ok());
    check(producer->flush(kNow).ok());
  });
  for (int32_t w = 0; w < kWorkers; ++w)
    threads.emplace_back([&, w] {
      auto& producer = producers[static_cast<size_t>(w)];
      auto source = bed.cluster().make_reader(true).value();
      check(source->assign(0, {"in", w}, 0).ok());
      int64_t next = 0;
      for (bool abort = true; next < kRounds * kRecords && failures == 0; abort = !abort) {
        std::vector<FetchedBatch> batches;
        check(source->poll(batches, kRecords, kPatience).ok());
        check(producer->begin().ok());
        int64_t from = next;
        for (const auto& batch : batches)
          for (const auto& record : batch.records) {
            check(record.origin.offset == next);
            check(raw_value(record.origin) == std::to_string(next++));
            std::string value = std::to_string(w) + "/" + std::string(raw_value(record.origin));
            check(put(*producer, "out", "k", value, static_cast<int32_t>(next % 2)).ok());
            check(put(*producer, "changelog", std::to_string(w), value).ok());
          }
        if (abort) {
          check(producer->abort().ok());
          check(source->seek(0, next = from).ok());
        } else {
          check(producer->commit().ok());
        }
      }
    });
  for (auto& thread : threads) thread.join();
  REQUIRE(failures == 0);

  std::vector<int> seen(kWorkers * kRounds * kRecords, 0);
  for (int32_t p = 0; p < 2; ++p)
    for (const Read& record : bed.read("out", p)) {
      size_t slash = record.value->find('/');
      int worker = std::stoi(record.value->substr(0, slash)), i = std::stoi(record.value->substr(slash + 1));
      ++seen[static_cast<size_t>(worker * kRounds * kRecords + i)];
    }
  for (int count : seen) REQUIRE(count == 1);
  std::map<std::string, std::string> last;
  for (const Read& record : bed.read("changelog")) last[*record.key] = *record.value;
  for (int w = 0; w < kWorkers; ++w)
    CHECK(last[std::to_string(w)] == std::to_string(w) + "/" + std::to_string(kRounds * kRecords - 1));
}

TEST_CASE("whoever takes over a transactional id fences its holder in the midst of its work") {
  Bed bed;
  bed.topic("t");
  constexpr int kHolders = 4;
  std::atomic<int> committed{0}, failures{0};
  std::vector<std::thread> threads;
  for (int h = 0; h < kHolders; ++h)
    threads.emplace_back([&] {
      auto producer = bed.cluster().make_producer({"id"}).value();
      if (!producer->init(kNow).ok()) ++failures;
      for (int i = 0; i < 200; ++i) {
        Status status = producer->begin();
        for (int r = 0; r < 3 && status; ++r) status = put(*producer, "t", "k", "v");
        if (status) status = producer->commit();
        if (status) {
          ++committed;
          continue;
        }
        if (status.error().recovery != Recovery::recreate_producer) ++failures;
        return;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(failures == 0);
  CHECK(bed.read("t").size() == static_cast<size_t>(3 * committed));
}

TEST_CASE("wake ends a poll that waits in another thread") {
  Bed bed;
  bed.topic("t");
  auto reader = bed.cluster().make_reader(true).value();
  REQUIRE(reader->assign(0, {"t", 0}, 0).ok());
  std::vector<FetchedBatch> batches;
  REQUIRE(reader->poll(batches, 10, kNow).ok());
  std::thread waker([&] { reader->wake(); });
  CHECK(reader->poll(batches, 10, std::chrono::hours(1)).ok());
  waker.join();
}

TEST_CASE("members in threads of their own come to rest") {
  Bed bed;
  bed.topic("tasks", 6);
  std::atomic<int> owned{0}, done{0}, failures{0};
  std::vector<std::unique_ptr<GroupMember>> members;
  for (int m = 0; m < 3; ++m) members.push_back(bed.member("m" + std::to_string(m)));
  std::vector<std::thread> threads;
  for (auto& member : members)
    threads.emplace_back([&] {
      size_t mine = 0;
      bool counted = false;
      auto deadline = std::chrono::steady_clock::now() + kPatience;
      while (done < 3 && std::chrono::steady_clock::now() < deadline) {
        auto event = member->poll(std::chrono::milliseconds(5));
        if (event.type == GroupEvent::Type::none) {
          if (owned == 6 && mine == 2 && !counted) {
            counted = true;
            ++done;
          }
          continue;
        }
        int change = static_cast<int>(event.partitions.size());
        if (event.type == GroupEvent::Type::revoked) change = -change;
        mine += static_cast<size_t>(change);
        owned += change;
        if (owned > 6) ++failures;
        if (!member->finish(event).ok()) ++failures;
      }
      if (!counted) ++failures;
    });
  for (auto& thread : threads) thread.join();
  CHECK(failures == 0);
}

}  // namespace kstreamd
