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
#include <string>
#include <string_view>
#include <vector>

#include "core/base/arena.h"

namespace kstreamd {

// How much memory the buffers of a process may use: an equal share for each one that holds rows.
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

 private:
  const size_t limit_;
  std::atomic<size_t> buffers_{0};
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

  bool empty() const { return rows_.empty() && runs_.empty(); }
  size_t runs() const { return runs_.size(); }
  // In memory and in runs.
  uint64_t bytes() const { return memory_bytes() + aside_; }
  // The errno of the first failure of the file; rows may be missing since. 0: all is well.
  int error() const { return error_; }
  // From here on the first row to the last; nothing may be added while it goes on.
  Walk walk();
  void clear();

 private:
  struct Row {
    uint64_t prefix;  // the key's first 8 bytes, as a number in the same order
    const char* key;  // the row's bytes follow it
    uint32_t key_size;
    uint32_t size;   // of the row; kRemoved
    uint32_t order;  // of arrival
  };
  struct Run {
    uint64_t begin;
    uint64_t end;
  };
  class Source;
  class RunSource;
  class MemorySource;

  static constexpr uint32_t kRemoved = UINT32_MAX;
  static constexpr size_t kArenaChunk = 256 << 10;

  size_t memory_bytes() const { return arena_bytes_ + rows_.size() * sizeof(Row); }
  void add(std::string_view key, uint32_t size, std::string_view head, std::string_view body);
  // The rows in memory in order, each key once.
  void sort();
  void set_aside();
  bool append(const std::string& bytes);
  void forget_rows();

  const std::string folder_;
  const std::shared_ptr<RestoreBudget> budget_;
  std::unique_ptr<Arena> arena_;
  size_t arena_bytes_ = 0;
  std::vector<Row> rows_;
  bool sorted_ = true;
  bool counted_ = false;  // by the budget
  int file_ = -1;
  std::vector<Run> runs_;
  uint64_t aside_ = 0;  // bytes of the runs
  int error_ = 0;
};

// The rows of a buffer in the order of their keys. Views are valid until next().
class RestoreBuffer::Walk {
 public:
  explicit Walk(RestoreBuffer& buffer);
  ~Walk();
  Walk(Walk&&) noexcept;

  // Not valid: the end, or an error (RestoreBuffer::error).
  bool valid() const { return !heap_.empty(); }
  std::string_view key() const;
  bool removed() const;
  std::string_view row() const;
  void next();

 private:
  static bool later(const Source* a, const Source* b);
  void advance(Source* source);

  std::vector<std::unique_ptr<Source>> sources_;
  std::vector<Source*> heap_;
};

}  // namespace kstreamd
