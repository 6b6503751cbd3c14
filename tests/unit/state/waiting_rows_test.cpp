// Rows of a store whose keys repeat, while they wait in memory for the database.
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "core/record/store_keys.h"
#include "tests/unit/state/state_fixture.h"

namespace kstreamd {
namespace {

constexpr int64_t kRetention = 1'000;

TaskStateConfig joined() {
  return task_config({{.name = "left", .layout = KeyLayout::window, .duplicates = true, .retention = kRetention}});
}

std::string row_key(const std::string& key, int64_t time, uint32_t sequence) {
  std::string bytes;
  write_key(bytes, WindowKey{key, time, sequence});
  return bytes;
}

// Row `n` of key `n % 7`, of a time that goes on by 1 and now and then comes late.
struct Input {
  int64_t time_of(uint32_t n) const { return n % 10 == 0 && n > 600 ? n - 500 : n; }
  void put(KeyValueStore& store, uint32_t n) const {
    const std::string key = row_key("k" + std::to_string(n % 7), time_of(n), n);
    REQUIRE(store.put(key, {true, std::to_string(n), time_of(n)}).ok());
  }
};

// The numbers of all rows that a whole scan shows.
std::vector<uint32_t> scanned(KeyValueStore& store) {
  std::vector<uint32_t> numbers;
  REQUIRE(store.range({}, {}, false, [&](std::string_view, const StoreValue& value) {
    numbers.push_back(static_cast<uint32_t>(std::stoul(std::string(value.value))));
    return true;
  }));
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

// Those of one key.
std::vector<uint32_t> looked_up(KeyValueStore& store, int key, int64_t from, int64_t to) {
  const std::string name = "k" + std::to_string(key);
  std::vector<uint32_t> numbers;
  REQUIRE(store.range(row_key(name, from, 0), row_key(name, to, UINT32_MAX), {from, to}, false,
                      [&](std::string_view row, const StoreValue& value) {
                        if (read_window_key(row)->key == name)
                          numbers.push_back(static_cast<uint32_t>(std::stoul(std::string(value.value))));
                        return true;
                      }));
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

// Of 1..last those that have not expired when time is that of `last`.
std::vector<uint32_t> expected(uint32_t last, int key = -1) {
  int64_t now = 0;
  for (uint32_t n = 1; n <= last; ++n) now = std::max(now, Input().time_of(n));
  std::vector<uint32_t> numbers;
  for (uint32_t n = 1; n <= last; ++n)
    if (Input().time_of(n) > now - kRetention && (key < 0 || n % 7 == static_cast<uint32_t>(key))) numbers.push_back(n);
  return numbers;
}

TEST_CASE("child: a store whose rows wait is killed", "[.]") {
  ManualClock clock;
  auto backend = open_folder(child_folder(), clock, 2'000);
  auto state = open_task(*backend, joined());
  for (uint32_t n = 1; n <= 10'000; ++n) {
    Input().put(state->store(0), n);
    if (n % 30 == 0) commit(*state, {n});
    if (n == 6'000) REQUIRE(state->flush().ok());
  }
  ::raise(SIGKILL);
}

}  // namespace

TEST_CASE("rows that wait are seen by every read, through commits, rollbacks and restarts") {
  const uint64_t flush_records = GENERATE(50, 1'000, 100'000);
  TempFolder folder;
  ManualClock clock;
  auto backend = open_folder(folder.path(), clock, flush_records);
  auto state = open_task(*backend, joined());
  std::mt19937 random(5);
  uint32_t committed = 0, last = 0;
  for (int step = 0; step < 3'000; ++step) {
    for (uint32_t i = random() % 5; i > 0; --i) Input().put(state->store(0), ++last);
    const auto what = random() % 100;
    if (what < 20) {
      commit(*state, {last});
      committed = last;
    } else if (what < 25) {
      state->rollback();
      last = committed;
    } else if (what == 25) {
      REQUIRE(state->flush().ok());
    } else if (what == 26) {
      clock.advance(std::chrono::minutes(1));
      REQUIRE(state->upkeep().ok());
    } else if (what == 27) {
      state.reset();
      state = open_task(*backend, joined());
      CHECK(state->changelog_offset(0).value_or(0) == committed);
      last = committed;
    } else if (what == 28) {
      REQUIRE(scanned(state->store(0)) == expected(last));
    }
    const int key = static_cast<int>(random() % 7);
    REQUIRE(looked_up(state->store(0), key, 0, INT64_MAX - 1) == expected(last, key));
  }
}

TEST_CASE("after kill -9 rows that waited and their position agree, at least as of the last flush") {
  TempFolder folder;
  const int status = run_child("child: a store whose rows wait is killed", folder.path());
  REQUIRE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
  ManualClock clock;
  auto backend = open_folder(folder.path(), clock);
  auto state = open_task(*backend, joined());
  const auto position = state->changelog_offset(0);
  REQUIRE(position);
  CHECK(*position >= 5'970);
  CHECK(*position % 30 == 0);
  // The clock may be ahead of the rows, and what it has expired is not seen.
  const int64_t now = state->store(0).clock().time;
  std::vector<uint32_t> wanted;
  for (uint32_t n : expected(static_cast<uint32_t>(*position)))
    if (Input().time_of(n) > now - kRetention) wanted.push_back(n);
  CHECK(scanned(state->store(0)) == wanted);
}

}  // namespace kstreamd
