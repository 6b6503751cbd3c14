// The newest rows of a window store whose keys repeat (duplicates), in memory, by key: so that a stream join, which
// looks at its other side's rows of one key with each record, reads no file for it.
//
// It knows every row from a time on, since(): older ones are elsewhere. Rows lie in blocks in the order in which they
// came; a block goes as a whole, when all of its rows have expired or memory is short. Of committed rows it may be the
// only place until hand_over(): most of a join's rows expire before a database would have to write them anyway.
//
// Life-cycle: knows nothing until begin(); then add(), committed() or roll_back(), and hand_over() from time to time.
// Used by one store's worker only.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <string_view>
#include <vector>

#include "core/ports/state.h"

namespace kstreamd {

class RecentRows {
 public:
  RecentRows() = default;
  RecentRows(const RecentRows&) = delete;
  RecentRows& operator=(const RecentRows&) = delete;

  // From this time on there are no rows yet: all that come are added.
  void begin(int64_t since) { since_ = since; }
  bool begun() const { return since_ != kNever; }
  // Knows nothing any more.
  void forget();
  // Every row with this time or a later one is here. kNever: none is.
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  int64_t since() const { return since_; }

  // A row that is new, by its whole key (store_keys.h). Those before since() are left out.
  void add(std::string_view key, const StoreValue& value);
  // The rows of a key from first..last, by time, then in the order in which they came; `visit` as
  // KeyValueStore::Visitor. Rows stay where they are until the next add or forget.
  void visit(std::string_view key, int64_t first, int64_t last, bool reverse,
             const KeyValueStore::Visitor& visit) const;

  // The rows that were added until now stay; those added since the last call go.
  void committed();
  void roll_back();
  // Gives all committed rows that have not been given yet to `write`, in the order of their keys, but for those before
  // `live`. From then on they are elsewhere, too.
  using Write = std::function<void(std::string_view key, const StoreValue& value)>;
  void hand_over(int64_t live, const Write& write);
  // How many rows were committed since, expired ones too.
  uint64_t waiting() const { return waiting_; }

  // Lets go of blocks of committed rows: those whose rows are all before `live`, and, unless rows wait, the oldest
  // while there are more than `limit` bytes. Rows that were added meanwhile and are before since() then have to be kept
  // elsewhere when they are committed.
  void evict(int64_t live, size_t limit);
  size_t bytes() const { return bytes_; }

 private:
  // Key and value lie behind it.
  struct Row {
    Row* earlier;  // of the same key, by time
    Row* later;
    size_t hash;
    int64_t time;
    int64_t timestamp;
    uint32_t key_size;  // of the whole key
    uint32_t value_size;
    std::string_view whole_key() const { return {reinterpret_cast<const char*>(this + 1), key_size}; }
    std::string_view key() const;
    StoreValue value() const;
    size_t footprint() const;
  };
  static constexpr int64_t kNoTime = std::numeric_limits<int64_t>::min();
  struct Block {
    std::unique_ptr<char[]> memory;
    size_t size = 0;
    size_t used = 0;
    int64_t latest = kNoTime;
  };
  // A place between rows: so much of the block with this number, counted from begin() on, lies before it.
  struct Mark {
    uint64_t block = 0;
    size_t used = 0;
  };
  // The rows of a key. Empty slots have none.
  struct Slot {
    size_t hash = 0;
    Row* first = nullptr;
    Row* last = nullptr;
  };

  size_t locate(std::string_view key, size_t hash) const;
  void grow();
  // Every row of a block between two places.
  template <typename Take>
  static void each(const Block& block, size_t from, size_t to, const Take& take);
  Mark end() const;
  void unlink(Row& row);
  void remove(size_t slot);
  void drop_oldest_block();

  int64_t since_ = kNever;
  std::deque<Block> blocks_;
  uint64_t first_block_ = 0;  // the number of the first of them
  Mark committed_;
  Mark handed_over_;
  uint64_t uncommitted_ = 0;  // rows behind committed_
  uint64_t waiting_ = 0;
  std::vector<Slot> slots_;  // open addressing; a power of two
  size_t keys_ = 0;
  size_t bytes_ = 0;
};

}  // namespace kstreamd
