// The daemon file's content. What the file does not say has its default here; options and environment are laid over it
// by daemon/.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/log.h"

namespace kstreamd {

struct DaemonConfig {
  std::map<std::string, std::string> kafka;                            // librdkafka properties, as they are
  std::vector<std::string> topologies = {"/etc/kstreamd/topologies"};  // files or folders
  std::string plugins = "/usr/lib/kstreamd/plugins";
  std::string state_dir = "/var/lib/kstreamd";
  std::optional<int> workers;            // nullopt: the number of cores
  std::optional<uint64_t> memory_limit;  // bytes; nullopt: no limit of its own
  std::string listen = "127.0.0.1:8910";
  std::string http_token;  // asked of HTTP clients; empty: none
  LogLevel log_level = LogLevel::info;
  bool log_json = false;
  int32_t internal_replication_factor = -1;                   // -1: the broker's default
  std::map<std::string, std::string> internal_topic_configs;  // of all internal topics
  int plugin_crashes = 3;                                     // on one record, before it goes to the dead-letter topic
  std::chrono::milliseconds plugin_call_time{10'000};         // a call that takes longer is logged
  std::chrono::milliseconds state_cleanup_delay{3'600'000};   // then the state of a task that is elsewhere is removed
  std::chrono::milliseconds stop_timeout{25'000};             // for a stop; then the process ends as it is
};

}  // namespace kstreamd
