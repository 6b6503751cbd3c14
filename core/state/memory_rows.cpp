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

void MemoryRows::write(std::string_view key, const StoreValue& value) {
  auto row = rows_.find(key);
  bool known = row != rows_.end();
  uint64_t before = known ? row->first.size() + row->second.value.size() : 0;
  uint64_t after = value.present ? key.size() + value.value.size() : 0;
  if (!value.present) {
    if (known) rows_.erase(row);
  } else if (known) {
    row->second.value.assign(value.value);
    row->second.timestamp = value.timestamp;
  } else {
    rows_.emplace(key, Row{std::string(value.value), value.timestamp});
  }
  bytes_.fetch_add(after - before, std::memory_order_relaxed);
  count_.store(rows_.size(), std::memory_order_relaxed);
}

}  // namespace kstreamd
