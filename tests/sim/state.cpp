#include "tests/sim/state.h"

#include "core/state/local_task_state.h"
#include "tests/sim/database.h"

namespace kstreamd::sim {

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
  Status changes(const Change& change) override {
    KSTREAMD_TRY(real_.changes(change));
    if (!chaos().sabotages(Sabotage::early_write, 1'000'000, backend_.process_)) return {};
    KSTREAMD_TRY(real_.commit({}));
    return real_.flush();
  }
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
    std::vector<StoreConfig> columns;
    for (const auto& store : config.stores)
      if (store.persistent) columns.push_back(store);
    return make_sim_database(chaos(), backend_.process_, backend_.crashed_, std::move(disk), std::move(columns));
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
  if (auto& disk = disk_[task.text()]; disk && chaos_.sabotages(Sabotage::kept_position, 1'000'000, process_)) {
    disk->damaged = false;
    for (auto& column : disk->columns) column.rows.clear();
    return {};
  }
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
