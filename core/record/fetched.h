// Records as a RecordSource delivers them: raw bytes in memory that the batch keeps alive.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "kstreamd/sdk/value.h"

namespace kstreamd {

// One record of a topic. origin names it and holds its raw key and value (borrowed from the batch's hold).
struct FetchedRecord {
  Origin origin;
  int64_t timestamp = 0;  // ms
  const Header* headers = nullptr;
  uint32_t header_count = 0;
  bool without_time = false;  // the expression that gives its timestamp has failed
};

// What keeps the bytes of a batch alive: consumer messages, or an arena.
class BatchHold {
 public:
  virtual ~BatchHold() = default;
};

// Consecutive records of one partition, in offset order.
struct FetchedBatch {
  int32_t slot = 0;  // the number given to RecordSource::assign
  std::vector<FetchedRecord> records;
  // The offset to go on from after this batch; past control and aborted records where the source knows them.
  int64_t next_offset = 0;
  bool at_end = false;  // next_offset was the end of what can be read when this was fetched
  size_t bytes = 0;     // keys, values and headers, for memory accounting
  std::unique_ptr<BatchHold> hold;
};

inline std::string_view raw_key(const Origin& o) { return {static_cast<const char*>(o.raw_key), o.raw_key_size}; }
inline std::string_view raw_value(const Origin& o) { return {static_cast<const char*>(o.raw_value), o.raw_value_size}; }

}  // namespace kstreamd
