// The database of a task on a simulated disk, and what kill -9 leaves of it.
//
// What a process writes is there for itself at once, and on the disk only after a flush or an ingestion, as with
// RocksDB without a write-ahead log:
//   flush      all columns with their positions go to new files; the checkpoint (RocksDB's manifest) then makes all of
//              them count at once. It may also go on in the background, of what was there when it began.
//   ingestion  what a restoration has gathered goes into files of its own, with its position, and counts from the
//              checkpoint on, too.
// A crash goes back to the last checkpoint; where more had been written than that, the seed may decide that a flush had
// just come to its end. A clean close flushes.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/state/committed.h"
#include "tests/sim/chaos.h"

namespace kstreamd::sim {

// What the disk holds of a task.
struct DiskTask {
  struct Row {
    std::string value;
    int64_t timestamp = 0;
  };
  struct Column {
    std::map<std::string, Row, std::less<>> rows;
    std::optional<ChangelogPosition> position;
    StoreClock clock;
  };
  std::vector<Column> columns;
  bool damaged = false;
};

// `configs`: of the columns. `crashed`, which outlives the database, says whether its process is gone.
std::unique_ptr<TaskDatabase> make_sim_database(Chaos& chaos, int process, const bool& crashed,
                                                std::shared_ptr<DiskTask> disk, std::vector<StoreConfig> configs);

}  // namespace kstreamd::sim
