#include "core/runtime/global_follower.h"

#include <algorithm>

#include "core/base/log.h"

namespace kstreamd {
namespace {
constexpr Duration request_timeout = std::chrono::seconds(5);
constexpr Duration upkeep_interval = std::chrono::seconds(1);
constexpr Duration look_interval = std::chrono::seconds(10);  // between looks for new partitions
constexpr Duration look_timeout = std::chrono::seconds(1);    // tasks may wait to be restored meanwhile
constexpr size_t read_records = 10'000;
}  // namespace

Status GlobalFollower::step(Duration wait) {
  if (!reader_) KSTREAMD_TRY(start());
  batches_.clear();
  KSTREAMD_TRY(reader_->poll(batches_, read_records, wait));
  for (const auto& batch : batches_) KSTREAMD_TRY(apply(batch));
  find_whole();
  if (whole_ && ports_.clock.now() >= next_look_) KSTREAMD_TRY(look_for_partitions());
  if (ports_.clock.now() < next_upkeep_) return {};
  next_upkeep_ = ports_.clock.now() + upkeep_interval;
  return tables_.upkeep();
}

Status GlobalFollower::start() {
  begun_ = ports_.clock.now();
  next_look_ = begun_ + look_interval;
  auto reader = ports_.cluster.make_reader(true);
  if (!reader) return std::move(reader).error();
  reader_ = std::move(*reader);
  for (size_t table = 0; table < tables_.size(); ++table) KSTREAMD_TRY(start_table(table));
  return {};
}

Status GlobalFollower::start_table(size_t table) {
  const GlobalTable& declared = topology_.global_tables[table];
  const std::string topics[] = {declared.topic};
  auto described = ports_.cluster.admin().describe(topics, request_timeout);
  if (!described) return std::move(described).error();
  if (described->empty() || !described->front().exists)
    return Error{Recovery::retry_topology,
                 "topic '" + declared.topic + "' of global table '" + declared.name + "' does not exist", "create it"};
  std::vector<Partition> found;
  std::vector<int64_t> firsts;
  bool anew = false;
  for (int32_t p = 0; p < described->front().partitions; ++p) {
    auto marks = ports_.cluster.admin().watermarks({declared.topic, p}, request_timeout);
    if (!marks) return std::move(marks).error();
    auto position = tables_.position(table, p);
    if (!position) return std::move(position).error();
    // Below the first record there were some that this state has not seen, deletions perhaps.
    anew = anew || *position > marks->high || (*position > 0 && *position < marks->low);
    found.push_back({table, p, std::max(*position, marks->low), marks->high, 0});
    firsts.push_back(marks->low);
  }
  if (anew) {
    log(LogLevel::warn, "a global table is read anew: its topic is not the one that its state was read from",
        {{"topology", topology_.name}, {"table", declared.name}, {"topic", declared.topic}});
    KSTREAMD_TRY(tables_.restart(table));
    for (size_t i = 0; i < found.size(); ++i) found[i].position = firsts[i];
  }
  for (const auto& partition : found) KSTREAMD_TRY(follow(partition));
  known_.push_back(static_cast<int32_t>(found.size()));
  return {};
}

Status GlobalFollower::follow(const Partition& partition) {
  const auto& topic = topology_.global_tables[partition.table].topic;
  KSTREAMD_TRY(
      reader_->assign(static_cast<int32_t>(partitions_.size()), {topic, partition.partition}, partition.position));
  partitions_.push_back(partition);
  return {};
}

// Partitions that a topic has got meanwhile are read from their beginning. What cannot be found out now is asked again.
Status GlobalFollower::look_for_partitions() {
  next_look_ = ports_.clock.now() + look_interval;
  for (size_t table = 0; table < tables_.size(); ++table) {
    const auto& declared = topology_.global_tables[table];
    const std::string topics[] = {declared.topic};
    const auto described = ports_.cluster.admin().describe(topics, look_timeout);
    if (!described || described->empty() || described->front().partitions <= known_[table]) continue;
    log(LogLevel::info, "the topic of a global table has got more partitions",
        {{"topology", topology_.name},
         {"table", declared.name},
         {"topic", declared.topic},
         {"partitions", described->front().partitions}});
    for (int32_t& p = known_[table]; p < described->front().partitions; ++p) KSTREAMD_TRY(follow({table, p, 0, 0, 0}));
  }
  return {};
}

Status GlobalFollower::apply(const FetchedBatch& batch) {
  Partition& partition = partitions_[static_cast<size_t>(batch.slot)];
  if (batch.next_offset > partition.position) {
    KSTREAMD_TRY(tables_.apply(partition.table, partition.partition, batch.records, batch.next_offset));
    partition.position = batch.next_offset;
    partition.applied += static_cast<int64_t>(batch.records.size());
  }
  // What is before an end that can be read may be in a transaction that is open: it was not there at the beginning.
  if (batch.at_end) partition.end = std::min(partition.end, partition.position);
  return {};
}

void GlobalFollower::find_whole() {
  if (whole_ ||
      !std::all_of(partitions_.begin(), partitions_.end(), [](const Partition& p) { return p.position >= p.end; }))
    return;
  whole_ = true;
  int64_t records = 0;
  for (const auto& partition : partitions_) records += partition.applied;
  log(LogLevel::info, "the global tables are there",
      {{"topology", topology_.name},
       {"tables", tables_.size()},
       {"records", records},
       {"seconds", std::chrono::duration<double>(ports_.clock.now() - begun_).count()}});
}

std::vector<RestoreStatus> GlobalFollower::progress() const {
  std::vector<RestoreStatus> all;
  for (const auto& table : topology_.global_tables)
    all.push_back({topology_.stores[static_cast<size_t>(table.store)].name, 0, 0});
  for (const auto& partition : partitions_) {
    all[partition.table].restored += partition.applied;
    all[partition.table].remaining += std::max<int64_t>(partition.end - partition.position, 0);
  }
  return all;
}

}  // namespace kstreamd
