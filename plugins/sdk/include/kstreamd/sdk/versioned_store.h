// Versioned stores of the node's task (YAML: `type: versioned`): a key has versions, each valid from its timestamp on
// until that of the next one. Semantics are those of Kafka Streams' VersionedKeyValueStore; see abi/versioned_store.h
// for retention. Times in ms since 1970.
#pragma once
#include <kstreamd/abi/versioned_store.h>
#include <kstreamd/sdk/store_handle.h>

#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace kstreamd::sdk {

using RawVersion = kst_version_row;

// Until when the latest version of a key is valid, and as of when it is looked up.
inline constexpr int64_t kLatest = INT64_MAX;

// Values of any type. Lifetimes and calls as RawKeyValueStore.
class RawVersionedStore : public detail::StoreHandle {
 public:
  // What is, or was at `as_of`, valid of a key.
  std::optional<RawVersion> get(const Value& key, int64_t as_of = kLatest) const {
    RawVersion row{key, null_value(), as_of, 0};
    get_many({&row, 1});
    if (is_null(row.value)) return std::nullopt;
    return row;
  }
  // Fills value, timestamp and valid_to of rows whose keys and timestamps (as of when) are set.
  void get_many(std::span<RawVersion> rows) const {
    if (!rows.empty()) check(functions().get_many(handle(), index_, rows.data(), rows.size()));
  }
  // Until when the version is valid, kLatest if it is the latest; nullopt: it was too old to be put. A null value is a
  // deletion.
  std::optional<int64_t> put(const Value& key, const Value& value, int64_t timestamp) const {
    RawVersion row{key, value, timestamp, 0};
    put_many({&row, 1});
    if (row.valid_to == INT64_MIN) return std::nullopt;
    return row.valid_to;
  }
  // In order; fills valid_to, INT64_MIN where a version was too old.
  void put_many(std::span<RawVersion> rows) const {
    if (!rows.empty()) check(functions().put_many(handle(), index_, rows.data(), rows.size()));
  }
  // Deletes from `timestamp` on, and gives what was valid then.
  std::optional<RawVersion> erase(const Value& key, int64_t timestamp) const {
    RawVersion row{key, null_value(), timestamp, 0};
    erase_many({&row, 1});
    if (is_null(row.value)) return std::nullopt;
    return row;
  }
  // In order; afterwards the rows tell what was valid at their timestamps before.
  void erase_many(std::span<RawVersion> rows) const {
    if (!rows.empty()) check(functions().delete_many(handle(), index_, rows.data(), rows.size()));
  }

  // What was valid of a key at any time from..to (inclusive), by timestamp: visit(const RawVersion&), false ends it.
  template <typename Visit>
  void history(const Value& key, int64_t from, int64_t to, Visit&& visit, Order order = Order::ascending) const {
    const kst_version_range range{key, from, to};
    histories(
        {&range, 1}, [&](size_t, const RawVersion& row) { return detail::visit_on(visit, row); }, order);
  }
  // One range after the other: visit(size_t range, const RawVersion&); false ends the range.
  template <typename Visit>
  void histories(std::span<const kst_version_range> ranges, Visit&& visit, Order order = Order::ascending) const {
    const auto& functions_of = functions();
    scan<RawVersion>(
        [&](void* state, kst_version_visitor visitor) {
          return functions_of.scan(handle(), index_, ranges.data(), ranges.size(), order == Order::descending, state,
                                   visitor);
        },
        visit);
  }

 private:
  friend class Context;
  template <typename, typename>
  friend class VersionedStore;
  RawVersionedStore(Context& context, uint32_t index) : StoreHandle(context, index) {}

  const kst_versioned_store_extension& functions() const { return extensions().versioned_store.of(host()); }
};

template <typename V>
struct Version {
  V value;
  int64_t from = 0;      // inclusive
  int64_t to = kLatest;  // exclusive
};

// The same with types of C++ (codec.h), as KeyValueStore.
template <typename K, typename V>
class VersionedStore : private RawVersionedStore {
 public:
  using RawVersionedStore::approximate_rows;
  using RawVersionedStore::index;
  // For what has no typed form.
  const RawVersionedStore& raw() const { return *this; }

  std::optional<Version<V>> get(const K& key, int64_t as_of = kLatest) const {
    return version_of(raw().get(encode(key), as_of));
  }
  // Until when it is valid; nullopt: too old to be put.
  std::optional<int64_t> put(const K& key, const V& value, int64_t timestamp) const {
    return raw().put(encode(key), encode(value), timestamp);
  }
  // Deletes from `timestamp` on, and gives what was valid then.
  std::optional<Version<V>> erase(const K& key, int64_t timestamp) const {
    return version_of(raw().erase(encode(key), timestamp));
  }
  // What was valid at any time from..to (inclusive), by timestamp: visit(const Version<V>&) until it returns false; it
  // may return nothing.
  template <typename Visit>
  void history(const K& key, int64_t from, int64_t to, Visit&& visit, Order order = Order::ascending) const {
    raw().history(
        encode(key), from, to,
        [&](const RawVersion& row) { return detail::visit_on(visit, *this->version_of(std::optional(row))); }, order);
  }

 private:
  friend class Context;
  using RawVersionedStore::memory;
  VersionedStore(Context& context, uint32_t index) : RawVersionedStore(context, index) {
    detail::require_codec<K>();
    detail::require_codec<V>();
  }

  template <typename T>
  Value encode(const T& typed) const {
    return detail::encode(typed, memory());
  }
  std::optional<Version<V>> version_of(const std::optional<RawVersion>& row) const {
    if (!row) return std::nullopt;
    return Version<V>{this->template value_as<V>(row->value), row->timestamp, row->valid_to};
  }
};

inline RawVersionedStore Context::versioned_store(uint32_t index) { return RawVersionedStore(*this, index); }

}  // namespace kstreamd::sdk
