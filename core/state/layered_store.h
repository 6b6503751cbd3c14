// A store as its task sees it: an overlay over committed rows. Internal to core/state.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "core/state/committed.h"
#include "core/state/overlay.h"

namespace kstreamd {

// Life-cycle: made by LocalTaskState for each store, which also moves it through commits. `failed` is the task's: once
// it holds an error, every operation answers with it. Used by the task's worker only, but for approximate_rows.
class LayeredStore final : public KeyValueStore {
 public:
  LayeredStore(StoreConfig config, CommittedRows& rows, std::shared_ptr<ReadCacheBudget> budget,
               const std::optional<Error>& failed);
  ~LayeredStore() override;

  const std::string& name() const override { return config_.name; }
  Result<StoreValue> get(std::string_view key) override;
  Status put(std::string_view key, const StoreValue& value) override;
  Status range(std::optional<std::string_view> from, std::optional<std::string_view> to, bool reverse,
               const Visitor& visit) override;
  StoreClock clock() const override { return clock_; }
  // Rows that were only read count where they are more than may be cached: a commit lets go of them too.
  size_t uncommitted_bytes() const override {
    const size_t share = budget_->share();
    return overlay_.dirty_bytes() + (overlay_.clean_bytes() > share ? overlay_.clean_bytes() - share : 0);
  }
  uint64_t approximate_rows() const override { return rows_.approximate_rows(); }

  const StoreConfig& config() const { return config_; }
  CommittedRows& rows() { return rows_; }
  Overlay& overlay() { return overlay_; }
  // Hands the dirty rows to the committed ones; they stay dirty here.
  void write_dirty();
  // They have been committed.
  void committed();
  void rolled_back();

  const StoreClock& committed_clock() const { return committed_clock_; }
  void set_clock(const StoreClock& clock) { clock_ = committed_clock_ = clock; }
  // Moves the clock by a restored key; whether its row is still of interest.
  bool restored(std::string_view key);

 private:
  // As the outside sees it: plain stores have no timestamps.
  StoreValue shown(StoreValue value) const {
    if (!config_.timestamped || !value.present) value.timestamp = 0;
    return value;
  }

  // Tells the budget what the overlay takes up, when that has changed by `least` bytes or more.
  void account(size_t least);

  const StoreConfig config_;
  CommittedRows& rows_;
  const std::shared_ptr<ReadCacheBudget> budget_;
  const std::optional<Error>& failed_;
  Overlay overlay_;
  StoreClock clock_;  // uncommitted puts included
  StoreClock committed_clock_;
  size_t told_clean_ = 0;  // the budget
  size_t told_dirty_ = 0;
  int scans_ = 0;  // in progress: views into the overlay that a put would break
};

}  // namespace kstreamd
