// The logging face of the core: structured lines, written by whatever the composition root installs.
//
//   log(LogLevel::warn, "task restored", {{"task", id}, {"records", n}});
//
// Thread safety: log() may be called from any thread; set_log_writer only before threads start.
#pragma once
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace kstreamd {

enum class LogLevel { debug, info, warn, error };

struct LogField {
  template <typename T>
  LogField(std::string_view n, const T& v) : name(n) {
    if constexpr (std::is_same_v<T, bool>)
      value = v ? "true" : "false";
    else if constexpr (std::is_arithmetic_v<T>)
      value = std::to_string(v);
    else
      value = std::string(std::string_view(v));
  }
  std::string_view name;
  std::string value;
};

using LogWriter = std::function<void(LogLevel, std::string_view message, std::initializer_list<LogField>)>;

// Installs the writer of the process; without one, lines are dropped.
void set_log_writer(LogWriter writer);
void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

}  // namespace kstreamd
