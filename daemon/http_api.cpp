#include "daemon/http_api.h"

#include <map>
#include <nlohmann/json.hpp>

#include "core/base/log.h"
#include "daemon/address.h"
#include "daemon/log_api.h"
#include "daemon/plugins_json.h"

namespace kstreamd {
namespace {

using nlohmann::json;

std::string dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"; }

json inputs_json(const TaskStatus& task) {
  json inputs = json::array();
  for (const auto& input : task.inputs)
    inputs.push_back({{"topic", input.topic},
                      {"partition", input.partition},
                      {"position", input.position},
                      {"committed", input.committed},
                      {"lag", input.lag}});
  return inputs;
}

json task_json(const std::string& topology, const TaskStatus& task) {
  json restores = json::array();
  for (const auto& restore : task.restores)
    restores.push_back({{"store", restore.store}, {"restored", restore.restored}, {"remaining", restore.remaining}});
  return {
      {"topology", topology},        {"id", task.id},       {"state", phase_name(task.phase)}, {"worker", task.worker},
      {"inputs", inputs_json(task)}, {"restores", restores}};
}

json topologies_json(const std::vector<TopologyStatus>& topologies) {
  json list = json::array();
  for (const auto& topology : topologies) {
    int running = 0;
    int64_t lag = 0;
    for (const auto& task : topology.tasks) {
      running += task.phase == TaskPhase::running;
      for (const auto& input : task.inputs) lag += std::max<int64_t>(input.lag, 0);
    }
    json entry = {{"name", topology.name},
                  {"state", phase_name(topology.phase)},
                  {"ready", topology.ready()},
                  {"drained", topology.drained},
                  {"detail", topology.detail},
                  {"error", topology.error.empty() ? json() : json(topology.error)},
                  {"retry_in_ms", topology.retry_in_ms < 0 ? json() : json(topology.retry_in_ms)},
                  {"tasks", topology.tasks.size()},
                  {"tasks_running", running},
                  {"lag", lag}};
    list.push_back(std::move(entry));
  }
  return {{"topologies", std::move(list)}};
}

json tasks_json(const std::vector<TopologyStatus>& topologies) {
  json list = json::array();
  for (const auto& topology : topologies)
    for (const auto& task : topology.tasks) list.push_back(task_json(topology.name, task));
  return {{"tasks", std::move(list)}};
}

std::string why_not_ready(const TopologyStatus& topology) {
  if (topology.phase != TopologyPhase::running) {
    std::string why = topology.name + ": " + phase_name(topology.phase);
    if (!topology.error.empty()) return why + ": " + topology.error;
    return topology.detail.empty() ? why : why + ": " + topology.detail;
  }
  size_t waiting = 0;
  int64_t remaining = 0;
  std::map<std::string, int64_t> stores;
  for (const auto& task : topology.tasks) {
    waiting += task.phase != TaskPhase::running;
    for (const auto& restore : task.restores) {
      remaining += restore.remaining;
      stores[restore.store] += restore.remaining;
    }
  }
  std::string why = topology.name + ": " + std::to_string(waiting) + " of " + std::to_string(topology.tasks.size()) +
                    " tasks are not running yet, " + std::to_string(remaining) + " changelog records to restore";
  std::string by_store;
  for (const auto& [store, records] : stores)
    if (records > 0) by_store += (by_store.empty() ? "" : ", ") + store + " " + std::to_string(records);
  return by_store.empty() ? why : why + " (" + by_store + ")";
}

// Whether a Host header names this machine the way a local client does.
bool local_host(const std::string& host) {
  auto address = parse_address(host);
  return host.empty() || (address && address->loopback());
}

}  // namespace

ApiResponse error_response(int status, const std::string& code, const std::string& message, const std::string& hint) {
  return {status, "application/json", dump({{"error", {{"code", code}, {"message", message}, {"hint", hint}}}})};
}

bool same_secret(const std::string& given, const std::string& wanted) {
  // Over the length of what was given: that much the sender knows anyway.
  unsigned difference = given.size() != wanted.size() || wanted.empty();
  for (size_t i = 0; i < given.size(); ++i) {
    const char expected = wanted.empty() ? '\0' : wanted[i % wanted.size()];
    difference |= static_cast<unsigned char>(given[i] ^ expected);
  }
  return difference == 0;
}

HttpApi::HttpApi(ApiSources sources, ApiAccess access)
    : sources_(std::move(sources)),
      access_(std::move(access)),
      log_(sources_.embedded_log
               ? std::make_unique<LogApi>(*sources_.embedded_log, sources_.default_partitions, sources_.catalog)
               : nullptr) {}

HttpApi::~HttpApi() = default;

ApiResponse HttpApi::handle(const ApiRequest& request) {
  try {
    return refuse_or_route(request);
  } catch (const std::exception& failure) {
    log(LogLevel::error, "an HTTP request failed", {{"path", request.path}, {"error", failure.what()}});
    return error_response(500, "internal", failure.what(), "this is a bug of kstreamd; its log has more");
  }
}

ApiResponse HttpApi::ready() const {
  json reasons = json::array();
  if (!sources_.applied()) reasons.push_back("the topologies are being started");
  for (const auto& topology : sources_.topologies())
    if (!topology.ready()) reasons.push_back(why_not_ready(topology));
  const bool is_ready = reasons.empty();
  return {is_ready ? 200 : 503, "application/json", dump({{"ready", is_ready}, {"reasons", std::move(reasons)}})};
}

ApiResponse HttpApi::refuse_or_route(const ApiRequest& request) {
  const std::string& path = request.path;
  const bool get = request.method == "GET" || request.method == "HEAD";
  // Probes carry no token.
  if (get && path == "/healthz")
    return {200, "application/json", dump({{"status", "ok"}, {"version", sources_.version}})};
  if (get && path == "/readyz") return ready();

  constexpr std::string_view scheme = "Bearer ";
  if (!access_.token.empty()) {
    if (!request.authorization.starts_with(scheme) ||
        !same_secret(request.authorization.substr(scheme.size()), access_.token))
      return error_response(
          401, "unauthorized", "this daemon asks for a token",
          "send it as 'Authorization: Bearer TOKEN'; kstreamd's commands take it from KSTREAMD_TOKEN");
  } else if (access_.local_names_only && !local_host(request.host)) {
    return error_response(403, "forbidden", "'" + request.host + "' is not a name of this machine",
                          "a daemon without a token answers to 127.0.0.1 and localhost only");
  }

  if (path.starts_with("/api/v1/topics")) {
    if (log_) return log_->handle(request);
    return error_response(404, "no_embedded_log", "this daemon runs on Kafka and serves no topics itself",
                          "reach them with --bootstrap HOST:PORT");
  }
  static const std::vector<std::string> known = {"/metrics", "/api/v1/topologies", "/api/v1/tasks", "/api/v1/plugins"};
  if (std::find(known.begin(), known.end(), path) == known.end())
    return error_response(404, "not_found", "there is no " + path,
                          "see /metrics, /healthz, /readyz, /api/v1/topologies, /api/v1/tasks, /api/v1/plugins, "
                          "/api/v1/topics");
  if (!get) return error_response(405, "method_not_allowed", path + " is only read", "use GET");
  if (path == "/metrics") return {200, "text/plain; version=0.0.4; charset=utf-8", sources_.metrics()};
  if (path == "/api/v1/topologies") return {200, "application/json", dump(topologies_json(sources_.topologies()))};
  if (path == "/api/v1/tasks") return {200, "application/json", dump(tasks_json(sources_.topologies()))};
  return {200, "application/json", dump({{"plugins", plugins_json(sources_.plugins())}})};
}

}  // namespace kstreamd
