// The kinds of stores, in memory, as abi/store.h, window_store.h, session_store.h and versioned_store.h tell them.
// Values are kept as they come, without serdes. Used by one thread.
#pragma once
#include <kstreamd/abi/session_store.h>
#include <kstreamd/abi/store.h>
#include <kstreamd/abi/versioned_store.h>
#include <kstreamd/abi/window_store.h>
#include <kstreamd/sdk/testing/values.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <iterator>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace kstreamd::sdk::testing {

// What a window, session or versioned store is to be like; `size` and `duplicates` are for windows. Times in ms.
struct StoreOptions {
  int64_t size = 60'000;
  int64_t retention = 86'400'000;
  bool duplicates = false;
};

class FakeStore {
 public:
  FakeStore(uint32_t kind, const StoreOptions& options) : kind_(kind), options_(options) {}

  uint32_t kind() const { return kind_; }
  size_t size() const { return rows_.size(); }
  size_t expired() const { return expired_; }  // rows that were put too late
  bool scanning() const { return scanning_; }

  // A row: of a key-value store first and second are 0, of a window store its start and a number that tells duplicates
  // apart, of a session store its end and start, of a versioned store its timestamp and 0.
  struct Key {
    std::string bytes;
    int64_t first = 0;
    int64_t second = 0;
    auto operator<=>(const Key&) const = default;
  };
  struct Stored {
    OwnedValue key;
    OwnedValue value;
    int64_t timestamp = 0;
  };

  const Stored* find(const Key& key) const {
    const auto found = rows_.lower_bound(key);
    if (found == rows_.end() || found->first.bytes != key.bytes || found->first.first != key.first) return nullptr;
    if (kind_ != KST_STORE_WINDOW && found->first.second != key.second) return nullptr;
    return &found->second;
  }
  // A null value deletes.
  void put(Key key, const Value& key_value, const Value& value, int64_t timestamp) {
    if (kind_ != KST_STORE_KEY_VALUE) {
      time_ = std::max(time_, key.first);
      if (key.first <= time_ - options_.retention) {
        ++expired_;
        return;
      }
      std::erase_if(rows_, [this](const auto& row) { return row.first.first <= time_ - options_.retention; });
    }
    const bool duplicates = kind_ == KST_STORE_WINDOW && options_.duplicates;
    if (duplicates && is_null(value)) return;
    if (duplicates) key.second = ++last_number_;
    if (is_null(value))
      rows_.erase(key);
    else
      rows_.insert_or_assign(key, Stored{OwnedValue(key_value), OwnedValue(value), timestamp});
  }

  // A version, of which the stored value is null where it is a deletion, and until when it is valid.
  struct Version {
    const Stored* stored = nullptr;  // null: none
    int64_t from = 0;
    int64_t to = 0;
  };
  // What was valid at a time; INT64_MAX: the latest.
  Version version(const std::string& bytes, int64_t as_of) const {
    const auto next = rows_.upper_bound(Key{bytes, as_of, INT64_MAX});
    if (next == rows_.begin()) return {};
    const int64_t to = end_of(Key{bytes, as_of});
    const auto& [key, stored] = *std::prev(next);
    if (key.bytes != bytes || is_null(stored.value.get())) return {};
    if (to != INT64_MAX && as_of < time_ - options_.retention) return {};
    return {&stored, key.first, to};
  }
  // Until when what is put at a time is valid.
  int64_t end_of(const Key& key) const {
    const auto next = rows_.upper_bound(Key{key.bytes, key.first, INT64_MAX});
    return next != rows_.end() && next->first.bytes == key.bytes ? next->first.first : INT64_MAX;
  }
  // Until when it is valid; INT64_MIN: too old. A null value is a deletion.
  int64_t put_version(const std::string& bytes, const Value& key, const Value& value, int64_t timestamp) {
    if (timestamp < time_ - options_.retention) {
      ++expired_;
      return INT64_MIN;
    }
    time_ = std::max(time_, timestamp);
    rows_.insert_or_assign(Key{bytes, timestamp}, Stored{OwnedValue(key), OwnedValue(value), timestamp});
    return end_of(Key{bytes, timestamp});
  }
  // Whether a version that ended then is still to be seen.
  bool remembers(int64_t to) const { return to > time_ - options_.retention; }

  // Visits the rows that `in` accepts, in order, until `show` returns false.
  template <typename In, typename Show>
  void scan(bool reverse, In&& in, Show&& show) {
    scanning_ = true;
    const auto visit = [&](auto begin, auto end) {
      for (auto at = begin; at != end; ++at)
        if (in(at->first) && !show(at->first, at->second)) return;
    };
    if (reverse)
      visit(rows_.rbegin(), rows_.rend());
    else
      visit(rows_.begin(), rows_.end());
    scanning_ = false;
  }

  const StoreOptions& options() const { return options_; }

 private:
  const uint32_t kind_;
  const StoreOptions options_;
  std::map<Key, Stored> rows_;
  int64_t time_ = INT64_MIN / 2;
  int64_t last_number_ = 0;
  size_t expired_ = 0;
  bool scanning_ = false;
};

// Whether a key lies between two values; null is an open end.
inline bool between(const std::string& key, const Value& from, const Value& to) {
  return (is_null(from) || OwnedValue(from).bytes() <= key) && (is_null(to) || key <= OwnedValue(to).bytes());
}

// The functions of the extensions for stores, over a Host that gives: `static FakeStore*
// writable/readable(kst_context*, uint32_t store, uint32_t kind, kst_status&)`, null with the status when there is
// none; `static Value lend(kst_context*, const OwnedValue&)`, a value that stays until the call into the processor
// returns; `static kst_status bad(kst_context*, const char*)`, a record's error.
template <typename Host>
struct StoreFunctions {
  using Key = FakeStore::Key;

  static const kst_store_extension* key_value() {
    static const kst_store_extension table = {sizeof(kst_store_extension),
                                              &Host::store_kind,
                                              &get,
                                              &put,
                                              &put_if_absent,
                                              &erase,
                                              &scan,
                                              &prefix_scan,
                                              &Host::store_rows};
    return &table;
  }
  static const kst_window_store_extension* window() {
    static const kst_window_store_extension table = {sizeof(kst_window_store_extension), &get_windows, &put_windows,
                                                     &scan_windows};
    return &table;
  }
  static const kst_session_store_extension* session() {
    static const kst_session_store_extension table = {sizeof(kst_session_store_extension), &get_sessions, &put_sessions,
                                                      &scan_sessions};
    return &table;
  }

  static const kst_versioned_store_extension* versioned() {
    static const kst_versioned_store_extension table = {sizeof(kst_versioned_store_extension), &get_versions,
                                                        &put_versions, &delete_versions, &scan_versions};
    return &table;
  }

 private:
  static constexpr const char* kNullKey = "a store has no row with a null key";
  static constexpr const char* kBadVersion = "a version's timestamp is 0 or more, and less than the greatest number";
  static constexpr const char* kBadTimes = "windows start at 0 or later, and sessions end where they start or later";

  // ---- Key-value

  static kst_status get(kst_context* context, uint32_t store, kst_store_row* rows, size_t count) {
    return each(context, store, rows, count, [](FakeStore&, const kst_store_row&) {});
  }
  static kst_status put_if_absent(kst_context* context, uint32_t store, kst_store_row* rows, size_t count) {
    kst_status status = KST_OK;
    if (!Host::writable(context, store, KST_STORE_KEY_VALUE, status)) return status;
    for (size_t i = 0; i < count && status == KST_OK; ++i) {
      const kst_store_row given = rows[i];
      status = get(context, store, &rows[i], 1);
      if (status == KST_OK && is_null(rows[i].value)) status = put(context, store, &given, 1);
    }
    return status;
  }
  static kst_status erase(kst_context* context, uint32_t store, kst_store_row* rows, size_t count) {
    kst_status status = KST_OK;
    if (!Host::writable(context, store, KST_STORE_KEY_VALUE, status)) return status;
    return each(context, store, rows, count, [](FakeStore& in, const kst_store_row& row) {
      in.put(Key{OwnedValue(row.key).bytes()}, row.key, null_value(), 0);
    });
  }
  // Tells what is there, then does `after` with it.
  template <typename After>
  static kst_status each(kst_context* context, uint32_t store, kst_store_row* rows, size_t count, After&& after) {
    kst_status status = KST_OK;
    FakeStore* in = Host::readable(context, store, KST_STORE_KEY_VALUE, status);
    for (size_t i = 0; in && i < count; ++i) {
      if (is_null(rows[i].key)) return Host::bad(context, kNullKey);
      const auto* found = in->find({OwnedValue(rows[i].key).bytes()});
      rows[i].timestamp = found ? found->timestamp : 0;
      rows[i].value = found ? Host::lend(context, found->value) : null_value();
      after(*in, rows[i]);
    }
    return status;
  }
  static kst_status put(kst_context* context, uint32_t store, const kst_store_row* rows, size_t count) {
    kst_status status = KST_OK;
    FakeStore* in = Host::writable(context, store, KST_STORE_KEY_VALUE, status);
    for (size_t i = 0; in && i < count; ++i) {
      if (is_null(rows[i].key)) return Host::bad(context, kNullKey);
      in->put({OwnedValue(rows[i].key).bytes()}, rows[i].key, rows[i].value, rows[i].timestamp);
    }
    return status;
  }
  static kst_status scan(kst_context* context, uint32_t store, const kst_key_range* ranges, size_t count, int reverse,
                         void* visitor, kst_row_visitor visit) {
    return scan_each(
        context, store, KST_STORE_KEY_VALUE, count, reverse,
        [&](size_t i, const Key& key) { return between(key.bytes, ranges[i].from, ranges[i].to); },
        [&](size_t i, const Key&, const FakeStore::Stored& stored) {
          const kst_store_row row{stored.key.get(), stored.value.get(), stored.timestamp};
          return visit(visitor, i, &row) == 0;
        });
  }
  static kst_status prefix_scan(kst_context* context, uint32_t store, const kst_value* prefixes, size_t count,
                                int reverse, void* visitor, kst_row_visitor visit) {
    return scan_each(
        context, store, KST_STORE_KEY_VALUE, count, reverse,
        [&](size_t i, const Key& key) { return key.bytes.starts_with(data_of(prefixes[i])); },
        [&](size_t i, const Key&, const FakeStore::Stored& stored) {
          const kst_store_row row{stored.key.get(), stored.value.get(), stored.timestamp};
          return visit(visitor, i, &row) == 0;
        });
  }

  // ---- Windows

  static kst_status get_windows(kst_context* context, uint32_t store, kst_window_row* rows, size_t count) {
    kst_status status = KST_OK;
    FakeStore* in = Host::readable(context, store, KST_STORE_WINDOW, status);
    for (size_t i = 0; in && i < count; ++i) {
      if (is_null(rows[i].key)) return Host::bad(context, kNullKey);
      const auto* found = in->find({OwnedValue(rows[i].key).bytes(), rows[i].start, INT64_MIN});
      rows[i].value = found ? Host::lend(context, found->value) : null_value();
      rows[i].timestamp = found ? found->timestamp : 0;
      rows[i].end = rows[i].start + in->options().size;
    }
    return status;
  }
  static kst_status put_windows(kst_context* context, uint32_t store, const kst_window_row* rows, size_t count) {
    kst_status status = KST_OK;
    FakeStore* in = Host::writable(context, store, KST_STORE_WINDOW, status);
    for (size_t i = 0; in && i < count; ++i) {
      if (is_null(rows[i].key)) return Host::bad(context, kNullKey);
      if (rows[i].start < 0) return Host::bad(context, kBadTimes);
      in->put({OwnedValue(rows[i].key).bytes(), rows[i].start}, rows[i].key, rows[i].value,
              rows[i].timestamp == 0 ? rows[i].start : rows[i].timestamp);
    }
    return status;
  }
  static kst_status scan_windows(kst_context* context, uint32_t store, const kst_window_range* ranges, size_t count,
                                 int reverse, void* visitor, kst_window_visitor visit) {
    return scan_each(
        context, store, KST_STORE_WINDOW, count, reverse,
        [&](size_t i, const Key& key) {
          return between(key.bytes, ranges[i].from, ranges[i].to) && key.first >= ranges[i].start_from &&
                 key.first <= ranges[i].start_to;
        },
        [&](size_t i, const Key& key, const FakeStore::Stored& stored) {
          kst_status ignored = KST_OK;
          const int64_t size = Host::readable(context, store, KST_STORE_WINDOW, ignored)->options().size;
          const kst_window_row row{stored.key.get(), stored.value.get(), stored.timestamp, key.first, key.first + size};
          return visit(visitor, i, &row) == 0;
        });
  }

  // ---- Sessions

  static kst_status get_sessions(kst_context* context, uint32_t store, kst_session_row* rows, size_t count) {
    kst_status status = KST_OK;
    FakeStore* in = Host::readable(context, store, KST_STORE_SESSION, status);
    for (size_t i = 0; in && i < count; ++i) {
      if (is_null(rows[i].key)) return Host::bad(context, kNullKey);
      const auto* found = in->find({OwnedValue(rows[i].key).bytes(), rows[i].end, rows[i].start});
      rows[i].value = found ? Host::lend(context, found->value) : null_value();
      rows[i].timestamp = 0;
    }
    return status;
  }
  static kst_status put_sessions(kst_context* context, uint32_t store, const kst_session_row* rows, size_t count) {
    kst_status status = KST_OK;
    FakeStore* in = Host::writable(context, store, KST_STORE_SESSION, status);
    for (size_t i = 0; in && i < count; ++i) {
      if (is_null(rows[i].key)) return Host::bad(context, kNullKey);
      if (rows[i].start < 0 || rows[i].end < rows[i].start) return Host::bad(context, kBadTimes);
      in->put({OwnedValue(rows[i].key).bytes(), rows[i].end, rows[i].start}, rows[i].key, rows[i].value, 0);
    }
    return status;
  }
  static kst_status scan_sessions(kst_context* context, uint32_t store, const kst_session_range* ranges, size_t count,
                                  int reverse, void* visitor, kst_session_visitor visit) {
    return scan_each(
        context, store, KST_STORE_SESSION, count, reverse,
        [&](size_t i, const Key& key) {
          return between(key.bytes, ranges[i].from, ranges[i].to) && key.first >= ranges[i].earliest_end &&
                 key.second <= ranges[i].latest_start;
        },
        [&](size_t i, const Key& key, const FakeStore::Stored& stored) {
          const kst_session_row row{stored.key.get(), stored.value.get(), key.second, key.first, 0};
          return visit(visitor, i, &row) == 0;
        });
  }

  // ---- Versions

  static void tell(kst_context* context, const FakeStore& in, kst_version_row& row) {
    const auto found = in.version(OwnedValue(row.key).bytes(), row.timestamp);
    row.value = found.stored ? Host::lend(context, found.stored->value) : null_value();
    row.timestamp = found.from;
    row.valid_to = found.to;
  }
  static kst_status get_versions(kst_context* context, uint32_t store, kst_version_row* rows, size_t count) {
    kst_status status = KST_OK;
    FakeStore* in = Host::readable(context, store, KST_STORE_VERSIONED, status);
    for (size_t i = 0; in && i < count; ++i) {
      if (is_null(rows[i].key)) return Host::bad(context, kNullKey);
      tell(context, *in, rows[i]);
    }
    return status;
  }
  static kst_status put_versions(kst_context* context, uint32_t store, kst_version_row* rows, size_t count) {
    kst_status status = KST_OK;
    FakeStore* in = Host::writable(context, store, KST_STORE_VERSIONED, status);
    for (size_t i = 0; in && i < count; ++i) {
      auto& row = rows[i];
      if (is_null(row.key)) return Host::bad(context, kNullKey);
      if (row.timestamp < 0 || row.timestamp == INT64_MAX) return Host::bad(context, kBadVersion);
      row.valid_to = in->put_version(OwnedValue(row.key).bytes(), row.key, row.value, row.timestamp);
    }
    return status;
  }
  static kst_status delete_versions(kst_context* context, uint32_t store, kst_version_row* rows, size_t count) {
    kst_status status = KST_OK;
    FakeStore* in = Host::writable(context, store, KST_STORE_VERSIONED, status);
    for (size_t i = 0; in && i < count && status == KST_OK; ++i) {
      kst_version_row deletion{rows[i].key, null_value(), rows[i].timestamp, 0};
      if (!is_null(rows[i].key)) tell(context, *in, rows[i]);
      status = put_versions(context, store, &deletion, 1);
      if (deletion.valid_to == INT64_MIN) rows[i] = {rows[i].key, null_value(), 0, 0};
    }
    return status;
  }
  static kst_status scan_versions(kst_context* context, uint32_t store, const kst_version_range* ranges, size_t count,
                                  int reverse, void* visitor, kst_version_visitor visit) {
    kst_status status = KST_OK;
    const FakeStore* of = Host::readable(context, store, KST_STORE_VERSIONED, status);
    if (!of) return status;
    return scan_each(
        context, store, KST_STORE_VERSIONED, count, reverse,
        [&](size_t i, const Key& key) {
          const int64_t end = of->end_of(key);
          return between(key.bytes, ranges[i].key, ranges[i].key) && key.first <= ranges[i].to &&
                 end > ranges[i].from && of->remembers(end);
        },
        [&](size_t i, const Key& key, const FakeStore::Stored& stored) {
          const kst_version_row row{stored.key.get(), stored.value.get(), key.first, of->end_of(key)};
          return is_null(row.value) || visit(visitor, i, &row) == 0;
        });
  }

  // One range after the other.
  template <typename In, typename Show>
  static kst_status scan_each(kst_context* context, uint32_t store, uint32_t kind, size_t count, int reverse, In&& in,
                              Show&& show) {
    kst_status status = KST_OK;
    FakeStore* from = Host::readable(context, store, kind, status);
    for (size_t i = 0; from && i < count; ++i)
      from->scan(
          reverse != 0, [&](const Key& key) { return in(i, key); },
          [&](const Key& key, const FakeStore::Stored& stored) { return show(i, key, stored); });
    return status;
  }
};

}  // namespace kstreamd::sdk::testing
