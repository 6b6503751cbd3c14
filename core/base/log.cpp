#include "core/base/log.h"

#include <utility>

namespace kstreamd {
namespace {
LogWriter& writer() {
  static LogWriter instance;
  return instance;
}
}  // namespace

void set_log_writer(LogWriter w) { writer() = std::move(w); }

void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (writer()) writer()(level, message, fields);
}

}  // namespace kstreamd
