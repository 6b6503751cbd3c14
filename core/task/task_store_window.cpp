// Window stores. Boundaries, order and changelog are those of Kafka Streams' RocksDBWindowStore: what has expired is
// not taken any more, but stands in the changelog, and so does a null put into a store of duplicates, which takes
// nothing away.
#include <limits>
#include <utility>

#include "core/record/store_keys.h"
#include "core/task/task_store_parts.h"

namespace kstreamd {
namespace {

class WindowNodeStore final : public WindowAccess, private StoreConverter {
 public:
  using StoreConverter::StoreConverter;

  uint64_t approximate_rows() const override { return binding_.store.approximate_rows(); }

  kst_status get_many(std::span<kst_window_row> rows) override {
    for (auto& row : rows) {
      std::string_view bytes;
      if (kst_status status = checked(row, bytes); status != KST_OK) return status;
      row.end = end_of(row.start);
      row.value = null_value();
      row.timestamp = 0;
      if (row.start < first_live()) continue;
      if (kst_status status = look_up(bytes, row); status != KST_OK) return status;
    }
    return KST_OK;
  }

  kst_status put_many(std::span<const kst_window_row> rows) override {
    for (const auto& row : rows) {
      std::string_view bytes;
      if (kst_status status = checked(row, bytes); status != KST_OK) return status;
      StoreValue stored;
      const int64_t timestamp = row.timestamp != 0 ? row.timestamp : row.start;
      if (kst_status status = value(row.value, timestamp, stored); status != KST_OK) return status;
      if (row.start < first_live() && !(duplicates() && is_null(row.value))) user_.drop("expired", 1);
      write_key(key_, WindowKey{bytes, row.start, duplicates() ? next_sequence() : 0});
      if (kst_status status = put(key_, stored); status != KST_OK) return status;
    }
    return KST_OK;
  }

  kst_status scan(std::span<const kst_window_range> ranges, bool reverse, void* visitor,
                  kst_window_visitor visit) override {
    for (size_t i = 0; i < ranges.size(); ++i) {
      KeyRange keys;
      if (kst_status status = bound(ranges[i].from, keys.from); status != KST_OK) return status;
      if (kst_status status = bound(ranges[i].to, keys.to); status != KST_OK) return status;
      const int64_t first = std::max(ranges[i].start_from, first_live());
      const int64_t last = std::min(ranges[i].start_to, binding_.store.clock().time);
      if (keys.empty() || first > last) continue;
      const kst_status status =
          show(keys, first, last, reverse, [&](const kst_window_row& row) { return visit(visitor, i, &row) == 0; });
      if (status != KST_OK) return status;
    }
    return KST_OK;
  }

 private:
  bool duplicates() const { return binding_.declared.duplicates; }
  uint32_t next_sequence() const { return (binding_.store.clock().sequence + 1) & last_sequence; }
  int64_t end_of(int64_t start) const {
    const int64_t size = binding_.declared.size.count();
    return start > std::numeric_limits<int64_t>::max() - size ? std::numeric_limits<int64_t>::max() : start + size;
  }

  kst_status checked(const kst_window_row& row, std::string_view& bytes) {
    if (row.start < 0)
      return user_.record_error(place() + ": a window cannot start at " + std::to_string(row.start) +
                                ": the earliest start is 0");
    return key(row.key, bytes);
  }

  kst_status look_up(std::string_view bytes, kst_window_row& row) {
    if (!duplicates()) {
      StoreValue found;
      write_key(key_, WindowKey{bytes, row.start, 0});
      if (kst_status status = get(key_, found); status != KST_OK) return status;
      row.timestamp = found.present ? found.timestamp : 0;
      return keep(found, row.value);
    }
    StoreValue first;
    kst_status kept = KST_OK;
    const kst_status status = visit_rows({bytes, bytes}, row.start, row.start, false,
                                         [&](const WindowKey&, const StoreValue& stored) -> Result<bool> {
                                           row.timestamp = stored.timestamp;
                                           kept = keep(stored, row.value);
                                           return false;
                                         });
    return status != KST_OK ? status : kept;
  }

  template <typename Take>
  kst_status show(const KeyRange& keys, int64_t first, int64_t last, bool reverse, const Take& take) {
    return visit_rows(keys, first, last, reverse, [&](const WindowKey& at, const StoreValue& stored) -> Result<bool> {
      kst_window_row row{null_value(), null_value(), stored.timestamp, at.start, end_of(at.start)};
      KSTREAMD_TRY(read(at.key, stored, row.key, row.value));
      return take(row);
    });
  }

  // The rows of keys with windows that start in first..last. Longer keys that begin like those asked for lie among
  // them.
  template <typename Take>
  kst_status visit_rows(const KeyRange& keys, int64_t first, int64_t last, bool reverse, const Take& take) {
    std::string from, to;
    if (keys.one_key())
      write_key(from, WindowKey{*keys.from, first, 0});
    else if (keys.from)
      from = *keys.from;
    if (keys.to) {
      std::string suffix;
      write_key(suffix, WindowKey{{}, last, std::numeric_limits<uint32_t>::max()});
      to = keys.one_key() ? std::string(*keys.to).append(suffix) : greatest_key(*keys.to, suffix);
    }
    const auto end = keys.to ? std::optional<std::string_view>(to) : std::nullopt;
    return range(from, end, {first, last}, reverse,
                 [&](std::string_view bytes, const StoreValue& stored) -> Result<bool> {
                   const auto at = read_window_key(bytes);
                   if (!at) return short_key("window");
                   if (!keys.holds(at->key) || at->start < first || at->start > last) return true;
                   return take(*at, stored);
                 });
  }

  std::string key_;  // of the row at hand
};

}  // namespace

std::unique_ptr<ProcessorStore> make_window_access(const StoreBinding& binding, StoreUser& user) {
  return std::make_unique<WindowNodeStore>(binding, user);
}

}  // namespace kstreamd
