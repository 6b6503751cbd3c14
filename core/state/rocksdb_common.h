// What all RocksDBs of the process have in common: memory, options, errors. Internal to core/state.
#pragma once
#include <memory>
#include <string>

#include "core/base/result.h"

namespace rocksdb {
struct ColumnFamilyOptions;
struct DBOptions;
class Cache;
class Env;
class Logger;
class Status;
class WriteBufferManager;
}  // namespace rocksdb

namespace kstreamd {

// Constant after construction; shared by all threads.
struct RocksdbCommon {
  std::shared_ptr<rocksdb::Env> env;
  std::shared_ptr<rocksdb::Cache> cache;
  std::shared_ptr<rocksdb::WriteBufferManager> buffers;
  std::shared_ptr<rocksdb::Logger> logger;
};

std::shared_ptr<const RocksdbCommon> make_rocksdb_common(uint64_t memory_bytes);
rocksdb::DBOptions database_options(const RocksdbCommon& common);
rocksdb::ColumnFamilyOptions column_options(const RocksdbCommon& common);

// What a failure of the database in `folder` means to the engine: damage is rebuilt from the changelog, a full or
// failing disk is an operator's.
Error database_error(const rocksdb::Status& status, const std::string& action, const std::string& folder);

}  // namespace kstreamd
