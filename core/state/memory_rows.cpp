#include "core/state/memory_rows.h"

namespace kstreamd {

class MemoryRows::Cursor final : public RowCursor {
 public:
  // [begin, end) as the map has it, walked from either side.
  Cursor(Rows::const_iterator begin, Rows::const_iterator end, bool reverse)
      : begin_(begin), end_(end), reverse_(reverse) {}
  bool valid() const override { return begin_ != end_; }
  std::string_view key() const override { return row().first; }
  Result<StoreValue> value() const override { return StoreValue{true, row().second.value, row().second.timestamp}; }
  void next() override { reverse_ ? --end_ : ++begin_; }
  Status status() const override { return {}; }

 private:
  const Rows::value_type& row() const { return reverse_ ? *std::prev(end_) : *begin_; }

  Rows::const_iterator begin_;
  Rows::const_iterator end_;
  const bool reverse_;
};

Result<StoreValue> MemoryRows::get(std::string_view key) {
  auto row = rows_.find(key);
  if (row == rows_.end()) return StoreValue{};
  return StoreValue{true, row->second.value, row->second.timestamp};
}

std::unique_ptr<RowCursor> MemoryRows::scan(std::optional<std::string_view> from, std::optional<std::string_view> to,
                                            bool reverse) {
  auto begin = from ? rows_.lower_bound(*from) : rows_.begin();
  auto end = to ? rows_.upper_bound(*to) : rows_.end();
  return std::make_unique<Cursor>(begin, end, reverse);
}

void MemoryRows::remove(Rows::iterator row) {
  if (by_timestamp_) order_.erase({row->second.timestamp, row->first});
  bytes_.fetch_sub(row->first.size() + row->second.value.size(), std::memory_order_relaxed);
  rows_.erase(row);
}

void MemoryRows::write(std::string_view key, const StoreValue& value) {
  auto row = rows_.find(key);
  if (!value.present) {
    if (row != rows_.end()) remove(row);
  } else {
    const bool known = row != rows_.end();
    if (!known) row = rows_.emplace(key, Row{}).first;
    if (known && by_timestamp_ && row->second.timestamp != value.timestamp)
      order_.erase({row->second.timestamp, row->first});
    const uint64_t before = known ? key.size() + row->second.value.size() : 0;
    row->second.value.assign(value.value);
    row->second.timestamp = value.timestamp;
    if (by_timestamp_) order_.insert({value.timestamp, row->first});
    bytes_.fetch_add(key.size() + value.value.size() - before, std::memory_order_relaxed);
  }
  count_.store(rows_.size(), std::memory_order_relaxed);
}

void MemoryRows::drop_before(std::string_view behind) {
  const auto end = rows_.lower_bound(behind);
  uint64_t bytes = 0;
  for (auto row = rows_.begin(); row != end; row = rows_.erase(row))
    bytes += row->first.size() + row->second.value.size();
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  count_.store(rows_.size(), std::memory_order_relaxed);
}

void MemoryRows::expire_until(int64_t time) {
  while (!order_.empty() && order_.begin()->first <= time) remove(rows_.find(order_.begin()->second));
  count_.store(rows_.size(), std::memory_order_relaxed);
}

}  // namespace kstreamd
