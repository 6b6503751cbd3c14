// The rows of one store on their way from its changelog into its database: gathered in any order, and given out in the
// order of their keys, the last of each key. Internal to core/state.
//
// Life-cycle: put and remove, then walk(), then clear() and again. Rows lie in memory up to the store's share of a
// budget. Beyond it they are sorted and set aside as a run in a file without a name, so that whatever becomes of the
// process, nothing of it is left behind: the changelog still has it all. Used by one thread.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/state/key_order.h"

namespace kstreamd {

// How much memory the buffers of a process may use: an equal share for each one that holds rows. And what they take up.
// Thread safety: every function may be called from any thread.
class RestoreBudget {
 public:
  explicit RestoreBudget(size_t limit) : limit_(limit) {}
  void add_buffer() { buffers_.fetch_add(1, std::memory_order_relaxed); }
  void remove_buffer() { buffers_.fetch_sub(1, std::memory_order_relaxed); }
  size_t share() const {
    const size_t buffers = buffers_.load(std::memory_order_relaxed);
    return buffers > 1 ? limit_ / buffers : limit_;
  }
  // More, or less.
  void use(int64_t bytes) { used_.fetch_add(bytes, std::memory_order_relaxed); }
  uint64_t used() const { return static_cast<uint64_t>(used_.load(std::memory_order_relaxed)); }

 private:
  const size_t limit_;
  std::atomic<size_t> buffers_{0};
  std::atomic<int64_t> used_{0};
};

class RestoreBuffer {
 public:
  class Walk;

  // Runs go into a file in `folder`.
  RestoreBuffer(std::string folder, std::shared_ptr<RestoreBudget> budget);
  ~RestoreBuffer();
  RestoreBuffer(const RestoreBuffer&) = delete;
  RestoreBuffer& operator=(const RestoreBuffer&) = delete;

  // A row is `head` and `body`, one after the other.
  void put(std::string_view key, std::string_view head, std::string_view body);
  void remove(std::string_view key);

  size_t runs() const { return runs_.size(); }
  // In memory and in runs.
  uint64_t bytes() const { return memory_bytes() + aside_; }
  // The errno of the first failure of the file; rows may be missing since. 0: all is well.
  int error() const { return error_; }
  // From here on the first row to the last; nothing may be added while it goes on.
  Walk walk();
  void clear();

 private:
  // Of a row as it lies in memory and in runs; key and row follow.
  struct Head {
    uint32_t key_size;
    uint32_t size;  // of the row; kRemoved
  };
  struct Run {
    uint64_t begin;
    uint64_t end;
  };
  struct Unmap {
    size_t size;
    void operator()(char* bytes) const;
  };
  struct Chunk {
    std::unique_ptr<char, Unmap> bytes;
    size_t size() const { return bytes ? bytes.get_deleter().size : 0; }
  };
  class Source;
  class RunSource;
  class MemorySource;

  static constexpr uint32_t kRemoved = UINT32_MAX;
  static constexpr size_t kChunkBytes = 256 << 10;

  // Sorting needs as much again as the places.
  size_t memory_bytes() const { return chunks_before_ + chunk_used_ + rows_.size() * 2 * sizeof(PlacedKey); }
  // Tells the budget what memory is held, whether rows are in it or not.
  void account();
  void add(std::string_view key, uint32_t size, std::string_view head, std::string_view body);
  // So many bytes that lie together: their place.
  uint64_t allocate(size_t size);
  char* bytes_at(uint64_t place) const { return chunks_[place >> 32].bytes.get() + (place & UINT32_MAX); }
  std::string_view key_at(uint64_t place) const;
  // The rows in memory in order, each key once.
  void sort();
  void set_aside();
  bool append(std::span<const char> bytes);
  void forget_rows();

  const std::string folder_;
  const std::shared_ptr<RestoreBudget> budget_;
  // Rows lie in the order of their arrival in chunks, which are kept for those that follow, since fresh memory costs
  // more than what is written to it; and which are the system's own, so that all of it goes back in the end. A place is
  // the chunk's number (4 bytes) and where in it.
  std::vector<Chunk> chunks_;
  size_t chunk_ = 0;          // the one that is being filled
  size_t chunk_used_ = 0;     // of it
  size_t chunks_before_ = 0;  // bytes of those before it, whose ends are wasted
  std::vector<PlacedKey> rows_;
  std::vector<PlacedKey> spare_;
  std::string_view last_key_;
  CommonBeginning common_;  // of all keys since clear(): prefixes are of what follows it
  bool sorted_ = true;
  bool counted_ = false;  // by the budget
  size_t told_ = 0;       // the budget
  int file_ = -1;
  std::vector<Run> runs_;
  uint64_t aside_ = 0;  // bytes of the runs
  std::vector<char> writing_;
  int error_ = 0;
};

// The rows of a buffer in the order of their keys. Views are valid until next().
class RestoreBuffer::Walk {
 public:
  explicit Walk(RestoreBuffer& buffer);
  ~Walk();
  Walk(Walk&&) noexcept;

  // Not valid: the end, or an error (RestoreBuffer::error).
  bool valid() const { return heads_[winner_].source != nullptr; }
  std::string_view key() const;
  bool removed() const;
  std::string_view row() const;
  void next();

 private:
  // The next row of a source; without one after the last.
  struct Head {
    uint64_t prefix = 0;
    const Source* source = nullptr;
  };

  void advance(size_t source);
  // Whether the head of `a` comes before that of `b`: by key, and of one key the last word first.
  bool before(size_t a, size_t b) const;
  void replay(size_t source);

  std::vector<std::unique_ptr<Source>> sources_;  // by age: of those with the same key the last has the last word
  // A tournament of the sources' heads: who has lost at each inner node of a tree whose leaves they are.
  std::vector<Head> heads_;
  std::vector<size_t> losers_;
  size_t winner_ = 0;
  std::string last_key_;
};

}  // namespace kstreamd
