#include "daemon/commands/target.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/kafka/kafka_cluster.h"
#include "daemon/daemon_client.h"
#include "daemon/wiring.h"

namespace kstreamd {
namespace {

constexpr Duration kConnectTimeout = std::chrono::seconds(10);

std::unique_ptr<TopicClient> connected(std::unique_ptr<TopicClient> client, int& exit_code) {
  if (auto reached = client->connect(kConnectTimeout); !reached) {
    complain(reached.error());
    const auto recovery = reached.error().recovery;
    exit_code = recovery == Recovery::retry || recovery == Recovery::retry_topology ? kUnreachable : kFailed;
    return nullptr;
  }
  return client;
}

std::unique_ptr<TopicClient> refused(int code, const Error& error, int& exit_code) {
  complain(error);
  exit_code = code;
  return nullptr;
}

std::unique_ptr<TopicClient> open_folder(const Settings& settings, bool only_reads, const Clock& clock,
                                         int& exit_code) {
  const std::string& folder = *settings.embedded;
  if (settings.in_memory())
    return refused(kUsage,
                   {Recovery::stop_topology, "a log in memory belongs to one process alone",
                    "name its folder with --embedded=DIR, or reach a running daemon with --daemon HOST:PORT"},
                   exit_code);
  if (only_reads && !std::filesystem::exists(folder))
    return refused(kFailed,
                   {Recovery::stop_topology, "there is no log in '" + folder + "'",
                    "is the folder right? 'kstreamd run' and 'kstreamd produce' make one"},
                   exit_code);
  auto log = open_embedded_log(folder, settings.partitions, clock);
  if (log) return connected(make_cluster_topic_client(std::move(log).value(), settings.partitions, clock), exit_code);
  // Somebody has it open: a daemon says where it listens.
  std::ifstream file(address_file(folder));
  std::string text;
  if (!std::getline(file, text)) return refused(kFailed, log.error(), exit_code);
  auto address = parse_address(text);
  if (!address) return refused(kFailed, log.error(), exit_code);
  return connected(make_daemon_topic_client(*address, settings.token, clock), exit_code);
}

}  // namespace

std::unique_ptr<ProcessorCatalog> plugins_for_serdes(const CommonOptions& common,
                                                     std::initializer_list<std::string> names) {
  if (std::all_of(names.begin(), names.end(), [](const std::string& name) { return find_serde(name); })) return nullptr;
  const auto settings = settings_of(common, process_environment());
  if (!settings || settings->plugins.empty()) return nullptr;
  auto host = make_plugin_host();
  for (const auto& problem : host->load_folder(settings->plugins)) complain(problem.error);
  return host;
}

Result<Address> daemon_address(const TargetOptions& target) {
  return parse_address(target.daemon.value_or(process_environment()("KSTREAMD_DAEMON").value_or(kDefaultAddress)));
}

std::unique_ptr<TopicClient> open_target(const CommonOptions& common, const TargetOptions& target, const Clock& clock,
                                         int& exit_code) {
  const auto settings = settings_of(common, process_environment());
  if (!settings) {
    exit_code = kUsage;
    return nullptr;
  }
  if (target.daemon && (common.layer.embedded || common.layer.kafka.contains("bootstrap.servers")))
    return refused(
        kUsage, {Recovery::stop_topology, "--daemon does not go with --bootstrap or --embedded", "choose one of them"},
        exit_code);
  set_up_log(LogLevel::warn, settings->log_format);
  if (!target.daemon && settings->embedded) return open_folder(*settings, target.only_reads, clock, exit_code);
  if (!target.daemon && settings->kafka.contains("bootstrap.servers")) {
    if (auto usable = check_kafka_properties(settings->kafka); !usable)
      return refused(kUsage, usable.error(), exit_code);
    return connected(make_cluster_topic_client(make_kafka_cluster(settings->kafka), 0, clock), exit_code);
  }
  auto address = daemon_address(target);
  if (!address) return refused(kUsage, address.error(), exit_code);
  return connected(make_daemon_topic_client(*address, settings->token, clock), exit_code);
}

}  // namespace kstreamd
