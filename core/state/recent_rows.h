// The newest rows of a window store whose keys repeat (duplicates), in memory, by key: so that a stream join, which
// looks at its other side's rows of one key with each record, reads no file for it.
//
// It knows every row from a time on, since(): older ones are elsewhere. Rows lie in blocks in the order in which they
// came; a block goes as a whole, when all of its rows have expired or memory is short. Life-cycle: knows nothing until
// begin(). Used by one store's worker only.
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

  // Lets go of blocks: those whose rows are all before `live`, and the oldest while there are more than `limit` bytes.
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
  struct Block {
    std::unique_ptr<char[]> memory;
    size_t size = 0;
    size_t used = 0;
    int64_t latest = std::numeric_limits<int64_t>::min();
  };
  // The rows of a key. Empty slots have none.
  struct Slot {
    size_t hash = 0;
    Row* first = nullptr;
    Row* last = nullptr;
  };

  size_t locate(std::string_view key, size_t hash) const;
  void grow();
  void unlink(Row& row);
  void remove(size_t slot);
  void drop_oldest_block();

  int64_t since_ = kNever;
  std::deque<Block> blocks_;
  std::vector<Slot> slots_;  // open addressing; a power of two
  size_t keys_ = 0;
  size_t bytes_ = 0;
};

}  // namespace kstreamd
