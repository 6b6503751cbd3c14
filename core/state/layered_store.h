// A store as its task sees it: an overlay over committed rows. Internal to core/state.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/state/committed.h"
#include "core/state/layered_versions.h"
#include "core/state/overlay.h"
#include "core/state/recent_rows.h"

namespace kstreamd {

// Life-cycle: made by LocalTaskState for each store, which also moves it through commits. `failed` is the task's: once
// it holds an error, every operation answers with it. Used by the task's worker only, but for approximate_rows.
//
// Where keys repeat (a stream join's records), committed rows of a database may wait in memory for it (RecentRows): a
// crash costs no more than one that finds them in RocksDB's memory, and most have expired when they would be written.
class LayeredStore final : public KeyValueStore {
 public:
  // `settle` hands over what waits, of all of the task's stores, and writes it.
  LayeredStore(StoreConfig config, CommittedRows& rows, std::shared_ptr<ReadCacheBudget> budget,
               const std::optional<Error>& failed, std::function<Status()> settle);
  ~LayeredStore() override;

  const std::string& name() const override { return config_.name; }
  Result<StoreValue> get(std::string_view key) override;
  Status put(std::string_view key, const StoreValue& value) override;
  using KeyValueStore::range;
  Status range(std::optional<std::string_view> from, std::optional<std::string_view> to, const TimeSpan& times,
               bool reverse, const Visitor& visit) override;
  VersionedStore* versions() override { return versions_.get(); }
  StoreClock clock() const override { return clock_; }
  size_t uncommitted_bytes() const override;
  uint64_t approximate_rows() const override { return rows_.approximate_rows(); }

  const StoreConfig& config() const { return config_; }
  const std::optional<Error>& failed() const { return failed_; }
  // Whether there is anything to commit.
  bool dirty() const { return !overlay_.dirty().empty(); }
  // What goes to the changelog: see TaskState::changes. The last of it, when there is any.
  Status changes(const std::function<Status(std::string_view key, const StoreValue& value)>& change) const;
  std::optional<uint64_t> last_change() const;  // its fingerprint
  // Hands the dirty rows to the committed ones, where keys repeat those that hand_over() does not find, and lets go
  // what has expired; they stay dirty here.
  void write_dirty();
  // How many rows wait for hand_over(), expired ones too, and whether memory is short because of them.
  uint64_t waiting() const { return recent_ ? recent_->waiting() : 0; }
  bool crowded() const { return waiting() > 0 && recent_->bytes() > budget_->share(); }
  // Hands what waits to the committed rows.
  void hand_over();
  // They have been committed.
  void committed();
  void rolled_back();

  void set_clock(const StoreClock& clock) { clock_ = committed_clock_ = clock; }
  // Moves the time to `time`, unless it has come further already.
  void advance(int64_t time) { clock_.time = std::max(clock_.time, time); }

  // Before a restoration: forgets what was read.
  void forget_cached() {
    overlay_.clear();
    if (recent_) recent_->forget();
  }
  // Of a restoration: takes the time of a changelog record, and gives what its row is now. What has expired is absent,
  // but still takes the place of what was there before. Not of a versioned store.
  Result<StoreValue> restored(std::string_view key, const StoreValue& value);
  // Of a versioned store: applies a changelog record; what it writes is committed by write_dirty and committed.
  Status restore_version(std::string_view key, const StoreValue& value) { return versions_->restore(key, value); }
  // The key of a committed row; valid until the next call.
  std::string_view stored(std::string_view key);
  // Lets go of committed rows that have expired; in a database with the next write.
  void drop_expired();

 private:
  // Whether a row has expired.
  bool expired(std::string_view key, int64_t timestamp) const;
  // Whether what is put is for the changelog alone: an expired row, or no row in a store of duplicates.
  bool never_seen(std::string_view key, const StoreValue& value) const;
  // As the outside sees a row: none that has expired, and without a timestamp where the store keeps none.
  StoreValue shown(std::string_view key, StoreValue value) const {
    if (!value.present || expired(key, value.timestamp)) return {};
    if (!config_.timestamped) value.timestamp = 0;
    return value;
  }
  Status range_of_all(std::optional<std::string_view> from, std::optional<std::string_view> to, const TimeSpan& times,
                      bool reverse, const Visitor& visit);
  Status range_of_key(std::string_view key, const TimeSpan& times, bool reverse, const Visitor& visit);
  std::unique_ptr<RowCursor> scan_committed(std::optional<std::string_view> from, std::optional<std::string_view> to,
                                            const TimeSpan& times, bool reverse);
  // Tells the budget what the overlay takes up, when that has changed by `least` bytes or more.
  void account(size_t least);

  const StoreConfig config_;
  CommittedRows& rows_;
  const std::shared_ptr<ReadCacheBudget> budget_;
  const std::optional<Error>& failed_;
  const std::function<Status()> settle_;
  Overlay overlay_;
  StoreClock clock_;  // uncommitted puts included
  StoreClock committed_clock_;
  size_t told_clean_ = 0;  // the budget
  size_t told_dirty_ = 0;
  int scans_ = 0;  // in progress: views into the overlay that a put would break
  std::unique_ptr<LayeredVersions> versions_;
  std::unique_ptr<RecentRows> recent_;  // where keys repeat
  std::string stored_;                  // reused
  uint64_t dropped_before_ = 0;         // the first segment that was not dropped
};

}  // namespace kstreamd
