// The RocksDB of one task: opening it, checking whose it is, and TaskDatabase over it. Internal to core/state.
#pragma once
#include <memory>
#include <string>

#include "core/base/clock.h"
#include "core/ports/state.h"
#include "core/state/committed.h"
#include "core/state/restore_buffer.h"
#include "core/state/rocksdb_common.h"

namespace kstreamd {

struct DatabaseRequest {
  std::string path;
  const TaskStateConfig& config;  // its persistent stores become the columns
  std::shared_ptr<const RocksdbCommon> common;
  const Clock& clock;
  Duration flush_interval;
  uint64_t flush_records;
  std::shared_ptr<RestoreBudget> restore_budget;
  std::shared_ptr<void> hold;  // released when the database has closed
};

// Opens or creates. Errors as StateBackend::open.
Result<std::unique_ptr<TaskDatabase>> open_database(const DatabaseRequest& request);

}  // namespace kstreamd
