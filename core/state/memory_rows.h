// Committed rows in memory. Internal to core/state.
#pragma once
#include <atomic>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "core/state/committed.h"

namespace kstreamd {

// Used by the task's worker only, but for approximate_rows and size_bytes.
class MemoryRows final : public CommittedRows {
 public:
  // `by_timestamp`: rows will be expired by their timestamps.
  explicit MemoryRows(bool by_timestamp = false) : by_timestamp_(by_timestamp) {}
  Result<StoreValue> get(std::string_view key) override;
  std::unique_ptr<RowCursor> scan(std::optional<std::string_view> from, std::optional<std::string_view> to,
                                  bool reverse) override;
  void write(std::string_view key, const StoreValue& value) override;
  void drop_before(std::string_view behind) override;
  void expire_until(int64_t time) override;
  uint64_t approximate_rows() const override { return count_.load(std::memory_order_relaxed); }
  uint64_t size_bytes() const override { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct Row {
    std::string value;
    int64_t timestamp;
  };
  using Rows = std::map<std::string, Row, std::less<>>;
  class Cursor;

  void remove(Rows::iterator row);

  const bool by_timestamp_;
  Rows rows_;
  std::set<std::pair<int64_t, std::string_view>> order_;  // by_timestamp_: all rows; keys as in rows_
  std::atomic<uint64_t> count_{0};
  std::atomic<uint64_t> bytes_{0};
};

}  // namespace kstreamd
