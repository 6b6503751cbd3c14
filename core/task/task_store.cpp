#include "core/task/task_store.h"

#include <optional>
#include <utility>

namespace kstreamd {
namespace {

// Conversions that all kinds of stores share.
class Converter {
 public:
  Converter(StoreBinding binding, StoreUser& user) : binding_(binding), user_(user) {}

  kst_status key(const Value& key, std::string_view& bytes) {
    if (is_null(key)) return user_.record_error("a null key was used with store '" + binding_.store.name() + "'");
    auto written = binding_.key.write(key, user_.arena());
    if (!written)
      return user_.record_error("store '" + binding_.store.name() + "', key: " + written.error().text());
    bytes = *written;
    return KST_OK;
  }
  // Of a value to be stored; null deletes.
  kst_status value(const Value& value, int64_t timestamp, StoreValue& out) {
    out = {};
    out.timestamp = timestamp;
    if (is_null(value)) return KST_OK;
    auto written = binding_.value.write(value, user_.arena());
    if (!written)
      return user_.record_error("store '" + binding_.store.name() + "', value: " + written.error().text());
    out.present = true;
    out.value = *written;
    return KST_OK;
  }
  // Of a stored value, kept until the processor returns: the store's memory may move with the next write.
  kst_status read(const StoreValue& stored, Value& value) {
    value = null_value();
    if (!stored.present) return KST_OK;
    auto found = binding_.value.read(stored.value, user_.arena());
    if (!found) return unreadable(std::move(found).error());
    value = *found;
    if (has_data(value)) value.u.data = user_.arena().copy(data_of(value)).data();
    return KST_OK;
  }
  kst_status unreadable(Error error) {
    return user_.stop(
        std::move(error).in("store '" + binding_.store.name() + "' holds a row that its serdes cannot read"));
  }

 protected:
  StoreBinding binding_;
  StoreUser& user_;
};

class KeyValueNodeStore final : public KeyValueAccess, private Converter {
 public:
  using Converter::Converter;

  uint64_t approximate_rows() const override { return binding_.store.approximate_rows(); }

  kst_status get_many(std::span<kst_store_row> rows) override {
    for (auto& row : rows) {
      std::string_view bytes;
      if (kst_status status = key(row.key, bytes); status != KST_OK) return status;
      if (kst_status status = get(bytes, row.value, row.timestamp); status != KST_OK) return status;
    }
    return KST_OK;
  }

  kst_status put_many(std::span<const kst_store_row> rows) override {
    for (const auto& row : rows) {
      std::string_view bytes;
      if (kst_status status = key(row.key, bytes); status != KST_OK) return status;
      if (kst_status status = put(bytes, row.value, row.timestamp); status != KST_OK) return status;
    }
    return KST_OK;
  }

  kst_status put_if_absent_many(std::span<kst_store_row> rows) override {
    for (auto& row : rows) {
      const Value wanted = row.value;
      const int64_t timestamp = row.timestamp;
      std::string_view bytes;
      if (kst_status status = key(row.key, bytes); status != KST_OK) return status;
      if (kst_status status = get(bytes, row.value, row.timestamp); status != KST_OK) return status;
      if (!is_null(row.value)) continue;
      if (kst_status status = put(bytes, wanted, timestamp); status != KST_OK) return status;
    }
    return KST_OK;
  }

  kst_status delete_many(std::span<kst_store_row> rows) override {
    for (auto& row : rows) {
      std::string_view bytes;
      if (kst_status status = key(row.key, bytes); status != KST_OK) return status;
      if (kst_status status = get(bytes, row.value, row.timestamp); status != KST_OK) return status;
      if (kst_status status = put(bytes, null_value(), 0); status != KST_OK) return status;
    }
    return KST_OK;
  }

  kst_status scan(std::span<const kst_key_range> ranges, bool reverse, void* visitor, kst_row_visitor visit) override {
    for (size_t i = 0; i < ranges.size(); ++i) {
      std::optional<std::string_view> from, to;
      for (auto [value, end] : {std::pair(&ranges[i].from, &from), std::pair(&ranges[i].to, &to)}) {
        if (is_null(*value)) continue;
        std::string_view bytes;
        if (kst_status status = key(*value, bytes); status != KST_OK) return status;
        *end = bytes;
      }
      if (kst_status status = show(i, from, to, {}, reverse, visitor, visit); status != KST_OK) return status;
    }
    return KST_OK;
  }

  kst_status prefix_scan(std::span<const kst_value> prefixes, bool reverse, void* visitor,
                         kst_row_visitor visit) override {
    for (size_t i = 0; i < prefixes.size(); ++i) {
      if (!has_data(prefixes[i]))
        return user_.record_error("store '" + binding_.store.name() + "': a prefix is a string or bytes, not " +
                                  type_name(prefixes[i]));
      // The greatest key with the prefix has no name; the last key that may have it is the prefix's successor.
      const std::string_view prefix = data_of(prefixes[i]);
      std::string after(prefix);
      while (!after.empty() && after.back() == '\xff') after.pop_back();
      std::optional<std::string_view> to;
      if (!after.empty()) {
        after.back() = static_cast<char>(after.back() + 1);
        to = after;
      }
      if (kst_status status = show(i, prefix, to, prefix, reverse, visitor, visit); status != KST_OK) return status;
    }
    return KST_OK;
  }

 private:
  kst_status get(std::string_view bytes, Value& out, int64_t& timestamp) {
    auto found = binding_.store.get(bytes);
    if (!found) return user_.stop(std::move(found).error());
    timestamp = binding_.timestamped && found->present ? found->timestamp : 0;
    return read(*found, out);
  }
  kst_status put(std::string_view bytes, const Value& from, int64_t timestamp) {
    StoreValue stored;
    if (kst_status status = value(from, timestamp, stored); status != KST_OK) return status;
    if (auto put = binding_.store.put(bytes, stored); !put) return user_.stop(std::move(put).error());
    return KST_OK;
  }

  // Visits from..to; with a prefix, only the keys that begin with it.
  kst_status show(size_t range, std::optional<std::string_view> from, std::optional<std::string_view> to,
                  std::string_view prefix, bool reverse, void* visitor, kst_row_visitor visit) {
    std::optional<Error> failure;
    auto visited = binding_.store.range(from, to, reverse, [&](std::string_view bytes, const StoreValue& stored) {
      if (!bytes.starts_with(prefix)) return true;
      auto found_key = binding_.key.read(bytes, user_.arena());
      auto found = binding_.value.read(stored.value, user_.arena());
      if (!found_key || !found) {
        failure = found_key ? found.error() : found_key.error();
        return false;
      }
      const kst_store_row row{*found_key, *found, binding_.timestamped ? stored.timestamp : 0};
      return visit(visitor, range, &row) == 0;
    });
    if (failure) return unreadable(std::move(*failure));
    if (!visited) return user_.stop(std::move(visited).error());
    return KST_OK;
  }
};

}  // namespace

std::unique_ptr<KeyValueAccess> make_key_value_access(StoreBinding binding, StoreUser& user) {
  return std::make_unique<KeyValueNodeStore>(binding, user);
}

}  // namespace kstreamd
