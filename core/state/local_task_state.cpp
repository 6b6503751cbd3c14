#include "core/state/local_task_state.h"

#include "core/base/log.h"
#include "core/state/stored_key.h"

namespace kstreamd {
namespace {

// Of versions a restoration writes this much at a time, so that its batches stay out of the way of everything else.
constexpr size_t kRestoreBatchBytes = 4 << 20;

}  // namespace

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
      store.memory = std::make_unique<MemoryRows>(stores[i].retention > 0 && !segmented(stores[i]));
    }
    CommittedRows& rows = store.memory ? static_cast<CommittedRows&>(*store.memory) : database_->rows(store.column);
    store.layered =
        std::make_unique<LayeredStore>(std::move(stores[i]), rows, budget, failed_, [this] { return settle(); });
    if (!store.memory) store.layered->set_clock(database_->clock(store.column));
  }
}

LocalTaskState::~LocalTaskState() {
  if (failed_) return;
  try {
    auto settled = settle();
    if (!settled) log(LogLevel::error, "committed rows could not be written", {{"error", settled.error().text()}});
  } catch (...) {  // what was not written is in the changelog
  }
}

uint64_t LocalTaskState::waiting() const {
  uint64_t rows = 0;
  for (const Store& store : stores_) rows += waiting(store);
  return rows;
}

bool LocalTaskState::settling_is_due() const {
  if (!database_) return false;
  for (const Store& store : stores_)
    if (!store.memory && store.layered->crowded()) return true;
  return database_->flush_due(waiting());
}

Status LocalTaskState::settle() {
  if (waiting() == 0) return {};
  for (Store& store : stores_) {
    if (waiting(store) == 0) continue;
    store.layered->hand_over();
    database_->stage_position(store.column, *store.position);
  }
  return write_staged();
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
  if (!store.memory && waiting(store) == 0) database_->stage_position(store.column, position);
}

void LocalTaskState::stage_clock(const Store& store) {
  const StoreClock clock = store.layered->clock();
  if (!store.memory && clock != StoreClock{}) database_->stage_clock(store.column, clock);
}

Status LocalTaskState::write_staged() {
  if (!database_) return {};
  auto written = database_->write_staged();
  if (!written) failed_ = written.error();
  return written;
}

Status LocalTaskState::restore(size_t index, std::span<const FetchedRecord> records, int64_t next_offset) {
  if (failed_) return *failed_;
  KSTREAMD_TRY(settle());
  Store& store = stores_[index];
  LayeredStore& layered = *store.layered;
  layered.forget_cached();
  ChangelogPosition position = store.position.value_or(ChangelogPosition{});
  size_t staged = 0;  // bytes of versions
  for (const auto& record : records) {
    const Origin& origin = record.origin;
    if (!origin.raw_key) {
      log(LogLevel::warn, "changelog record without a key ignored",
          {{"store", layered.name()}, {"offset", origin.offset}});
      continue;
    }
    const std::string_view key = raw_key(origin);
    const StoreValue value{origin.raw_value != nullptr, raw_value(origin), record.timestamp};
    if (layered.versions()) {
      KSTREAMD_TRY(layered.restore_version(key, value));
      staged += key.size() + value.value.size();
      if (staged < kRestoreBatchBytes) continue;
      position = {origin.offset + 1, {origin.offset, changelog_fingerprint(key, value)}};
      KSTREAMD_TRY(write_restored(store, position));
      staged = 0;
      continue;
    }
    auto row = layered.restored(key, value);
    if (!row) return std::move(row).error();
    if (store.memory)
      store.memory->gather(layered.stored(key), *row);
    else
      database_->gather(store.column, key, *row);
  }
  mark_last(records, position);
  position.next_offset = next_offset;
  if (layered.versions()) return write_restored(store, position);
  store.position = position;
  return store.memory ? Status() : gathered(store, false);
}

// Only the last record's fingerprint is of interest.
void LocalTaskState::mark_last(std::span<const FetchedRecord> records, ChangelogPosition& position) {
  for (size_t i = records.size(); i-- > 0;) {
    const Origin& origin = records[i].origin;
    if (!origin.raw_key) continue;
    const StoreValue value{origin.raw_value != nullptr, raw_value(origin), 0};
    position.mark = {origin.offset, changelog_fingerprint(raw_key(origin), value)};
    return;
  }
}

Status LocalTaskState::write_restored(Store& store, const ChangelogPosition& position) {
  store.layered->write_dirty();
  stage_clock(store);
  set_position(store, position);
  KSTREAMD_TRY(write_staged());
  store.layered->committed();
  return {};
}

Status LocalTaskState::finish_restore(size_t index) {
  if (failed_) return *failed_;
  Store& store = stores_[index];
  if (store.memory) {
    store.memory->gathered();
    store.layered->drop_expired();
  }
  return store.memory || !store.position || store.layered->versions() ? Status() : gathered(store, true);
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
    KSTREAMD_TRY(store.changes([&](std::string_view key, const StoreValue& value) { return change(i, key, value); }));
  }
  return {};
}

Status LocalTaskState::commit(std::span<const int64_t> changelog_offsets) {
  if (failed_) return *failed_;
  bool anything = false;
  if (settling_is_due()) KSTREAMD_TRY(settle());
  for (size_t i = 0; i < stores_.size(); ++i) {
    Store& store = stores_[i];
    const bool dirty = store.layered->dirty();
    const bool logged = i < changelog_offsets.size() && changelog_offsets[i] >= 0;
    if (!store.memory && dirty) {
      store.layered->write_dirty();
      if (!logged || !store.layered->config().changelogged) store.layered->hand_over();
    }
    if (dirty) stage_clock(store);
    anything |= dirty;
    if (!logged) continue;
    ChangelogPosition position{changelog_offsets[i], store.position ? store.position->mark : ChangelogMark{}};
    if (auto last = store.layered->last_change())  // the last change shown is the last record produced
      position.mark = {changelog_offsets[i] - 1, *last};
    set_position(store, position);
    anything = true;
  }
  if (anything) KSTREAMD_TRY(write_staged());
  for (Store& store : stores_) {
    if (store.memory && store.layered->dirty()) {
      store.layered->write_dirty();
      store.layered->hand_over();
    }
    store.layered->committed();
  }
  return {};
}

void LocalTaskState::rollback() {
  for (Store& store : stores_) store.layered->rolled_back();
}

Status LocalTaskState::flush() {
  if (failed_) return *failed_;
  if (!database_) return {};
  KSTREAMD_TRY(settle());
  auto flushed = database_->flush();
  if (!flushed) failed_ = flushed.error();
  return flushed;
}

Status LocalTaskState::upkeep() {
  if (failed_) return *failed_;
  if (!database_) return {};
  if (settling_is_due()) KSTREAMD_TRY(settle());
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
