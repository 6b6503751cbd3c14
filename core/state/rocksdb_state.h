// State in a folder: a RocksDB per task.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "core/base/clock.h"
#include "core/ports/state.h"

namespace kstreamd {

struct StateOptions {
  std::string folder;
  // Bounds block caches, write buffers and cached rows of all tasks together.
  uint64_t memory_limit_bytes = 256 << 20;
  // What a restoration gathers before it writes, of all tasks together; beside the limit above.
  uint64_t restore_buffer_bytes = 32 << 20;
  // What was committed becomes durable against kill -9 at the latest after this time or so many changes, whichever
  // comes first (at the commit that finds it due): the part of the changelogs that a restart replays.
  Duration flush_interval = std::chrono::seconds(30);
  uint64_t flush_records = 100'000;
};

// Locks the folder, creating it if need be. An error names the process that holds it, or says what else is wrong.
// `clock` outlives the backend and all tasks' states. Nothing but the lock is opened before a task has a persistent
// store.
Result<std::unique_ptr<StateBackend>> open_state_folder(StateOptions options, const Clock& clock);

}  // namespace kstreamd
