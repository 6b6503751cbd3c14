// Reading stores of windows and sessions, whose rows lie by segments of time, held against a plain map.
#include <catch2/catch.hpp>
#include <cstdio>
#include <ctime>
#include <limits>
#include <map>
#include <random>

#include "core/state/memory_state.h"
#include "core/state/stored_key.h"
#include "tests/unit/state/state_fixture.h"

namespace kstreamd {
namespace {

constexpr int64_t kMinute = 60'000;
constexpr int64_t kRetention = 20 * kMinute;  // three segments of ten minutes, at most

// Keys of which one lies among the rows of another.
const std::string kKeys[] = {"",   "a",   "b", std::string("a\0", 2), std::string("a\0\0\0\0\0\1\0\0\0\0", 11),
                             "ab", "\xff"};

struct Model {
  struct Row {
    std::string value;
    int64_t timestamp;
  };
  std::map<std::string, Row> rows;
  int64_t time = -1;
};

class Store {
 public:
  Store(StateBackend& backend, StoreConfig config) : backend_(backend), config_(std::move(config)) { open(); }

  void open() {
    state_.reset();
    state_ = open_task(backend_, task_config({config_}));
  }
  TaskState& state() { return *state_; }
  KeyValueStore& store() { return state_->store(0); }
  Model& committed() { return committed_; }
  Model& now() { return now_; }

  std::string key(const std::string& key, int64_t time, int64_t other) const {
    std::string bytes;
    if (config_.layout == KeyLayout::window)
      write_key(bytes, WindowKey{key, time, config_.duplicates ? static_cast<uint32_t>(other) : 0});
    else
      write_key(bytes, SessionKey{key, time, std::max<int64_t>(time - other, 0)});
    return bytes;
  }
  int64_t time_of(std::string_view row) const { return *time_of_key(config_.layout, row); }
  std::optional<std::string_view> key_of(std::string_view row) const {
    const size_t times = config_.layout == KeyLayout::window ? 12 : 16;
    return row.size() < times ? std::nullopt : std::optional(row.substr(0, row.size() - times));
  }

  void put(const std::string& row, const std::string& value, int64_t timestamp) {
    REQUIRE(store().put(row, {true, value, timestamp}).ok());
    now_.rows[row] = {value, config_.timestamped ? timestamp : 0};
    now_.time = std::max(now_.time, time_of(row));
  }
  void remove(std::string row) {
    REQUIRE(store().put(row, {}).ok());
    now_.rows.erase(row);
    now_.time = std::max(now_.time, time_of(row));
  }
  void commit() {
    kstreamd::commit(*state_, {++offset_});
    committed_ = now_;
  }
  void rollback() {
    state_->rollback();
    now_ = committed_;
  }

  using Rows = std::vector<std::pair<std::string, std::string>>;
  // What is asked for, and nothing that may be given beside it; `most` rows.
  struct Question {
    std::optional<std::string> from, to;
    TimeSpan times;
    bool reverse = false;
    size_t most = std::numeric_limits<size_t>::max();
  };
  bool asked(const Question& q, std::string_view row) const {
    const int64_t time = time_of(row);
    const bool one_key = q.from && q.to && key_of(*q.from) && key_of(*q.from) == key_of(*q.to);
    return time >= q.times.from && time <= q.times.to && (!one_key || key_of(row) == key_of(*q.from));
  }
  Rows expected(const Question& q) const {
    Rows all;
    for (const auto& [row, value] : now_.rows) {
      if (time_of(row) <= now_.time - config_.retention || (q.from && row < *q.from) || (q.to && row > *q.to)) continue;
      if (asked(q, row)) all.emplace_back(row, value.value + "@" + std::to_string(value.timestamp));
    }
    if (q.reverse) std::reverse(all.begin(), all.end());
    if (all.size() > q.most) all.resize(q.most);
    return all;
  }
  Rows given(const Question& q) {
    Rows all;
    std::optional<std::string> before;
    const auto status = store().range(q.from, q.to, q.times, q.reverse, [&](std::string_view row, const StoreValue& v) {
      REQUIRE((!before || (q.reverse ? row < *before : row > *before)));
      before = row;
      if (asked(q, row)) all.emplace_back(row, std::string(v.value) + "@" + std::to_string(v.timestamp));
      return all.size() < q.most;
    });
    REQUIRE(status.ok());
    return all;
  }

 private:
  StateBackend& backend_;
  const StoreConfig config_;
  std::unique_ptr<TaskState> state_;
  Model committed_, now_;
  int64_t offset_ = 0;
};

Store::Question question(const Store& store, std::mt19937& random, int64_t time) {
  const auto some_time = [&] {
    return std::max<int64_t>(0, time - kRetention * 3 / 2 + static_cast<int64_t>(random() % (2 * kRetention)));
  };
  const auto some_key = [&] { return kKeys[random() % std::size(kKeys)]; };
  Store::Question q;
  q.reverse = random() % 2;
  if (random() % 4 == 0) q.most = 1 + random() % 5;
  int64_t first = some_time(), last = some_time();
  if (random() % 8 > 0 && first > last) std::swap(first, last);
  if (random() % 2) {  // one key, as the fetch of a window store and of a session store asks for it
    const std::string key = some_key();
    q.from = store.key(key, first, 0);
    q.to = store.key(key, last, last_sequence);
    q.times = {first, last};
    if (random() % 4 == 0) q.times = {};
    return q;
  }
  if (random() % 2) q.times = {first, last};
  if (random() % 3) q.from = random() % 2 ? some_key() : store.key(some_key(), first, 0);
  if (random() % 3) q.to = random() % 2 ? some_key() + std::string(16, '\xff') : store.key(some_key(), last, 1);
  return q;
}

TEST_CASE("whatever is asked of windows and sessions, over all segments, a plain map answers the same") {
  const std::string kind = GENERATE("memory", "rocksdb");
  StoreConfig config{.name = "counts", .retention = kRetention};
  SECTION("windows") { config.layout = KeyLayout::window; }
  SECTION("windows with duplicates") {
    config.layout = KeyLayout::window;
    config.duplicates = true;
  }
  SECTION("sessions") {
    config.layout = KeyLayout::session;
    config.timestamped = false;
  }
  TempFolder folder;
  ManualClock clock;
  auto backend = kind == "memory" ? make_memory_state() : open_folder(folder.path(), clock);
  std::mt19937 random(17);
  Store store(*backend, config);
  int64_t sequence = 0;
  size_t answers = 0, rows = 0;
  uint64_t first_segment = 0;
  for (int round = 0; round < 400; ++round) {
    // A retention goes by in 60 rounds; some rows are late, some too late.
    const int64_t time = round * kRetention / 60;
    for (int i = 0; i < 6; ++i) {
      const int64_t at = std::max<int64_t>(0, time - static_cast<int64_t>(random() % (kRetention * 5 / 4)));
      const std::string row = store.key(kKeys[random() % std::size(kKeys)], at,
                                        config.duplicates ? ++sequence : static_cast<int64_t>(random() % 3));
      if (!config.duplicates && !store.now().rows.empty() && random() % 4 == 0)
        store.remove(
            std::next(store.now().rows.begin(), static_cast<ptrdiff_t>(random() % store.now().rows.size()))->first);
      else
        store.put(row, std::to_string(round), at);
    }
    for (int i = 0; i < 8; ++i) {
      const auto q = question(store, random, store.now().time);
      const auto expected = store.expected(q);
      CAPTURE(kind, round, q.reverse, q.most, q.from.value_or("-"), q.to.value_or("-"), q.times.from, q.times.to);
      const auto given = store.given(q);
      for (const auto& [row, value] : given) UNSCOPED_INFO("given " << store.time_of(row) << " " << value);
      for (const auto& [row, value] : expected) UNSCOPED_INFO("expected " << store.time_of(row) << " " << value);
      REQUIRE(given == expected);
      answers += !expected.empty();
      rows += expected.size();
    }
    if (random() % 4 == 0) store.commit();
    if (random() % 16 == 0) store.rollback();
    if (kind == "rocksdb" && random() % 16 == 0) REQUIRE(store.state().flush().ok());
    if (kind == "rocksdb" && random() % 40 == 0) {  // without what is not committed
      store.open();
      store.now() = store.committed();
    }
    first_segment = segment_of(config, std::max<int64_t>(0, store.now().time - kRetention));
  }
  CHECK(first_segment > 8);  // so many have been dropped
  CHECK(answers > 1000);
  CHECK(rows > 10 * answers);
}

// ---- What it costs

// Rows of `keys` keys in each of the live segments, some in each, settled on disk.
void fill(TaskState& state, int keys, int rows_of_each) {
  std::string row;
  int64_t offset = 0;
  const int64_t step = kRetention / rows_of_each;
  for (int i = 0; i < rows_of_each; ++i) {
    for (int k = 0; k < keys; ++k) {
      write_key(row, WindowKey{"key number " + std::to_string(k), kRetention * 5 / 4 + i * step, 0});
      put(state.store(0), row, "a value of some bytes", kRetention * 5 / 4 + i * step);
    }
    commit(state, {++offset});
  }
  REQUIRE(state.flush().ok());
}

// Of this thread, so that other work on the machine counts for little.
double cpu_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

TEST_CASE("fetch of windows over segments", "[.][benchmark]") {
  const std::string kind = GENERATE("memory", "rocksdb");
  constexpr int kKeyCount = 20'000, kRows = 9;
  TempFolder folder;
  ManualClock clock;
  auto backend = kind == "memory" ? make_memory_state() : open_folder(folder.path(), clock);
  auto state =
      open_task(*backend, task_config({{.name = "counts", .layout = KeyLayout::window, .retention = kRetention}}));
  fill(*state, kKeyCount, kRows);
  auto& store = state->store(0);
  const int64_t last = store.clock().time;
  std::mt19937 random(1);
  size_t seen = 0;
  const auto count = [&](std::string_view, const StoreValue&) { return ++seen, true; };
  const auto measure = [&](const char* what, int64_t first, bool reverse, size_t most) {
    constexpr int kFetches = 100'000;
    double best = std::numeric_limits<double>::max();
    std::string from, to;
    for (int round = 0; round < 3; ++round) {
      seen = 0;
      const double begin = cpu_ns();
      for (int i = 0; i < kFetches; ++i) {
        const std::string key = "key number " + std::to_string(random() % kKeyCount);
        write_key(from, WindowKey{key, first, 0});
        write_key(to, WindowKey{key, last, std::numeric_limits<uint32_t>::max()});
        const size_t until = seen + most;
        const auto status = store.range(from, to, {first, last}, reverse,
                                        [&](std::string_view, const StoreValue&) { return ++seen < until; });
        if (!status) FAIL(status.error().text());
      }
      best = std::min(best, cpu_ns() - begin);
    }
    std::printf("%-8s %-28s %7.0f ns a fetch, %.1f rows\n", kind.c_str(), what, best / kFetches,
                static_cast<double>(seen) / kFetches);
  };
  const int64_t half = kRetention / 2;
  measure("one segment", last - last % half, false, 100);
  measure("two segments", last - last % half - half, false, 100);
  measure("three segments", last - kRetention + 1, false, 100);
  measure("three segments, reverse", last - kRetention + 1, true, 100);
  measure("three segments, newest only", last - kRetention + 1, true, 1);
  for (const bool reverse : {false, true}) {
    double best = std::numeric_limits<double>::max();
    for (int round = 0; round < 3; ++round) {
      seen = 0;
      const double begin = cpu_ns();
      REQUIRE(store.range(std::nullopt, std::nullopt, {last - kRetention + 1, last}, reverse, count).ok());
      best = std::min(best, cpu_ns() - begin);
    }
    std::printf("%-8s %-28s %7.0f ns a row of %zu\n", kind.c_str(), reverse ? "all, reverse" : "all",
                best / static_cast<double>(seen), seen);
  }
}

}  // namespace
}  // namespace kstreamd
