// The commands of kstreamd: what the command line gave, in; the exit code, out. main.cpp fills the structs.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "daemon/settings.h"

namespace kstreamd {

enum ExitCode { kDone = 0, kFailed = 1, kUsage = 2, kUnreachable = 3 };

// What several commands take; each uses its part.
struct CommonOptions {
  std::optional<std::string> config;
  SettingsLayer layer;
  std::vector<std::string> set;
  std::optional<std::string> token_file;
  std::string output = "text";  // or "json"
  bool json() const { return output == "json"; }
};

struct RunOptions {
  CommonOptions common;
  std::vector<std::string> topologies;
  bool drain = false;
};
int run_command(RunOptions options);

struct ValidateOptions {
  CommonOptions common;
  std::vector<std::string> topologies;
};
int validate_command(const ValidateOptions& options);

struct GraphOptions {
  CommonOptions common;
  std::string topology;
  std::string format = "text";
};
int graph_command(const GraphOptions& options);

struct PluginsOptions {
  CommonOptions common;
  std::string folder;
};
int plugins_command(const PluginsOptions& options);

// Where produce, consume and status go.
struct TargetOptions {
  std::optional<std::string> daemon;
  bool only_reads = false;  // a log that is not there is not made
};

struct ProduceOptions {
  CommonOptions common;
  TargetOptions target;
  std::string topic;
  std::optional<std::string> key_separator;
  std::string key = "string";
  std::string value = "string";
  std::optional<std::string> null_marker;
  int32_t partition = -1;
  std::vector<std::string> headers;
  std::optional<std::string> timestamp;  // milliseconds, or "line": each line begins with it
  std::optional<int32_t> create;
};
int produce_command(const ProduceOptions& options);

struct ConsumeOptions {
  CommonOptions common;
  TargetOptions target;
  std::string topic;
  std::string from = "beginning";
  std::optional<int64_t> max;
  std::optional<std::string> timeout;
  bool drain = false;
  std::optional<std::string> key_separator;
  std::optional<std::string> key;
  std::string value = "string";
  std::optional<int32_t> partition;
  std::string read = "committed";
};
int consume_command(const ConsumeOptions& options);

struct StatusOptions {
  CommonOptions common;
  TargetOptions target;
};
int status_command(const StatusOptions& options);

struct ResetOptions {
  CommonOptions common;
  std::string topology;  // a file
  bool to_earliest = false;
  bool to_latest = false;
  std::optional<int64_t> to_offset;
  std::optional<int64_t> shift_by;
  std::optional<std::string> by_duration;
  std::optional<std::string> to_datetime;
  std::vector<std::string> internal_topics;  // to be deleted beside those that the topology has
  bool execute = false;
  bool dry_run = false;  // the same as without --execute
  bool force = false;
};
int reset_command(const ResetOptions& options);

// ---- For the commands themselves

// Says an error on standard error: "kstreamd: message", and its hint.
void complain(const Error& error);
// Complains; gives the exit code.
int usage_error(const Error& error);
int failure(const Error& error);

// The merged settings of options, environment and daemon file; the log is set up at `least` or by the settings. An
// error was said already.
std::optional<Settings> settings_of(const CommonOptions& options, const Environment& environment);

}  // namespace kstreamd
