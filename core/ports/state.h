// Local state as a task sees it: stores with an overlay of uncommitted writes over what is committed.
//
// Life of a write: put -> overlay -> (commit) one changelog record per changed key -> transaction committed -> one
// atomic write of all overlays and the changelog offsets. rollback() drops the overlays instead. What is on disk is
// therefore always committed, and a crash never makes it wrong, only old.
#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/fnv1a.h"
#include "core/base/result.h"
#include "core/record/fetched.h"
#include "core/record/store_keys.h"
#include "core/record/topic_partition.h"

namespace kstreamd {

struct StoreConfig {
  std::string name;
  bool timestamped = true;  // keeps the timestamp of each value
  bool persistent = true;   // on disk; else in memory, restored whole at each start
  bool changelogged = true;
  KeyLayout layout = KeyLayout::plain;
  bool duplicates = false;  // of windows: each put is a row of its own, and no row is written again
  // In ms: rows whose time is so far behind the store's (StoreClock) or more have expired: nobody sees them any more.
  // They are removed some time later, which no changelog record tells of: the changelog's own retention does the same.
  // The time of a row is the start of its window, the end of its session, the end of a version's validity, and in plain
  // stores (which must be timestamped) the timestamp of the value. 0: nothing expires; not for windows, sessions and
  // versions.
  int64_t retention = 0;
};

// A row of a key-value store in bytes. Absent: no such key.
struct StoreValue {
  bool present = false;
  std::string_view value;
  int64_t timestamp = 0;
};

// The last changelog record applied to a store. A changelog that has another record at that offset was truncated or
// made anew since.
struct ChangelogMark {
  int64_t offset = -1;
  uint64_t fingerprint = 0;
};

// Of a changelog record's key and value; not of its timestamp, which a broker may set.
inline uint64_t changelog_fingerprint(std::string_view key, const StoreValue& value) {
  const uint64_t hash = fnv1a(key);
  return value.present ? fnv1a(value.value, fnv1a("=", hash)) : fnv1a("-", hash);
}

// Times of windows and sessions, both inclusive.
struct TimeSpan {
  int64_t from = std::numeric_limits<int64_t>::min();
  int64_t to = std::numeric_limits<int64_t>::max();
};

// What a key has had from one time on until another.
struct Version {
  static constexpr int64_t open_end = std::numeric_limits<int64_t>::max();
  bool present = false;  // false: none, or deleted
  std::string_view value;
  int64_t from = 0;       // inclusive
  int64_t to = open_end;  // exclusive; open_end: it is the latest
};

// A store that keeps what its keys had before, as Kafka Streams' VersionedKeyValueStore. Called by its task's worker
// only. Views stay valid until the next put, commit or rollback of the store.
class VersionedStore {
 public:
  virtual ~VersionedStore() = default;
  // nullopt: older than the store's time - retention, and not put. Else until when it is valid. Timestamps are 0 or
  // more, and less than Version::open_end. Copies.
  virtual Result<std::optional<int64_t>> put(std::string_view key, const StoreValue& value) = 0;
  // What was valid at `as_of`; the latest, which never expires, at any time from its own on, Version::open_end
  // included. Before the store's time - retention there is nothing else.
  virtual Result<Version> get(std::string_view key, int64_t as_of) = 0;
  // Visits what was valid at any time within `times`, deletions left out, by time; false ends it. A put during it is
  // refused.
  using Visitor = std::function<bool(const Version& version)>;
  virtual Status history(std::string_view key, const TimeSpan& times, bool newest_first, const Visitor& visit) = 0;
  // Visits the latest version of every key that has one and was not deleted, in the order of a KeyValueStore's range.
  using LatestVisitor = std::function<bool(std::string_view key, const Version& version)>;
  virtual Status latest(const LatestVisitor& visit) = 0;
};

// A key-value store. Called by its task's worker only.
class KeyValueStore {
 public:
  virtual ~KeyValueStore() = default;
  virtual const std::string& name() const = 0;
  // Reads through the overlay. The view stays valid until the next put, commit or rollback of this store.
  virtual Result<StoreValue> get(std::string_view key) = 0;
  // Copies. Not present deletes.
  virtual Status put(std::string_view key, const StoreValue& value) = 0;
  // Visits from <= key <= to (nullopt: open) in unsigned byte order, overlay included; the visitor returns false to
  // stop. A put during it is refused. Of windows and sessions, rows with times out of `times` may be left out: the
  // fewer times, the less is to be looked through. And where both bounds are rows of one key, those of other keys.
  using Visitor = std::function<bool(std::string_view key, const StoreValue& value)>;
  virtual Status range(std::optional<std::string_view> from, std::optional<std::string_view> to, const TimeSpan& times,
                       bool reverse, const Visitor& visit) = 0;
  Status range(std::optional<std::string_view> from, std::optional<std::string_view> to, bool reverse,
               const Visitor& visit) {
    return range(from, to, TimeSpan{}, reverse, visit);
  }
  // Of a store with KeyLayout::versioned: what else it can do, and the only way to write it. nullptr: it has no
  // versions.
  virtual VersionedStore* versions() { return nullptr; }
  // Of stores in which rows expire. A rollback takes it back; a restart and a restoration find it again.
  virtual StoreClock clock() const { return {}; }
  // About how many bytes the overlay holds.
  virtual size_t uncommitted_bytes() const = 0;
  // An estimate of the committed rows. [any thread]
  virtual uint64_t approximate_rows() const = 0;
};

// The state of one task: its folder, its stores, and how far each changelog has been applied.
//
// Life-cycle: opened by StateBackend::open (which locks the folder), restored through restore(), then used by one
// worker, closed by the destructor. Not thread-safe, but for what says otherwise.
class TaskState {
 public:
  virtual ~TaskState() = default;
  virtual KeyValueStore& store(size_t index) = 0;  // in the order of TaskStateConfig::stores
  virtual size_t store_count() const = 0;

  // The next changelog offset to apply to a store; nullopt: nothing was ever applied.
  virtual std::optional<int64_t> changelog_offset(size_t store) const = 0;
  // The last changelog record applied, where it is known.
  virtual std::optional<ChangelogMark> changelog_mark(size_t) const { return std::nullopt; }
  // Applies changelog records (raw key; raw value without timestamp, null deletes; the record's timestamp), then
  // remembers next_offset. It may keep them in a buffer: the store is not to be used before finish_restore().
  virtual Status restore(size_t store, std::span<const FetchedRecord> records, int64_t next_offset) = 0;
  // Writes what restore() has kept back: the store is as its changelog was up to changelog_offset(). More may follow.
  virtual Status finish_restore(size_t store) = 0;

  // Step 1 of a commit: shows each changed key with its last value once, in the order of the keys' first change; of
  // versioned stores every put, in order, those of versions too old to be kept included. The callback produces it to
  // the changelog. Stores without a changelog are skipped.
  using Change = std::function<Status(size_t store, std::string_view key, const StoreValue& value)>;
  virtual Status changes(const Change& change) = 0;
  // Step 4: writes all overlays and the changelog offsets (one per store, -1: unchanged) atomically. The overlays are
  // empty afterwards.
  virtual Status commit(std::span<const int64_t> changelog_offsets) = 0;
  // After an abort: forgets uncommitted writes.
  virtual void rollback() = 0;
  // Makes what is committed durable against kill -9 without waiting for the store's own schedule.
  virtual Status flush() = 0;
  // Does what has fallen due by time, also when nothing is committed any more: to be called about once a second. Short.
  virtual Status upkeep() { return {}; }

  // Bytes on disk or in memory. [any thread]
  virtual uint64_t size_bytes() const = 0;
};

struct TaskStateConfig {
  std::string topology;
  TaskId task;
  std::string cluster_id;  // state of another cluster is refused
  std::vector<StoreConfig> stores;
};

// What states take up in memory, in bytes.
struct StateMemory {
  uint64_t block_cache = 0;    // of blocks of files
  uint64_t write_buffers = 0;  // committed, not in files yet
  uint64_t cached_rows = 0;    // rows that were read or committed, as tasks see them
  uint64_t uncommitted = 0;
  uint64_t restore_buffers = 0;  // restored, not written yet
};

// A task's state as it is kept, open or not.
struct KeptState {
  TaskId task;
  uint64_t bytes = 0;
};

// Where tasks' states live: a folder of the process, or memory. Thread safety: every function may be called from any
// thread.
class StateBackend {
 public:
  virtual ~StateBackend() = default;
  // Opens or creates. Recovery::rebuild_state: the folder is unusable (corrupt, a store's kind changed) and wipe()
  // followed by open() is the way out; other errors (locked by pid N, a newer format, another cluster) are an
  // operator's.
  virtual Result<std::unique_ptr<TaskState>> open(const TaskStateConfig& config) = 0;
  // The states of `topology` that outlive the process. May take as long as looking at all of their files does.
  virtual Result<std::vector<KeptState>> kept(const std::string& topology) = 0;
  // Removes the state of a task that is not open.
  virtual Status wipe(const std::string& topology, const TaskId& task) = 0;
  // Who this process is in `topology`, across restarts: made at first use, kept in the topology's folder.
  virtual Result<std::string> instance_id(const std::string& topology) = 0;
  // Of all open states; what rows in memory take that are nowhere else is not among it.
  virtual StateMemory memory() const { return {}; }
};

}  // namespace kstreamd
