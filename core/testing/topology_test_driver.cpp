#include "core/testing/topology_test_driver.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "core/record/murmur2.h"
#include "core/serde/objects.h"
#include "core/state/memory_state.h"
#include "core/task/task_store.h"

namespace kstreamd {
namespace {

constexpr size_t kRound = 4096;  // records of a task before the others have their turn
// Of real time, for completions of a processor that may as well complete in its next punctuation.
constexpr std::chrono::milliseconds kPatience{50};
constexpr const char* kDropped = "kstreamd_records_dropped_total";

// The partition counts of all source topics.
std::map<std::string, int32_t> source_partitions(const Topology& topology, const DriverOptions& options) {
  std::map<std::string, int32_t> partitions = options.partitions;
  for (const auto& topic : topology.source_topics()) partitions.try_emplace(topic, 1);
  return partitions;
}

// The topology with the topics of its patterns. Records come one by one here: none waits for another input's.
Result<std::shared_ptr<const Topology>> as_run(std::shared_ptr<const Topology> topology, const DriverOptions& options) {
  if (!topology->has_patterns() && topology->max_task_idle.count() == 0) return topology;
  std::vector<std::string> existing = options.topics;
  for (const auto& [topic, count] : options.partitions) existing.push_back(topic);
  std::vector<GraphProblem> problems;
  Topology resolved = with_pattern_topics(*topology, existing, problems);
  if (!problems.empty()) return Error{Recovery::stop_topology, problems[0].message, problems[0].hint};
  resolved.max_task_idle = std::chrono::milliseconds(0);
  return std::make_shared<const Topology>(std::move(resolved));
}

Error not_a_source(const Topology& topology, const std::string& topic) {
  std::string names;
  for (const auto& name : topology.source_topics()) names += (names.empty() ? "" : ", ") + name;
  return {Recovery::stop_topology, "no source of topology '" + topology.name + "' reads topic '" + topic + "'",
          "its sources read " + names};
}

}  // namespace

// Told by threads that complete held records.
class TopologyTestDriver::Alarm {
 public:
  void ring() {
    std::lock_guard lock(mutex_);
    ++rung_;
    changed_.notify_all();
  }
  uint64_t rung() const {
    std::lock_guard lock(mutex_);
    return rung_;
  }
  // False: nothing rang since `seen` was asked for, up to the deadline.
  bool wait(uint64_t seen, std::chrono::milliseconds deadline) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, deadline, [&] { return rung_ != seen; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t rung_ = 0;
};

Result<std::unique_ptr<TopologyTestDriver>> TopologyTestDriver::make(std::shared_ptr<const Topology> topology,
                                                                     const ProcessorCatalog& processors,
                                                                     DriverOptions options) {
  auto runnable = as_run(std::move(topology), options);
  if (!runnable) return std::move(runnable).error();
  topology = std::move(*runnable);
  auto plan = plan_tasks(*topology, source_partitions(*topology, options));
  if (!plan) return std::move(plan).error();
  auto partitions = options.partitions;
  for (const auto* made : {&plan->repartition_partitions, &plan->changelog_partitions})
    for (const auto& [topic, count] : *made) partitions[topic] = count;
  std::unique_ptr<TopologyTestDriver> driver(new TopologyTestDriver(std::move(topology), processors, std::move(options),
                                                                    std::move(plan).value(), std::move(partitions)));
  KSTREAMD_TRY(driver->start());
  return driver;
}

TopologyTestDriver::TopologyTestDriver(std::shared_ptr<const Topology> topology, const ProcessorCatalog& processors,
                                       DriverOptions options, TaskPlan plan, std::map<std::string, int32_t> partitions)
    : topology_(std::move(topology)),
      processors_(processors),
      options_(std::move(options)),
      plan_(std::move(plan)),
      output_topics_(*topology_),
      alarm_(std::make_shared<Alarm>()),
      log_(std::move(partitions), 1, options_.seed),
      producer_(log_),
      backend_(make_memory_state()),
      random_(options_.seed) {
  clock_.set_wall_ms(options_.start_ms);
  outputs_.producer = &producer_;
  for (const auto& topic : output_topics_.names())
    outputs_.handles.push_back(producer_.open_topic(topic, Duration(0)).value());
}

TopologyTestDriver::~TopologyTestDriver() = default;

Result<std::unique_ptr<TaskState>> TopologyTestDriver::restored_state(const PlannedTask& plan) {
  const auto& stores = topology_->sub_topologies[static_cast<size_t>(plan.sub_topology)].stores;
  if (stores.empty()) return std::unique_ptr<TaskState>();
  TaskStateConfig config{topology_->name, plan.id, "test", {}};
  for (int index : stores) config.stores.push_back(store_config(topology_->stores[static_cast<size_t>(index)]));
  auto state = backend_->open(config);
  if (!state) return state;
  for (size_t i = 0; i < stores.size(); ++i) {
    const Store& store = topology_->stores[static_cast<size_t>(stores[i])];
    if (!store.changelogged) continue;
    const auto changes = log_.topic(store.changelog_topic).fetch(plan.id.partition, 0, true);
    if (changes.next_offset <= 0) continue;
    KSTREAMD_TRY((*state)->restore(i, changes.records, changes.next_offset));
    KSTREAMD_TRY((*state)->finish_restore(i));
  }
  return state;
}

// From the beginning: they have nothing that their topics have not.
Status TopologyTestDriver::open_globals() {
  globals_.reset();
  if (topology_->global_tables.empty()) return {};
  for (const auto& table : topology_->global_tables)
    KSTREAMD_TRY(backend_->wipe(topology_->name, GlobalTables::state_id(table)));
  auto opened = GlobalTables::open(*topology_, "test", {*backend_, processors_, metrics_});
  if (!opened) return std::move(opened).error();
  globals_ = std::move(*opened);
  return follow_globals();
}

// What their topics have got since the last time.
Status TopologyTestDriver::follow_globals() {
  for (size_t t = 0; globals_ && t < globals_->size(); ++t) {
    DriverTopic& topic = log_.topic(topology_->global_tables[t].topic);
    for (int32_t p = 0; p < topic.partition_count(); ++p) {
      const auto position = globals_->position(t, p);
      if (!position) return position.error();
      if (*position == topic.end_offset(p)) continue;
      const auto batch = topic.fetch(p, *position, false);
      KSTREAMD_TRY(globals_->apply(t, p, batch.records, batch.next_offset));
    }
  }
  return {};
}

Status TopologyTestDriver::start() {
  KSTREAMD_TRY(open_globals());
  const TaskServices services{processors_, metrics_,      clock_, [alarm = alarm_] { alarm->ring(); },
                              nullptr,     globals_.get()};
  for (const auto& plan : plan_.tasks) {
    auto state = restored_state(plan);
    if (!state) return std::move(state).error();
    Running running;
    std::vector<InputStart> starts;
    for (const auto& input : plan.inputs) {
      running.topics.push_back(&log_.topic(input.partition.topic));
      starts.push_back(committed_[input.partition]);
      running.fed.push_back(starts.back().offset);
    }
    auto task = Task::make(*topology_, output_topics_, plan, std::move(state).value(), starts, outputs_, services);
    if (!task) return std::move(task).error();
    running.task = std::move(task).value();
    // What there is, if only that there is nothing: no task waits for an input whose end it does not know.
    for (size_t i = 0; i < running.topics.size(); ++i) {
      auto batch = running.topics[i]->fetch(plan.inputs[i].partition.partition, running.fed[i], false);
      running.fed[i] = batch.next_offset;
      running.task->buffer(i, std::move(batch));
    }
    tasks_.push_back(std::move(running));
  }
  return {};
}

// ---- Steps

// Runs a step, and stops the topology when it fails.
template <typename Step>
Status TopologyTestDriver::guarded(Step step) {
  if (stopped_) return Error{Recovery::stop_topology, "the topology has stopped: " + stopped_->message, stopped_->hint};
  auto done = step();
  if (done) return {};
  return stop(std::move(done).error());
}

Status TopologyTestDriver::stop(Error error) {
  auto again = restart();
  stopped_ = std::move(error);
  if (!again) tasks_.clear();
  return *stopped_;
}

Status TopologyTestDriver::restart() {
  tasks_.clear();
  globals_.reset();
  log_.abort();
  metrics_.rollback();
  return start();
}

Status TopologyTestDriver::send(std::span<const InputRecord> records) {
  for (const auto& record : records) {
    if (!is_source(record.topic)) return not_a_source(*topology_, record.topic);
    const int32_t partitions = log_.topic(record.topic).partition_count();
    if (record.partition && *record.partition >= partitions)
      return Error{Recovery::stop_topology,
                   "topic '" + record.topic + "' has no partition " + std::to_string(*record.partition) + ", only " +
                       std::to_string(partitions),
                   "partitions count from 0; a test says how many a topic has (partitions:)"};
  }
  return guarded([&]() -> Status {
    for (const auto& record : records) {
      KSTREAMD_TRY(append(record));
      if (!options_.together) KSTREAMD_TRY(settle(Held::may_stay));
    }
    if (options_.together) KSTREAMD_TRY(settle(Held::may_stay));
    return options_.manual_commits ? Status() : commit_once();
  });
}

Status TopologyTestDriver::append(const InputRecord& record) {
  auto& topic = log_.topic(record.topic);
  LoggedRecord logged;
  logged.key = record.key;
  logged.value = record.value;
  logged.timestamp = record.timestamp.value_or(wall_ms());
  logged.headers = record.headers;
  logged.sent = true;
  logged.committed = true;
  // Whoever writes windowed keys partitions by the inner key.
  const auto serdes = input_serdes(record.topic);
  logged.partition = record.partition ? *record.partition
                     : record.key
                         ? partition_of_key(serdes ? serdes->key->partitioning_bytes(*record.key) : *record.key,
                                            topic.partition_count())
                         : topic.next_partition();
  topic.append(std::move(logged));
  return {};
}

Status TopologyTestDriver::send(const std::string& topic, const Value& key, const Value& value,
                                std::optional<int64_t> timestamp) {
  const auto serdes = input_serdes(topic);
  if (!serdes) return not_a_source(*topology_, topic);
  InputRecord record;
  record.topic = topic;
  record.timestamp = timestamp;
  Arena arena(1024);
  const auto write = [&](const char* what, const Serde& serde, const Value& from,
                         std::optional<std::string>& to) -> Status {
    if (is_null(from)) return {};
    auto bytes = write_value(serde, from, arena);
    if (!bytes) return std::move(bytes).error().in(std::string("the ") + what + " to send to '" + topic + "'");
    to = std::string(*bytes);
    return {};
  };
  KSTREAMD_TRY(write("key", *serdes->key, key, record.key));
  KSTREAMD_TRY(write("value", *serdes->value, value, record.value));
  return send(record);
}

Status TopologyTestDriver::commit() {
  return guarded([&] { return commit_once(); });
}

Status TopologyTestDriver::advance(std::chrono::milliseconds by) {
  return guarded([&]() -> Status {
    clock_.advance(by);
    for (auto& running : tasks_) KSTREAMD_TRY(running.task->punctuate_wall_clock());
    KSTREAMD_TRY(settle(Held::may_stay));
    return options_.manual_commits ? Status() : commit_once();
  });
}

Status TopologyTestDriver::crash() {
  stopped_.reset();
  return guarded([&]() -> Status {
    KSTREAMD_TRY(restart());
    KSTREAMD_TRY(settle(Held::may_stay));
    return options_.manual_commits ? Status() : commit_once();
  });
}

// ---- Records on the move

Status TopologyTestDriver::settle(Held held) {
  const auto deadline = std::chrono::steady_clock::now() + options_.completion_deadline;
  while (true) {
    auto moved = pass();
    if (!moved) return std::move(moved).error();
    if (*moved > 0) continue;
    if (!in_flight()) return {};
    auto finished = await_completions();
    if (!finished) return std::move(finished).error();
    if (*finished) continue;
    if (held == Held::may_stay) return {};
    if (std::chrono::steady_clock::now() > deadline) return never_completed();
    KSTREAMD_TRY(turn_to_next_punctuation());
  }
}

bool TopologyTestDriver::in_flight() const {
  return std::any_of(tasks_.begin(), tasks_.end(), [](const Running& r) { return r.task->in_flight() > 0; });
}

// Gives every task its turn; how many records were processed.
Result<size_t> TopologyTestDriver::pass() {
  KSTREAMD_TRY(follow_globals());
  std::vector<Running*> order;
  for (auto& running : tasks_) order.push_back(&running);
  if (options_.seed != 0) std::shuffle(order.begin(), order.end(), random_);
  size_t moved = 0;
  for (auto* running : order) {
    auto processed = process(*running);
    if (!processed) return processed;
    moved += *processed;
  }
  return moved;
}

Result<size_t> TopologyTestDriver::process(Running& running) {
  for (size_t i = 0; i < running.topics.size(); ++i) {
    const int32_t partition = running.task->input(i).partition;
    if (running.topics[i]->end_offset(partition) == running.fed[i]) continue;
    auto batch = running.topics[i]->fetch(partition, running.fed[i], false);
    running.fed[i] = batch.next_offset;
    running.task->buffer(i, std::move(batch));
  }
  size_t total = 0;
  while (total < kRound) {
    auto some = running.task->process(std::min(options_.most_at_once, kRound - total));
    if (!some) return some;
    if (*some == 0) break;
    total += *some;
  }
  return total;
}

// When the next punctuation is due of a processor that may hold records: what it holds may wait for that.
std::optional<int64_t> TopologyTestDriver::next_holders_punctuation() const {
  std::optional<int64_t> next;
  for (const auto& running : tasks_) {
    const auto due = running.task->in_flight() > 0 ? running.task->next_wall_clock_ms(true) : std::nullopt;
    if (due) next = std::min(next.value_or(*due), *due);
  }
  return next;
}

Status TopologyTestDriver::turn_to_next_punctuation() {
  const auto due = next_holders_punctuation();
  if (!due) return never_completed();
  clock_.advance(std::chrono::milliseconds(std::max<int64_t>(*due - wall_ms(), 0)));
  for (auto& running : tasks_) KSTREAMD_TRY(running.task->punctuate_wall_clock(true));
  return {};
}

// Waits until something that was held is finished. False: it is not, and may wait for a punctuation.
Result<bool> TopologyTestDriver::await_completions() {
  const bool may_wait_for_punctuation = next_holders_punctuation().has_value();
  const auto patience =
      may_wait_for_punctuation ? std::min(kPatience, options_.completion_deadline) : options_.completion_deadline;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (true) {
    const uint64_t seen = alarm_->rung();
    size_t finished = 0;
    for (auto& running : tasks_) {
      auto some = running.task->finish_completed();
      if (!some) return std::move(some).error();
      finished += *some;
    }
    if (finished > 0) return true;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() > 0 && alarm_->wait(seen, left)) continue;
    if (may_wait_for_punctuation) return false;
    return never_completed();
  }
}

Error TopologyTestDriver::never_completed() const {
  std::string where;
  size_t held = 0;
  for (size_t i = 0; i < tasks_.size(); ++i) {
    const size_t mine = tasks_[i].task->in_flight();
    held += mine;
    if (mine == 0) continue;
    for (int index : topology_->sub_topologies[static_cast<size_t>(plan_.tasks[i].sub_topology)].nodes) {
      const Node& node = topology_->nodes[static_cast<size_t>(index)];
      const auto* info = node.processor_type.empty() ? nullptr : processors_.find(node.processor_type);
      if (info == nullptr || info->max_in_flight == 0) continue;
      where += (where.empty() ? "" : ", ") + std::string("node '") + node.name + "' (" + node.processor_type +
               ") of task " + tasks_[i].task->id().text();
    }
  }
  return {Recovery::stop_topology,
          std::to_string(held) + (held == 1 ? " record was" : " records were") + " not completed within " +
              std::to_string(options_.completion_deadline.count()) + " ms: held by " +
              (where.empty() ? "a processor" : where),
          "a processor has to complete, fail or drop each record that it holds"};
}

// The commit, over and over while it sets records in motion.
Status TopologyTestDriver::commit_once() {
  while (true) {
    KSTREAMD_TRY(settle(Held::finish));
    for (auto& running : tasks_) KSTREAMD_TRY(running.task->emit_updates());
    if (in_flight()) continue;  // what was put out at the commit is held now
    for (auto& running : tasks_) KSTREAMD_TRY(running.task->write_changes());
    log_.commit();
    for (size_t t = 0; t < tasks_.size(); ++t) {
      auto& task = *tasks_[t].task;
      std::vector<PartitionOffset> offsets;
      task.offsets(offsets, true);
      KSTREAMD_TRY(task.commit_state());
      for (const auto& offset : offsets) committed_[offset.partition] = input_start(offset.offset, offset.metadata);
    }
    metrics_.commit();
    auto moved = pass();
    if (!moved) return std::move(moved).error();
    if (*moved == 0) return {};
  }
}

// ---- Looking

std::vector<const LoggedRecord*> TopologyTestDriver::unread(const std::string& name) const {
  std::vector<const LoggedRecord*> records;
  const auto* topic = log_.find(name);
  if (topic == nullptr) return records;
  const auto from = read_.find(name);
  for (size_t i = from == read_.end() ? 0 : from->second; i < topic->records().size(); ++i) {
    const auto& record = topic->records()[i];
    if (!record.sent && !record.aborted) records.push_back(&record);
  }
  return records;
}

void TopologyTestDriver::mark_read(const std::string& name) {
  if (const auto* topic = log_.find(name)) read_[name] = topic->records().size();
}

std::vector<const LoggedRecord*> TopologyTestDriver::read(const std::string& topic) {
  auto records = unread(topic);
  mark_read(topic);
  return records;
}

std::vector<std::string> TopologyTestDriver::topics_with_unread(bool internal) const {
  std::vector<std::string> names;
  for (const auto& [name, topic] : log_.topics())
    if ((internal || !is_internal(name)) && !unread(name).empty()) names.push_back(name);
  return names;
}

bool TopologyTestDriver::is_source(const std::string& topic) const {
  const auto topics = topology_->source_topics();
  return std::find(topics.begin(), topics.end(), topic) != topics.end();
}

bool TopologyTestDriver::is_output(const std::string& topic) const {
  const auto& names = output_topics_.names();
  return std::find(names.begin(), names.end(), topic) != names.end() || outputs_.named.contains(topic);
}

bool TopologyTestDriver::is_internal(const std::string& topic) const {
  return plan_.repartition_partitions.contains(topic) || plan_.changelog_partitions.contains(topic);
}

std::optional<TopicSerdes> TopologyTestDriver::input_serdes(const std::string& topic) const {
  for (const auto& node : topology_->nodes)
    if (node.kind == NodeKind::source && std::find(node.topics.begin(), node.topics.end(), topic) != node.topics.end())
      return TopicSerdes{processors_.serde(node.key_serde), processors_.serde(node.value_serde)};
  for (const auto& table : topology_->global_tables) {
    const Store& store = topology_->stores[static_cast<size_t>(table.store)];
    if (table.topic == topic)
      return TopicSerdes{processors_.serde(store.key_serde), processors_.serde(store.value_serde)};
  }
  return std::nullopt;
}

std::optional<TopicSerdes> TopologyTestDriver::output_serdes(const std::string& topic) const {
  const Serde* bytes = processors_.serde("bytes");
  if (is_internal(topic)) return TopicSerdes{bytes, bytes};
  for (const auto& node : topology_->nodes)
    if (node.kind == NodeKind::sink && !node.topics.empty() && node.topics.front() == topic)
      return TopicSerdes{processors_.serde(node.key_serde), processors_.serde(node.value_serde)};
  if (topic == topology_->dead_letter_topic && !topic.empty()) return TopicSerdes{bytes, bytes};
  // Any other may be one that the records of a sink name.
  for (const auto& node : topology_->nodes)
    if (node.kind == NodeKind::sink && node.topics.empty())
      return TopicSerdes{processors_.serde(node.key_serde), processors_.serde(node.value_serde)};
  return std::nullopt;
}

// ---- Stores and counters

const Store* TopologyTestDriver::find_store(const std::string& name) const {
  for (const auto& store : topology_->stores)
    if (store.name == name) return &store;
  return nullptr;
}

template <typename Visit>
Status TopologyTestDriver::visit_store(const std::string& name, Visit visit) const {
  for (const auto& table : topology_->global_tables)
    if (topology_->stores[static_cast<size_t>(table.store)].name == name) return visit(*globals_->reader(table.store));
  for (size_t t = 0; t < tasks_.size(); ++t) {
    const auto& stores = topology_->sub_topologies[static_cast<size_t>(plan_.tasks[t].sub_topology)].stores;
    for (size_t i = 0; i < stores.size(); ++i)
      if (topology_->stores[static_cast<size_t>(stores[i])].name == name)
        KSTREAMD_TRY(visit(tasks_[t].task->state()->store(i)));
  }
  return {};
}

Result<std::optional<TopologyTestDriver::Row>> TopologyTestDriver::store_row(const std::string& name,
                                                                             std::string_view key) const {
  std::optional<Row> row;
  KSTREAMD_TRY(visit_store(name, [&](KeyValueStore& store) -> Status {
    if (auto* versions = store.versions()) {
      auto latest = versions->get(key, Version::open_end);
      if (!latest) return std::move(latest).error();
      if (latest->present) row = Row{std::string(latest->value), latest->from};
      return {};
    }
    auto found = store.get(key);
    if (!found) return std::move(found).error();
    if (found->present) row = Row{std::string(found->value), found->timestamp};
    return {};
  }));
  return row;
}

Result<uint64_t> TopologyTestDriver::store_rows(const std::string& name) const {
  uint64_t rows = 0;
  const auto count = [&rows](std::string_view, const auto&) {
    ++rows;
    return true;
  };
  KSTREAMD_TRY(visit_store(name, [&](KeyValueStore& store) {
    auto* versions = store.versions();
    return versions ? versions->latest(count) : store.range(std::nullopt, std::nullopt, false, count);
  }));
  return rows;
}

Result<std::vector<std::pair<std::string, TopologyTestDriver::Row>>> TopologyTestDriver::all_rows(
    const std::string& name) const {
  std::vector<std::pair<std::string, Row>> rows;
  KSTREAMD_TRY(visit_store(name, [&rows](KeyValueStore& store) -> Status {
    if (auto* versions = store.versions())
      return versions->latest([&rows](std::string_view key, const Version& version) {
        rows.emplace_back(key, Row{std::string(version.value), version.from});
        return true;
      });
    return store.range(std::nullopt, std::nullopt, false, [&rows](std::string_view key, const StoreValue& value) {
      rows.emplace_back(key, Row{std::string(value.value), value.timestamp});
      return true;
    });
  }));
  return rows;
}

uint64_t TopologyTestDriver::dropped(const std::string& reason, const std::string& node) const {
  Labels labels{{"reason", reason}};
  if (!node.empty()) labels["node"] = node;
  return static_cast<uint64_t>(metrics_.sum(kDropped, labels));
}

std::map<std::string, uint64_t> TopologyTestDriver::dropped() const {
  std::map<std::string, uint64_t> reasons;
  for (const auto& [reason, count] : metrics_.by_label(kDropped, "reason"))
    reasons[reason] = static_cast<uint64_t>(count);
  return reasons;
}

}  // namespace kstreamd
