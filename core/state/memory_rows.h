// Committed rows in memory. Internal to core/state.
#pragma once
#include <atomic>
#include <map>
#include <string>

#include "core/state/committed.h"

namespace kstreamd {

// Used by the task's worker only, but for approximate_rows and size_bytes.
class MemoryRows final : public CommittedRows {
 public:
  Result<StoreValue> get(std::string_view key) override;
  std::unique_ptr<RowCursor> scan(std::optional<std::string_view> from, std::optional<std::string_view> to,
                                  bool reverse) override;
  void write(std::string_view key, const StoreValue& value) override;
  uint64_t approximate_rows() const override { return count_.load(std::memory_order_relaxed); }
  uint64_t size_bytes() const override { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct Row {
    std::string value;
    int64_t timestamp;
  };
  using Rows = std::map<std::string, Row, std::less<>>;
  class Cursor;

  Rows rows_;
  std::atomic<uint64_t> count_{0};
  std::atomic<uint64_t> bytes_{0};
};

}  // namespace kstreamd
