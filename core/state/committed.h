// What lies below the overlays: committed rows, in memory or in a task's database. Internal to core/state.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "core/ports/state.h"

namespace kstreamd {

// An ordered walk over committed rows. Views are valid until next().
class RowCursor {
 public:
  virtual ~RowCursor() = default;
  virtual bool valid() const = 0;
  virtual std::string_view key() const = 0;
  virtual Result<StoreValue> value() const = 0;
  virtual void next() = 0;
  // An error, when that is why it is not valid.
  virtual Status status() const = 0;
};

// The committed rows of one store. Used by the task's worker only, but for approximate_rows.
class CommittedRows {
 public:
  virtual ~CommittedRows() = default;
  // The view is valid until the next call.
  virtual Result<StoreValue> get(std::string_view key) = 0;
  // Rows with from <= key <= to; the bounds are copied.
  virtual std::unique_ptr<RowCursor> scan(std::optional<std::string_view> from, std::optional<std::string_view> to,
                                          bool reverse) = 0;
  // In memory at once; in a database with the next TaskDatabase::write_staged.
  virtual void write(std::string_view key, const StoreValue& value) = 0;
  // Removes all rows whose keys come before `behind`, without a look at them; when as `write`, and after what has been
  // written so far.
  virtual void drop_before(std::string_view behind) = 0;
  // Rows with a timestamp of `time` or less may go whenever that suits; they are still there until then. Never goes
  // back.
  virtual void expire_until(int64_t time) = 0;
  virtual uint64_t approximate_rows() const = 0;  // [any thread]
  virtual uint64_t size_bytes() const = 0;        // [any thread]
};

// How far a store's changelog has been applied.
struct ChangelogPosition {
  int64_t next_offset = 0;
  ChangelogMark mark;
};

// The persistent stores of one task, and their positions. The destructor makes everything written durable, unless a
// write has failed. Used by the task's worker only, but for size_bytes and what CommittedRows says.
class TaskDatabase {
 public:
  virtual ~TaskDatabase() = default;
  virtual CommittedRows& rows(size_t column) = 0;
  virtual std::optional<ChangelogPosition> position(size_t column) const = 0;
  virtual void stage_position(size_t column, const ChangelogPosition& position) = 0;
  // As it was at opening.
  virtual StoreClock clock(size_t column) const = 0;
  virtual void stage_clock(size_t column, const StoreClock& clock) = 0;
  // Restoration, in place of rows().write(): takes a row of a changelog. It waits in a buffer, unseen, until gathered()
  // has written it.
  virtual void gather(size_t column, std::string_view key, const StoreValue& value) = 0;
  // What was gathered of the column so far brings it to this position and clock. Rows, position and clock are written
  // together: with `all` now, else when the buffer has grown large, or by the destructor. After an error nothing more
  // may be written.
  virtual Status gathered(size_t column, const ChangelogPosition& position, const StoreClock& clock, bool all) = 0;
  // Writes all that was staged, atomically. After an error nothing more may be written.
  virtual Status write_staged() = 0;
  // Waits until all that was written would survive kill -9.
  virtual Status flush() = 0;
  // Begins a flush when one is due.
  virtual Status upkeep() = 0;
  // Whether it would be, had so many more rows been written.
  virtual bool flush_due(uint64_t more) const = 0;
  virtual uint64_t size_bytes() const = 0;
};

// How much memory the stores of a process may use to cache rows that were read or committed: an equal share each. And
// what their overlays take up, about: stores tell it when it has changed by much. Thread safety: every function may be
// called from any thread.
class ReadCacheBudget {
 public:
  explicit ReadCacheBudget(size_t limit) : limit_(limit) {}
  void add_store() { stores_.fetch_add(1, std::memory_order_relaxed); }
  void remove_store() { stores_.fetch_sub(1, std::memory_order_relaxed); }
  size_t share() const {
    size_t stores = stores_.load(std::memory_order_relaxed);
    return stores > 1 ? limit_ / stores : limit_;
  }
  void used(int64_t cached, int64_t uncommitted) {
    cached_.fetch_add(cached, std::memory_order_relaxed);
    uncommitted_.fetch_add(uncommitted, std::memory_order_relaxed);
  }
  uint64_t cached_bytes() const { return static_cast<uint64_t>(cached_.load(std::memory_order_relaxed)); }
  uint64_t uncommitted_bytes() const { return static_cast<uint64_t>(uncommitted_.load(std::memory_order_relaxed)); }

 private:
  const size_t limit_;
  std::atomic<size_t> stores_{0};
  std::atomic<int64_t> cached_{0};
  std::atomic<int64_t> uncommitted_{0};
};

}  // namespace kstreamd
