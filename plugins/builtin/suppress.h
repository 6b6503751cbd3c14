// suppress: holds back the updates of a table, of each key the last one, until a window closes or a time has passed.
#pragma once
#include <cstdint>
#include <span>

#include "plugins/builtin/change_buffer.h"
#include "plugins/builtin/progress.h"

namespace kstreamd::builtin {

// Stream time is that of the updates. What is due goes out by time, then by the bytes of the key, and is the update as
// it came, with its timestamp and headers. With windows that close nothing is put out of what was deleted.
class Suppress {
 public:
  static constexpr const char* kName = "kstreamd.suppress";
  static constexpr const char* kDescription =
      "Holds back the updates of a table until a window closes or a time passes";
  static constexpr const char* kConfigSchema =
      R"({"type":"object","properties":{"time_limit":{"type":"integer"},"closes_after":{"type":"integer"},)"
      R"("max_records":{"type":"integer"},"max_bytes":{"type":"integer"},"stop_when_full":{"type":"boolean"},)"
      R"("versioned":{"type":"boolean"},"changes":{"type":"boolean"}},)"
      R"("additionalProperties":false})";
  static constexpr sdk::StoreNeed kStores[] = {{"held updates", sdk::StoreKind::key_value}};
  Suppress(sdk::Context& context, const sdk::Config& config);
  static void check(const sdk::Config& config) { Suppress::Settings settings(config); }
  void init(sdk::Context& context);
  void process(std::span<const Record> records, sdk::Context& context);

 private:
  struct Settings {
    explicit Settings(const sdk::Config& config);
    bool windows;  // held until a window closes
    int64_t wait;  // ms, from the end of the window, or from the first update that was held
    int64_t max_records, max_bytes;
    bool stop_when_full;
    bool changes;  // with old values
  };

  bool full() const {
    return static_cast<int64_t>(buffer_.records()) > settings_.max_records || buffer_.bytes() > settings_.max_bytes;
  }
  void emit_first(uint32_t input, sdk::Context& context);
  [[noreturn]] void stop() const;

  const Settings settings_;
  ChangeBuffer buffer_;
  StreamTime time_;
};

}  // namespace kstreamd::builtin
