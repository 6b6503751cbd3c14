// Session stores. Boundaries, order and changelog are those of Kafka Streams' RocksDBSessionStore: see
// task_store_window.cpp.
#include <limits>
#include <utility>

#include "core/record/store_keys.h"
#include "core/task/task_store_parts.h"

namespace kstreamd {
namespace {

class SessionNodeStore final : public SessionAccess, private StoreConverter {
 public:
  using StoreConverter::StoreConverter;

  uint64_t approximate_rows() const override { return binding_.store.approximate_rows(); }

  kst_status get_many(std::span<kst_session_row> rows) override {
    for (auto& row : rows) {
      std::string_view bytes;
      if (kst_status status = checked(row, bytes); status != KST_OK) return status;
      row.value = null_value();
      row.timestamp = 0;
      if (row.end < first_live()) continue;
      StoreValue found;
      write_key(key_, SessionKey{bytes, row.end, row.start});
      if (kst_status status = get(key_, found); status != KST_OK) return status;
      if (kst_status status = keep(found, row.value); status != KST_OK) return status;
    }
    return KST_OK;
  }

  kst_status put_many(std::span<const kst_session_row> rows) override {
    for (const auto& row : rows) {
      std::string_view bytes;
      if (kst_status status = checked(row, bytes); status != KST_OK) return status;
      StoreValue stored;
      const int64_t timestamp = row.timestamp != 0 ? row.timestamp : row.end;
      if (kst_status status = value(row.value, timestamp, stored); status != KST_OK) return status;
      if (row.end < first_live()) user_.drop("expired", 1);
      write_key(key_, SessionKey{bytes, row.end, row.start});
      if (kst_status status = put(key_, stored); status != KST_OK) return status;
    }
    return KST_OK;
  }

  kst_status scan(std::span<const kst_session_range> ranges, bool reverse, void* visitor,
                  kst_session_visitor visit) override {
    for (size_t i = 0; i < ranges.size(); ++i) {
      KeyRange keys;
      if (kst_status status = bound(ranges[i].from, keys.from); status != KST_OK) return status;
      if (kst_status status = bound(ranges[i].to, keys.to); status != KST_OK) return status;
      const int64_t earliest_end = std::max(ranges[i].earliest_end, first_live());
      if (keys.empty() || earliest_end > binding_.store.clock().time) continue;
      const kst_status status = show(keys, earliest_end, ranges[i].latest_start, reverse,
                                     [&](const kst_session_row& row) { return visit(visitor, i, &row) == 0; });
      if (status != KST_OK) return status;
    }
    return KST_OK;
  }

 private:
  kst_status checked(const kst_session_row& row, std::string_view& bytes) {
    if (row.start < 0 || row.end < row.start)
      return user_.record_error(place() + ": there is no session from " + std::to_string(row.start) + " to " +
                                std::to_string(row.end) + ": it starts at 0 or later, and ends no earlier");
    return key(row.key, bytes);
  }

  // The sessions of keys that end at or after earliest_end and start at or before latest_start. Longer keys that begin
  // like those asked for lie among them.
  template <typename Take>
  kst_status show(const KeyRange& keys, int64_t earliest_end, int64_t latest_start, bool reverse, const Take& take) {
    std::string from, to;
    if (keys.one_key())
      write_key(from, SessionKey{*keys.from, earliest_end, 0});
    else if (keys.from)
      from = *keys.from;
    if (keys.to) {
      std::string suffix;
      write_key(suffix, SessionKey{{}, binding_.store.clock().time, std::numeric_limits<int64_t>::max()});
      to = keys.one_key() ? std::string(*keys.to).append(suffix) : greatest_key(*keys.to, suffix);
    }
    const auto end = keys.to ? std::optional<std::string_view>(to) : std::nullopt;
    return range(from, end, {earliest_end, binding_.store.clock().time}, reverse,
                 [&](std::string_view bytes, const StoreValue& stored) -> Result<bool> {
                   const auto at = read_session_key(bytes);
                   if (!at) return short_key("session");
                   if (!keys.holds(at->key) || at->end < earliest_end || at->start > latest_start) return true;
                   kst_session_row row{null_value(), null_value(), at->start, at->end, 0};
                   KSTREAMD_TRY(read(at->key, stored, row.key, row.value));
                   return take(row);
                 });
  }

  std::string key_;  // of the row at hand
};

}  // namespace

std::unique_ptr<ProcessorStore> make_session_access(const StoreBinding& binding, StoreUser& user) {
  return std::make_unique<SessionNodeStore>(binding, user);
}

}  // namespace kstreamd
