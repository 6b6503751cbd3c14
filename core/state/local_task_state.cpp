#include "core/state/local_task_state.h"

#include "core/base/log.h"
#include "core/state/memory_rows.h"

namespace kstreamd {
namespace {}  // namespace

LocalTaskState::LocalTaskState(std::vector<StoreConfig> stores, std::unique_ptr<TaskDatabase> database,
                               std::shared_ptr<ReadCacheBudget> budget)
    : database_(std::move(database)), stores_(stores.size()) {
  size_t column = 0;
  for (size_t i = 0; i < stores.size(); ++i) {
    Store& store = stores_[i];
    if (database_ && stores[i].persistent) {
      store.column = column++;
      store.position = database_->position(store.column);
    } else {
      store.memory = std::make_unique<MemoryRows>();
    }
    CommittedRows& rows = store.memory ? *store.memory : database_->rows(store.column);
    store.expiry = ExpirySchedule(stores[i].retention);
    store.layered = std::make_unique<LayeredStore>(std::move(stores[i]), rows, budget, failed_);
    if (!store.memory) store.layered->set_clock(database_->clock(store.column));
  }
}

std::optional<int64_t> LocalTaskState::changelog_offset(size_t store) const {
  const auto& position = stores_[store].position;
  return position ? std::optional(position->next_offset) : std::nullopt;
}

std::optional<ChangelogMark> LocalTaskState::changelog_mark(size_t store) const {
  const auto& position = stores_[store].position;
  return position && position->mark.offset >= 0 ? std::optional(position->mark) : std::nullopt;
}

void LocalTaskState::set_position(Store& store, const ChangelogPosition& position) {
  store.position = position;
  if (!store.memory) database_->stage_position(store.column, position);
}

void LocalTaskState::stage_clock(const Store& store) {
  const StoreClock clock = store.layered->clock();
  if (!store.memory && clock != StoreClock{}) database_->stage_clock(store.column, clock);
}

Status LocalTaskState::expire(Store& store) {
  if (!store.expiry.due(store.layered->clock().time)) return {};
  const auto write = [this, &store]() -> Status { return store.memory ? Status() : write_staged(); };
  auto removed = remove_expired(*store.layered, write);
  if (!removed && !failed_) failed_ = removed.error();
  return removed;
}

Status LocalTaskState::write_staged() {
  if (!database_) return {};
  auto written = database_->write_staged();
  if (!written) failed_ = written.error();
  return written;
}

Status LocalTaskState::restore(size_t index, std::span<const FetchedRecord> records, int64_t next_offset) {
  if (failed_) return *failed_;
  Store& store = stores_[index];
  store.layered->overlay().clear();
  const FetchedRecord* last = nullptr;
  for (const auto& record : records) {
    const Origin& origin = record.origin;
    if (!origin.raw_key) {
      log(LogLevel::warn, "changelog record without a key ignored",
          {{"store", store.layered->name()}, {"offset", origin.offset}});
      continue;
    }
    last = &record;
    // What has expired is hidden, whatever the rows have of it.
    if (!store.layered->restored(raw_key(origin))) continue;
    const StoreValue value{origin.raw_value != nullptr, raw_value(origin), record.timestamp};
    if (store.memory)
      store.memory->write(raw_key(origin), value);
    else
      database_->gather(store.column, raw_key(origin), value);
  }
  if (!store.position) store.position = ChangelogPosition{};
  store.position->next_offset = next_offset;
  if (last) {
    const Origin& origin = last->origin;
    const StoreValue value{origin.raw_value != nullptr, raw_value(origin), 0};
    store.position->mark = {origin.offset, changelog_fingerprint(raw_key(origin), value)};
  }
  return store.memory ? Status() : gathered(store, false);
}

Status LocalTaskState::finish_restore(size_t index) {
  if (failed_) return *failed_;
  Store& store = stores_[index];
  return store.memory || !store.position ? Status() : gathered(store, true);
}

Status LocalTaskState::gathered(Store& store, bool all) {
  auto written = database_->gathered(store.column, *store.position, store.layered->clock(), all);
  if (!written) failed_ = written.error();
  return written;
}

Status LocalTaskState::changes(const Change& change) {
  if (failed_) return *failed_;
  for (size_t i = 0; i < stores_.size(); ++i) {
    LayeredStore& store = *stores_[i].layered;
    if (!store.config().changelogged) continue;
    for (const auto* entry : store.overlay().dirty())
      KSTREAMD_TRY(change(i, entry->key(), {entry->present, entry->value().value, entry->timestamp}));
  }
  return {};
}

Status LocalTaskState::commit(std::span<const int64_t> changelog_offsets) {
  if (failed_) return *failed_;
  bool anything = false;
  for (size_t i = 0; i < stores_.size(); ++i) {
    Store& store = stores_[i];
    auto dirty = store.layered->overlay().dirty();
    if (!store.memory) store.layered->write_dirty();
    if (!dirty.empty()) stage_clock(store);
    anything |= !dirty.empty();
    if (i >= changelog_offsets.size() || changelog_offsets[i] < 0) continue;
    ChangelogPosition position{changelog_offsets[i], store.position ? store.position->mark : ChangelogMark{}};
    if (!dirty.empty())  // the last change shown is the last record produced
      position.mark = {changelog_offsets[i] - 1, changelog_fingerprint(dirty.back()->key(), dirty.back()->value())};
    set_position(store, position);
    anything = true;
  }
  if (anything) KSTREAMD_TRY(write_staged());
  for (Store& store : stores_) {
    if (store.memory) store.layered->write_dirty();
    store.layered->committed();
  }
  for (Store& store : stores_) KSTREAMD_TRY(expire(store));
  return {};
}

void LocalTaskState::rollback() {
  for (Store& store : stores_) store.layered->rolled_back();
}

Status LocalTaskState::flush() {
  if (failed_) return *failed_;
  if (!database_) return {};
  auto flushed = database_->flush();
  if (!flushed) failed_ = flushed.error();
  return flushed;
}

Status LocalTaskState::upkeep() {
  if (failed_) return *failed_;
  if (!database_) return {};
  auto done = database_->upkeep();
  if (!done) failed_ = done.error();
  return done;
}

uint64_t LocalTaskState::size_bytes() const {
  uint64_t bytes = database_ ? database_->size_bytes() : 0;
  for (const Store& store : stores_)
    if (store.memory) bytes += store.memory->size_bytes();
  return bytes;
}

}  // namespace kstreamd
