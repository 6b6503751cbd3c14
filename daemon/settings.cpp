#include "daemon/settings.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <thread>

namespace kstreamd {
namespace {

constexpr const char* kBootstrap = "bootstrap.servers";

Error wrong(const std::string& message, const std::string& hint) {
  return Error{Recovery::stop_topology, message, hint};
}

Result<int32_t> positive(const std::string& name, const std::string& text) {
  int32_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || value < 1)
    return wrong(name + "='" + text + "' is not a number", "write a number from 1");
  return value;
}

// The strongest layer that says it.
template <typename T>
const std::optional<T>* first_of(const std::vector<SettingsLayer>& layers, std::optional<T> SettingsLayer::*member) {
  for (const auto& layer : layers)
    if (layer.*member) return &(layer.*member);
  return nullptr;
}

template <typename T>
void take(T& into, const std::vector<SettingsLayer>& layers, std::optional<T> SettingsLayer::*member) {
  if (const auto* found = first_of(layers, member)) into = **found;
}

// systemd's folder, the system's if this user may write there, else the user's own.
std::string default_state_dir(const Environment& environment) {
  if (auto folder = environment("STATE_DIRECTORY")) return folder->substr(0, folder->find(':'));
  constexpr const char* system = "/var/lib/kstreamd";
  if (access(system, W_OK) == 0 || access("/var/lib", W_OK) == 0) return system;
  if (auto folder = environment("XDG_STATE_HOME")) return *folder + "/kstreamd";
  return environment("HOME").value_or("") + "/.local/state/kstreamd";
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  };
}

Result<SettingsLayer> layer_of_environment(const Environment& environment) {
  SettingsLayer layer;
  layer.from = "the environment";
  if (auto servers = environment("KSTREAMD_BOOTSTRAP")) layer.kafka[kBootstrap] = *servers;
  layer.embedded = environment("KSTREAMD_EMBEDDED");
  layer.state_dir = environment("KSTREAMD_STATE_DIR");
  layer.plugins = environment("KSTREAMD_PLUGINS");
  layer.listen = environment("KSTREAMD_LISTEN");
  layer.token = environment("KSTREAMD_TOKEN");
  layer.log_level = environment("KSTREAMD_LOG_LEVEL");
  layer.log_format = environment("KSTREAMD_LOG_FORMAT");
  if (auto path = environment("KSTREAMD_TOPOLOGIES")) layer.topologies = {*path};
  if (auto text = environment("KSTREAMD_PARTITIONS")) {
    auto value = positive("KSTREAMD_PARTITIONS", *text);
    if (!value) return std::move(value).error();
    layer.partitions = *value;
  }
  if (auto text = environment("KSTREAMD_WORKERS")) {
    auto value = positive("KSTREAMD_WORKERS", *text);
    if (!value) return std::move(value).error();
    layer.workers = *value;
  }
  return layer;
}

SettingsLayer layer_of_file(const DaemonConfig& config, const std::string& path) {
  SettingsLayer layer;
  layer.from = path;
  layer.is_file = true;
  layer.kafka = config.kafka;
  layer.topologies = config.topologies;
  layer.plugins = config.plugins;
  layer.state_dir = config.state_dir;
  layer.workers = config.workers;
  layer.memory_limit = config.memory_limit;
  layer.listen = config.listen;
  if (!config.http_token.empty()) layer.token = config.http_token;
  layer.log_level = log_level_name(config.log_level);
  layer.log_format = config.log_json ? "json" : "text";
  layer.replication_factor = config.internal_replication_factor;
  layer.internal_topic_configs = config.internal_topic_configs;
  layer.plugin_crashes = config.plugin_crashes;
  layer.plugin_call_time = config.plugin_call_time;
  layer.state_cleanup_delay = config.state_cleanup_delay;
  layer.stop_timeout = config.stop_timeout;
  return layer;
}

Status add_setting(SettingsLayer& layer, const std::string& text) {
  const size_t equals = text.find('=');
  constexpr std::string_view prefix = "kafka.";
  if (equals == std::string::npos || !text.starts_with(prefix) || equals == prefix.size())
    return wrong("--set " + text + " is not understood", "write --set kafka.KEY=VALUE, e.g. --set kafka.client.id=a");
  layer.kafka[text.substr(prefix.size(), equals - prefix.size())] = text.substr(equals + 1);
  return {};
}

Result<Settings> merge_settings(const std::vector<SettingsLayer>& layers, const Environment& environment) {
  Settings settings;
  settings.workers = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  for (const auto& layer : layers) {
    // Where a stronger place has chosen the cluster, a weaker one's choice of the other kind does not count.
    const bool chosen = settings.embedded || settings.kafka.contains(kBootstrap);
    if (layer.embedded && layer.kafka.contains(kBootstrap) && !chosen)
      return wrong(layer.from + " choose both Kafka (" + kBootstrap + ") and an embedded log", "choose one of them");
    if (layer.embedded && !chosen) settings.embedded = layer.embedded;
    for (const auto& [key, value] : layer.kafka) settings.kafka.emplace(key, value);
  }
  if (settings.embedded) settings.kafka.clear();
  take(settings.partitions, layers, &SettingsLayer::partitions);
  take(settings.workers, layers, &SettingsLayer::workers);
  take(settings.topologies, layers, &SettingsLayer::topologies);
  take(settings.plugins, layers, &SettingsLayer::plugins);
  take(settings.token, layers, &SettingsLayer::token);
  take(settings.replication_factor, layers, &SettingsLayer::replication_factor);
  take(settings.internal_topic_configs, layers, &SettingsLayer::internal_topic_configs);
  take(settings.memory_limit, layers, &SettingsLayer::memory_limit);
  take(settings.plugin_crashes, layers, &SettingsLayer::plugin_crashes);
  take(settings.plugin_call_time, layers, &SettingsLayer::plugin_call_time);
  take(settings.state_cleanup_delay, layers, &SettingsLayer::state_cleanup_delay);
  take(settings.stop_timeout, layers, &SettingsLayer::stop_timeout);

  std::string listen = kDefaultAddress, level = "info", format = "text";
  take(listen, layers, &SettingsLayer::listen);
  settings.listen_given = first_of(layers, &SettingsLayer::listen) != nullptr;
  take(level, layers, &SettingsLayer::log_level);
  take(format, layers, &SettingsLayer::log_format);
  auto address = parse_address(listen);
  if (!address) return std::move(address).error();
  settings.listen = *address;
  auto log_level = parse_log_level(level);
  if (!log_level) return std::move(log_level).error();
  settings.log_level = *log_level;
  auto log_format = parse_log_format(format);
  if (!log_format) return std::move(log_format).error();
  settings.log_format = *log_format;

  // An embedded log and the state that belongs to it live together; the file speaks of Kafka's.
  settings.state_dir = !settings.embedded     ? default_state_dir(environment)
                       : settings.in_memory() ? ""
                                              : *settings.embedded + "/state";
  for (const auto& layer : layers) {
    if (!layer.state_dir || (layer.is_file && settings.embedded)) continue;
    settings.state_dir = *layer.state_dir;
    break;
  }

  if (!settings.listen.loopback() && settings.token.empty())
    return wrong("listening on " + settings.listen.text() + " shows the daemon to the network, and there is no token",
                 "set KSTREAMD_TOKEN, --token-file or http.token in the daemon file, or listen on 127.0.0.1");
  return settings;
}

Status check_cluster_chosen(const Settings& settings) {
  if (settings.embedded || settings.kafka.contains(kBootstrap)) return {};
  return wrong("there is no cluster to run on",
               "name Kafka's brokers with --bootstrap HOST:PORT, or use the log inside the process with --embedded");
}

}  // namespace kstreamd
