// Key-value stores of the node's task: what was put is read back at once, and becomes durable together with the records
// that caused it, or not at all. YAML: `type: timestamped` (the default) or `key_value`.
#pragma once
#include <kstreamd/abi/store.h>
#include <kstreamd/sdk/store_handle.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace kstreamd::sdk {

using Row = kst_store_row;  // key, value (null: no such row), timestamp in ms

// Values of any type. A handle: copy it, keep it. Values that it gives stay valid until the call into the processor
// returns, rows of scans until their visitor does. The store must not be written during a scan. All functions [init,
// process, punctuate].
class RawKeyValueStore : public detail::StoreHandle {
 public:
  // The row of a key, if there is one.
  std::optional<Row> get(const Value& key) const {
    Row row{key, null_value(), 0};
    get_many({&row, 1});
    return found(row);
  }
  // Fills value and timestamp of rows whose keys are set; a null value: no such row. One call for a whole batch.
  void get_many(std::span<Row> rows) const {
    if (!rows.empty()) check(try_get_many(rows));
  }
  // The same, with a status instead of an exception: a batch in which one key does not fit (KST_RECORD_ERROR) can then
  // be looked up key by key. Pass any other status but KST_OK on by StopProcessing.
  kst_status try_get_many(std::span<Row> rows) const {
    return functions().get_many(handle(), index_, rows.data(), rows.size());
  }

  // `timestamp`: of the value, ms (kept by timestamped stores). A null value deletes.
  void put(const Value& key, const Value& value, int64_t timestamp) const {
    const Row row{key, value, timestamp};
    put_many({&row, 1});
  }
  // In order; the last of equal keys counts.
  void put_many(std::span<const Row> rows) const {
    if (!rows.empty()) check(functions().put_many(handle(), index_, rows.data(), rows.size()));
  }
  // Writes unless there is a row already, which is returned then.
  std::optional<Row> put_if_absent(const Value& key, const Value& value, int64_t timestamp) const {
    Row row{key, value, timestamp};
    put_if_absent_many({&row, 1});
    return found(row);
  }
  // In order; afterwards value and timestamp of each row tell what was there before, null: the row was written.
  void put_if_absent_many(std::span<Row> rows) const {
    if (!rows.empty()) check(functions().put_if_absent_many(handle(), index_, rows.data(), rows.size()));
  }
  // Deletes, and gives what was there.
  std::optional<Row> erase(const Value& key) const {
    Row row{key, null_value(), 0};
    erase_many({&row, 1});
    return found(row);
  }
  // In order; afterwards value and timestamp of each row tell what was there before.
  void erase_many(std::span<Row> rows) const {
    if (!rows.empty()) check(functions().delete_many(handle(), index_, rows.data(), rows.size()));
  }

  // Calls visit(const Row&) for from <= key <= to (null: open end) in the order of the serialized keys, until it
  // returns false; it may return nothing.
  template <typename Visit>
  void range(const Value& from, const Value& to, Visit&& visit, Order order = Order::ascending) const {
    const kst_key_range range{from, to};
    ranges(
        {&range, 1}, [&](size_t, const Row& row) { return detail::visit_on(visit, row); }, order);
  }
  // One range after the other: visit(size_t range, const Row&); false ends the range.
  template <typename Visit>
  void ranges(std::span<const kst_key_range> ranges, Visit&& visit, Order order = Order::ascending) const {
    const auto& functions_of = functions();
    scan<Row>(
        [&](void* state, kst_row_visitor visitor) {
          return functions_of.scan(handle(), index_, ranges.data(), ranges.size(), order == Order::descending, state,
                                   visitor);
        },
        visit);
  }
  template <typename Visit>
  void all(Visit&& visit, Order order = Order::ascending) const {
    range(null_value(), null_value(), visit, order);
  }
  // The rows whose serialized keys begin with these bytes: visit(const Row&), as range.
  template <typename Visit>
  void prefix(std::string_view bytes, Visit&& visit, Order order = Order::ascending) const {
    const Value value = bytes_value(bytes);
    prefixes(
        {&value, 1}, [&](size_t, const Row& row) { return detail::visit_on(visit, row); }, order);
  }
  // Prefixes are string or bytes values: visit(size_t prefix, const Row&), as ranges.
  template <typename Visit>
  void prefixes(std::span<const Value> prefixes, Visit&& visit, Order order = Order::ascending) const {
    const auto& functions_of = functions();
    scan<Row>(
        [&](void* state, kst_row_visitor visitor) {
          return functions_of.prefix_scan(handle(), index_, prefixes.data(), prefixes.size(),
                                          order == Order::descending, state, visitor);
        },
        visit);
  }

 private:
  friend class Context;
  template <typename, typename>
  friend class KeyValueStore;
  RawKeyValueStore(Context& context, uint32_t index) : StoreHandle(context, index) {}

  const kst_store_extension& functions() const { return extensions().store.of(host()); }
  static std::optional<Row> found(const Row& row) {
    if (is_null(row.value)) return std::nullopt;
    return row;
  }
};

// A value with its timestamp in ms, as timestamped stores keep it.
template <typename V>
struct Stamped {
  V value;
  int64_t timestamp = 0;
};

template <typename K, typename V>
struct StoreRow {
  K key;
  V value;
  int64_t timestamp = 0;  // ms
};

// The same with types of C++ (codec.h); a row that does not fit them is an error of the record, with a hint. Borrowed
// types (std::string_view, Bytes, Json) stay valid as the values of a RawKeyValueStore do. All functions [init,
// process, punctuate].
template <typename K, typename V>
class KeyValueStore : private RawKeyValueStore {
 public:
  using RawKeyValueStore::approximate_rows;
  using RawKeyValueStore::index;
  // For what has no typed form.
  const RawKeyValueStore& raw() const { return *this; }

  std::optional<V> get(const K& key) const { return value_of(raw().get(encode(key))); }
  std::optional<Stamped<V>> get_stamped(const K& key) const {
    const auto row = raw().get(encode(key));
    if (!row) return std::nullopt;
    return Stamped<V>{this->template value_as<V>(row->value), row->timestamp};
  }
  // One call for many keys; as many answers, in their order.
  std::vector<std::optional<V>> get_many(std::span<const K> keys) const {
    auto* rows = memory().template array<Row>(keys.size());
    for (size_t i = 0; i < keys.size(); ++i) rows[i] = {encode(keys[i]), null_value(), 0};
    raw().get_many({rows, keys.size()});
    std::vector<std::optional<V>> values;
    values.reserve(keys.size());
    for (size_t i = 0; i < keys.size(); ++i) values.push_back(value_of(found(rows[i])));
    return values;
  }

  void put(const K& key, const V& value, int64_t timestamp) const { raw().put(encode(key), encode(value), timestamp); }
  void put_many(std::span<const StoreRow<K, V>> rows) const {
    auto* to = memory().template array<Row>(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) to[i] = {encode(rows[i].key), encode(rows[i].value), rows[i].timestamp};
    raw().put_many({to, rows.size()});
  }
  // What was there before; nothing: the value was written.
  std::optional<V> put_if_absent(const K& key, const V& value, int64_t timestamp) const {
    return value_of(raw().put_if_absent(encode(key), encode(value), timestamp));
  }
  // What was there before.
  std::optional<V> erase(const K& key) const { return value_of(raw().erase(encode(key))); }

  // Calls visit(const StoreRow<K, V>&) for from <= key <= to (nullopt: open end) in the order of the serialized keys,
  // until it returns false; it may return nothing.
  template <typename Visit>
  void range(const std::optional<K>& from, const std::optional<K>& to, Visit&& visit,
             Order order = Order::ascending) const {
    raw().range(encode(from), encode(to), typed(visit), order);
  }
  template <typename Visit>
  void all(Visit&& visit, Order order = Order::ascending) const {
    raw().all(typed(visit), order);
  }
  // The rows whose serialized keys begin with these bytes.
  template <typename Visit>
  void prefix(std::string_view bytes, Visit&& visit, Order order = Order::ascending) const {
    raw().prefix(bytes, typed(visit), order);
  }

 private:
  friend class Context;
  using RawKeyValueStore::memory;
  KeyValueStore(Context& context, uint32_t index) : RawKeyValueStore(context, index) {
    detail::require_codec<K>();
    detail::require_codec<V>();
  }

  template <typename T>
  Value encode(const T& typed) const {
    return detail::encode(typed, memory());
  }
  std::optional<V> value_of(const std::optional<Row>& row) const {
    if (!row) return std::nullopt;
    return this->template value_as<V>(row->value);
  }
  template <typename Visit>
  auto typed(Visit& visit) const {
    return [this, &visit](const Row& row) {
      return detail::visit_on(visit, StoreRow<K, V>{this->template key_as<K>(row.key),
                                                    this->template value_as<V>(row.value), row.timestamp});
    };
  }
};

inline RawKeyValueStore Context::store(uint32_t index) { return RawKeyValueStore(*this, index); }

}  // namespace kstreamd::sdk
