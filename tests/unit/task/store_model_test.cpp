// Stores of every type, on every backend, with and without changelog, against plain maps: random operations, commits,
// aborts, restarts, crashes and restorations, from seeds.
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

// Ends a transaction now and then, or the process. What is in no changelog survives only on its own disk.
template <typename M>
void end_transaction(Random& random, StoreBed& bed, M& model) {
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
      if (const auto how = random.below(3); how == 0)
        bed.crash();
      else
        bed.reopen(how == 1 && bed.declared.changelogged);
      if (!bed.declared.changelogged && !bed.declared.persistent) model.committed = {};
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
  std::string changelog;
  uint32_t seed;
  int steps;
  Store with(Store store) const {
    store.changelogged = changelog != "off";
    if (changelog == "settings") store.changelog_configs["min.insync.replicas"] = "2";
    return store;
  }
  std::string text() const { return backend + ", changelog " + changelog + ", seed " + std::to_string(seed); }
};

Run some_run() {
  const std::string backend = GENERATE("memory", "rocksdb");
  const std::string changelog = GENERATE("on", "off", "settings");
  const uint32_t seed = static_cast<uint32_t>(GENERATE(range(1, 4)));
  return {backend, changelog, seed, backend == "memory" ? 4000 : 400};  // opening a database takes its time
}

TEST_CASE("a key-value store agrees with a map") {
  const Run run = some_run();
  const int64_t ttl = GENERATE(0, 40, -1);  // -1: without timestamps
  INFO(run.text() << ", ttl " << ttl);
  Random random(run.seed);
  Store declared = store_of(ttl < 0 ? "key_value" : "timestamped", "bytes");
  declared.ttl = std::chrono::milliseconds(std::max<int64_t>(ttl, 0));
  StoreBed bed(run.backend, run.with(declared));
  Model model;
  size_t dropped = 0;
  int64_t stream = 0;
  for (int step = 0; step < run.steps; ++step) {
    auto& store = bed.key_value();
    auto& rows = model.now.rows;
    auto& clock = model.now.clock;
    const std::string key = random.key(), value = "v" + std::to_string(step);
    stream += random.below(random.chance(100) ? 100 : 4);
    const int64_t time = ttl < 0 ? 0 : std::max<int64_t>(stream - random.below(50), 0);
    std::vector<kst_store_row> row = {{bytes_value(key), string_value(value), time}};
    auto live = [&](int64_t timestamp) { return ttl <= 0 || timestamp > clock.time - ttl; };
    auto put = [&] {
      if (!live(time)) ++dropped;
      if (ttl > 0) clock.time = std::max(clock.time, time);
      rows[key] = {value, time};
    };
    const auto before = rows.find(key);
    const bool there = before != rows.end() && live(before->second.timestamp);
    const std::string expected = there ? before->second.value + "@" + std::to_string(before->second.timestamp) : "-@0";
    auto answer = [&] { return text(row[0].value) + "@" + std::to_string(row[0].timestamp); };
    switch (random.below(6)) {
      case 0:
        REQUIRE(store.get_many(row) == KST_OK);
        REQUIRE(answer() == expected);
        break;
      case 1:
      case 2:
        REQUIRE(store.put_many(row) == KST_OK);
        put();
        break;
      case 3:
        REQUIRE(store.put_if_absent_many(row) == KST_OK);
        REQUIRE(answer() == expected);
        if (!there) put();
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
        auto show = [&](const std::string& k, const Kept& kept) {
          return live(kept.timestamp) ? std::optional(shown(k, 0, 0, kept.value, kept.timestamp)) : std::nullopt;
        };
        REQUIRE(found == model.in_range(bounds.from, bounds.to, reverse, show));
        const std::vector<Value> prefix = {bytes_value(key)};
        REQUIRE(store.prefix_scan(prefix, reverse, &prefixed, collect<kst_store_row>) == KST_OK);
        REQUIRE(prefixed == model.in_range({}, {}, reverse, [&](const std::string& k, const Kept& kept) {
          return k.starts_with(key) ? show(k, kept) : std::nullopt;
        }));
      }
    }
    end_transaction(random, bed, model);
    const int64_t time_now = bed.raw().clock().time;
    if (time_now != clock.time) {
      // Of a value that was overwritten by an older one within a transaction, the changelog knows nothing.
      int64_t told = -1;
      for (const auto& change : bed.changelog) told = std::max(told, change.timestamp);
      REQUIRE((ttl > 0 && run.changelog != "off" && time_now >= told && time_now < clock.time));
      clock.time = model.committed.clock.time = time_now;
    }
  }
  CHECK(bed.user.drops["expired"] == dropped);
}

TEST_CASE("a window store agrees with a map") {
  const Run run = some_run();
  const bool duplicates = GENERATE(false, true);
  INFO(run.text() << (duplicates ? ", duplicates" : ""));
  constexpr int64_t size = 10, retention = 40;
  Random random(run.seed);
  StoreBed bed(run.backend, run.with(window_store(size, retention, duplicates, "bytes")));
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
      now.clock.sequence += duplicates ? 1 : 0;
      if (remove && duplicates) continue;
      if (!live(start)) {
        ++dropped;
      } else {
        now.clock.time = std::max(now.clock.time, start);
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
  INFO(run.text());
  constexpr int64_t retention = 40;
  Random random(run.seed);
  StoreBed bed(run.backend, run.with(session_store(retention, "bytes")));
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

// Versions by key and timestamp; nullopt: a deletion.
struct VersionModel {
  struct State {
    std::map<std::string, std::map<int64_t, std::optional<std::string>>> keys;
    int64_t time = -1;
  };
  State now, committed;

  struct Found {
    std::string value = "-";
    int64_t from = 0, to = 0;
    std::string text() const { return value + " " + std::to_string(from) + " " + std::to_string(to); }
  };
  static int64_t end_of(const std::map<int64_t, std::optional<std::string>>& versions, int64_t timestamp) {
    const auto next = versions.upper_bound(timestamp);
    return next == versions.end() ? Version::open_end : next->first;
  }
  // A tombstone with the time of the latest version leaves nothing of either: what ended the one before stays.
  void put(const std::string& key, int64_t timestamp, std::optional<std::string> value) {
    now.time = std::max(now.time, timestamp);
    auto& versions = now.keys[key];
    if (!value && !versions.empty() && versions.rbegin()->first == timestamp && versions.rbegin()->second) {
      versions.erase(timestamp);
      if (versions.empty() || !versions.rbegin()->second) return;
    }
    versions[timestamp] = std::move(value);
  }
  Found get(const std::string& key, int64_t as_of, int64_t retention) {
    const auto& versions = now.keys[key];
    auto next = versions.upper_bound(as_of);
    if (next == versions.begin() || !std::prev(next)->second) return {};
    const auto& [from, value] = *std::prev(next);
    const int64_t to = end_of(versions, from);
    if (to != Version::open_end && as_of < now.time - retention) return {};
    return {*value, from, to};
  }
  Strings history(const std::string& key, int64_t first, int64_t last, int64_t retention, bool reverse) {
    Strings all;
    for (const auto& [from, value] : now.keys[key]) {
      const int64_t to = end_of(now.keys[key], from);
      if (!value || from > last || to <= first || to <= now.time - retention) continue;
      if (to == Version::open_end || last >= now.time - retention) all.push_back(Found{*value, from, to}.text());
    }
    if (reverse) std::reverse(all.begin(), all.end());
    return all;
  }
};

TEST_CASE("a versioned store agrees with a map") {
  const Run run = some_run();
  INFO(run.text());
  constexpr int64_t retention = 40;
  Random random(run.seed);
  StoreBed bed(run.backend, run.with(versioned_store(retention, "bytes")));
  VersionModel model;
  size_t dropped = 0;
  int64_t stream = 0;
  for (int step = 0; step < run.steps; ++step) {
    auto& store = bed.versioned();
    auto& now = model.now;
    if (random.chance(4)) stream += random.below(random.chance(50) ? 500 : 8);
    const std::string key = random.key(), value = "v" + std::to_string(step);
    const int64_t time = std::max<int64_t>(0, stream - random.below(60));
    const int64_t as_of = random.chance(2) ? time : Version::open_end;
    const bool late = time < now.time - retention;
    auto write = [&](std::optional<std::string> put) {
      if (late) ++dropped;
      if (late) return;
      model.put(key, time, std::move(put));
    };
    auto text_of = [](const kst_version_row& row) {
      return VersionModel::Found{text(row.value), row.timestamp, row.valid_to}.text();
    };
    std::vector<kst_version_row> rows = {{bytes_value(key), string_value(value), time, 7}};
    switch (random.below(5)) {
      case 0:
      case 1: {
        const bool remove = random.chance(4);
        if (remove) rows[0].value = null_value();
        REQUIRE(store.put_many(rows) == KST_OK);
        write(remove ? std::nullopt : std::optional(value));
        REQUIRE(rows[0].valid_to ==
                (late ? std::numeric_limits<int64_t>::min() : VersionModel::end_of(now.keys[key], time)));
        break;
      }
      case 2: {
        const std::string before = late ? "- 0 0" : model.get(key, time, retention).text();
        REQUIRE(store.delete_many(rows) == KST_OK);
        REQUIRE(text_of(rows[0]) == before);
        write(std::nullopt);
        break;
      }
      case 3:
        rows[0].timestamp = as_of;
        rows[0].value = null_value();
        REQUIRE(store.get_many(rows) == KST_OK);
        REQUIRE(text_of(rows[0]) == model.get(key, as_of, retention).text());
        break;
      default: {
        const int64_t from = random.chance(3) ? -5 : stream - random.below(60);
        const int64_t to = random.chance(3) ? Version::open_end : from + random.below(60);
        const bool reverse = random.chance(2);
        Strings found;
        const std::vector<kst_version_range> ranges = {{bytes_value(key), from, to}};
        auto take = [](void* self, size_t, const kst_version_row* row) {
          static_cast<Strings*>(self)->push_back(
              VersionModel::Found{text(row->value), row->timestamp, row->valid_to}.text());
          return 0;
        };
        REQUIRE(store.scan(ranges, reverse, &found, take) == KST_OK);
        REQUIRE(found == model.history(key, from, to, retention, reverse));
      }
    }
    end_transaction(random, bed, model);
    REQUIRE(bed.raw().clock().time == model.now.time);
  }
  CHECK(bed.user.drops["expired"] == dropped);
}

}  // namespace
}  // namespace kstreamd::testing
