// An open RocksDB with its column families. Includes RocksDB: for .cpp files of core/state only.
#pragma once
#include <rocksdb/db.h>
#include <rocksdb/listener.h>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/ports/state.h"
#include "core/state/rocksdb_common.h"

namespace kstreamd {

// Remembers the first failure of RocksDB's background threads, which with the log switched off is the only sign that
// what was written will not become durable. Thread safety: every function may be called from any thread.
class BackgroundErrors final : public rocksdb::EventListener {
 public:
  std::optional<rocksdb::Status> first() const {
    std::lock_guard lock(mutex_);
    return first_;
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
  std::optional<rocksdb::Status> first_;  // protected by mutex_
};

// Life-cycle: open(), then use of `db` and `columns`; the destructor closes without flushing.
struct DatabaseHandle {
  // Opens all column families that exist, or makes an empty database.
  static Result<std::unique_ptr<DatabaseHandle>> open(const std::string& path, const RocksdbCommon& common);
  ~DatabaseHandle();

  rocksdb::ColumnFamilyHandle* find(const std::string& column) const {
    auto at = columns.find(column);
    return at == columns.end() ? nullptr : at->second;
  }
  rocksdb::ColumnFamilyHandle* meta() const { return columns.at(rocksdb::kDefaultColumnFamilyName); }
  rocksdb::Status flush(bool wait);

  std::shared_ptr<BackgroundErrors> errors;
  std::unique_ptr<rocksdb::DB> db;
  std::map<std::string, rocksdb::ColumnFamilyHandle*> columns;  // by name
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
