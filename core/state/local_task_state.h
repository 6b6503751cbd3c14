// The state of one task over a database, memory or both. Internal to core/state.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "core/state/committed.h"
#include "core/state/layered_store.h"
#include "core/state/memory_rows.h"

namespace kstreamd {

// Persistent stores live in `database` (column = how many persistent stores come before), the others in memory. Without
// a database all are in memory. See TaskState for life-cycle and threads.
class LocalTaskState final : public TaskState {
 public:
  LocalTaskState(std::vector<StoreConfig> stores, std::unique_ptr<TaskDatabase> database,
                 std::shared_ptr<ReadCacheBudget> budget);
  ~LocalTaskState() override;

  KeyValueStore& store(size_t index) override { return *stores_[index].layered; }
  size_t store_count() const override { return stores_.size(); }
  std::optional<int64_t> changelog_offset(size_t store) const override;
  std::optional<ChangelogMark> changelog_mark(size_t store) const override;
  Status restore(size_t store, std::span<const FetchedRecord> records, int64_t next_offset) override;
  Status finish_restore(size_t store) override;
  Status changes(const Change& change) override;
  Status commit(std::span<const int64_t> changelog_offsets) override;
  void rollback() override;
  Status flush() override;
  Status upkeep() override;
  uint64_t size_bytes() const override;

 private:
  struct Store {
    std::unique_ptr<MemoryRows> memory;  // null when in the database
    size_t column = 0;                   // else where
    std::unique_ptr<LayeredStore> layered;
    std::optional<ChangelogPosition> position;
  };

  // Rows that have been committed and wait in memory for the database: their position waits with them. A changelog has
  // them; those of stores in memory never wait.
  static uint64_t waiting(const Store& store) { return store.memory ? 0 : store.layered->waiting(); }
  uint64_t waiting() const;
  bool settling_is_due() const;
  Status settle();

  void set_position(Store& store, const ChangelogPosition& position);
  void stage_clock(const Store& store);
  Status write_staged();
  // Commits what was restored of versions so far.
  Status write_restored(Store& store, const ChangelogPosition& position);
  static void mark_last(std::span<const FetchedRecord> records, ChangelogPosition& position);
  Status gathered(Store& store, bool all);

  std::optional<Error> failed_;  // of a write: nothing works any more; before what refers to it
  std::unique_ptr<TaskDatabase> database_;
  std::vector<Store> stores_;
};

}  // namespace kstreamd
