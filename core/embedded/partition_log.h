// One partition: its segments, open transactions, and what can be read by whom.
//
// Offsets are given out when segments are appended, and never change. Markers of transactions, aborted records in
// storage and what compaction removed are holes in the sequence. Readers of committed records see what lies below the
// last stable offset: the first offset of the oldest open transaction, or else the end.
//
// In the durable form the newest segments are in memory; older ones have left it (RecentRecords) and are read back from
// storage. No record that storage does not have is ever handed to a reader (but of an open transaction, to a reader of
// uncommitted records), so that nothing derived from it can outlive it.
//
// Thread safety: any thread; mutex_ guards a partition's fields. Locks are taken in the order maintenance, partition;
// only a waker's lock is taken while a partition's is held, and storage is written under it only for records without a
// transaction (without fsync).
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/embedded/recent_records.h"
#include "core/embedded/records.h"
#include "core/embedded/storage.h"
#include "core/embedded/waker.h"

namespace kstreamd::embedded {

// What a topic's configs say about old records.
struct CleanupPolicy {
  bool compact = false;
  int64_t retention_ms = -1;  // -1: kept for ever
  int64_t delete_retention_ms = 24 * 3600 * 1000;
  int64_t compact_min_records = 50'000;
  size_t compaction_bytes = size_t{64} << 20;
};

// What a read found. The slices keep their segments alive.
struct Fetched {
  struct Slice {
    SegmentPtr segment;
    int64_t next_offset = 0;
  };
  std::vector<Slice> slices;
  int64_t position = 0;  // after the slices and the holes behind them
  int64_t end = 0;       // of what this reader can see
  int64_t high = 0;
};

class PartitionLog : public std::enable_shared_from_this<PartitionLog> {
 public:
  using Owner = const void*;  // a transactional producer; null: no transaction

  // `storage` null: in memory.
  PartitionLog(TopicPartition name, LogId id, CleanupPolicy policy, StoredBounds bounds, LogStorage* storage,
               RecentRecords& recent);
  ~PartitionLog();

  const TopicPartition& name() const { return name_; }
  const CleanupPolicy& policy() const { return policy_; }

  // Appends records and gives the first one's offset.
  Result<int64_t> append(Owner owner, const Pack& records, int64_t now_ms);
  // Ends a transaction: first its marker is placed and (durable) its segments go into the batch; when that is written,
  // finish_transaction makes the outcome seen.
  void prepare_end(Owner owner, bool commit, LogStorage::Batch* batch);
  void finish_end(Owner owner);
  // Hands records without a transaction to storage (not yet fsynced).
  Status persist();

  // Reads from `position`, about max_bytes and at least a segment. An error when the position is out of range.
  Result<Fetched> fetch(int64_t position, bool committed_only, size_t max_bytes);
  Admin::Watermarks watermarks() const;
  // The first record whose timestamp is `timestamp_ms` or later, decided or not.
  Result<std::optional<int64_t>> offset_at(int64_t timestamp_ms);

  Status delete_before(int64_t offset);
  // Compaction and retention, as the policy says.
  Status clean(int64_t now_ms);
  bool cleaning_due(int64_t now_ms);
  // Lets go of stored segments below the offset.
  void evict(int64_t below);
  void remove();  // the topic was deleted

  void watch(const std::shared_ptr<Waker>& waker, bool committed_only);
  void unwatch(const std::shared_ptr<Waker>& waker);
  // Wakes readers of uncommitted records, or all: a producer has records that it has not appended yet.
  void announce(bool transactional);

 private:
  struct Transaction {
    Owner owner;
    int64_t first_offset;
    std::vector<SegmentPtr> segments;
  };
  struct Watcher {
    std::shared_ptr<Waker> waker;
    bool committed_only;
  };

  // With mutex_ held:
  int64_t stable_end() const;
  Status persist_locked();
  void notify_locked(bool committed);
  void push_locked(SegmentPtr segment);
  void pop_front_locked();
  Error out_of_range_locked(int64_t position) const;
  size_t find_locked(int64_t position) const;

  // compaction.cpp, with maintenance_ held:
  using LastOffsets = std::unordered_map<std::string, int64_t>;
  Status read_decided(int64_t from, int64_t below, std::vector<SegmentPtr>& out) const;
  Status gather_keys(int64_t from, int64_t below, LastOffsets& last, int64_t& gathered_to) const;
  Status rewrite(int64_t from, int64_t below, const LastOffsets& last, int64_t drop_tombstones_before,
                 int64_t& survivors);
  Status replace(const std::vector<SegmentPtr>& before, std::vector<SegmentPtr> after);
  Status compact(int64_t now_ms);
  Status expire(int64_t before_timestamp);
  Status drop_before(int64_t offset);

  const TopicPartition name_;
  const LogId id_;
  const CleanupPolicy policy_;
  LogStorage* const storage_;
  RecentRecords& recent_;

  std::mutex maintenance_;  // one deletion or compaction at a time; guards compacted_to_
  int64_t compacted_to_ = 0;

  mutable std::mutex mutex_;  // guards what follows
  bool removed_ = false;
  int64_t low_ = 0;
  int64_t next_ = 0;
  int64_t cached_from_ = 0;           // durable: offsets below are in storage only
  std::deque<SegmentPtr> segments_;   // by offset
  std::vector<Transaction> open_;     // few
  std::vector<SegmentPtr> unstored_;  // durable: without a transaction, not handed to storage yet
  size_t unstored_bytes_ = 0;
  std::vector<Watcher> watchers_;
  int64_t appended_ = 0;   // records since the last compaction
  int64_t compacted_ = 0;  // records that it left
  int64_t cleaned_at_ms_ = 0;
};

}  // namespace kstreamd::embedded
