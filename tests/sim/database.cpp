#include "tests/sim/database.h"

#include "core/state/memory_rows.h"
#include "core/state/stored_key.h"

namespace kstreamd::sim {
namespace {

struct Write {
  std::string key, value;
  int64_t timestamp;
  bool present;
};

// Rows as the process sees them: written ones, and staged ones that are written together.
class SimRows final : public CommittedRows {
 public:
  Result<StoreValue> get(std::string_view key) override { return rows_.get(key); }
  std::unique_ptr<RowCursor> scan(std::optional<std::string_view> from, std::optional<std::string_view> to,
                                  bool reverse) override {
    return rows_.scan(from, to, reverse);
  }
  void write(std::string_view key, const StoreValue& value) override {
    staged_.push_back({std::string(key), std::string(value.value), value.timestamp, value.present});
  }
  void drop_before(std::string_view behind) override { dropped_before_ = behind; }
  void expire_until(int64_t) override {}  // the disk of a simulation is large
  uint64_t approximate_rows() const override { return rows_.approximate_rows(); }
  uint64_t size_bytes() const override { return rows_.size_bytes(); }

  void apply_staged() {
    for (const auto& w : staged_) rows_.write(w.key, {w.present, w.value, w.timestamp});
    staged_.clear();
    rows_.drop_before(dropped_before_);
  }
  // For a planted error.
  void lose_a_staged_row() {
    if (!staged_.empty()) staged_.pop_back();
  }
  void load(const DiskTask::Column& column) {
    for (const auto& [key, row] : column.rows) rows_.write(key, {true, row.value, row.timestamp});
  }
  std::map<std::string, DiskTask::Row, std::less<>> copy() {
    std::map<std::string, DiskTask::Row, std::less<>> rows;
    for (auto row = rows_.scan({}, {}, false); row->valid(); row->next()) {
      const StoreValue value = *row->value();
      rows.emplace_hint(rows.end(), row->key(), DiskTask::Row{std::string(value.value), value.timestamp});
    }
    return rows;
  }

 private:
  MemoryRows rows_;
  std::vector<Write> staged_;
  std::string dropped_before_;
};

class SimDatabase final : public TaskDatabase {
 public:
  SimDatabase(Chaos& chaos, int process, const bool& crashed, std::shared_ptr<DiskTask> disk,
              std::vector<StoreConfig> configs)
      : chaos_(chaos), process_(process), crashed_(crashed), disk_(std::move(disk)), columns_(configs.size()) {
    disk_->columns.resize(columns_.size());
    for (size_t i = 0; i < columns_.size(); ++i) {
      Column& column = columns_[i];
      column.config = std::move(configs[i]);
      column.rows.load(disk_->columns[i]);
      column.position = column.staged_position = disk_->columns[i].position;
      column.clock = column.staged_clock = disk_->columns[i].clock;
    }
  }
  ~SimDatabase() override {
    if (gone()) lose_unflushed();
    if (gone() || failed_) return;
    try {
      for (size_t i = 0; i < columns_.size(); ++i)
        if (columns_[i].pending && !write_gathered(i)) return;
      flush_now();
    } catch (const Crash&) {  // Chaos knows, and ends the process before it does much more
      lose_unflushed();
    }
  }

  CommittedRows& rows(size_t column) override { return columns_[column].rows; }
  std::optional<ChangelogPosition> position(size_t column) const override { return columns_[column].position; }
  void stage_position(size_t column, const ChangelogPosition& position) override {
    columns_[column].staged_position = position;
  }
  StoreClock clock(size_t column) const override { return columns_[column].clock; }
  void stage_clock(size_t column, const StoreClock& clock) override { columns_[column].staged_clock = clock; }

  void gather(size_t column, std::string_view key, const StoreValue& value) override {
    std::string stored;
    append_stored_key(stored, columns_[column].config, key);
    columns_[column].gathered.push_back({std::move(stored), std::string(value.value), value.timestamp, value.present});
  }
  Status gathered(size_t column, const ChangelogPosition& position, const StoreClock& clock, bool all) override {
    Column& c = columns_[column];
    c.gathered_position = position;
    c.gathered_clock = clock;
    c.pending = true;
    if (!all && !chaos_.strikes(Event::gathered_written, process_)) return {};
    return write_gathered(column);
  }
  Status write_staged() override {
    KSTREAMD_TRY(disk_answers());
    if (chaos_.sabotages(Sabotage::torn_write, 200'000, process_))
      for (size_t i = 0; i < columns_.size(); ++i) disk_->columns[i].position = columns_[i].staged_position;
    for (auto& column : columns_) {
      if (chaos_.sabotages(Sabotage::lost_row, 20'000, process_)) column.rows.lose_a_staged_row();
      column.rows.apply_staged();
      column.position = column.staged_position;
      column.clock = column.staged_clock;
    }
    unflushed_ = true;
    return flush_perhaps();
  }
  Status flush() override {
    flush_now();
    return {};
  }
  Status upkeep() override { return flush_perhaps(); }
  bool flush_due(uint64_t more) const override { return more > 0 && chaos_.random.below(4) == 0; }
  uint64_t size_bytes() const override {
    uint64_t bytes = 0;
    for (const auto& column : columns_) bytes += column.rows.size_bytes();
    return bytes;
  }

 private:
  struct Column {
    StoreConfig config;
    SimRows rows;
    std::optional<ChangelogPosition> position, staged_position;
    StoreClock clock, staged_clock;
    std::vector<Write> gathered;
    ChangelogPosition gathered_position;
    StoreClock gathered_clock;
    bool pending = false;  // what was gathered, if it was only a position
  };
  using Files = std::vector<DiskTask::Column>;

  bool gone() const { return crashed_ || chaos_.dying == process_; }

  Status disk_answers() {
    if (chaos_.strikes(Event::write_failed, process_)) {
      failed_ = disk_->damaged = true;
      return Error{Recovery::rebuild_state, "the simulated state is damaged by a write", ""};
    }
    if (chaos_.strikes(Event::write_refused, process_)) {
      failed_ = true;
      return Error{Recovery::stop_topology, "the simulated disk refuses a write", "start again"};
    }
    return {};
  }

  // ---- Flushes

  DiskTask::Column file_of(Column& column) {
    const bool lost = chaos_.sabotages(Sabotage::lost_clock, 1'000'000, process_);
    return {column.rows.copy(), column.position, lost ? StoreClock{} : column.clock};
  }
  Files files() {
    Files files;
    for (auto& column : columns_) files.push_back(file_of(column));
    return files;
  }
  void checkpoint(Files files) {
    chaos_.crash_point(Event::crash_before_checkpoint, process_);
    disk_->columns = std::move(files);
    chaos_.crash_point(Event::crash_after_checkpoint, process_);
  }
  void flush_now() {
    if (chaos_.sabotages(Sabotage::early_checkpoint, 1'000'000, process_))
      for (size_t i = 0; i < columns_.size(); ++i) disk_->columns[i].position = columns_[i].position;
    chaos_.crash_point(Event::crash_before_flush, process_);
    background_.reset();
    checkpoint(files());
    unflushed_ = false;
    chaos_.crash_point(Event::crash_after_flush, process_);
  }
  Status flush_perhaps() {
    if (background_ && chaos_.random.coin()) finish_in_background();
    if (unflushed_ && !background_ && chaos_.strikes(Event::flush_in_background, process_)) {
      background_ = files();
      unflushed_ = false;
    }
    if (chaos_.strikes(Event::state_flushed, process_)) flush_now();
    return {};
  }
  void finish_in_background() {
    Files files = std::move(*background_);
    background_.reset();
    checkpoint(std::move(files));
  }
  // The process is gone.
  void lose_unflushed() {
    if (!unflushed_ && !background_) return;
    if (chaos_.sabotages(Sabotage::torn_flush, 500'000, process_)) {
      for (size_t i = 0; i < columns_.size(); ++i) disk_->columns[i].position = columns_[i].position;
    } else if (background_ && chaos_.random.coin()) {
      disk_->columns = std::move(*background_);
      chaos_.happened(Event::background_flush_kept, process_);
      if (!unflushed_) return;
    } else if (!failed_ && chaos_.random.below(4) == 0) {
      disk_->columns = files();
      chaos_.happened(Event::unflushed_kept, process_);
      return;
    }
    chaos_.happened(Event::unflushed_lost, process_);
  }

  // ---- Restorations

  // Little goes the way of commits, much into files of its own.
  Status write_gathered(size_t column) {
    const Status written = chaos_.random.coin() ? ingest(column) : write_as_commit(column);
    columns_[column].gathered.clear();
    columns_[column].pending = false;
    return written;
  }
  Status write_as_commit(size_t column) {
    Column& c = columns_[column];
    for (const auto& w : c.gathered) c.rows.write(w.key, {w.present, w.value, w.timestamp});
    c.staged_position = c.gathered_position;
    c.staged_clock = c.gathered_clock;
    chaos_.crash_point(Event::crash_before_write, process_);
    KSTREAMD_TRY(write_staged());
    chaos_.crash_point(Event::crash_after_write, process_);
    return {};
  }
  Status ingest(size_t column) {
    Column& c = columns_[column];
    flush_now();  // the position must not outlive rows before it
    if (chaos_.sabotages(Sabotage::early_position, 1'000'000, process_))
      disk_->columns[column].position = c.gathered_position;
    chaos_.crash_point(Event::crash_before_ingest, process_);
    KSTREAMD_TRY(disk_answers());
    Files ingested = disk_->columns;
    DiskTask::Column& file = ingested[column];
    for (const auto& w : c.gathered) {
      if (w.present)
        file.rows[w.key] = {w.value, w.timestamp};
      else
        file.rows.erase(w.key);
    }
    file.position = c.gathered_position;
    file.clock = c.gathered_clock;
    checkpoint(std::move(ingested));
    for (const auto& w : c.gathered) c.rows.write(w.key, {w.present, w.value, w.timestamp});
    c.rows.apply_staged();
    c.position = c.staged_position = c.gathered_position;
    c.clock = c.staged_clock = c.gathered_clock;
    chaos_.happened(Event::ingested, process_, c.config.name, static_cast<int64_t>(c.gathered.size()));
    chaos_.crash_point(Event::crash_after_ingest, process_);
    return {};
  }

  Chaos& chaos_;
  const int process_;
  const bool& crashed_;
  const std::shared_ptr<DiskTask> disk_;
  std::vector<Column> columns_;
  std::optional<Files> background_;  // of a flush that has not come to its checkpoint
  bool unflushed_ = false;           // something was written since the last flush began
  bool failed_ = false;
};

}  // namespace

std::unique_ptr<TaskDatabase> make_sim_database(Chaos& chaos, int process, const bool& crashed,
                                                std::shared_ptr<DiskTask> disk, std::vector<StoreConfig> configs) {
  return std::make_unique<SimDatabase>(chaos, process, crashed, std::move(disk), std::move(configs));
}

}  // namespace kstreamd::sim
