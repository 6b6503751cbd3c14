#include "tests/sim/final_checks.h"

#include <algorithm>

#include "core/task/global_tables.h"

namespace kstreamd::sim {

bool FinalChecks::all_running() const {
  std::set<std::string> running;
  for (const auto& process : processes_) {
    if (!process->up()) return false;
    for (const auto& task : process->instance()->tasks()) {
      if (task.phase != TaskPhase::running) return false;
      if (!running.insert(task.id).second) return false;  // still to be given up by one of them
    }
  }
  return running.size() == topology_.sub_topologies.size() * static_cast<size_t>(plan_.partitions);
}

bool FinalChecks::globals_read() const {
  const auto ends = shape_.global_ends();
  for (const auto& table : topology_.global_tables)
    for (const auto& process : processes_) {
      TaskState* state = process->state().find(GlobalTables::state_id(table));
      if (!state) return false;
      for (size_t p = 0; p < ends.size(); ++p) {
        if (ends[p] == 0) continue;
        const auto position = state->store(1).get(std::to_string(p));
        if (!position || !position->present || std::stoll(std::string(position->value)) < ends[p]) return false;
      }
    }
  return true;
}

std::string FinalChecks::wrong() const {
  if (plan_.at_least_once) return "";
  const auto stages = shape_.stages();
  for (size_t i = 0; i < stages.size(); ++i)
    for (const auto& name : {stages[i].store, stages[i].last_store}) {
      if (name.empty()) continue;
      const bool last = name == stages[i].last_store;
      auto problem = check_store(name, [&](int32_t p) { return oracle_.rows(i, last, p, plan_.partitions); });
      if (!problem.empty()) return problem;
    }
  for (const auto& name : shape_.emptied_stores())
    if (auto problem = check_store(name, [](int32_t) { return Rows(); }); !problem.empty()) return problem;
  for (const auto& name : shape_.tables())
    if (auto problem = check_store(name, [&](int32_t p) { return shape_.table_rows(name, p); }); !problem.empty())
      return problem;
  return check_globals();
}

std::string FinalChecks::check_globals() const {
  for (const auto& table : topology_.global_tables)
    for (size_t i = 0; i < processes_.size(); ++i) {
      const std::string where = "global table " + table.name + " of process " + std::to_string(i);
      auto found = rows_of_state(processes_[i]->state().find(GlobalTables::state_id(table)), 0);
      if (!found) return where + " cannot be read: " + found.error().text();
      if (*found != shape_.global_rows()) return differences(where, shape_.global_rows(), *found);
    }
  return "";
}

std::string FinalChecks::check_store(const std::string& name, const RowsOfTask& wanted_of) const {
  const auto store =
      std::find_if(topology_.stores.begin(), topology_.stores.end(), [&](const Store& s) { return s.name == name; });
  const auto& sub = topology_.sub_topologies[static_cast<size_t>(store->sub_topology)];
  const auto number = std::find(sub.stores.begin(), sub.stores.end(), store - topology_.stores.begin());
  for (int32_t p = 0; p < plan_.partitions; ++p) {
    const Rows wanted = wanted_of(p);
    Rows kept = wanted;  // plain stores and those of sessions keep no timestamps
    if (store->type == "key_value" || store->type == "session")
      for (auto& [key, row] : kept) row.timestamp = 0;
    const std::string where = "store " + name + " of task " + TaskId{sub.name, p}.text();
    auto found = rows_of_store({sub.name, p}, static_cast<size_t>(number - sub.stores.begin()));
    if (!found) return where + " cannot be read: " + found.error().text();
    if (*found != kept) return differences(where, kept, *found);
    auto written = rows_of_changelog({store->changelog_topic, p});
    if (!written) return "the changelog of " + where + " cannot be read: " + written.error().text();
    std::erase_if(*written, [&](const auto& row) { return !shape_.live(p, row.first); });
    if (*written != wanted) return differences("the changelog of " + where, wanted, *written);
  }
  return "";
}

std::string FinalChecks::differences(const std::string& what, const Rows& wanted, const Rows& found) const {
  auto text = [](const Row& row) { return "'" + row.value + "'@" + std::to_string(row.timestamp); };
  for (const auto& [key, row] : wanted) {
    auto at = found.find(key);
    if (at == found.end()) return what + " lacks " + key + ": " + text(row);
    if (at->second != row) return what + " has " + key + " as " + text(at->second) + ", it should be " + text(row);
  }
  for (const auto& [key, row] : found)
    if (!wanted.contains(key)) return what + " has a row too many: " + key + ": " + text(row);
  return "";
}

Result<Rows> FinalChecks::rows_of_store(const TaskId& task, size_t number) const {
  TaskState* state = nullptr;
  for (const auto& process : processes_)
    if (TaskState* open = process->state().find(task)) state = open;
  return rows_of_state(state, number);
}

Result<Rows> FinalChecks::rows_of_state(TaskState* state, size_t number) const {
  if (!state) return Error{Recovery::stop_topology, "nobody has it open", ""};
  Rows rows;
  KSTREAMD_TRY(state->store(number).range({}, {}, false, [&](std::string_view key, const StoreValue& value) {
    rows[std::string(key)] = {std::string(value.value), value.timestamp};
    return true;
  }));
  return rows;
}

Result<Rows> FinalChecks::rows_of_changelog(const TopicPartition& changelog) const {
  auto reader = log_.make_reader(true);
  if (!reader) return std::move(reader).error();
  auto marks = log_.admin().watermarks(changelog, Duration(0));
  if (!marks) return std::move(marks).error();
  KSTREAMD_TRY((*reader)->assign(0, changelog, marks->low));
  Rows rows;
  for (bool at_end = false; !at_end;) {
    std::vector<FetchedBatch> batches;
    KSTREAMD_TRY((*reader)->poll(batches, 10'000, Duration(0)));
    if (batches.empty()) return Error{Recovery::stop_topology, "its end is not in sight", ""};
    for (const auto& batch : batches) {
      at_end = batch.at_end;
      for (const auto& record : batch.records) {
        const std::string key(raw_key(record.origin));
        if (record.origin.raw_value)
          rows[key] = {std::string(raw_value(record.origin)), record.timestamp};
        else
          rows.erase(key);
      }
    }
  }
  return rows;
}

}  // namespace kstreamd::sim
