#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/kafka/kafka_cluster.h"
#include "core/spec/values.h"
#include "core/state/rocksdb_state.h"
#include "daemon/commands/commands.h"
#include "daemon/drain_progress.h"
#include "daemon/real_clock.h"
#include "daemon/reset_plan.h"
#include "daemon/text_table.h"
#include "daemon/wiring.h"

namespace kstreamd {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr Duration kConnectTimeout = std::chrono::seconds(10);

Error wrong_usage(const std::string& message, const std::string& hint) {
  return Error{Recovery::stop_topology, message, hint};
}

int exit_code_of(const Error& error) {
  const bool unreachable = error.recovery == Recovery::retry || error.recovery == Recovery::retry_topology;
  return unreachable ? kUnreachable : kFailed;
}

Result<ResetTarget> target_of(const ResetOptions& options, const Clock& clock) {
  using Kind = ResetTarget::Kind;
  if (options.to_latest) return ResetTarget{Kind::latest, 0};
  if (options.to_offset) return ResetTarget{Kind::offset, *options.to_offset};
  if (options.shift_by) return ResetTarget{Kind::shift, *options.shift_by};
  if (options.by_duration) {
    const auto duration = parse_duration(*options.by_duration);
    if (!duration) return wrong_usage("--by-duration '" + *options.by_duration + "' is not a duration", duration_hint);
    return ResetTarget{Kind::time, clock.wall_ms() - duration->count()};
  }
  if (options.to_datetime) {
    const auto time = parse_datetime(*options.to_datetime);
    if (!time)
      return wrong_usage("--to-datetime '" + *options.to_datetime + "' is not a time",
                         "write it as 2026-11-26T12:00:00, with Z or +01:00 behind it; without, it is UTC");
    return ResetTarget{Kind::time, *time};
  }
  return ResetTarget{};
}

// Null when it was refused; everything was said.
std::shared_ptr<const Topology> topology_of(const ResetOptions& options, const Settings& settings) {
  auto host = make_plugin_host();
  if (!settings.plugins.empty() && fs::exists(settings.plugins))
    for (const auto& problem : host->load_folder(settings.plugins)) complain(problem.error);
  const auto loaded = load_topologies({options.topology}, *host, settings.plugins);
  for (const auto& diagnostic : loaded.diagnostics)
    if (diagnostic.severity == Severity::error) std::cerr << text(diagnostic) << "\n";
  if (loaded.failed) return nullptr;
  if (loaded.topologies.size() == 1) return loaded.topologies.front();
  complain(wrong_usage(options.topology + " holds " + std::to_string(loaded.topologies.size()) + " topologies",
                       "reset one at a time: name its file"));
  return nullptr;
}

Result<std::unique_ptr<Cluster>> cluster_of(const Settings& settings, const Clock& clock) {
  if (!settings.embedded) return make_kafka_cluster(settings.kafka);
  if (!fs::exists(*settings.embedded + "/log"))
    return wrong_usage("there is no log in " + *settings.embedded, "name the folder of the log with --embedded=DIR");
  auto log = open_embedded_log(*settings.embedded, settings.partitions, clock);
  if (log) return log;
  Error error = std::move(log).error();
  if (fs::exists(address_file(*settings.embedded))) error.hint = "a daemon runs on it: stop it, then reset";
  return error;
}

// Null when there is no state in the folder, which is left as it is then.
Result<std::unique_ptr<StateBackend>> state_of(const Settings& settings, const Clock& clock) {
  std::error_code ignored;
  if (settings.state_dir.empty() || !fs::exists(settings.state_dir + "/.format", ignored))
    return std::unique_ptr<StateBackend>();
  return open_state_folder({.folder = settings.state_dir}, clock);
}

std::string name_of(const GroupMemberInfo& member) {
  return (member.instance_id.empty() ? member.member_id : member.instance_id) + " (" + member.client_id + " at " +
         member.host + ")";
}

Error members_refusal(const ResetPlan& plan) {
  std::string who;
  for (const auto& member : plan.members) who += (who.empty() ? "" : ", ") + name_of(member);
  return Error{Recovery::stop_topology,
               "topology '" + plan.topology +
                   "' is running, or was until just now: in its "
                   "group are " +
                   who,
               "stop all of its instances; one that was stopped keeps its place until its session ends (30 s), or is "
               "removed at once with --force"};
}

std::string offset_text(int64_t offset) { return offset < 0 ? "-" : std::to_string(offset); }

void print_topics(const char* title, const std::vector<TopicInfo>& topics) {
  if (topics.empty()) return;
  std::vector<std::vector<std::string>> rows = {{"TOPIC", "PARTITIONS"}};
  for (const auto& topic : topics) rows.push_back({topic.name, std::to_string(topic.partitions)});
  std::cout << title << "\n" << table_text(rows, "  ");
}

void print_plan(const ResetPlan& plan, const std::string& state_dir) {
  std::cout << "topology " << plan.topology << "\n";
  std::vector<std::vector<std::string>> rows = {{"TOPIC", "PARTITION", "COMMITTED", "NEW", "BEGINS", "ENDS", ""}};
  for (const auto& change : plan.offsets)
    rows.push_back({change.partition.topic, std::to_string(change.partition.partition),
                    offset_text(change.facts.committed), std::to_string(change.to.offset),
                    std::to_string(change.facts.low), std::to_string(change.facts.high), change.to.note});
  if (rows.size() > 1) std::cout << "offsets to be set:\n" << table_text(rows, "  ");
  for (const auto& topic : plan.missing) std::cout << "source topic " << topic << " does not exist: nothing to set\n";
  print_topics("internal topics to be deleted:", plan.topics);
  print_topics("left as they are, though their names look internal (--internal-topic TOPIC deletes one):",
               plan.similar);
  rows = {{"TASK", "SIZE"}};
  for (const auto& kept : plan.state) rows.push_back({kept.task.text(), bytes_text(kept.bytes)});
  if (rows.size() > 1)
    std::cout << "local state to be removed in " << state_dir << ":\n" << table_text(rows, "  ");
  else
    std::cout << "no local state " << (state_dir.empty() ? "" : "in " + state_dir) << "\n";
  for (const auto& sink : plan.sinks) std::cout << "sink topic " << sink << " stays as it is\n";
}

json json_of(const std::vector<TopicInfo>& topics) {
  json list = json::array();
  for (const auto& topic : topics) list.push_back({{"name", topic.name}, {"partitions", topic.partitions}});
  return list;
}

json json_of(const ResetPlan& plan, const std::string& state_dir) {
  json offsets = json::array(), tasks = json::array(), members = json::array();
  for (const auto& change : plan.offsets)
    offsets.push_back({{"topic", change.partition.topic},
                       {"partition", change.partition.partition},
                       {"committed", change.facts.committed < 0 ? json() : json(change.facts.committed)},
                       {"new", change.to.offset},
                       {"begins", change.facts.low},
                       {"ends", change.facts.high},
                       {"note", change.to.note}});
  for (const auto& kept : plan.state) tasks.push_back({{"id", kept.task.text()}, {"bytes", kept.bytes}});
  for (const auto& member : plan.members)
    members.push_back({{"instance_id", member.instance_id},
                       {"member_id", member.member_id},
                       {"client_id", member.client_id},
                       {"host", member.host}});
  return {{"topology", plan.topology},
          {"members", members},
          {"offsets", offsets},
          {"missing_topics", plan.missing},
          {"internal_topics", json_of(plan.topics)},
          {"similar_topics", json_of(plan.similar)},
          {"sink_topics", plan.sinks},
          {"state", {{"folder", state_dir}, {"tasks", tasks}}}};
}

int show(const ResetOptions& options, const Settings& settings, const ResetPlan& plan) {
  if (options.common.json()) {
    json shown = json_of(plan, settings.state_dir);
    shown["executed"] = false;
    std::cout << shown.dump(2) << "\n";
  } else {
    print_plan(plan, settings.state_dir);
    if (plan.members.empty()) std::cout << "nothing was changed; --execute does it\n";
  }
  return plan.members.empty() ? kDone : failure(members_refusal(plan));
}

int execute(const ResetOptions& options, const Settings& settings, ResetPlan& plan, Admin& admin, StateBackend* state) {
  if (!plan.members.empty()) {
    if (!options.force) return failure(members_refusal(plan));
    if (auto expelled = expel_members(plan, admin); !expelled) {
      complain(expelled.error());
      return exit_code_of(expelled.error());
    }
  }
  const bool text = !options.common.json();
  if (text) print_plan(plan, settings.state_dir);
  auto done = execute_reset(plan, admin, state, [text](const std::string& step) {
    if (text) std::cout << step << std::endl;
  });
  if (!done) {
    complain(done.error());
    std::cerr << "  the reset is not complete: do it again with the same options\n";
    return exit_code_of(done.error());
  }
  if (text) return kDone;
  json shown = json_of(plan, settings.state_dir);
  shown["executed"] = true;
  std::cout << shown.dump(2) << "\n";
  return kDone;
}

}  // namespace

int reset_command(const ResetOptions& options) {
  const RealClock clock;
  const auto settings = settings_of(options.common, process_environment());
  if (!settings) return kUsage;
  if (auto chosen = check_cluster_chosen(*settings); !chosen) return usage_error(chosen.error());
  if (settings->in_memory())
    return usage_error(wrong_usage("a log in memory ends with its process: there is nothing to reset",
                                   "name a folder with --embedded=DIR, or Kafka with --bootstrap HOST:PORT"));
  if (!settings->embedded)
    if (auto usable = check_kafka_properties(settings->kafka); !usable) return usage_error(usable.error());
  const auto target = target_of(options, clock);
  if (!target) return usage_error(target.error());
  set_up_log(LogLevel::warn, settings->log_format);
  const auto topology = topology_of(options, *settings);
  if (!topology) return kUsage;
  const auto refuse = [](const Error& error) {
    complain(error);
    return exit_code_of(error);
  };
  auto cluster = cluster_of(*settings, clock);
  if (!cluster) return refuse(cluster.error());
  Admin& admin = (*cluster)->admin();
  if (auto reached = admin.cluster_id(kConnectTimeout); !reached) return refuse(reached.error());
  // Held from now on, so that no daemon begins with what is being removed.
  auto state = state_of(*settings, clock);
  if (!state) return refuse(state.error());
  auto plan = plan_reset(*topology, *target, options.internal_topics, admin, state->get());
  if (!plan) return refuse(plan.error());
  if (!options.execute) return show(options, *settings, *plan);
  return execute(options, *settings, *plan, admin, state->get());
}

}  // namespace kstreamd
