#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "daemon/commands/commands.h"
#include "daemon/commands/target.h"
#include "daemon/daemon_client.h"
#include "daemon/drain_progress.h"
#include "daemon/text_table.h"

namespace kstreamd {
namespace {

using nlohmann::json;

int64_t lag_of(const json& task) {
  int64_t lag = 0;
  for (const auto& input : task.at("inputs")) lag += std::max<int64_t>(0, input.at("lag").get<int64_t>());
  return lag;
}

std::string restoration_of(const json& task) {
  std::string text;
  for (const auto& restore : task.at("restores")) {
    const auto restored = restore.at("restored").get<int64_t>(), remaining = restore.at("remaining").get<int64_t>();
    if (restored + remaining == 0) continue;
    text += (text.empty() ? "" : "; ") + restore.at("store").get<std::string>() + " " + grouped(restored);
    text += remaining == 0 ? " records" : ", " + grouped(remaining) + " to go";
  }
  return text.empty() ? "-" : text;
}

void print_status(const json& topologies, const json& tasks) {
  std::vector<std::vector<std::string>> rows = {{"TOPOLOGY", "STATE", "TASKS", "LAG"}};
  for (const auto& topology : topologies)
    rows.push_back({topology.at("name"), topology.at("state"),
                    std::to_string(topology.at("tasks_running").get<int>()) + "/" +
                        std::to_string(topology.at("tasks").get<int>()),
                    grouped(topology.at("lag"))});
  std::cout << table_text(rows);
  for (const auto& topology : topologies) {
    const std::string name = topology.at("name");
    if (topology.at("error").is_string()) std::cout << name << ": " << topology.at("error").get<std::string>() << "\n";
    if (topology.at("retry_in_ms").is_number())
      std::cout << name << ": starts again in " << topology.at("retry_in_ms") << " ms\n";
    if (const std::string detail = topology.at("detail"); !detail.empty()) std::cout << name << ": " << detail << "\n";
  }
  if (tasks.empty()) return;
  rows = {{"TOPOLOGY", "TASK", "STATE", "WORKER", "LAG", "RESTORED"}};
  for (const auto& task : tasks) {
    const int worker = task.at("worker");
    rows.push_back({task.at("topology"), task.at("id"), task.at("state"), worker < 0 ? "-" : std::to_string(worker),
                    grouped(lag_of(task)), restoration_of(task)});
  }
  std::cout << "\n";
  std::cout << table_text(rows);
}

}  // namespace

int status_command(const StatusOptions& options) {
  const auto settings = settings_of(options.common, process_environment());
  if (!settings) return kUsage;
  auto address = daemon_address(options.target);
  if (!address) return usage_error(address.error());
  DaemonClient daemon(*address, settings->token);
  json parts[2];
  const char* paths[] = {"/api/v1/topologies", "/api/v1/tasks"};
  const char* names[] = {"topologies", "tasks"};
  for (int i = 0; i < 2; ++i) {
    auto answer = daemon.get(paths[i]);
    if (!answer) {
      complain(answer.error());
      return answer.error().recovery == Recovery::retry_topology ? kUnreachable : kFailed;
    }
    parts[i] = json::parse(*answer, nullptr, false);
    if (!parts[i].is_object() || !parts[i].contains(names[i]))
      return failure({Recovery::stop_topology, address->text() + " does not answer like a kstreamd daemon", ""});
    parts[i] = parts[i][names[i]];
  }
  if (options.common.json())
    std::cout << json{{"topologies", parts[0]}, {"tasks", parts[1]}}.dump(2) << "\n";
  else
    print_status(parts[0], parts[1]);
  return kDone;
}

}  // namespace kstreamd
