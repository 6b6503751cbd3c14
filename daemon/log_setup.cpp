#include "daemon/log_setup.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <ctime>
#include <memory>

#include "daemon/json_text.h"
#include "daemon/real_clock.h"

namespace kstreamd {
namespace {

std::shared_ptr<spdlog::logger>& logger() {
  static std::shared_ptr<spdlog::logger> instance;
  return instance;
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  static constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                                         spdlog::level::err};
  return levels[static_cast<int>(level)];
}

std::string utc(int64_t wall_ms) {
  const time_t seconds = wall_ms / 1000;
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + size, sizeof text - size, ".%03dZ", static_cast<int>(wall_ms % 1000));
  return text;
}

bool plain(std::string_view value) {
  if (value.empty()) return false;
  for (const char c : value)
    if (static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f) return false;
  return true;
}

}  // namespace

const char* log_level_name(LogLevel level) {
  static constexpr const char* names[] = {"debug", "info", "warn", "error"};
  return names[static_cast<int>(level)];
}

Result<LogLevel> parse_log_level(const std::string& text) {
  for (const auto level : {LogLevel::debug, LogLevel::info, LogLevel::warn, LogLevel::error})
    if (text == log_level_name(level)) return level;
  return Error{Recovery::stop_topology, "'" + text + "' is not a log level", "one of debug, info, warn, error"};
}

Result<LogFormat> parse_log_format(const std::string& text) {
  if (text == "text") return LogFormat::text;
  if (text == "json") return LogFormat::json;
  return Error{Recovery::stop_topology, "'" + text + "' is not a log format", "text or json"};
}

std::string format_log_line(LogFormat format, int64_t wall_ms, LogLevel level, std::string_view message,
                            std::initializer_list<LogField> fields) {
  std::string line;
  if (format == LogFormat::json) {
    line = "{\"time\":\"" + utc(wall_ms) + "\",\"level\":\"" + log_level_name(level) + "\",\"message\":";
    append_json_string(line, message);
    for (const auto& field : fields) {
      line += ',';
      append_json_string(line, field.name);
      line += ':';
      append_json_string(line, field.value);
    }
    return line + "}";
  }
  line = utc(wall_ms) + " " + log_level_name(level);
  line.append(level == LogLevel::info || level == LogLevel::warn ? 2 : 1, ' ');
  // A line break within a text would look like the next event.
  for (const char c : message) line += c == '\n' || c == '\r' ? ' ' : c;
  for (const auto& field : fields) {
    line += ' ';
    line += field.name;
    line += '=';
    if (plain(field.value))
      line += field.value;
    else
      append_json_string(line, field.value);
  }
  return line;
}

void set_up_log(LogLevel level, LogFormat format) {
  logger() = std::make_shared<spdlog::logger>("kstreamd", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger()->set_pattern("%v");
  logger()->set_level(spdlog_level(level));
  logger()->flush_on(spdlog::level::debug);
  set_log_writer([format](LogLevel event, std::string_view message, std::initializer_list<LogField> fields) {
    if (!logger()->should_log(spdlog_level(event))) return;
    logger()->log(spdlog_level(event), "{}", format_log_line(format, RealClock().wall_ms(), event, message, fields));
  });
}

void set_log_level(LogLevel level) {
  if (logger()) logger()->set_level(spdlog_level(level));
}

}  // namespace kstreamd
