// Rows in bulk: sorted files beside a database, which then takes them up whole. Includes RocksDB: for .cpp files of
// core/state only.
#pragma once
#include <map>
#include <string>

#include "core/state/restore_buffer.h"
#include "core/state/rocksdb_handle.h"

namespace kstreamd {

// Removes what a process that was killed while it wrote left in the folder of a database that is not open.
Status remove_bulk_files(const std::string& database);

// Writes all rows of `rows` to a store's column, and `entries` to that of positions and identity, in one atomic and
// lasting step: after a kill -9 at any moment both are there, or neither. What was written to the database before must
// have been flushed. After an error the database is as it was, and the files are gone.
rocksdb::Status write_bulk(DatabaseHandle& handle, const RocksdbCommon& common, rocksdb::ColumnFamilyHandle* column,
                           RestoreBuffer& rows, const std::map<std::string, std::string>& entries);

}  // namespace kstreamd
