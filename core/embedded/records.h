// Records in the log's own form: packed one after another into segments.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/ports/cluster.h"

namespace kstreamd::embedded {

// One packed record, borrowed from its segment. `offset` is relative to the segment's base.
struct PackedRecord {
  int64_t timestamp = 0;
  int32_t offset = 0;
  bool key_null = true;
  bool value_null = true;
  std::string_view key;
  std::string_view value;
  uint32_t header_count = 0;
  std::string_view headers;  // as packed; see HeaderReader
  std::string_view whole;    // the record as packed
};

// Walks packed records. Ends early at bytes that cannot be records (intact() is then false).
class PackReader {
 public:
  explicit PackReader(std::string_view bytes) : left_(bytes) {}
  bool next(PackedRecord& record);
  bool intact() const { return intact_; }
  std::string_view rest() const { return left_; }

 private:
  std::string_view left_;
  bool intact_ = true;
};

// Walks the headers of a packed record.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view headers) : left_(headers) {}
  bool next(Header& header);

 private:
  std::string_view left_;
};

// Records being gathered for a segment.
class Pack {
 public:
  void add(const OutgoingRecord& record);
  // Takes over a record of another segment, at a new relative offset.
  void add_packed(const PackedRecord& record, int32_t offset);
  void clear();

  bool empty() const { return count_ == 0; }
  uint32_t count() const { return count_; }
  int64_t max_timestamp() const { return max_timestamp_; }
  std::string_view bytes() const { return bytes_; }

 private:
  std::string bytes_;
  uint32_t count_ = 0;
  int64_t max_timestamp_ = INT64_MIN;
};

// A run of records of one partition by one producer. The records never change; the fields above the line are guarded
// by the partition's lock.
struct Segment {
  enum class State : uint8_t { open, committed, aborted };

  int64_t next_offset = 0;  // past the last record, and past the marker that follows it
  State state = State::open;
  bool persisted = false;  // in storage (always false without one)
  // ----
  int64_t base_offset = 0;
  uint32_t count = 0;
  int64_t max_timestamp = INT64_MIN;
  int64_t appended_ms = 0;  // wall clock; what tombstones age by
  std::string bytes;
};
using SegmentPtr = std::shared_ptr<Segment>;

}  // namespace kstreamd::embedded
