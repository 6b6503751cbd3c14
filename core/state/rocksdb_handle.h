// An open RocksDB with its column families. Includes RocksDB: for .cpp files of core/state only.
#pragma once
#include <rocksdb/db.h>
#include <rocksdb/listener.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/ports/state.h"
#include "core/state/rocksdb_common.h"
#include "core/state/rocksdb_expiry.h"

namespace kstreamd {

// What RocksDB's background threads have come to: their first failure, which with the log switched off is the only sign
// that what was written will not become durable, and how far flushes are done. Thread safety: every function may be
// called from any thread.
class BackgroundWork final : public rocksdb::EventListener {
 public:
  std::optional<rocksdb::Status> first() const {
    std::lock_guard lock(mutex_);
    return first_;
  }
  // The last write that has been flushed, by its sequence number: with atomic flushes all before it have been, too.
  rocksdb::SequenceNumber flushed() const {
    std::lock_guard lock(mutex_);
    return flushed_;
  }
  void OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo& done) override {
    std::lock_guard lock(mutex_);
    flushed_ = std::max(flushed_, done.largest_seqno);
  }
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    std::lock_guard lock(mutex_);
    if (!first_) first_ = *status;
  }
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* auto_recovery) override {
    *auto_recovery = false;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<rocksdb::Status> first_;  // protected by mutex_, as what follows
  rocksdb::SequenceNumber flushed_ = 0;
};

// Life-cycle: open(), then use of `db` and `columns`; the destructor closes without flushing.
struct DatabaseHandle {
  // Opens all column families that exist, or makes an empty database.
  static Result<std::unique_ptr<DatabaseHandle>> open(const std::string& path, const RocksdbCommon& common,
                                                      const TaskStateConfig& config);
  ~DatabaseHandle();

  rocksdb::ColumnFamilyHandle* find(const std::string& column) const {
    auto at = columns.find(column);
    return at == columns.end() ? nullptr : at->second;
  }
  rocksdb::ColumnFamilyHandle* meta() const { return columns.at(rocksdb::kDefaultColumnFamilyName); }
  rocksdb::Status flush(bool wait);

  std::shared_ptr<BackgroundWork> background;
  std::unique_ptr<rocksdb::DB> db;
  std::map<std::string, rocksdb::ColumnFamilyHandle*> columns;         // by name
  std::map<std::string, std::shared_ptr<ExpiredUntil>> expired_until;  // the same, of those whose rows expire singly
};

// Where a store's changelog position lies in the column family of offsets and identity.
inline std::string position_key(const std::string& store) { return "position/" + store; }
// Where its clock lies, if it has one.
inline std::string clock_key(const std::string& store) { return "clock/" + store; }
// A store's column family.
inline std::string column_name(const std::string& store) { return "store." + store; }

// Checks whose state it is, writes that down in a new database, drops the columns of stores that are no more and makes
// those of new stores. Errors as StateBackend::open.
Status reconcile(DatabaseHandle& handle, const std::string& path, const RocksdbCommon& common,
                 const TaskStateConfig& config);

}  // namespace kstreamd
