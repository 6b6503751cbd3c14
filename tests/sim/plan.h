// What one seed stands for: a topology, its load, the machines it runs on, and how likely each fault is.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "tests/sim/faults.h"

namespace kstreamd::sim {

// Errors planted into the ports, to see that the oracle finds them. Never in an honest run.
enum class Sabotage : uint8_t {
  none,
  lost_output,          // a record handed to the producer is dropped
  doubled_output,       // or written twice
  shifted_time,         // or gets another timestamp
  wrong_partition,      // or goes to another partition
  lost_input,           // a fetched record is swallowed
  dirty_read,           // records of open and aborted transactions are read
  committed_abort,      // an abort commits what was produced, without the offsets
  unwritten_commit,     // the transaction is aborted, the engine is told that it was committed
  unfenced_offsets,     // a zombie's offsets are sent as if it were the member of the moment
  committed_crash,      // what a crash leaves of a transaction is committed in place of being aborted
  early_offsets,        // offsets are committed when they are sent, not with the transaction
  unflushed_commit,     // at least once: a flush says that it is done, and has sent nothing
  early_write,          // the local write comes before the commit
  lost_row,             // one row of a store is not written
  torn_write,           // a local write's positions are on the disk before its rows
  kept_overlay,         // uncommitted writes survive an abort
  torn_flush,           // a crash leaves the changelog's position without the rows that go with it
  early_checkpoint,     // positions are on the disk before the flush that takes their rows there
  early_position,       // a restoration's position is on the disk before the rows are ingested
  kept_position,        // a state that is wiped loses its rows and keeps its positions
  lost_clock,           // a flush leaves out how far the stores' times have come
  short_restore,        // the restoration is told an end that comes too early
  ignored_seek,         // after an abort, reading goes on where it was
  kept_epoch,           // a new producer of an id goes on with the session of the former one, which is not fenced
  lost_dead_letter,     // a record for the dead-letter topic is dropped
  doubled_dead_letter,  // or written twice
  lost_answer,          // an answer of a foreign key's table is dropped
  doubled_answer,       // or written twice
  lost_fact,            // a record of a global table's topic is swallowed by one process
  kinds,
};

const char* name_of(Sabotage sabotage);

struct Plan {
  uint64_t seed = 0;
  Sabotage sabotage = Sabotage::none;

  int shape = 0;  // of shapes.h
  bool at_least_once = false;
  int partitions = 1;
  std::vector<int> workers;  // of each process
  int records = 0;           // of input
  uint64_t storm = 0;        // steps during which faults happen
  int keys = 1;
  Duration commit_interval{0};
  Duration tick{0};  // about how much time passes at each step
  Duration session_timeout{0};
  Duration transaction_timeout{0};
  size_t fetch_records = 0;    // most of one poll
  size_t restore_records = 0;  // the same, of a changelog that is slow to read
  int64_t compact_min_records = 0;
  bool persistent = true;       // the stores
  Duration retention{0};        // of windows and sessions
  size_t read_cache = 0;        // bytes
  bool rebuild_at_end = false;  // everything is lost once more when the work is done
  std::array<uint32_t, static_cast<size_t>(Event::injected_kinds)> likelihood{};  // in a million

  std::string describe() const;
};

Plan make_plan(uint64_t seed, Sabotage sabotage = Sabotage::none);
// The same with crashes before and after this step only.
void crash_only_at(Plan& plan, const CrashPoint& point);

}  // namespace kstreamd::sim
