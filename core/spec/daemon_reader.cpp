#include "core/spec/daemon_reader.h"

#include <charconv>

namespace kstreamd {
namespace {

// HOST:PORT, [IPV6]:PORT or :PORT.
bool is_address(const std::string& text) {
  auto colon = text.rfind(':');
  if (colon == std::string::npos) return false;
  auto port = text.substr(colon + 1);
  int number = 0;
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  return error == std::errc{} && end == port.data() + port.size() && number >= 0 && number <= 65535;
}

void read_paths(const YamlNode& root, Reader& reader, DaemonConfig& config) {
  if (auto* entry = root.find("topologies"))
    config.topologies = reader.texts(*entry->value, entry->key).value_or(config.topologies);
  if (auto* entry = root.find("plugins")) config.plugins = reader.text(*entry->value, entry->key).value_or("");
  if (auto* entry = root.find("state_dir")) config.state_dir = reader.text(*entry->value, entry->key).value_or("");
}

void read_log(const YamlNode& root, Reader& reader, DaemonConfig& config) {
  auto* log = root.find("log");
  if (log == nullptr) return;
  reader.map(*log->value, log->place, log->key, {"level", "format"});
  if (auto* level = log->value->find("level"))
    if (auto index = reader.choice(*level->value, level->key, {"debug", "info", "warn", "error"}))
      config.log_level = static_cast<LogLevel>(*index);
  if (auto* format = log->value->find("format"))
    if (auto index = reader.choice(*format->value, format->key, {"text", "json"})) config.log_json = *index == 1;
}

void read_http(const YamlNode& root, Reader& reader, DaemonConfig& config) {
  auto* http = root.find("http");
  if (http == nullptr) return;
  reader.map(*http->value, http->place, http->key, {"token"});
  if (auto* token = http->value->find("token")) {
    config.http_token = reader.text(*token->value, token->key).value_or("");
    if (config.http_token.empty())
      reader.error(token->value->place, "'token' is empty", "write token: ${file:/etc/kstreamd/token}");
  }
}

void read_limits(const YamlNode& root, Reader& reader, DaemonConfig& config) {
  if (auto* entry = root.find("workers"))
    if (auto count = reader.integer(*entry->value, entry->key, 1, 1024)) config.workers = static_cast<int>(*count);
  if (auto* memory = root.find("memory")) {
    reader.map(*memory->value, memory->place, memory->key, {"limit"});
    if (auto* limit = memory->value->find("limit")) config.memory_limit = reader.size(*limit->value, limit->key);
  }
}

void read_internal_topics(const YamlNode& root, Reader& reader, DaemonConfig& config) {
  auto* internal = root.find("internal_topics");
  if (internal == nullptr) return;
  reader.map(*internal->value, internal->place, internal->key, {"replication_factor", "topic_config"});
  if (auto* factor = internal->value->find("replication_factor"))
    if (auto number = reader.integer(*factor->value, factor->key, -1, 32767)) {
      config.internal_replication_factor = static_cast<int32_t>(*number);
      if (*number == 0)
        reader.error(factor->value->place, "'replication_factor' cannot be 0", "use -1 for the broker's default");
    }
  auto* configs = internal->value->find("topic_config");
  if (configs == nullptr) return;
  config.internal_topic_configs =
      reader.text_map(*configs->value, configs->key).value_or(config.internal_topic_configs);
  // What keeps a topic's records differs from one kind of internal topic to the next.
  for (const char* own : {"cleanup.policy", "retention.ms", "retention.bytes", "message.timestamp.type"})
    if (auto* entry = configs->value->find(own))
      reader.error(entry->place, std::string("'") + own + "' is not for all internal topics alike",
                   "kstreamd sets it for each; a changelog has its own in the topology file: stores: NAME: changelog: "
                   "{ topic_config: ... }");
}

// A duration of at least `least`.
void read_time(const YamlNode::Entry* entry, std::chrono::milliseconds least, Reader& reader,
               std::chrono::milliseconds& into) {
  if (entry == nullptr) return;
  auto time = reader.duration(*entry->value, entry->key);
  if (time && *time < least)
    reader.error(entry->value->place, "'" + entry->key + "' is too short", "write 100ms or more");
  else if (time)
    into = *time;
}

void read_plugin_limits(const YamlNode& root, Reader& reader, DaemonConfig& config) {
  constexpr std::chrono::milliseconds least{100};
  read_time(root.find("stop_timeout"), least, reader, config.stop_timeout);
  read_time(root.find("state_cleanup_delay"), least, reader, config.state_cleanup_delay);
  auto* limits = root.find("plugin_limits");
  if (limits == nullptr) return;
  reader.map(*limits->value, limits->place, limits->key, {"crashes", "call_time"});
  if (auto* crashes = limits->value->find("crashes"))
    if (auto number = reader.integer(*crashes->value, crashes->key, 1, 1000))
      config.plugin_crashes = static_cast<int>(*number);
  read_time(limits->value->find("call_time"), least, reader, config.plugin_call_time);
}

}  // namespace

DaemonConfig read_daemon(const YamlNode& root, Reader& reader) {
  DaemonConfig config;
  if (root.kind != YamlNode::Kind::map) {
    reader.error(root.place, std::string("a daemon file has to be a map, and is ") + kind_name(root),
                 "start with 'kstreamd: 1'");
    return config;
  }
  reader.map(root, root.place, "daemon file",
             {"kstreamd", "kafka", "topologies", "plugins", "state_dir", "workers", "memory", "listen", "log", "http",
              "internal_topics", "plugin_limits", "state_cleanup_delay", "stop_timeout"});
  auto* version = root.find("kstreamd");
  if (version == nullptr) {
    reader.error(root.place, "the file does not say its format version", "add 'kstreamd: 1' as its first line");
  } else if (auto number = reader.text(*version->value, version->key); number && *number != "1") {
    reader.error(version->value->place, "format version '" + *number + "' is not known to this kstreamd",
                 "this one reads 'kstreamd: 1'");
  }
  if (auto* kafka = root.find("kafka"))
    config.kafka = reader.text_map(*kafka->value, kafka->key).value_or(config.kafka);
  read_paths(root, reader, config);
  read_limits(root, reader, config);
  read_internal_topics(root, reader, config);
  read_plugin_limits(root, reader, config);
  read_log(root, reader, config);
  read_http(root, reader, config);
  if (auto* listen = root.find("listen")) {
    auto address = reader.text(*listen->value, listen->key);
    if (address && !is_address(*address))
      reader.error(listen->value->place, "'listen': '" + *address + "' is not an address",
                   "write HOST:PORT, such as 127.0.0.1:8910; port 0 takes any free one");
    else if (address)
      config.listen = *address;
  }
  return config;
}

}  // namespace kstreamd
