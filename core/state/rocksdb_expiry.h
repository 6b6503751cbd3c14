// Rows that have expired by their timestamps, and how they leave a RocksDB. Includes RocksDB: for .cpp files of
// core/state only.
#pragma once
#include <rocksdb/options.h>

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>

namespace kstreamd {

// Up to which timestamp the rows of one column have expired. Written by the task's worker, read by RocksDB's threads.
using ExpiredUntil = std::atomic<int64_t>;
inline std::shared_ptr<ExpiredUntil> make_expired_until() {
  return std::make_shared<ExpiredUntil>(std::numeric_limits<int64_t>::min());
}

// Lets every compaction leave out the rows of a column (8 bytes of timestamp, big-endian, and the value) that have
// expired, and RocksDB compact what is older than half the retention even if nothing else is a reason to.
void expire_by_timestamp(rocksdb::ColumnFamilyOptions& options, std::shared_ptr<ExpiredUntil> until,
                         int64_t retention_ms);

}  // namespace kstreamd
