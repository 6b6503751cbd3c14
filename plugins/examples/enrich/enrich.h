// The processor of the enrich plugin: see README.md for what it does to records.
#pragma once
#include <kstreamd/sdk/plugin.h>
#include <kstreamd/sdk/worker.h>

#include <optional>
#include <span>
#include <string>

#include "database.h"

namespace enrich {

enum class Missing { pass, drop, fail };

struct Options {
  Database::Place place;
  std::string into;
  size_t batch = 0;
  Missing on_missing = Missing::pass;

  explicit Options(const kstreamd::sdk::Config& config);
};

// What processes holds each record and gives it to a worker, which asks the database for all that wait, at most `batch`
// at once, and completes them. One instance, one thread and one connection per node and task.
class Enrich {
 public:
  static constexpr const char* kName = "enrich";
  static constexpr const char* kDescription = "Adds a row of an SQLite database to JSON values, looked up by the key";
  static constexpr const char* kConfigSchema = R"json({
  "type": "object",
  "additionalProperties": false,
  "required": ["database", "table", "key", "columns", "into"],
  "properties": {
    "database": {"type": "string", "description": "path of the SQLite database; it is opened read-only"},
    "table": {"type": "string", "description": "a table or view"},
    "key": {"type": "string", "description": "the column that the records' keys are looked up in; unique, with an index"},
    "columns": {"type": "array", "items": {"type": "string"}, "minItems": 1,
                "description": "columns that are added to the value"},
    "into": {"type": "string", "description": "the field of the value that gets them, as an object"},
    "batch": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100,
              "description": "keys of one SELECT, at most"},
    "on_missing": {"enum": ["pass", "drop", "fail"], "default": "pass",
                   "description": "a record without a row: passes as it is, is dropped, or is an error"}
  }
})json";
  static constexpr uint32_t kMaxInFlight = 1000;
  static constexpr bool kDeterministic = false;  // the database may change

  Enrich(kstreamd::sdk::Context& context, const kstreamd::sdk::Config& config);
  ~Enrich();
  static void check(const kstreamd::sdk::Config& config);

  using Record = kstreamd::sdk::Typed<kstreamd::Value, std::optional<kstreamd::sdk::Json>>;
  void process(const Record& record, kstreamd::sdk::Context& context);

 private:
  // [the worker's thread]
  void look_up(std::span<kstreamd::sdk::Held> held);
  void complete(kstreamd::sdk::Held& held, const std::optional<std::string>& row) const;

  const Options options_;
  const kstreamd::sdk::Counter records_;
  const kstreamd::sdk::Histogram seconds_;
  Database database_;             // the worker's thread only, but for stop
  kstreamd::sdk::Worker worker_;  // the last: its thread uses all others
};

}  // namespace enrich
