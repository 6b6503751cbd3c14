// The log inside the process: Kafka's semantics behind core/ports/cluster.h, without Kafka.
//
// In memory for tests and simulation; with a folder, durable on RocksDB for `--embedded`: a transaction is one atomic,
// fsynced write, so that after kill -9 everything committed is there and nothing else is.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/ports/cluster.h"

namespace kstreamd {

struct EmbeddedOptions {
  std::string folder;              // empty: in memory
  int32_t default_partitions = 4;  // of topics created with partitions -1
  const Clock* clock = nullptr;    // null: the system's
  // How long a closed group member keeps its place, by the clock. 0: others take over as soon as it closes, since
  // nobody but this process could bring it back.
  Duration session_timeout{0};
  // Compaction and retention run on a thread of their own; without, at the end of a commit (for the simulator).
  bool maintenance_thread = true;
  // Of a partition of a compacted topic: appended records before it is compacted by itself.
  int64_t compact_min_records = 50'000;
  // Memory, in bytes; a log without a folder takes what its records take.
  size_t cache_bytes = size_t{32} << 20;       // recent records kept beside RocksDB
  size_t database_bytes = size_t{28} << 20;    // RocksDB's cache and write buffers
  size_t compaction_bytes = size_t{64} << 20;  // keys that one pass of a compaction remembers
};

// Opens or creates the log. A folder that another process holds is an error that names its pid. Objects made by the
// cluster keep the log open, until the last of them is gone.
Result<std::unique_ptr<Cluster>> make_embedded_cluster(EmbeddedOptions options);

// What tests and tools can do to an embedded log beyond the port. Thread safety: any thread.
class EmbeddedLevers {
 public:
  virtual ~EmbeddedLevers() = default;
  // Expels a member as a session time-out does: its token is refused, and its next poll says `lost` when it held
  // partitions; it then joins again under a new member id. False: no such member.
  virtual bool expel_member(const std::string& group, const std::string& instance_id) = 0;
  // Removes superseded records of a compacted topic now, and expired ones by retention.ms.
  virtual Status clean(const std::string& topic) = 0;
  // Bytes of records held in memory.
  virtual size_t cached_bytes() const = 0;
};

// The levers of a cluster made here; null for any other.
EmbeddedLevers* embedded_levers(Cluster& cluster);

}  // namespace kstreamd
