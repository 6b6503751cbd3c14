// The join of two streams within a time: inner, left, outer, right.
#pragma once
#include <kstreamd/sdk/plugin.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "plugins/builtin/expressions.h"
#include "plugins/builtin/progress.h"
#include "plugins/builtin/store_bytes.h"
#include "plugins/builtin/waiting_records.h"

namespace kstreamd::builtin {

// Stores 0 and 1 hold the records of the left and the right side by key and timestamp; where records are sent without a
// partner, store 2 holds those that still wait for one (waiting_records.h). Semantics are Kafka Streams', but for when
// waiting records are looked through: whenever one of them may be given up.
class StreamJoin {
 public:
  static constexpr const char* kName = "kstreamd.stream_join";
  static constexpr const char* kDescription = "Joins the records of two streams that have one key and are near in time";
  static constexpr const char* kConfigSchema =
      R"({"type":"object","required":["type","value","before","after"],"properties":{)"
      R"("type":{"enum":["inner","left","outer","right"]},"value":{"type":"string"},)"
      R"("before":{"type":"integer","minimum":0},"after":{"type":"integer","minimum":0},)"
      R"("grace":{"type":"integer","minimum":0},"emit_interval":{"type":"integer","minimum":0},"script":{"type":"string"}},"additionalProperties":false})";
  static constexpr sdk::StoreNeed kStores[] = {{"records of the left side", sdk::StoreKind::window},
                                               {"records of the right side", sdk::StoreKind::window},
                                               {"records that wait for a partner"}};

  StreamJoin(sdk::Context& context, const sdk::Config& config);
  static void check(const sdk::Config& config) { Settings trial(config); }
  void init(sdk::Context& context) { stream_time_.find(context, "t"); }
  void process(std::span<const Record> records, sdk::Context& context);

 private:
  struct Settings {
    explicit Settings(const sdk::Config& config);
    Expressions expressions;
    script::Expression value;
    std::array<bool, 2> sends_alone{};  // by side: whether its records are sent without a partner
    std::array<int64_t, 2> wait{};      // by side: for how long after it a partner of its record may come, ms
    int64_t grace = 0;
    int64_t emit_interval = 0;  // ms of the wall clock between two looks for records that have waited in vain
  };

  void process_one(const Record& record, sdk::Context& context);
  bool join_partners(const Record& record, Side side, sdk::Context& context);
  void give_up_closed(const Record& record, sdk::Context& context);
  void send_waiting(Waiting& waiting, const Record& record, sdk::Context& context);
  std::string_view key_bytes(const Record& record, Side side);
  void see(Side side, const Value& value) {
    settings_.expressions.engine().set(side == kLeft ? script::Variable::left : script::Variable::right, value);
  }
  void send(const Record& like, const Value& key, int64_t timestamp, sdk::Context& context);

  Settings settings_;
  std::array<sdk::RawWindowStore, 2> stores_;
  std::array<StoreBytes, 2> bytes_;
  std::optional<WaitingRecords> waiting_;
  int64_t next_emit_ = 0;   // wall clock, with an emit_interval
  StreamTime stream_time_;  // of both sides, records without key or value included

  // Of the record at hand; the room is reused.
  std::optional<std::string_view> key_bytes_;
  std::vector<Waiting> closed_;
};

}  // namespace kstreamd::builtin
