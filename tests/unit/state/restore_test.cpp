// Restorations: rows gathered in bulk, kill -9 at any moment of writing them.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <map>
#include <random>
#include <thread>

#include "core/state/memory_state.h"
#include "core/state/restore_buffer.h"
#include "tests/unit/state/state_fixture.h"

namespace kstreamd {
namespace {

namespace fs = std::filesystem;

constexpr size_t kTiny = 64 << 10;  // buffer: some hundred rows

// A changelog in memory, and the records of a part of it.
struct Changelog {
  struct Entry {
    std::string key;
    std::optional<std::string> value;
  };
  std::vector<Entry> entries;

  void put(std::string key, std::string value) { entries.push_back({std::move(key), std::move(value)}); }
  void remove(std::string key) { entries.push_back({std::move(key), std::nullopt}); }
  std::vector<FetchedRecord> records(size_t from, size_t to) const {
    std::vector<FetchedRecord> records(to - from);
    for (size_t i = from; i < to; ++i) {
      const Entry& entry = entries[i];
      Origin& origin = records[i - from].origin;
      origin.offset = static_cast<int64_t>(i);
      origin.raw_key = entry.key.data();
      origin.raw_key_size = static_cast<uint32_t>(entry.key.size());
      origin.raw_value = entry.value ? entry.value->data() : nullptr;
      origin.raw_value_size = entry.value ? static_cast<uint32_t>(entry.value->size()) : 0;
      records[i - from].timestamp = static_cast<int64_t>(i);
    }
    return records;
  }
  std::vector<std::string> rows(size_t to) const {
    std::map<std::string, std::string> last;
    for (size_t i = 0; i < to; ++i) {
      if (entries[i].value)
        last[entries[i].key] = *entries[i].value + "@" + std::to_string(i);
      else
        last.erase(entries[i].key);
    }
    std::vector<std::string> rows;
    for (const auto& [key, value] : last) rows.push_back(key + "=" + value);
    return rows;
  }
};

std::unique_ptr<StateBackend> open_tiny(const std::string& path, const Clock& clock) {
  auto backend = open_state_folder({.folder = path, .restore_buffer_bytes = kTiny}, clock);
  REQUIRE(backend.ok());
  return std::move(*backend);
}

void restore(TaskState& state, const Changelog& log, size_t from, size_t to) {
  for (size_t at = from; at < to; at = std::min(at + 500, to)) {
    const size_t end = std::min(at + 500, to);
    REQUIRE(state.restore(0, log.records(at, end), static_cast<int64_t>(end)).ok());
  }
}

// Short keys and long ones, equal beginnings, zeros: all that the order could be wrong about.
Changelog random_changelog(size_t size, size_t value_size) {
  std::mt19937 random(7);
  Changelog log;
  for (size_t i = 0; i < size; ++i) {
    std::string key(random() % 12, static_cast<char>(random() % 2 * 255));
    if (random() % 2) key += std::to_string(random() % 3000);
    if (random() % 5 == 0)
      log.remove(std::move(key));
    else
      log.put(std::move(key), std::string(random() % value_size, 'v') + std::to_string(i));
  }
  return log;
}

TEST_CASE("a buffer gives out the last row of each key in order, from memory and from runs") {
  TempFolder folder;
  const size_t limit = GENERATE(1 << 10, 64 << 10, 64 << 20);
  const auto log = random_changelog(5000, 60);
  RestoreBuffer buffer(folder.path(), std::make_shared<RestoreBudget>(limit));
  for (int round = 0; round < 2; ++round) {
    for (const auto& entry : log.entries)
      entry.value ? buffer.put(entry.key, "h", *entry.value) : buffer.remove(entry.key);
    CHECK((buffer.runs() > 0) == (limit < (1 << 20)));
    std::map<std::string, std::optional<std::string>> expected, got;
    for (const auto& entry : log.entries)
      expected[entry.key] = entry.value ? std::optional("h" + *entry.value) : std::nullopt;
    std::optional<std::string> before;
    for (auto row = buffer.walk(); row.valid(); row.next()) {
      REQUIRE((!before || *before < row.key()));
      before = row.key();
      got[*before] = row.removed() ? std::nullopt : std::optional<std::string>(row.row());
    }
    CHECK(got == expected);
    CHECK(buffer.error() == 0);
    CHECK(folder.files("").empty());  // what is set aside has no name
    buffer.clear();
  }
}

TEST_CASE("rows of any size, under keys that begin alike, come out of runs as they were put") {
  TempFolder folder;
  std::mt19937 random(5);
  RestoreBuffer buffer(folder.path(), std::make_shared<RestoreBudget>(1 << 20));
  std::map<std::string, std::string> expected;
  for (int i = 0; i < 2000; ++i) {
    const std::string key = "store/of/something/" + std::to_string(random() % 500);
    // Some larger than what memory is taken in, and than what is read at a time.
    const std::string row(random() % 50 == 0 ? random() % 700'000 : random() % 2000, static_cast<char>('a' + i % 26));
    buffer.put(key, "", row);
    expected[key] = row;
  }
  CHECK(buffer.runs() > 5);
  std::map<std::string, std::string> got;
  for (auto row = buffer.walk(); row.valid(); row.next()) got[std::string(row.key())] = row.row();
  CHECK(got == expected);
  CHECK(buffer.error() == 0);
}

TEST_CASE("what is put after a walk is in order, too") {
  TempFolder folder;
  RestoreBuffer buffer(folder.path(), std::make_shared<RestoreBudget>(1 << 20));
  const auto keys = [&buffer] {
    std::string all;
    for (auto row = buffer.walk(); row.valid(); row.next()) all += row.key();
    return all;
  };
  CHECK(keys().empty());
  for (const char* key : {"c", "a"}) buffer.put(key, "", "1");
  CHECK(keys() == "ac");
  buffer.put("b", "", "1");
  CHECK(keys() == "abc");
  buffer.put("d", "", "1");
  buffer.put("d", "", "2");
  CHECK(keys() == "abcd");
}

TEST_CASE("a store in memory is restored to what its changelog was, in one go or in pieces") {
  const auto log = random_changelog(60'000, 400);
  const size_t cut = GENERATE(0, 100, 40'000);
  StoreConfig store = store_config("counts");
  store.persistent = false;
  auto backend = make_memory_state();
  auto state = open_task(*backend, task_config({store}));
  restore(*state, log, 0, cut);
  REQUIRE(state->finish_restore(0).ok());
  CHECK(rows(state->store(0)) == log.rows(cut));
  restore(*state, log, cut, log.entries.size());
  REQUIRE(state->finish_restore(0).ok());
  CHECK(rows(state->store(0)) == log.rows(log.entries.size()));
  CHECK(state->store(0).approximate_rows() == log.rows(log.entries.size()).size());
  CHECK(state->changelog_offset(0) == 60'000);
}

TEST_CASE("a budget is shared by the buffers that hold rows") {
  TempFolder folder;
  auto budget = std::make_shared<RestoreBudget>(1000);
  RestoreBuffer one(folder.path(), budget), two(folder.path(), budget);
  CHECK(budget->share() == 1000);
  one.put("a", "", "b");
  two.put("a", "", "b");
  CHECK(budget->share() == 500);
  one.clear();
  CHECK(budget->share() == 1000);
}

TEST_CASE("a buffer takes up no more than its share, whatever the size of its rows, and says how much") {
  TempFolder folder;
  constexpr size_t kLimit = 4 << 20;
  const size_t value_size = GENERATE(0, 100, 3000, 90'000, 200'000);  // the last two leave much of a chunk empty
  CAPTURE(value_size);
  auto budget = std::make_shared<RestoreBudget>(kLimit);
  RestoreBuffer buffer(folder.path(), budget);
  CHECK(budget->used() == 0);
  std::mt19937 random(9);
  const std::string value(value_size, 'v');
  uint64_t greatest = 0, given = 0;
  for (int i = 0; buffer.runs() < 5; ++i) {
    buffer.put("key of a row " + std::to_string(random()) + "-" + std::to_string(i), "", value);
    greatest = std::max(greatest, budget->used());
    given += value_size;
  }
  CHECK(greatest > kLimit / 2);
  CHECK(greatest < kLimit + kLimit / 5);
  const uint64_t before = budget->used();
  uint64_t seen = 0;
  {
    auto row = buffer.walk();
    CHECK(budget->used() >= before + 5 * std::max<uint64_t>(64 << 10, value_size));
    for (; row.valid(); row.next()) seen += row.row().size();
  }
  CHECK(seen == given);
  buffer.clear();
  CHECK(budget->used() == 0);
}

TEST_CASE("memory that is taken by a restoration is told until it has ended") {
  TempFolder folder;
  ManualClock clock;
  const auto log = random_changelog(2000, 400);
  auto backend = open_folder(folder.path(), clock);
  auto state = open_task(*backend);
  CHECK(backend->memory().restore_buffers == 0);
  restore(*state, log, 0, log.entries.size());
  CHECK(backend->memory().restore_buffers > 2000 * 150);
  REQUIRE(state->finish_restore(0).ok());
  CHECK(backend->memory().restore_buffers == 0);
}

TEST_CASE("a store restored in bulk is what its changelog was, and stays so") {
  TempFolder folder;
  ManualClock clock;
  const auto log = random_changelog(40'000, 400);  // more than goes the way of commits
  const size_t cut = GENERATE(0, 100, 20'000, 40'000);
  {
    auto backend = open_tiny(folder.path(), clock);
    auto state = open_task(*backend);
    restore(*state, log, 0, cut);
    REQUIRE(state->finish_restore(0).ok());
    if (cut > 0) CHECK(rows(state->store(0)) == log.rows(cut));
    restore(*state, log, cut, log.entries.size());
    REQUIRE(state->finish_restore(0).ok());
    CHECK(rows(state->store(0)) == log.rows(log.entries.size()));
    put(state->store(0), "late", "1", 9);
    commit(*state, {50'000});
    CHECK(get(state->store(0), "late") == "1@9");
  }
  CHECK(folder.files("bulk").empty());
  auto backend = open_folder(folder.path(), clock);
  auto state = open_task(*backend);
  CHECK(get(state->store(0), "late") == "1@9");
  CHECK(rows(state->store(0)).size() == log.rows(log.entries.size()).size() + 1);
  CHECK(state->changelog_offset(0) == 50'000);
}

TEST_CASE("a restoration that is broken off goes on where it was") {
  TempFolder folder;
  ManualClock clock;
  const auto log = random_changelog(40'000, 400);
  const size_t cut = GENERATE(500, 30'000);
  {
    auto backend = open_tiny(folder.path(), clock);
    restore(*open_task(*backend), log, 0, cut);
  }
  auto backend = open_tiny(folder.path(), clock);
  auto state = open_task(*backend);
  REQUIRE(state->changelog_offset(0) == static_cast<int64_t>(cut));
  CHECK(state->changelog_mark(0)->offset == static_cast<int64_t>(cut) - 1);
  CHECK(rows(state->store(0)) == log.rows(cut));
}

TEST_CASE("restoration of a million rows", "[.][benchmark]") {
  const bool persistent = GENERATE(false, true);
  const bool alike = GENERATE(false, true);  // keys that begin alike
  constexpr size_t kRows = 1'000'000, kBatch = 10'000;
  std::mt19937_64 random(7);
  Changelog log;
  log.entries.reserve(kRows);
  for (size_t i = 0; i < kRows; ++i) {
    char key[32];
    const int size = std::snprintf(key, sizeof key, alike ? "customer/%012llu" : "%016llx",
                                   static_cast<unsigned long long>(alike ? random() % 1'000'000'000'000 : random()));
    log.put(std::string(key, static_cast<size_t>(size)), std::string(100, static_cast<char>('a' + i % 26)));
  }
  std::vector<std::vector<FetchedRecord>> batches;
  for (size_t at = 0; at < kRows; at += kBatch) batches.push_back(log.records(at, at + kBatch));
  TempFolder folder;
  ManualClock clock;
  auto backend = open_folder(folder.path(), clock);
  StoreConfig store = store_config("counts");
  store.persistent = persistent;
  auto state = open_task(*backend, task_config({store}));
  const auto cpu_ns = [] {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
  };
  const double begin = cpu_ns();
  for (size_t i = 0; i < batches.size(); ++i)
    REQUIRE(state->restore(0, batches[i], static_cast<int64_t>((i + 1) * kBatch)).ok());
  REQUIRE(state->finish_restore(0).ok());
  std::printf("%s, %s: %.0f ns of CPU a row\n", persistent ? "on disk" : "in memory",
              alike ? "keys that begin alike" : "scattered keys", (cpu_ns() - begin) / kRows);
}

// ---- kill -9

constexpr size_t kFirst = 20'000, kAll = 60'000;

// The first part is there already; the others come in bulk.
std::unique_ptr<TaskState> with_first_part(StateBackend& backend, const Changelog& log) {
  auto state = open_task(backend);
  restore(*state, log, 0, kFirst);
  REQUIRE(state->finish_restore(0).ok());
  return state;
}

TEST_CASE("child: is killed while it writes files", "[.]") {
  ManualClock clock;
  const auto log = random_changelog(kAll, 400);
  auto backend = open_tiny(child_folder(), clock);
  auto state = with_first_part(*backend, log);
  const fs::path bulk = fs::path(child_folder()) / "words" / "lines-0" / "bulk";
  REQUIRE_FALSE(fs::exists(bulk));
  std::thread killer([&] {
    std::error_code error;
    while (fs::file_size(bulk / "0.sst", error) == 0 || error) std::this_thread::yield();
    ::raise(SIGKILL);
  });
  restore(*state, log, kFirst, kAll);
  REQUIRE(state->finish_restore(0).ok());
  killer.join();
}

TEST_CASE("child: is killed when its files are about to be taken up", "[.]") {
  ManualClock clock;
  const auto log = random_changelog(kAll, 400);
  auto backend = open_tiny(child_folder(), clock);
  auto state = with_first_part(*backend, log);
  const fs::path bulk = fs::path(child_folder()) / "words" / "lines-0" / "bulk";
  std::thread killer([&] {
    std::error_code error;
    while (!fs::exists(bulk / "1.sst", error)) std::this_thread::yield();  // that of the position: the last one
    for (int i = ::getpid() % 1000; i > 0; --i) std::this_thread::yield();
    ::raise(SIGKILL);
  });
  restore(*state, log, kFirst, kAll);
  REQUIRE(state->finish_restore(0).ok());
  killer.join();
}

TEST_CASE("child: is killed after it has restored in bulk", "[.]") {
  ManualClock clock;
  const auto log = random_changelog(kAll, 400);
  auto backend = open_tiny(child_folder(), clock);
  auto state = with_first_part(*backend, log);
  put(state->store(0), "unflushed", "1", 1);
  commit(*state, {static_cast<int64_t>(kFirst)});
  restore(*state, log, kFirst, kAll);
  REQUIRE(state->finish_restore(0).ok());
  ::raise(SIGKILL);
}

TEST_CASE("kill -9 around a bulk leaves what was before or what is after") {
  const auto log = random_changelog(kAll, 400);
  const std::string child = GENERATE(as<std::string>(), "child: is killed while it writes files",
                                     "child: is killed when its files are about to be taken up",
                                     "child: is killed when its files are about to be taken up",
                                     "child: is killed after it has restored in bulk");
  TempFolder folder;
  const int status = run_child(child, folder.path());
  REQUIRE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
  ManualClock clock;
  auto backend = open_tiny(folder.path(), clock);
  auto state = open_task(*backend);
  CHECK(folder.files("bulk").empty());
  CHECK_FALSE(fs::exists(fs::path(folder.path()) / "words" / "lines-0" / "bulk"));
  REQUIRE(state->changelog_offset(0));
  const auto reached = static_cast<size_t>(*state->changelog_offset(0));
  CAPTURE(child, reached);
  CHECK(reached >= kFirst);  // or a part of it: so small a buffer writes more than once
  if (child == "child: is killed while it writes files") CHECK(reached == kFirst);
  auto expected = log.rows(reached);
  if (child == "child: is killed after it has restored in bulk") {
    CHECK(reached == kAll);
    CHECK(get(state->store(0), "unflushed") == "1@1");
    expected.push_back("unflushed=1@1");
    std::sort(expected.begin(), expected.end());
  }
  auto got = rows(state->store(0));
  std::sort(got.begin(), got.end());
  std::sort(expected.begin(), expected.end());
  CHECK(got == expected);
  // And from there it goes on.
  restore(*state, log, reached, kAll);
  REQUIRE(state->finish_restore(0).ok());
  CHECK(rows(state->store(0)).size() == log.rows(kAll).size() + (get(state->store(0), "unflushed") != "-"));
}

TEST_CASE("child: is killed after its first restoration", "[.]") {
  ManualClock clock;
  const auto log = random_changelog(kAll, 400);
  auto backend = open_tiny(child_folder(), clock);
  auto state = open_task(*backend);
  restore(*state, log, 0, kAll);
  REQUIRE(state->finish_restore(0).ok());
  ::raise(SIGKILL);
}

TEST_CASE("after kill -9 restored rows are not without the identity that guards them") {
  TempFolder folder;
  const int status = run_child("child: is killed after its first restoration", folder.path());
  REQUIRE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
  ManualClock clock;
  auto backend = open_tiny(folder.path(), clock);
  auto config = task_config({store_config("counts")});
  config.cluster_id = "cluster-b";
  CHECK_FALSE(backend->open(config).ok());
  CHECK(open_task(*backend)->changelog_offset(0) == static_cast<int64_t>(kAll));
}

TEST_CASE("rows that have expired are not restored") {
  TempFolder folder;
  ManualClock clock;
  Changelog log;
  std::string key;
  for (int64_t start : {5, 1000, 7, 1001}) {
    write_key(key, WindowKey{"k", start, 0});
    log.put(key, "v");
  }
  const bool persistent = GENERATE(true, false);
  auto backend = open_folder(folder.path(), clock);
  auto state = open_task(
      *backend,
      task_config({{.name = "counts", .persistent = persistent, .layout = KeyLayout::window, .retention = 100}}));
  REQUIRE(state->restore(0, log.records(0, 4), 4).ok());
  REQUIRE(state->finish_restore(0).ok());
  CHECK(rows(state->store(0)).size() == 2);
  CHECK(state->store(0).approximate_rows() <= 3);  // the first one comes before what made it expire
  CHECK(state->store(0).clock().time == 1001);
}

}  // namespace
}  // namespace kstreamd
