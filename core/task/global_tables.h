// The global tables of a topology: whole on this instance, each in a state of its own, and read by all its tasks.
//
// Life-cycle: open(), then apply() what the tables' topics have, from position() on, in the order of each partition;
// whoever reads may do so meanwhile. Readers go first. Thread safety: apply(), position() and restart() by one thread
// at a time; reader() and what it gives by any, each reader by one at a time. What is applied is seen by the next
// lookup: a table's lock is held for a lookup or a batch, so that no reader sees half of one.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/arena.h"
#include "core/ports/metrics.h"
#include "core/ports/processor.h"
#include "core/ports/state.h"
#include "core/record/fetched.h"
#include "core/serde/serde.h"
#include "core/topology/topology.h"

namespace kstreamd {

struct GlobalTablesPorts {
  StateBackend& state;
  const ProcessorCatalog& processors;
  Metrics& metrics;
};

class GlobalTables {
 public:
  // A state that is of no use any more is made anew. All outlive the tables.
  static Result<std::unique_ptr<GlobalTables>> open(const Topology& topology, std::string cluster_id,
                                                    GlobalTablesPorts ports);
  ~GlobalTables();

  // Numbered as Topology::global_tables.
  size_t size() const { return tables_.size(); }
  // The next offset of the topic's partition to be applied; 0: it was never read.
  Result<int64_t> position(size_t table, int32_t partition);
  // Puts what the records say, and remembers how far the topic was read, in one piece.
  Status apply(size_t table, int32_t partition, std::span<const FetchedRecord> records, int64_t next_offset);
  // Forgets all of a table: its topic is read from the beginning.
  Status restart(size_t table);
  Status upkeep();

  // The store of Topology::stores for one who looks into it; it cannot be written.
  std::unique_ptr<KeyValueStore> reader(int store);

  // The state of a table among those of tasks: no sub-topology has such a name.
  static TaskId state_id(const GlobalTable& table) { return {table.name + ".global", 0}; }

 private:
  struct Table;
  class Reader;
  GlobalTables(const Topology& topology, std::string cluster_id, GlobalTablesPorts ports);
  Status open_state(Table& table);
  Status put(Table& table, const FetchedRecord& record);
  Result<std::optional<Record>> read(Table& table, const FetchedRecord& record);
  Result<std::optional<Record>> refuse(Table& table, const FetchedRecord& record, const std::string& stage,
                                       const Error& error);
  void drop(Table& table, const char* reason);

  // Constant after open
  const Topology& topology_;
  const std::string cluster_id_;
  const GlobalTablesPorts ports_;
  std::vector<std::unique_ptr<Table>> tables_;

  Arena arena_;  // of apply()
};

}  // namespace kstreamd
