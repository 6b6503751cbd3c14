// Committed rows in memory. Internal to core/state.
#pragma once
#include <array>
#include <atomic>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/state/committed.h"
#include "core/state/key_order.h"

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
  // Restoration, in place of write(): the row waits, unseen, until gathered(), or until there are many. Many rows at
  // once cost much less than one by one.
  void gather(std::string_view key, const StoreValue& value);
  void gathered();
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
  // Of rows that were gathered, one that is to be put in its place.
  struct Gathered {
    uint64_t prefix;
    Row* row;
  };
  void place_waiting();
  void sort_gathered();
  void merge(Leaves::iterator leaf, std::span<const Gathered> rows);
  // A row that was gathered comes, or another goes for it: in the sums and in the order of expiry.
  void count_in(const Row& row);
  void count_out(const Row& row);
  // Frees the first rows of a leaf.
  void free_first(Leaf& leaf, size_t count);

  const bool by_timestamp_;
  Leaves leaves_;
  std::set<std::pair<int64_t, std::string_view>> order_;  // by_timestamp_: all rows; keys as in the rows
  // Gathered, in the order of their arrival. One that removes its key has no value (Row::kGone).
  std::vector<Row*> waiting_;
  std::vector<PlacedKey> places_;  // in it
  std::vector<PlacedKey> spare_;
  CommonBeginning common_;
  size_t prefixes_behind_ = 0;  // what of common_ the prefixes of places_ have left out
  size_t waiting_bytes_ = 0;
  std::vector<Gathered> sorted_;
  std::vector<Gathered> merged_;
  uint64_t placed_count_ = 0;  // more, or less, than is in the sums below
  uint64_t placed_bytes_ = 0;
  std::atomic<uint64_t> count_{0};
  std::atomic<uint64_t> bytes_{0};
};

}  // namespace kstreamd
