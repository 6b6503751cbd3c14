// The bound on records in memory beside a durable log: which segments were stored first, and may go first.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

namespace kstreamd::embedded {

class PartitionLog;

// One per broker. Thread safety: any thread, no partition's lock held (but for held()).
class RecentRecords {
 public:
  explicit RecentRecords(size_t budget_bytes) : budget_(budget_bytes) {}
  // The partition's records below `next_offset` are stored and may leave memory in their turn.
  void stored(std::weak_ptr<PartitionLog> partition, int64_t next_offset);
  // Counts bytes that a partition holds, or lets go of.
  void held(ptrdiff_t bytes) { held_ += bytes; }
  size_t held_bytes() const { return static_cast<size_t>(held_.load()); }

 private:
  struct Entry {
    std::weak_ptr<PartitionLog> partition;
    int64_t next_offset;
  };
  static constexpr size_t kMaxEntries = 32 * 1024;

  const size_t budget_;
  std::atomic<ptrdiff_t> held_{0};
  std::mutex mutex_;  // guards entries_
  std::deque<Entry> entries_;
};

}  // namespace kstreamd::embedded
