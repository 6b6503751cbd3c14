// Window stores of the node's task (YAML: `type: window`): a row belongs to a key and the start of a window, whose size
// is the store's. Semantics are those of Kafka Streams' WindowStore; see abi/window_store.h for retention and
// duplicates. Times in ms since 1970.
#pragma once
#include <kstreamd/abi/window_store.h>
#include <kstreamd/sdk/store_handle.h>

#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace kstreamd::sdk {

using RawWindowRow = kst_window_row;

// Values of any type. Lifetimes and calls as RawKeyValueStore.
class RawWindowStore : public detail::StoreHandle {
 public:
  // The row of a key and window; with duplicates the first.
  std::optional<RawWindowRow> get(const Value& key, int64_t start) const {
    RawWindowRow row{key, null_value(), 0, start, 0};
    get_many({&row, 1});
    if (is_null(row.value)) return std::nullopt;
    return row;
  }
  // Fills value, timestamp and end of rows whose keys and starts are set.
  void get_many(std::span<RawWindowRow> rows) const {
    if (!rows.empty()) check(try_get_many(rows));
  }
  // The same, with a status instead of an exception, as RawKeyValueStore's.
  kst_status try_get_many(std::span<RawWindowRow> rows) const {
    return functions().get_many(handle(), index_, rows.data(), rows.size());
  }
  // `timestamp`: of the value; 0: the start. A null value deletes, but in stores with duplicates, where nothing does.
  void put(const Value& key, int64_t start, const Value& value, int64_t timestamp) const {
    const RawWindowRow row{key, value, timestamp, start, 0};
    put_many({&row, 1});
  }
  void put_many(std::span<const RawWindowRow> rows) const {
    if (!rows.empty()) check(functions().put_many(handle(), index_, rows.data(), rows.size()));
  }
  void erase(const Value& key, int64_t start) const { put(key, start, null_value(), 0); }

  // The windows of one key that start in from..to (inclusive), by start: visit(const RawWindowRow&), false ends it.
  template <typename Visit>
  void fetch(const Value& key, int64_t from, int64_t to, Visit&& visit, Order order = Order::ascending) const {
    range(key, key, from, to, visit, order);
  }
  // Keys from_key..to_key (inclusive; null: open end), by serialized key and start.
  template <typename Visit>
  void range(const Value& from_key, const Value& to_key, int64_t from, int64_t to, Visit&& visit,
             Order order = Order::ascending) const {
    const kst_window_range range{from_key, to_key, from, to};
    ranges(
        {&range, 1}, [&](size_t, const RawWindowRow& row) { return detail::visit_on(visit, row); }, order);
  }
  // One range after the other: visit(size_t range, const RawWindowRow&); false ends the range.
  template <typename Visit>
  void ranges(std::span<const kst_window_range> ranges, Visit&& visit, Order order = Order::ascending) const {
    const auto& functions_of = functions();
    scan<RawWindowRow>(
        [&](void* state, kst_window_visitor visitor) {
          return functions_of.scan(handle(), index_, ranges.data(), ranges.size(), order == Order::descending, state,
                                   visitor);
        },
        visit);
  }

 private:
  friend class Context;
  template <typename, typename>
  friend class WindowStore;
  RawWindowStore(Context& context, uint32_t index) : StoreHandle(context, index) {}

  const kst_window_store_extension& functions() const { return extensions().window_store.of(host()); }
};

template <typename K, typename V>
struct WindowRow {
  K key;
  V value;
  int64_t timestamp = 0;  // of the value, in timestamped stores
  int64_t start = 0;      // inclusive
  int64_t end = 0;        // exclusive; ignored by put_many
};

// The same with types of C++ (codec.h), as KeyValueStore.
template <typename K, typename V>
class WindowStore : private RawWindowStore {
 public:
  using RawWindowStore::approximate_rows;
  using RawWindowStore::index;
  // For what has no typed form.
  const RawWindowStore& raw() const { return *this; }

  std::optional<V> get(const K& key, int64_t start) const {
    const auto row = raw().get(encode(key), start);
    if (!row) return std::nullopt;
    return this->template value_as<V>(row->value);
  }
  void put(const K& key, int64_t start, const V& value, int64_t timestamp) const {
    raw().put(encode(key), start, encode(value), timestamp);
  }
  void put_many(std::span<const WindowRow<K, V>> rows) const {
    auto* to = memory().template array<RawWindowRow>(rows.size());
    for (size_t i = 0; i < rows.size(); ++i)
      to[i] = {encode(rows[i].key), encode(rows[i].value), rows[i].timestamp, rows[i].start, 0};
    raw().put_many({to, rows.size()});
  }
  void erase(const K& key, int64_t start) const { raw().erase(encode(key), start); }

  // The windows of one key that start in from..to (inclusive), by start: visit(const WindowRow<K, V>&) until it returns
  // false; it may return nothing.
  template <typename Visit>
  void fetch(const K& key, int64_t from, int64_t to, Visit&& visit, Order order = Order::ascending) const {
    raw().fetch(encode(key), from, to, typed(visit), order);
  }
  // Keys from_key..to_key (inclusive; nullopt: open end), by serialized key and start.
  template <typename Visit>
  void range(const std::optional<K>& from_key, const std::optional<K>& to_key, int64_t from, int64_t to, Visit&& visit,
             Order order = Order::ascending) const {
    raw().range(encode(from_key), encode(to_key), from, to, typed(visit), order);
  }

 private:
  friend class Context;
  using RawWindowStore::memory;
  WindowStore(Context& context, uint32_t index) : RawWindowStore(context, index) {
    detail::require_codec<K>();
    detail::require_codec<V>();
  }

  template <typename T>
  Value encode(const T& typed) const {
    return detail::encode(typed, memory());
  }
  template <typename Visit>
  auto typed(Visit& visit) const {
    return [this, &visit](const RawWindowRow& row) {
      return detail::visit_on(visit,
                              WindowRow<K, V>{this->template key_as<K>(row.key), this->template value_as<V>(row.value),
                                              row.timestamp, row.start, row.end});
    };
  }
};

inline RawWindowStore Context::window_store(uint32_t index) { return RawWindowStore(*this, index); }

}  // namespace kstreamd::sdk
