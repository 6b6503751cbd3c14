// Committed rows in memory. Internal to core/state.
#pragma once
#include <array>
#include <atomic>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "core/state/committed.h"

namespace kstreamd {

// Rows lie in leaves of some dozens in the order of their keys, the leaves in a map by where they begin: the map stays
// small, and a restoration that brings rows in any order touches little memory for each. Used by the task's worker
// only, but for approximate_rows and size_bytes.
class MemoryRows final : public CommittedRows {
 public:
  // `by_timestamp`: rows will be expired by their timestamps.
  explicit MemoryRows(bool by_timestamp = false) : by_timestamp_(by_timestamp) { leaves_.try_emplace(std::string()); }
  ~MemoryRows() override;
  Result<StoreValue> get(std::string_view key) override;
  std::unique_ptr<RowCursor> scan(std::optional<std::string_view> from, std::optional<std::string_view> to,
                                  bool reverse) override;
  void write(std::string_view key, const StoreValue& value) override;
  void drop_before(std::string_view behind) override;
  void expire_until(int64_t time) override;
  uint64_t approximate_rows() const override { return count_.load(std::memory_order_relaxed); }
  uint64_t size_bytes() const override { return bytes_.load(std::memory_order_relaxed); }

 private:
  // Key and value lie behind it in the same allocation.
  struct Row;
  struct Leaf {
    static constexpr size_t kRows = 64;
    size_t count = 0;
    std::array<uint64_t, kRows> prefixes;  // of the keys, as numbers in the same order
    std::array<Row*, kRows> rows;
  };
  // By a lower bound of the leaf's keys, which may be gone since; the first one has the empty key.
  using Leaves = std::map<std::string, Leaf, std::less<>>;
  class Cursor;
  // A place between rows: before row `at` of the leaf.
  struct Place {
    Leaves::const_iterator leaf;
    size_t at;
    bool operator==(const Place&) const = default;
  };

  static Row* make_row(std::string_view key, const StoreValue& value);
  Leaves::iterator leaf_of(std::string_view key);
  // The first row of the leaf with no lesser key, or none.
  static size_t lower_bound(const Leaf& leaf, uint64_t prefix, std::string_view key);
  void insert(Leaves::iterator leaf, size_t at, uint64_t prefix, Row* row);
  void erase(Leaves::iterator leaf, size_t at);
  // Frees the first rows of a leaf.
  void free_first(Leaf& leaf, size_t count);

  const bool by_timestamp_;
  Leaves leaves_;
  std::set<std::pair<int64_t, std::string_view>> order_;  // by_timestamp_: all rows; keys as in the rows
  std::atomic<uint64_t> count_{0};
  std::atomic<uint64_t> bytes_{0};
};

}  // namespace kstreamd
