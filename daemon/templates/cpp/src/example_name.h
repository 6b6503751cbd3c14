// Counts the records of each key, and passes every so many of them with the count.
#pragma once
#include <kstreamd/sdk/plugin.h>

#include <cstdint>
#include <string>
#include <string_view>

// One instance per node and task, used by one thread at a time.
class ExampleName {
 public:
  static constexpr const char* kName = "example_name";
  static constexpr const char* kDescription = "passes every so many records of a key, with its count";
  static constexpr const char* kConfigSchema = R"json({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "every": {"type": "integer", "minimum": 1, "description": "which records of a key pass; default 1, all of them"}
  }
})json";
  static constexpr kstreamd::sdk::StoreNeed kStores[] = {{"records seen of each key"}};

  ExampleName(kstreamd::sdk::Context& context, const kstreamd::sdk::Config& config)
      : every_(config.integer("every", 1)), seen_(context.store<std::string_view, int64_t>(0)) {
    if (every_ < 1) config.problem("every", "must be 1 or more");
  }

  void process(const kstreamd::sdk::Typed<std::optional<std::string_view>, std::string_view>& record,
               kstreamd::sdk::Context& context) {
    if (!record.key) return context.drop("null_key");
    const int64_t count = seen_.get(*record.key).value_or(0) + 1;
    seen_.put(*record.key, count, record.timestamp);
    if (count % every_ == 0)
      context.forward(record.with_value(std::string(record.value) + " #" + std::to_string(count)));
  }

 private:
  const int64_t every_;
  const kstreamd::sdk::KeyValueStore<std::string_view, int64_t> seen_;
};
