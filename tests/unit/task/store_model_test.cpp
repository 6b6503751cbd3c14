// Stores against plain maps: random operations, commits, aborts and restarts, from seeds.
#include <functional>
#include <limits>
#include <random>

#include "core/record/store_keys.h"
#include "tests/unit/task/store_fixture.h"

namespace kstreamd::testing {
namespace {

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  int64_t below(int64_t end) { return static_cast<int64_t>(engine_() % static_cast<uint64_t>(end)); }
  bool chance(int64_t in) { return below(in) == 0; }
  // Keys of which one is the beginning of another, and that look like times.
  const std::string& key() {
    static const Strings keys = {"",
                                 "a",
                                 std::string("a\0", 2),
                                 std::string("a\0\0\0\0\0\0\0\x05", 9),
                                 std::string("a\0\0\0\0\0\0\0\x07\0\0\0\0", 13),
                                 "ab",
                                 "b",
                                 "\x7f\xff",
                                 "\xff",
                                 "\xff\xff"};
    return keys[static_cast<size_t>(below(static_cast<int64_t>(keys.size())))];
  }

 private:
  std::mt19937 engine_;
};

struct Kept {
  std::string value;
  int64_t timestamp;
};

// The rows of a store and its time, now and as they were committed.
struct Model {
  struct State {
    std::map<std::string, Kept> rows;  // by the key's bytes in the store
    StoreClock clock;
  };
  State now, committed;

  Strings in_range(std::optional<std::string> from, std::optional<std::string> to, bool reverse,
                   const std::function<std::optional<std::string>(const std::string&, const Kept&)>& show) const {
    Strings shown;
    for (const auto& [key, kept] : now.rows)
      if ((!from || *from <= key) && (!to || key <= *to))
        if (auto text = show(key, kept)) shown.push_back(*text);
    if (reverse) std::reverse(shown.begin(), shown.end());
    return shown;
  }
};

// Ends a transaction now and then, or the process.
void end_transaction(Random& random, StoreBed& bed, Model& model) {
  switch (random.below(30)) {
    case 0:
    case 1:
      bed.commit();
      model.committed = model.now;
      break;
    case 2:
      bed.rollback();
      model.now = model.committed;
      break;
    case 3:
      if (!random.chance(4)) break;
      bed.reopen(random.chance(2));
      model.now = model.committed;
      break;
    default:
      break;
  }
}

std::string shown(std::string_view key, int64_t a, int64_t b, std::string_view value, int64_t timestamp) {
  return hex(key) + " " + std::to_string(a) + " " + std::to_string(b) + " " + std::string(value) + " " +
         std::to_string(timestamp);
}

template <typename Row>
int collect(void* self, size_t, const Row* row);
template <>
int collect(void* self, size_t, const kst_store_row* row) {
  static_cast<Strings*>(self)->push_back(shown(data_of(row->key), 0, 0, data_of(row->value), row->timestamp));
  return 0;
}
template <>
int collect(void* self, size_t, const kst_window_row* row) {
  static_cast<Strings*>(self)->push_back(
      shown(data_of(row->key), row->start, row->end, data_of(row->value), row->timestamp));
  return 0;
}
template <>
int collect(void* self, size_t, const kst_session_row* row) {
  static_cast<Strings*>(self)->push_back(shown(data_of(row->key), row->start, row->end, data_of(row->value), 0));
  return 0;
}

struct Bounds {
  std::optional<std::string> from, to;
  Value from_value() const { return from ? bytes_value(*from) : null_value(); }
  Value to_value() const { return to ? bytes_value(*to) : null_value(); }
  bool hold(std::string_view key) const { return (!from || *from <= key) && (!to || key <= *to); }
};

Bounds some_bounds(Random& random) {
  Bounds bounds;
  if (!random.chance(4)) bounds.from = random.key();
  if (!random.chance(4)) bounds.to = random.chance(2) && bounds.from ? *bounds.from : random.key();
  return bounds;
}

struct Run {
  std::string backend;
  uint32_t seed;
  int steps;
};

Run some_run() {
  const std::string backend = GENERATE("memory", "rocksdb");
  const uint32_t seed = static_cast<uint32_t>(GENERATE(range(1, 9)));
  return {backend, seed, backend == "memory" ? 4000 : 700};  // opening a database takes its time
}

TEST_CASE("a key-value store agrees with a map") {
  const Run run = some_run();
  INFO(run.backend << ", seed " << run.seed);
  Random random(run.seed);
  StoreBed bed(run.backend, store_of("timestamped", "bytes"));
  Model model;
  for (int step = 0; step < run.steps; ++step) {
    auto& store = bed.key_value();
    auto& rows = model.now.rows;
    const std::string key = random.key(), value = "v" + std::to_string(step);
    std::vector<kst_store_row> row = {{bytes_value(key), string_value(value), step}};
    const auto before = rows.find(key);
    const std::string expected =
        before == rows.end() ? "-@0" : before->second.value + "@" + std::to_string(before->second.timestamp);
    auto answer = [&] { return text(row[0].value) + "@" + std::to_string(row[0].timestamp); };
    switch (random.below(6)) {
      case 0:
        REQUIRE(store.get_many(row) == KST_OK);
        REQUIRE(answer() == expected);
        break;
      case 1:
      case 2:
        REQUIRE(store.put_many(row) == KST_OK);
        rows[key] = {value, step};
        break;
      case 3:
        REQUIRE(store.put_if_absent_many(row) == KST_OK);
        REQUIRE(answer() == expected);
        rows.try_emplace(key, Kept{value, step});
        break;
      case 4:
        REQUIRE(store.delete_many(row) == KST_OK);
        REQUIRE(answer() == expected);
        rows.erase(key);
        break;
      default: {
        Strings found, prefixed;
        const bool reverse = random.chance(2);
        const Bounds bounds = some_bounds(random);
        const std::vector<kst_key_range> ranges = {{bounds.from_value(), bounds.to_value()}};
        REQUIRE(store.scan(ranges, reverse, &found, collect<kst_store_row>) == KST_OK);
        auto show = [](const std::string& k, const Kept& kept) { return shown(k, 0, 0, kept.value, kept.timestamp); };
        REQUIRE(found == model.in_range(bounds.from, bounds.to, reverse, show));
        const std::vector<Value> prefix = {bytes_value(key)};
        REQUIRE(store.prefix_scan(prefix, reverse, &prefixed, collect<kst_store_row>) == KST_OK);
        REQUIRE(prefixed == model.in_range({}, {}, reverse, [&](const std::string& k, const Kept& kept) {
          return k.starts_with(key) ? std::optional(show(k, kept)) : std::nullopt;
        }));
      }
    }
    end_transaction(random, bed, model);
  }
}

TEST_CASE("a window store agrees with a map") {
  const Run run = some_run();
  const bool duplicates = GENERATE(false, true);
  INFO(run.backend << ", seed " << run.seed << (duplicates ? ", duplicates" : ""));
  constexpr int64_t size = 10, retention = 40;
  Random random(run.seed);
  StoreBed bed(run.backend, window_store(size, retention, duplicates, "bytes"));
  Model model;
  size_t dropped = 0;
  int64_t stream = 0;
  for (int step = 0; step < run.steps; ++step) {
    auto& store = bed.window();
    auto& now = model.now;
    if (random.chance(8)) stream += random.below(random.chance(50) ? 200'000 : 8);
    const std::string key = random.key(), value = "v" + std::to_string(step);
    const int64_t start = std::max<int64_t>(0, stream - random.below(60));
    auto live = [&](int64_t time) { return time > now.clock.time - retention; };
    std::string bytes;
    if (const auto op = random.below(3); op == 0) {
      const bool remove = random.chance(4);
      const std::vector<kst_window_row> row = {
          {bytes_value(key), remove ? null_value() : string_value(value), step + 1, start, 0}};
      REQUIRE(store.put_many(row) == KST_OK);
      if (remove && duplicates) continue;
      if (!live(start)) {
        ++dropped;
      } else {
        now.clock.time = std::max(now.clock.time, start);
        now.clock.sequence += duplicates ? 1 : 0;
        write_key(bytes, WindowKey{key, start, now.clock.sequence});
        if (remove) now.rows.erase(bytes);
        if (!remove) now.rows[bytes] = {value, step + 1};
      }
    } else if (op == 1) {
      std::vector<kst_window_row> row = {{bytes_value(key), null_value(), 0, start, 0}};
      REQUIRE(store.get_many(row) == KST_OK);
      std::string expected = "-@0";
      for (const auto& [k, kept] : now.rows) {
        const auto at = *read_window_key(k);
        if (at.key != key || at.start != start || !live(start)) continue;
        expected = kept.value + "@" + std::to_string(kept.timestamp);
        break;
      }
      REQUIRE(text(row[0].value) + "@" + std::to_string(row[0].timestamp) == expected);
    } else {
      Strings found;
      const bool reverse = random.chance(2);
      const Bounds bounds = some_bounds(random);
      const int64_t from = random.chance(3) ? -5 : stream - random.below(60);
      const int64_t to = random.chance(3) ? std::numeric_limits<int64_t>::max() : from + random.below(60);
      const std::vector<kst_window_range> ranges = {{bounds.from_value(), bounds.to_value(), from, to}};
      REQUIRE(store.scan(ranges, reverse, &found, collect<kst_window_row>) == KST_OK);
      REQUIRE(found == model.in_range({}, {}, reverse, [&](const std::string& k, const Kept& kept) {
        const auto at = *read_window_key(k);
        const bool wanted = bounds.hold(at.key) && at.start >= from && at.start <= to && live(at.start);
        return wanted ? std::optional(shown(at.key, at.start, at.start + size, kept.value, kept.timestamp))
                      : std::nullopt;
      }));
    }
    end_transaction(random, bed, model);
    REQUIRE(bed.raw().clock() == model.now.clock);
  }
  CHECK(bed.user.drops["expired"] == dropped);
}

TEST_CASE("a session store agrees with a map") {
  const Run run = some_run();
  INFO(run.backend << ", seed " << run.seed);
  constexpr int64_t retention = 40;
  Random random(run.seed);
  StoreBed bed(run.backend, session_store(retention, "bytes"));
  Model model;
  size_t dropped = 0;
  int64_t stream = 0;
  for (int step = 0; step < run.steps; ++step) {
    auto& store = bed.session();
    auto& now = model.now;
    if (random.chance(8)) stream += random.below(random.chance(50) ? 200'000 : 8);
    const std::string key = random.key(), value = "v" + std::to_string(step);
    const int64_t end = std::max<int64_t>(0, stream - random.below(60)),
                  start = std::max<int64_t>(0, end - random.below(30));
    auto live = [&](int64_t time) { return time > now.clock.time - retention; };
    std::string bytes;
    write_key(bytes, SessionKey{key, end, start});
    if (const auto op = random.below(3); op == 0) {
      const bool remove = random.chance(4);
      const std::vector<kst_session_row> row = {
          {bytes_value(key), remove ? null_value() : string_value(value), start, end, step}};
      REQUIRE(store.put_many(row) == KST_OK);
      if (!live(end)) {
        ++dropped;
      } else {
        now.clock.time = std::max(now.clock.time, end);
        if (remove) now.rows.erase(bytes);
        if (!remove) now.rows[bytes] = {value, 0};
      }
    } else if (op == 1) {
      std::vector<kst_session_row> row = {{bytes_value(key), null_value(), start, end, 0}};
      REQUIRE(store.get_many(row) == KST_OK);
      const auto found = now.rows.find(bytes);
      REQUIRE(text(row[0].value) == (found == now.rows.end() || !live(end) ? "-" : found->second.value));
    } else {
      Strings found;
      const bool reverse = random.chance(2);
      const Bounds bounds = some_bounds(random);
      const int64_t earliest_end = random.chance(3) ? -5 : stream - random.below(60);
      const int64_t latest_start = random.chance(3) ? std::numeric_limits<int64_t>::max() : stream - random.below(60);
      const std::vector<kst_session_range> ranges = {
          {bounds.from_value(), bounds.to_value(), earliest_end, latest_start}};
      REQUIRE(store.scan(ranges, reverse, &found, collect<kst_session_row>) == KST_OK);
      REQUIRE(found == model.in_range({}, {}, reverse, [&](const std::string& k, const Kept& kept) {
        const auto at = *read_session_key(k);
        const bool wanted = bounds.hold(at.key) && at.end >= earliest_end && at.start <= latest_start && live(at.end);
        return wanted ? std::optional(shown(at.key, at.start, at.end, kept.value, 0)) : std::nullopt;
      }));
    }
    end_transaction(random, bed, model);
    REQUIRE(bed.raw().clock() == model.now.clock);
  }
  CHECK(bed.user.drops["expired"] == dropped);
}

}  // namespace
}  // namespace kstreamd::testing
