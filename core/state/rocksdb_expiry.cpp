#include "core/state/rocksdb_expiry.h"

#include <rocksdb/compaction_filter.h>

#include <algorithm>

#include "kstreamd/sdk/big_endian.h"

namespace kstreamd {
namespace {

// Used by one thread. What it refuses hides older rows of the key further down, as a deletion does.
class ExpiryFilter final : public rocksdb::CompactionFilter {
 public:
  explicit ExpiryFilter(int64_t until) : until_(until) {}
  const char* Name() const override { return "kstreamd.ExpiryFilter"; }
  bool Filter(int, const rocksdb::Slice&, const rocksdb::Slice& row, std::string*, bool*) const override {
    if (row.size() < 8) return false;  // damaged: for reading to say
    return read_big_endian<int64_t>(row.data()) <= until_;
  }

 private:
  const int64_t until_;
};

class ExpiryFilterFactory final : public rocksdb::CompactionFilterFactory {
 public:
  explicit ExpiryFilterFactory(std::shared_ptr<ExpiredUntil> until) : until_(std::move(until)) {}
  const char* Name() const override { return "kstreamd.ExpiryFilterFactory"; }
  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context&) override {
    return std::make_unique<ExpiryFilter>(until_->load(std::memory_order_relaxed));
  }

 private:
  const std::shared_ptr<ExpiredUntil> until_;
};

}  // namespace

void expire_by_timestamp(rocksdb::ColumnFamilyOptions& options, std::shared_ptr<ExpiredUntil> until,
                         int64_t retention_ms) {
  constexpr int64_t hour = 3600,
                    week = 7 * 24 * hour;  // s: neither compacting all the time, nor keeping files for good
  options.compaction_filter_factory = std::make_shared<ExpiryFilterFactory>(std::move(until));
  options.periodic_compaction_seconds = static_cast<uint64_t>(std::clamp(retention_ms / 2000, hour, week));
}

}  // namespace kstreamd
