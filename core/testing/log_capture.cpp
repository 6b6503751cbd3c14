#include "core/testing/log_capture.h"

#include <utility>

namespace kstreamd {
namespace {

constexpr size_t kKept = 20;
thread_local LogCapture* current = nullptr;

}  // namespace

void capture_logs() {
  set_log_writer([](LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
    if (current == nullptr) return;
    static constexpr const char* names[] = {"debug", "info", "warn", "error"};
    std::string line = std::string(names[static_cast<int>(level)]) + ": " + std::string(message);
    for (const auto& field : fields) line += " " + std::string(field.name) + "=" + field.value;
    current->add(std::move(line));
  });
}

LogCapture::LogCapture() { current = this; }
LogCapture::~LogCapture() { current = nullptr; }

void LogCapture::add(std::string line) {
  if (lines_.size() == kKept) lines_.erase(lines_.begin());
  lines_.push_back(std::move(line));
}

}  // namespace kstreamd
