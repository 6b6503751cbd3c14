// The durable form of the log, on RocksDB: whole segments as values, and what the broker must remember.
//
// Life-cycle: open() locks the folder and reads what there is; the destructor lets go of it. Thread safety: any thread.
// A write that fails leaves it unknown what is on disk, so that from then on every write is refused: only opening the
// log again tells.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/embedded/records.h"
#include "core/record/topic_partition.h"

namespace kstreamd::embedded {

// Where a partition's records are in storage. Topic ids are never used again.
struct LogId {
  uint32_t topic = 0;
  int32_t partition = 0;
};

struct StoredTopic {
  std::string name;
  uint32_t id = 0;
  int32_t partitions = 0;
  std::map<std::string, std::string> configs;
};

struct StoredOffset {
  std::string group;
  PartitionOffset offset;
};

struct StoredBounds {
  int64_t low = 0;
  int64_t next = 0;
};

class LogStorage {
 public:
  // `memory_bytes` bounds its cache and write buffers.
  static Result<std::unique_ptr<LogStorage>> open(const std::string& folder, size_t memory_bytes);
  ~LogStorage();

  // Writes that happen all or not at all.
  class Batch {
   public:
    ~Batch();
    Batch(Batch&&) noexcept;
    Batch& operator=(Batch&&) noexcept;
    void put_segment(LogId log, const Segment& segment);
    void delete_segment(LogId log, int64_t base_offset);
    void delete_segments_below(LogId log, int64_t base_offset);
    void put_low(LogId log, int64_t low);
    // Offsets below `next` are never given out again, also when no segment shows it.
    void put_next(LogId log, int64_t next);
    void put_offset(const std::string& group, const PartitionOffset& offset);
    void delete_offset(const std::string& group, const TopicPartition& partition);
    void put_topic(const StoredTopic& topic);
    void delete_topic(const StoredTopic& topic);
    bool empty() const;

   private:
    friend class LogStorage;
    struct Impl;
    explicit Batch(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
  };
  Batch batch() const;

  // `sync`: on disk when it returns, with everything written before; else safe from kill -9 only.
  Status write(Batch& batch, bool sync);
  Status sync();

  // Appends the segments that hold offsets in [from, below), in order, up to about max_bytes and at least one.
  Status read(LogId log, int64_t from, int64_t below, size_t max_bytes, std::vector<SegmentPtr>& out) const;
  // The base of the last segment at or below `offset`, -1 for none.
  Result<int64_t> segment_base(LogId log, int64_t offset) const;
  Result<StoredBounds> bounds(LogId log) const;

  const std::string& cluster_id() const { return cluster_id_; }
  const std::vector<StoredTopic>& topics() const { return topics_; }  // as at open()
  const std::vector<StoredOffset>& offsets() const { return offsets_; }
  uint32_t take_topic_id() { return next_topic_id_++; }  // under the topic table's lock

 private:
  struct Impl;
  explicit LogStorage(std::unique_ptr<Impl> impl);
  Status load(const std::string& folder);
  Status broken(const std::string& why) const;

  std::unique_ptr<Impl> impl_;
  std::string cluster_id_;
  std::vector<StoredTopic> topics_;
  std::vector<StoredOffset> offsets_;
  uint32_t next_topic_id_ = 1;
};

}  // namespace kstreamd::embedded
