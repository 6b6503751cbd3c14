#include "tests/sim/state.h"

#include "core/state/local_task_state.h"
#include "core/state/memory_rows.h"

namespace kstreamd::sim {

// What the disk holds of a task.
struct DiskTask {
  struct Row {
    std::string value;
    int64_t timestamp = 0;
  };
  struct Column {
    std::map<std::string, Row, std::less<>> rows;
    std::optional<ChangelogPosition> position;
    StoreClock clock;
  };
  std::vector<Column> columns;
  bool damaged = false;
};

namespace {

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
  void store(DiskTask::Column& column) {
    column.rows.clear();
    for (auto row = rows_.scan({}, {}, false); row->valid(); row->next()) {
      const StoreValue value = *row->value();
      column.rows[std::string(row->key())] = {std::string(value.value), value.timestamp};
    }
  }

 private:
  struct Write {
    std::string key, value;
    int64_t timestamp;
    bool present;
  };
  MemoryRows rows_;
  std::vector<Write> staged_;
  std::string dropped_before_;
};

class SimDatabase final : public TaskDatabase {
 public:
  SimDatabase(Chaos& chaos, int process, const bool& crashed, std::shared_ptr<DiskTask> disk, size_t columns)
      : chaos_(chaos), process_(process), crashed_(crashed), disk_(std::move(disk)), columns_(columns) {
    disk_->columns.resize(columns);
    for (size_t i = 0; i < columns; ++i) {
      columns_[i].rows.load(disk_->columns[i]);
      columns_[i].position = columns_[i].staged_position = disk_->columns[i].position;
      columns_[i].clock = columns_[i].staged_clock = disk_->columns[i].clock;
    }
  }
  ~SimDatabase() override {
    if (crashed_ && unflushed_) {
      chaos_.happened(Event::unflushed_lost, process_);
      if (chaos_.sabotages(Sabotage::torn_flush, 500'000, process_))
        for (size_t i = 0; i < columns_.size(); ++i) disk_->columns[i].position = columns_[i].position;
    } else if (!crashed_ && !failed_) {
      flush_now();
    }
  }

  CommittedRows& rows(size_t column) override { return columns_[column].rows; }
  std::optional<ChangelogPosition> position(size_t column) const override { return columns_[column].position; }
  void stage_position(size_t column, const ChangelogPosition& position) override {
    columns_[column].staged_position = position;
  }
  StoreClock clock(size_t column) const override { return columns_[column].clock; }
  void stage_clock(size_t column, const StoreClock& clock) override { columns_[column].staged_clock = clock; }
  // Held back in full until the end, then written and lasting in one step.
  void gather(size_t column, std::string_view key, const StoreValue& value) override {
    columns_[column].gathered.emplace_back(std::string(key), std::string(value.value), value.timestamp, value.present);
  }
  Status gathered(size_t column, const ChangelogPosition& position, const StoreClock& clock, bool all) override {
    if (!all) return {};
    Column& c = columns_[column];
    for (const auto& [key, value, timestamp, present] : c.gathered) c.rows.write(key, {present, value, timestamp});
    c.gathered.clear();
    c.staged_position = position;
    c.staged_clock = clock;
    chaos_.crash_point(Event::crash_before_write, process_);
    KSTREAMD_TRY(write_staged());
    if (chaos_.strikes(Event::state_flushed, process_)) flush_now();
    chaos_.crash_point(Event::crash_after_write, process_);
    return {};
  }
  Status write_staged() override {
    if (chaos_.strikes(Event::write_failed, process_)) {
      failed_ = disk_->damaged = true;
      return Error{Recovery::rebuild_state, "the simulated state is damaged by a write", ""};
    }
    if (chaos_.strikes(Event::write_refused, process_)) {
      failed_ = true;
      return Error{Recovery::stop_topology, "the simulated disk refuses a write", "start again"};
    }
    for (auto& column : columns_) {
      if (chaos_.sabotages(Sabotage::lost_row, 20'000, process_)) column.rows.lose_a_staged_row();
      column.rows.apply_staged();
      column.position = column.staged_position;
      column.clock = column.staged_clock;
    }
    unflushed_ = true;
    if (chaos_.strikes(Event::state_flushed, process_)) flush_now();
    return {};
  }
  Status flush() override {
    flush_now();
    return {};
  }
  Status upkeep() override {
    if (chaos_.strikes(Event::state_flushed, process_)) flush_now();
    return {};
  }
  uint64_t size_bytes() const override {
    uint64_t bytes = 0;
    for (const auto& column : columns_) bytes += column.rows.size_bytes();
    return bytes;
  }

 private:
  struct Column {
    SimRows rows;
    std::vector<std::tuple<std::string, std::string, int64_t, bool>> gathered;
    std::optional<ChangelogPosition> position, staged_position;
    StoreClock clock, staged_clock;
  };
  void flush_now() {
    for (size_t i = 0; i < columns_.size(); ++i) {
      columns_[i].rows.store(disk_->columns[i]);
      disk_->columns[i].position = columns_[i].position;
      disk_->columns[i].clock = columns_[i].clock;
    }
    unflushed_ = false;
  }

  Chaos& chaos_;
  const int process_;
  const bool& crashed_;
  const std::shared_ptr<DiskTask> disk_;
  std::vector<Column> columns_;
  bool unflushed_ = false;
  bool failed_ = false;
};

}  // namespace

// The real state of a task, with points at which its process may crash.
class SimTaskState final : public TaskState {
 public:
  SimTaskState(SimState& backend, std::string name, const TaskStateConfig& config, std::shared_ptr<DiskTask> disk)
      : backend_(backend),
        name_(std::move(name)),
        real_(config.stores, database(config, std::move(disk)),
              std::make_shared<ReadCacheBudget>(backend.chaos_.plan.read_cache)) {
    backend_.open_[name_] = this;
    for (size_t i = 0; i < real_.store_count(); ++i) known_.push_back(real_.changelog_offset(i).has_value());
  }
  ~SimTaskState() override { backend_.open_.erase(name_); }

  KeyValueStore& store(size_t index) override { return real_.store(index); }
  size_t store_count() const override { return real_.store_count(); }
  std::optional<int64_t> changelog_offset(size_t store) const override { return real_.changelog_offset(store); }
  std::optional<ChangelogMark> changelog_mark(size_t store) const override { return real_.changelog_mark(store); }
  Status restore(size_t store, std::span<const FetchedRecord> records, int64_t next_offset) override {
    chaos().crash_point(Event::crash_while_restoring, backend_.process_);
    if (!records.empty())
      chaos().happened(known_[store] ? Event::restored_tail : Event::restored_whole, backend_.process_, name_,
                       static_cast<int64_t>(records.size()));
    return real_.restore(store, records, next_offset);
  }
  Status finish_restore(size_t store) override { return real_.finish_restore(store); }
  Status changes(const Change& change) override { return real_.changes(change); }
  Status commit(std::span<const int64_t> changelog_offsets) override {
    chaos().crash_point(Event::crash_before_write, backend_.process_);
    auto done = real_.commit(changelog_offsets);
    chaos().crash_point(Event::crash_after_write, backend_.process_);
    return done;
  }
  void rollback() override {
    if (!chaos().sabotages(Sabotage::kept_overlay, 1'000'000, backend_.process_)) real_.rollback();
  }
  Status flush() override { return real_.flush(); }
  Status upkeep() override { return real_.upkeep(); }
  uint64_t size_bytes() const override { return real_.size_bytes(); }

 private:
  Chaos& chaos() { return backend_.chaos_; }
  std::unique_ptr<TaskDatabase> database(const TaskStateConfig& config, std::shared_ptr<DiskTask> disk) {
    size_t columns = 0;
    for (const auto& store : config.stores) columns += store.persistent ? 1 : 0;
    return std::make_unique<SimDatabase>(chaos(), backend_.process_, backend_.crashed_, std::move(disk), columns);
  }

  SimState& backend_;
  const std::string name_;
  LocalTaskState real_;
  std::vector<bool> known_;  // by store: whether its place in the changelog was on the disk
};

SimState::SimState(Chaos& chaos, int process) : chaos_(chaos), process_(process) {}
SimState::~SimState() = default;

Result<std::unique_ptr<TaskState>> SimState::open(const TaskStateConfig& config) {
  const std::string name = config.task.text();
  if (open_.contains(name))
    return Error{Recovery::stop_topology, "the state of task " + name + " is opened while it is open",
                 "this is a defect of kstreamd"};
  auto& disk = disk_[name];
  if (!disk) disk = std::make_shared<DiskTask>();
  if (!disk->columns.empty() && chaos_.strikes(Event::open_failed, process_, name)) disk->damaged = true;
  if (disk->damaged) return Error{Recovery::rebuild_state, "the simulated state of " + name + " is damaged", ""};
  return std::unique_ptr<TaskState>(std::make_unique<SimTaskState>(*this, name, config, disk));
}

Result<std::vector<KeptState>> SimState::kept(const std::string&) {
  std::vector<KeptState> kept;
  for (const auto& [name, task] : disk_)
    if (auto id = TaskId::parse(name)) kept.push_back({std::move(*id), 0});
  return kept;
}

Status SimState::wipe(const std::string&, const TaskId& task) {
  if (open_.contains(task.text()))
    return Error{Recovery::stop_topology, "the state of task " + task.text() + " is wiped while it is open",
                 "this is a defect of kstreamd"};
  chaos_.happened(Event::state_rebuilt, process_, task.text());
  disk_.erase(task.text());
  return {};
}

Result<std::string> SimState::instance_id(const std::string&) { return "i" + std::to_string(process_); }

void SimState::wipe_all() { disk_.clear(); }

TaskState* SimState::find(const TaskId& task) {
  auto found = open_.find(task.text());
  return found == open_.end() ? nullptr : found->second;
}

}  // namespace kstreamd::sim
