// What the daemon runs with, from four places: options beat the environment, that beats the daemon file, that beats the
// defaults.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/result.h"
#include "core/spec/daemon_config.h"
#include "daemon/address.h"
#include "daemon/log_setup.h"

namespace kstreamd {

// An embedded log that lives in memory, where a folder would be named.
inline constexpr const char* kInMemory = ":memory:";

// What one place says. Nothing: it does not say.
struct SettingsLayer {
  std::string from;                          // "the options", "the environment", a file: for messages
  bool is_file = false;                      // a daemon file
  std::map<std::string, std::string> kafka;  // librdkafka properties
  std::optional<std::string> embedded;       // a folder, or kInMemory
  std::optional<int32_t> partitions;
  std::optional<int> workers;
  std::optional<std::string> state_dir;
  std::optional<std::vector<std::string>> topologies;  // files and folders
  std::optional<std::string> plugins;
  std::optional<std::string> listen;
  std::optional<std::string> token;
  std::optional<std::string> log_level;
  std::optional<std::string> log_format;
  std::optional<int32_t> replication_factor;
  std::optional<std::map<std::string, std::string>> internal_topic_configs;
  std::optional<uint64_t> memory_limit;
  std::optional<int> plugin_crashes;
  std::optional<Duration> plugin_call_time;
  std::optional<Duration> state_cleanup_delay;
  std::optional<Duration> stop_timeout;
};

struct Settings {
  std::map<std::string, std::string> kafka;
  std::optional<std::string> embedded;  // a folder, or kInMemory; nothing: Kafka
  int32_t partitions = 4;
  int workers = 1;
  std::string state_dir;
  std::vector<std::string> topologies;
  std::string plugins;  // empty: none
  Address listen;
  bool listen_given = false;  // it is not the default
  std::string token;
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::text;
  int32_t replication_factor = -1;
  std::map<std::string, std::string> internal_topic_configs;
  uint64_t memory_limit = 0;                             // bytes; 0: the modules' own defaults
  int plugin_crashes = 3;                                // on one record, before it goes to the dead-letter topic
  Duration plugin_call_time = std::chrono::seconds(10);  // a call that takes longer is logged
  Duration state_cleanup_delay = std::chrono::hours(1);  // then the state of a task that is elsewhere is removed
  Duration stop_timeout = std::chrono::seconds(25);      // the default is within what Kubernetes gives a pod

  bool in_memory() const { return embedded && *embedded == kInMemory; }
};

// The value of an environment variable, or nothing.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

// KSTREAMD_BOOTSTRAP, KSTREAMD_EMBEDDED, ... as docs/configuration.md lists them.
Result<SettingsLayer> layer_of_environment(const Environment& environment);
SettingsLayer layer_of_file(const DaemonConfig& config, const std::string& path);
// "kafka.KEY=VALUE" of --set.
Status add_setting(SettingsLayer& layer, const std::string& text);

// Merges layers, the strongest first, over the defaults. Says nothing about whether there is a cluster to run on.
Result<Settings> merge_settings(const std::vector<SettingsLayer>& layers, const Environment& environment);
// A usage error unless there is either a Kafka to reach or an embedded log.
Status check_cluster_chosen(const Settings& settings);

}  // namespace kstreamd
