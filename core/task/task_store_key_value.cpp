#include <optional>
#include <utility>

#include "core/task/task_store_parts.h"

namespace kstreamd {
namespace {

class KeyValueNodeStore final : public KeyValueAccess, private StoreConverter {
 public:
  KeyValueNodeStore(const StoreBinding& binding, StoreUser& user)
      : StoreConverter(binding, user), timestamped_(store_config(binding.declared).timestamped) {}

  uint64_t approximate_rows() const override { return binding_.store.approximate_rows(); }

  kst_status get_many(std::span<kst_store_row> rows) override {
    for (auto& row : rows) {
      std::string_view bytes;
      if (kst_status status = key(row.key, bytes); status != KST_OK) return status;
      if (kst_status status = look_up(bytes, row); status != KST_OK) return status;
    }
    return KST_OK;
  }

  kst_status put_many(std::span<const kst_store_row> rows) override {
    for (const auto& row : rows) {
      std::string_view bytes;
      if (kst_status status = key(row.key, bytes); status != KST_OK) return status;
      if (kst_status status = put_value(bytes, row.value, row.timestamp); status != KST_OK) return status;
    }
    return KST_OK;
  }

  kst_status put_if_absent_many(std::span<kst_store_row> rows) override {
    for (auto& row : rows) {
      const Value wanted = row.value;
      const int64_t timestamp = row.timestamp;
      std::string_view bytes;
      if (kst_status status = key(row.key, bytes); status != KST_OK) return status;
      if (kst_status status = look_up(bytes, row); status != KST_OK) return status;
      if (!is_null(row.value)) continue;
      if (kst_status status = put_value(bytes, wanted, timestamp); status != KST_OK) return status;
    }
    return KST_OK;
  }

  kst_status delete_many(std::span<kst_store_row> rows) override {
    for (auto& row : rows) {
      std::string_view bytes;
      if (kst_status status = key(row.key, bytes); status != KST_OK) return status;
      if (kst_status status = look_up(bytes, row); status != KST_OK) return status;
      if (kst_status status = put_value(bytes, null_value(), 0); status != KST_OK) return status;
    }
    return KST_OK;
  }

  kst_status scan(std::span<const kst_key_range> ranges, bool reverse, void* visitor, kst_row_visitor visit) override {
    for (size_t i = 0; i < ranges.size(); ++i) {
      KeyRange keys;
      if (kst_status status = bound(ranges[i].from, keys.from); status != KST_OK) return status;
      if (kst_status status = bound(ranges[i].to, keys.to); status != KST_OK) return status;
      if (kst_status status = show(i, keys, {}, reverse, visitor, visit); status != KST_OK) return status;
    }
    return KST_OK;
  }

  kst_status prefix_scan(std::span<const kst_value> prefixes, bool reverse, void* visitor,
                         kst_row_visitor visit) override {
    for (size_t i = 0; i < prefixes.size(); ++i) {
      if (!has_data(prefixes[i]))
        return user_.record_error(place() + ": a prefix is a string or bytes, not " + type_name(prefixes[i]));
      // The greatest key with the prefix has no name; the last key that may have it is the prefix's successor.
      const std::string_view prefix = data_of(prefixes[i]);
      std::string after(prefix);
      while (!after.empty() && after.back() == '\xff') after.pop_back();
      KeyRange keys{prefix, std::nullopt};
      if (!after.empty()) {
        after.back() = static_cast<char>(after.back() + 1);
        keys.to = after;
      }
      if (kst_status status = show(i, keys, prefix, reverse, visitor, visit); status != KST_OK) return status;
    }
    return KST_OK;
  }

 private:
  kst_status look_up(std::string_view bytes, kst_store_row& row) {
    StoreValue found;
    if (kst_status status = get(bytes, found); status != KST_OK) return status;
    row.timestamp = timestamped_ && found.present ? found.timestamp : 0;
    return keep(found, row.value);
  }
  kst_status put_value(std::string_view bytes, const Value& from, int64_t timestamp) {
    StoreValue stored;
    if (kst_status status = value(from, timestamp, stored); status != KST_OK) return status;
    // It takes the place of what was there, as the last of its key, but nobody will see it.
    const int64_t ttl = binding_.declared.ttl.count();
    if (ttl > 0 && stored.present && timestamp <= binding_.store.clock().time - ttl) user_.drop("expired", 1);
    return put(bytes, stored);
  }

  // Visits a range; with a prefix, only the keys that begin with it.
  kst_status show(size_t number, const KeyRange& keys, std::string_view prefix, bool reverse, void* visitor,
                  kst_row_visitor visit) {
    return range(keys.from, keys.to, {}, reverse,
                 [&](std::string_view bytes, const StoreValue& stored) -> Result<bool> {
                   if (!bytes.starts_with(prefix)) return true;
                   kst_store_row row{null_value(), null_value(), timestamped_ ? stored.timestamp : 0};
                   KSTREAMD_TRY(read(bytes, stored, row.key, row.value));
                   return visit(visitor, number, &row) == 0;
                 });
  }

  const bool timestamped_;
};

}  // namespace

std::unique_ptr<ProcessorStore> make_key_value_access(const StoreBinding& binding, StoreUser& user) {
  return std::make_unique<KeyValueNodeStore>(binding, user);
}

}  // namespace kstreamd
