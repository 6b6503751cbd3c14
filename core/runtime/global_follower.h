// Reads the topics of global tables: first to the ends that they have at the beginning, which tasks wait for, then on
// and on. On a reader of its own, outside the group: every instance reads all partitions.
//
// A table goes on from where its state was read to, or from the beginning: when it has no such state, or when the topic
// does not reach that far any more, for then it was made anew. Partitions that a topic gets later are found within some
// seconds. Threads: step() by the restorer's; whole() and progress() by the same.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "core/ports/cluster.h"
#include "core/runtime/status.h"
#include "core/runtime/topology_runtime.h"
#include "core/task/global_tables.h"

namespace kstreamd {

class GlobalFollower {
 public:
  // `tables` outlives it.
  GlobalFollower(const Topology& topology, RuntimePorts ports, GlobalTables& tables)
      : topology_(topology), ports_(ports), tables_(tables) {}

  // Applies what has come; waits up to `wait` when there is nothing.
  Status step(Duration wait);
  // Whether all tables have had all that there was at the beginning.
  bool whole() const { return whole_; }
  // By table.
  std::vector<RestoreStatus> progress() const;

 private:
  // By slot of the reader.
  struct Partition {
    size_t table = 0;
    int32_t partition = 0;
    int64_t position = 0;
    int64_t end = 0;
    int64_t applied = 0;
  };

  Status start();
  Status start_table(size_t table);
  Status follow(const Partition& partition);
  Status look_for_partitions();
  Status apply(const FetchedBatch& batch);
  void find_whole();

  // Constant after construction
  const Topology& topology_;
  const RuntimePorts ports_;
  GlobalTables& tables_;

  std::unique_ptr<RecordSource> reader_;
  std::vector<Partition> partitions_;
  std::vector<int32_t> known_;  // how many a table's topic has
  std::vector<FetchedBatch> batches_;
  Duration begun_{0};
  Duration next_upkeep_{0};
  Duration next_look_{0};
  bool whole_ = false;
};

}  // namespace kstreamd
