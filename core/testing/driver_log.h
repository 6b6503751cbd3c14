// The topics of a test driver: a log in memory with an end that is not committed yet. Unlike Kafka's, it shows records
// as soon as they are written, so that a record can go through the whole topology before anything is committed.
//
// Life-cycle: made with the partition counts; records stay where they are until it is destroyed, so that whoever reads
// them may keep pointers. Threads: one.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/cluster.h"
#include "core/record/fetched.h"

namespace kstreamd {

struct LoggedHeader {
  std::string name;
  std::optional<std::string> value;  // nothing: null
  bool operator==(const LoggedHeader&) const = default;
};

struct LoggedRecord {
  std::optional<std::string> key;  // nothing: null
  std::optional<std::string> value;
  int64_t timestamp = 0;
  std::vector<LoggedHeader> headers;
  int32_t partition = 0;
  int64_t offset = 0;
  bool sent = false;  // by the test, not by the topology
  bool committed = false;
  bool aborted = false;  // lost in a crash: nobody sees it any more, its offset stays taken

  std::vector<Header> abi_headers;  // views into `headers`
};

class DriverTopic {
 public:
  DriverTopic(std::string name, int32_t partitions) : name_(std::move(name)), partitions_(partitions) {}
  DriverTopic(const DriverTopic&) = delete;
  DriverTopic& operator=(const DriverTopic&) = delete;

  const std::string& name() const { return name_; }
  int32_t partition_count() const { return static_cast<int32_t>(partitions_.size()); }

  // The record's partition is set, offset and what derives from it is not.
  const LoggedRecord& append(LoggedRecord record);
  // All records, in the order in which they were written, over all partitions.
  const std::deque<LoggedRecord>& records() const { return records_; }
  // A partition from an offset to its end.
  FetchedBatch fetch(int32_t partition, int64_t from, bool committed_only) const;
  int64_t end_offset(int32_t partition) const { return static_cast<int64_t>(partitions_[partition].size()); }

  void commit();
  void abort();

  // Where the next record without a key goes, for producers that spread them evenly.
  int32_t next_partition() { return static_cast<int32_t>(spread_++ % partitions_.size()); }
  void start_spread_at(uint64_t partition) { spread_ = partition; }

 private:
  FetchedRecord view(const LoggedRecord& record) const;

  const std::string name_;
  std::deque<LoggedRecord> records_;
  std::vector<std::vector<const LoggedRecord*>> partitions_;  // by offset
  size_t decided_ = 0;                                        // records_ before it are committed or aborted
  uint64_t spread_ = 0;
};

class DriverLog {
 public:
  // Topics that are not named get `default_partitions`. `seed` moves where records without a key go.
  DriverLog(std::map<std::string, int32_t> partitions, int32_t default_partitions, uint64_t seed)
      : partitions_(std::move(partitions)), default_partitions_(default_partitions), seed_(seed) {}

  // Made at first use.
  DriverTopic& topic(const std::string& name);
  const DriverTopic* find(const std::string& name) const;
  const std::map<std::string, std::unique_ptr<DriverTopic>>& topics() const { return topics_; }

  void commit();
  void abort();

 private:
  const std::map<std::string, int32_t> partitions_;
  const int32_t default_partitions_;
  const uint64_t seed_;
  std::map<std::string, std::unique_ptr<DriverTopic>> topics_;
};

}  // namespace kstreamd
