// Session stores of the node's task (YAML: `type: session`): a row belongs to a key and a session [start, end], both
// inclusive. Semantics are those of Kafka Streams' SessionStore; see abi/session_store.h for retention. Times in ms
// since 1970.
#pragma once
#include <kstreamd/abi/session_store.h>
#include <kstreamd/sdk/store_handle.h>

#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace kstreamd::sdk {

using RawSessionRow = kst_session_row;

// Values of any type. Lifetimes and calls as RawKeyValueStore.
class RawSessionStore : public detail::StoreHandle {
 public:
  std::optional<RawSessionRow> get(const Value& key, int64_t start, int64_t end) const {
    RawSessionRow row{key, null_value(), start, end, 0};
    get_many({&row, 1});
    if (is_null(row.value)) return std::nullopt;
    return row;
  }
  // Fills the values of rows whose keys, starts and ends are set.
  void get_many(std::span<RawSessionRow> rows) const {
    if (!rows.empty()) check(functions().get_many(handle(), index_, rows.data(), rows.size()));
  }
  // A null value deletes. `timestamp`: of the changelog's record, as a rule that of the record at hand; 0: the end.
  void put(const Value& key, int64_t start, int64_t end, const Value& value, int64_t timestamp = 0) const {
    const RawSessionRow row{key, value, start, end, timestamp};
    put_many({&row, 1});
  }
  void put_many(std::span<const RawSessionRow> rows) const {
    if (!rows.empty()) check(functions().put_many(handle(), index_, rows.data(), rows.size()));
  }
  void erase(const Value& key, int64_t start, int64_t end) const { put(key, start, end, null_value()); }

  // The sessions of one key that end at or after `earliest_end` and start at or before `latest_start`, by end, then
  // start: visit(const RawSessionRow&), false ends it.
  template <typename Visit>
  void find(const Value& key, int64_t earliest_end, int64_t latest_start, Visit&& visit,
            Order order = Order::ascending) const {
    range(key, key, earliest_end, latest_start, visit, order);
  }
  // Keys from_key..to_key (inclusive; null: open end), by serialized key, end, start.
  template <typename Visit>
  void range(const Value& from_key, const Value& to_key, int64_t earliest_end, int64_t latest_start, Visit&& visit,
             Order order = Order::ascending) const {
    const kst_session_range range{from_key, to_key, earliest_end, latest_start};
    ranges(
        {&range, 1}, [&](size_t, const RawSessionRow& row) { return detail::visit_on(visit, row); }, order);
  }
  // One range after the other: visit(size_t range, const RawSessionRow&); false ends the range.
  template <typename Visit>
  void ranges(std::span<const kst_session_range> ranges, Visit&& visit, Order order = Order::ascending) const {
    const auto& functions_of = functions();
    scan<RawSessionRow>(
        [&](void* state, kst_session_visitor visitor) {
          return functions_of.scan(handle(), index_, ranges.data(), ranges.size(), order == Order::descending, state,
                                   visitor);
        },
        visit);
  }

 private:
  friend class Context;
  template <typename, typename>
  friend class SessionStore;
  RawSessionStore(Context& context, uint32_t index) : StoreHandle(context, index) {}

  const kst_session_store_extension& functions() const { return extensions().session_store.of(host()); }
};

template <typename K, typename V>
struct SessionRow {
  K key;
  V value;
  int64_t start = 0;      // inclusive
  int64_t end = 0;        // inclusive
  int64_t timestamp = 0;  // in put_many: as that of put; 0 in what is read
};

// The same with types of C++ (codec.h), as KeyValueStore.
template <typename K, typename V>
class SessionStore : private RawSessionStore {
 public:
  using RawSessionStore::approximate_rows;
  using RawSessionStore::index;
  // For what has no typed form.
  const RawSessionStore& raw() const { return *this; }

  std::optional<V> get(const K& key, int64_t start, int64_t end) const {
    const auto row = raw().get(encode(key), start, end);
    if (!row) return std::nullopt;
    return this->template value_as<V>(row->value);
  }
  // `timestamp`: of the changelog's record, as a rule that of the record at hand; 0: the end.
  void put(const K& key, int64_t start, int64_t end, const V& value, int64_t timestamp = 0) const {
    raw().put(encode(key), start, end, encode(value), timestamp);
  }
  void put_many(std::span<const SessionRow<K, V>> rows) const {
    auto* to = memory().template array<RawSessionRow>(rows.size());
    for (size_t i = 0; i < rows.size(); ++i)
      to[i] = {encode(rows[i].key), encode(rows[i].value), rows[i].start, rows[i].end, rows[i].timestamp};
    raw().put_many({to, rows.size()});
  }
  void erase(const K& key, int64_t start, int64_t end) const { raw().erase(encode(key), start, end); }

  // The sessions of one key that end at or after `earliest_end` and start at or before `latest_start`, by end, then
  // start: visit(const SessionRow<K, V>&) until it returns false; it may return nothing.
  template <typename Visit>
  void find(const K& key, int64_t earliest_end, int64_t latest_start, Visit&& visit,
            Order order = Order::ascending) const {
    raw().find(encode(key), earliest_end, latest_start, typed(visit), order);
  }
  // Keys from_key..to_key (inclusive; nullopt: open end), by serialized key, end, start.
  template <typename Visit>
  void range(const std::optional<K>& from_key, const std::optional<K>& to_key, int64_t earliest_end,
             int64_t latest_start, Visit&& visit, Order order = Order::ascending) const {
    raw().range(encode(from_key), encode(to_key), earliest_end, latest_start, typed(visit), order);
  }

 private:
  friend class Context;
  using RawSessionStore::memory;
  SessionStore(Context& context, uint32_t index) : RawSessionStore(context, index) {
    detail::require_codec<K>();
    detail::require_codec<V>();
  }

  template <typename T>
  Value encode(const T& typed) const {
    return detail::encode(typed, memory());
  }
  template <typename Visit>
  auto typed(Visit& visit) const {
    return [this, &visit](const RawSessionRow& row) {
      return detail::visit_on(
          visit, SessionRow<K, V>{this->template key_as<K>(row.key), this->template value_as<V>(row.value), row.start,
                                  row.end, row.timestamp});
    };
  }
};

inline RawSessionStore Context::session_store(uint32_t index) { return RawSessionStore(*this, index); }

}  // namespace kstreamd::sdk
