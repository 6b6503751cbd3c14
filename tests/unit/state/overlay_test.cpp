#include "core/state/overlay.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <ctime>
#include <map>
#include <random>
#include <set>

#include "core/state/memory_state.h"
#include "tests/unit/state/state_fixture.h"

namespace kstreamd {
namespace {

StoreValue text(std::string_view value, int64_t timestamp = 0) { return {true, value, timestamp}; }

std::vector<std::string> dirty_keys(const Overlay& overlay) {
  std::vector<std::string> keys;
  for (const auto* entry : overlay.dirty()) keys.emplace_back(entry->key());
  return keys;
}

TEST_CASE("an overlay keeps the order of first change") {
  Overlay overlay;
  overlay.put("b", text("1"));
  overlay.put("a", text("2"));
  overlay.put("b", text("a value that is longer than the room which the first one left"));
  CHECK(dirty_keys(overlay) == std::vector<std::string>{"b", "a"});
  CHECK(overlay.dirty()[0]->value().value == "a value that is longer than the room which the first one left");
  CHECK(overlay.dirty_by_key() == std::vector<uint32_t>{1, 0});
  overlay.put("0", text("3"));
  CHECK(overlay.dirty_by_key() == std::vector<uint32_t>{2, 1, 0});
  overlay.committed();
  CHECK(overlay.dirty().empty());
  CHECK(overlay.find("a")->value().value == "2");
}

TEST_CASE("a value may be put from a view into the overlay") {
  Overlay overlay;
  overlay.put("a", text("some text"));
  overlay.put("b", overlay.find("a")->value());
  std::string longer = "some text that is longer than what was there before it";
  overlay.put("a", text(longer));
  overlay.put("b", overlay.find("a")->value());  // outgrows b
  overlay.put("a", {true, overlay.find("a")->value().value.substr(5), 0});
  CHECK(overlay.find("a")->value().value == longer.substr(5));
  CHECK(overlay.find("b")->value().value == longer);
}

TEST_CASE("an overlay agrees with a simple model through puts, commits, rollbacks and evictions") {
  Overlay overlay;
  std::map<std::string, std::string> known;  // what the model says of dirty rows
  std::set<std::string> dirty;
  std::mt19937 random(7);
  for (int step = 0; step < 200'000; ++step) {
    std::string key = std::to_string(random() % 997);
    switch (random() % 8) {
      case 0:
        if (!overlay.find(key)) overlay.cache(key, text("cached"));
        break;
      case 1:
        overlay.evict(random() % 20'000);
        break;
      case 2:
        if (random() % 300 == 0) {
          random() % 2 ? overlay.committed() : overlay.rolled_back();
          dirty.clear();
        }
        break;
      default:
        known[key] = std::string(random() % 60, 'x') + std::to_string(step);
        dirty.insert(key);
        overlay.put(key, text(known[key]));
    }
    if (auto* entry = overlay.find(key)) {
      REQUIRE(entry->dirty == (dirty.count(key) == 1));
      if (entry->dirty) REQUIRE(entry->value().value == known[key]);
    } else {
      REQUIRE(dirty.count(key) == 0);
    }
    REQUIRE(overlay.dirty().size() == dirty.size());
    if (step % 1000 != 0) continue;
    std::vector<std::string> sorted;
    for (uint32_t i : overlay.dirty_by_key()) sorted.emplace_back(overlay.dirty()[i]->key());
    REQUIRE(sorted == std::vector<std::string>(dirty.begin(), dirty.end()));
  }
  overlay.rolled_back();
  overlay.evict(0);
  CHECK(overlay.clean_bytes() == 0);
  CHECK(overlay.dirty_bytes() == 0);
}

TEST_CASE("eviction keeps what is dirty and what was used") {
  Overlay overlay;
  for (int i = 0; i < 1000; ++i) overlay.put(std::to_string(i), text("value"));
  overlay.committed();
  overlay.put("dirty", text("value"));
  size_t all = overlay.clean_bytes();
  overlay.evict(all - 1);  // the hand has come by all of them once
  for (int round = 0; round < 4; ++round) {
    REQUIRE(overlay.find("dirty"));
    for (int i = 0; i < 10; ++i)
      if (overlay.find(std::to_string(i)) == nullptr) overlay.cache(std::to_string(i), text("again"));
    overlay.evict(overlay.clean_bytes() - overlay.clean_bytes() / 4);
  }
  int hot = 0;
  for (int i = 0; i < 10; ++i) hot += overlay.find(std::to_string(i)) != nullptr;
  CHECK(hot == 10);
  CHECK(overlay.clean_bytes() < all / 2);
}

TEST_CASE("a table that was large and is empty keeps working, small again") {
  Overlay overlay;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 100'000; ++i) overlay.put(std::to_string(i), text("value"));
    overlay.committed();
    overlay.evict(1000);
    CHECK(overlay.clean_bytes() <= 1000);
    int left = 0;
    for (int i = 0; i < 100'000; ++i) left += overlay.find(std::to_string(i)) != nullptr;
    CHECK(left > 0);
    CHECK(left < 20);
  }
}

TEST_CASE("rows that are only read, more than may be cached, count as uncommitted until the next commit") {
  auto backend = make_memory_state();  // whose stores may cache 16 MiB
  auto state = open_task(*backend);
  auto& store = state->store(0);
  constexpr int kKeys = 300'000;
  for (int i = 0; i < kKeys; ++i) REQUIRE(store.get("absent-" + std::to_string(i)));
  CHECK(store.uncommitted_bytes() > 16 << 20);
  REQUIRE(state->commit(std::vector<int64_t>{-1}));
  CHECK(store.uncommitted_bytes() == 0);
}

// Hidden: run it as `test_state [benchmark]` of a release build on a quiet machine.
TEST_CASE("get and put on 100,000 hot keys", "[.][benchmark]") {
  TempFolder folder;
  ManualClock clock;
  bool in_memory = GENERATE(true, false);
  auto backend = in_memory ? make_memory_state() : open_folder(folder.path(), clock);
  auto state = open_task(*backend);
  auto& store = state->store(0);
  constexpr int kKeys = 100'000, kOperations = 4'000'000, kPerCommit = 50'000;
  std::vector<std::string> keys;
  for (int i = 0; i < kKeys; ++i) keys.push_back("key-" + std::to_string(i * 7919 % kKeys));
  std::mt19937 random(1);
  // Processor time of the whole process, so that RocksDB's threads count and other processes do not.
  std::clock_t committing = 0;
  std::clock_t begin = std::clock();
  for (int i = 0; i < kOperations; ++i) {
    const std::string& key = keys[random() % kKeys];
    auto row = store.get(key);
    int64_t count = 0;
    if (row->present) std::memcpy(&count, row->value.data(), sizeof count);
    ++count;
    (void)store.put(key, {true, {reinterpret_cast<const char*>(&count), sizeof count}, i});
    if ((i + 1) % kPerCommit != 0) continue;
    std::clock_t before = std::clock();
    commit(*state, {i});
    committing += std::clock() - before;
  }
  std::clock_t all = std::clock() - begin;
  auto nanoseconds = [](std::clock_t ticks) { return static_cast<double>(ticks) * 1e9 / CLOCKS_PER_SEC / kOperations; };
  WARN((in_memory ? "memory: " : "rocksdb: ")
       << nanoseconds(all - committing) << " ns per get and put, " << nanoseconds(committing)
       << " ns per record for commits of " << kPerCommit);
}

}  // namespace
}  // namespace kstreamd
