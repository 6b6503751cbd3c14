// The processor of the dedup plugin: see README.md for what counts as a duplicate.
#pragma once
#include <kstreamd/sdk/plugin.h>

#include <cstdint>
#include <string>

namespace dedup {

struct Options {
  int64_t within_ms;
  int64_t grace_ms;
  std::string by;
  std::string header;

  explicit Options(const kstreamd::sdk::Config& config)
      : within_ms(config.duration_ms("within")),
        grace_ms(config.duration_ms("grace", within_ms)),
        by(config.string("by", "content")),
        header(config.string("header", "")) {
    if (by != "content" && by != "key" && by != "value" && by != "header")
      config.problem("by", "is '" + by + "'; it must be content, key, value or header");
    if ((by == "header") == header.empty())
      config.problem("header", header.empty() ? "is missing" : "means nothing without `by: header`",
                     "write `by: header` and `header: NAME`");
  }
};

// Store 0 (key: bytes, value: int64), two kinds of rows:
//   'h' hash              -> the timestamp of the last record with this content that was passed on
//   't' timestamp hash    -> 0; the same in order of time, so that old rows are found and erased
// One instance per node and task.
class Dedup {
 public:
  static constexpr const char* kName = "dedup";
  static constexpr const char* kDescription = "Drops records whose content was seen within a time";
  static constexpr const char* kConfigSchema = R"json({
  "type": "object",
  "additionalProperties": false,
  "required": ["within"],
  "properties": {
    "within": {"type": "string",
               "description": "a duration such as 10m: two records with the same content within it are duplicates"},
    "grace": {"type": "string",
              "description": "a duration: how late a record may be and still be recognised; default: as within"},
    "by": {"enum": ["content", "key", "value", "header"], "default": "content",
           "description": "what is compared; content is key and value"},
    "header": {"type": "string", "description": "with by: header, its name; records without it pass"}
  }
})json";
  static constexpr kstreamd::sdk::StoreNeed kStores[] = {{"what was seen so far"}};
  // How soon old rows are erased depends on when the instance began, and decides about records later than the grace.
  static constexpr bool kDeterministic = false;

  Dedup(kstreamd::sdk::Context& context, const kstreamd::sdk::Config& config)
      : options_(config), seen_(context.store(0)) {}
  static void check(const kstreamd::sdk::Config& config) { Options{config}; }
  void process(const kstreamd::Record& record, kstreamd::sdk::Context& context);

 private:
  // Erases rows that no record within the grace can ask for, some at a time.
  void forget(int64_t stream_time, kstreamd::sdk::Context& context);

  const Options options_;
  const kstreamd::sdk::RawKeyValueStore seen_;
  int64_t forgotten_until_ = INT64_MIN;  // rows before this time are erased, as far as this instance knows
};

}  // namespace dedup
