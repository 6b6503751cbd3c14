// The uncommitted writes of one store, and a cache of what was read or committed before: a hash table of rows.
//
// Life of an entry: cached clean (also the knowledge that a key is absent) -> put makes it dirty -> committed() makes
// it clean again, rolled_back() forgets it. Clean entries go by a clock sweep when they exceed a limit; dirty ones
// stay. Invariants: an entry keeps its address until it is evicted, outgrown by put, or forgotten; get-side calls
// (find, cache) never move or free one, so that views into entries survive any number of reads. Belongs to one store,
// used by its task's worker only.
#pragma once
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "core/ports/state.h"

namespace kstreamd {

class Overlay {
 public:
  // Key and value lie behind it in the same allocation.
  struct Entry {
    size_t hash;
    int64_t timestamp;
    uint32_t key_size;
    uint32_t value_size;
    uint32_t value_capacity;
    uint32_t dirty_index;  // in dirty(), while dirty
    bool present;
    bool dirty;
    bool referenced;  // since the clock's hand came by

    char* bytes() { return reinterpret_cast<char*>(this + 1); }
    std::string_view key() const { return {reinterpret_cast<const char*>(this + 1), key_size}; }
    StoreValue value() const {
      if (!present) return {};
      return {true, {reinterpret_cast<const char*>(this + 1) + key_size, value_size}, timestamp};
    }
  };

  Overlay() = default;
  ~Overlay();
  Overlay(const Overlay&) = delete;
  Overlay& operator=(const Overlay&) = delete;

  // nullptr: nothing is known about the key.
  Entry* find(std::string_view key);
  // Adds what is committed; the key must be unknown.
  Entry* cache(std::string_view key, const StoreValue& value);
  // `key` and `value` may point into this overlay.
  void put(std::string_view key, const StoreValue& value);

  // In the order of the keys' first change.
  std::span<Entry* const> dirty() const { return dirty_; }
  // Indices into dirty(), in the order of the keys' bytes. Valid until the next put.
  const std::vector<uint32_t>& dirty_by_key();
  size_t dirty_bytes() const { return dirty_bytes_; }
  size_t clean_bytes() const { return clean_bytes_; }
  size_t bytes() const { return dirty_bytes_ + clean_bytes_; }

  void committed();
  void rolled_back();
  void clear();
  // Forgets clean entries, rarely used ones first, until they take up less than `limit` bytes.
  void evict(size_t limit);

 private:
  struct Slot {
    Entry* entry = nullptr;
    size_t hash = 0;
  };

  static Entry* make_entry(size_t hash, std::string_view key, const StoreValue& value);
  static void free_entry(Entry* entry);
  static size_t footprint(const Entry& entry) {
    constexpr size_t kAllocation = 16;  // what malloc needs for itself
    return sizeof(Entry) + entry.key_size + entry.value_capacity + 3 * sizeof(Slot) + kAllocation;
  }

  size_t locate(std::string_view key, size_t hash) const;  // its slot, or the free one where it belongs
  void insert(size_t slot, Entry* entry);
  void remove(size_t slot);
  void rehash(size_t slots);
  void shrink();
  void outgrow(size_t slot, const StoreValue& value);

  std::vector<Slot> slots_;  // a power of two of them, linear probing
  size_t count_ = 0;
  size_t hand_ = 0;
  std::vector<Entry*> dirty_;
  std::vector<uint32_t> by_key_;  // as far as it has been sorted
  size_t dirty_bytes_ = 0;
  size_t clean_bytes_ = 0;
};

}  // namespace kstreamd
