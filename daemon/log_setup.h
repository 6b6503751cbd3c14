// Where log lines go: standard error, one line per event, as text or JSON.
#pragma once
#include <string>

#include "core/base/log.h"
#include "core/base/result.h"

namespace kstreamd {

enum class LogFormat { text, json };

const char* log_level_name(LogLevel level);
Result<LogLevel> parse_log_level(const std::string& text);
Result<LogFormat> parse_log_format(const std::string& text);

// One event without its end of line. Text: "2024-05-01T12:00:00.123Z info  message key=value"; JSON: the fields after
// time, level and message.
std::string format_log_line(LogFormat format, int64_t wall_ms, LogLevel level, std::string_view message,
                            std::initializer_list<LogField> fields);

// Installs the writer of the process. Call it before threads start.
void set_up_log(LogLevel level, LogFormat format);
// [any thread]
void set_log_level(LogLevel level);

}  // namespace kstreamd
