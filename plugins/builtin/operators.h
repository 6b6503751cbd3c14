// The operators as processors of the SDK. Each is one node of one task, and keeps what kst_processor_type asks for.
#pragma once
#include <kstreamd/sdk/plugin.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "plugins/builtin/expressions.h"
#include "plugins/builtin/table_rows.h"

namespace kstreamd::builtin {

using sdk::Config;
using sdk::Context;

// What configuration and construction find is the same, so a trial construction is the check.
template <typename Operator>
struct CheckedByConstruction {
  static void check(const Config& config) { Operator trial(config); }
};

inline constexpr const char* kExprSchema = R"({"type":"object","required":["expr"],"properties":{)"
                                           R"("expr":{"type":"string"},"script":{"type":"string"}},)"
                                           R"("additionalProperties":false})";

// filter and filter_not of a stream.
template <bool keep>
class FilterOf : public CheckedByConstruction<FilterOf<keep>> {
 public:
  static constexpr const char* kName = keep ? "kstreamd.filter" : "kstreamd.filter_not";
  static constexpr const char* kDescription =
      keep ? "Passes the records for which an expression is true" : "Drops the records for which an expression is true";
  static constexpr const char* kConfigSchema = kExprSchema;
  explicit FilterOf(const Config& config) : expressions_(config), expr_(expressions_.compile(config, "expr")) {}
  FilterOf(Context&, const Config& config) : FilterOf(config) {}
  void process(std::span<const Record> records, Context& context);

 private:
  Expressions expressions_;
  const script::Expression expr_;
};
using Filter = FilterOf<true>;
using FilterNot = FilterOf<false>;

// New key, value, timestamp and headers, each if given.
class Map : public CheckedByConstruction<Map> {
 public:
  static constexpr const char* kName = "kstreamd.map";
  static constexpr const char* kDescription = "Makes new keys, values, timestamps and headers by expressions";
  static constexpr const char* kConfigSchema =
      R"({"type":"object","properties":{"key":{"type":"string"},"value":{"type":"string"},)"
      R"("timestamp":{"type":"string"},"headers":{"type":"string"},"script":{"type":"string"}},)"
      R"("additionalProperties":false})";
  explicit Map(const Config& config);
  Map(Context&, const Config& config) : Map(config) {}
  void process(std::span<const Record> records, Context& context);

 private:
  Expressions expressions_;
  std::optional<script::Expression> key_, value_, timestamp_, headers_;
  std::vector<Header> made_;
};

class MapValues : public CheckedByConstruction<MapValues> {
 public:
  static constexpr const char* kName = "kstreamd.map_values";
  static constexpr const char* kDescription = "Makes new values by an expression";
  static constexpr const char* kConfigSchema = kExprSchema;
  explicit MapValues(const Config& config) : expressions_(config), expr_(expressions_.compile(config, "expr")) {}
  MapValues(Context&, const Config& config) : MapValues(config) {}
  void process(std::span<const Record> records, Context& context);

 private:
  Expressions expressions_;
  const script::Expression expr_;
};

class SelectKey : public CheckedByConstruction<SelectKey> {
 public:
  static constexpr const char* kName = "kstreamd.select_key";
  static constexpr const char* kDescription = "Makes new keys by an expression";
  static constexpr const char* kConfigSchema = kExprSchema;
  explicit SelectKey(const Config& config) : expressions_(config), expr_(expressions_.compile(config, "expr")) {}
  SelectKey(Context&, const Config& config) : SelectKey(config) {}
  void process(std::span<const Record> records, Context& context);

 private:
  Expressions expressions_;
  const script::Expression expr_;
};

class FlatMap : public CheckedByConstruction<FlatMap> {
 public:
  static constexpr const char* kName = "kstreamd.flat_map";
  static constexpr const char* kDescription = "Makes any number of records of each, by an expression that gives a list";
  static constexpr const char* kConfigSchema = kExprSchema;
  explicit FlatMap(const Config& config) : expressions_(config), expr_(expressions_.compile(config, "expr")) {}
  FlatMap(Context&, const Config& config) : FlatMap(config) {}
  void process(std::span<const Record> records, Context& context);

 private:
  Expressions expressions_;
  const script::Expression expr_;
  std::vector<script::KeyValue> made_;
};

class FlatMapValues : public CheckedByConstruction<FlatMapValues> {
 public:
  static constexpr const char* kName = "kstreamd.flat_map_values";
  static constexpr const char* kDescription = "Makes any number of values of each, by an expression that gives a list";
  static constexpr const char* kConfigSchema = kExprSchema;
  explicit FlatMapValues(const Config& config) : expressions_(config), expr_(expressions_.compile(config, "expr")) {}
  FlatMapValues(Context&, const Config& config) : FlatMapValues(config) {}
  void process(std::span<const Record> records, Context& context);

 private:
  Expressions expressions_;
  const script::Expression expr_;
  std::vector<Value> made_;
};

// Output i is branch i: a record goes to the first branch that fits, and nowhere when none does.
class Branch : public CheckedByConstruction<Branch> {
 public:
  static constexpr const char* kName = "kstreamd.branch";
  static constexpr const char* kDescription = "Sends each record to the first branch whose expression is true";
  static constexpr const char* kConfigSchema =
      R"({"type":"object","required":["branches"],"properties":{"branches":{"type":"array","items":{"type":"object",)"
      R"("required":["name"],"properties":{"name":{"type":"string"},"expr":{"type":"string"}},)"
      R"("additionalProperties":false}},"script":{"type":"string"}},"additionalProperties":false})";
  explicit Branch(const Config& config);
  Branch(Context&, const Config& config) : Branch(config) {}
  void process(std::span<const Record> records, Context& context);

 private:
  Expressions expressions_;
  std::vector<std::optional<script::Expression>> branches_;  // without an expression: what is left
};

class Peek : public CheckedByConstruction<Peek> {
 public:
  static constexpr const char* kName = "kstreamd.peek";
  static constexpr const char* kDescription = "Logs the result of an expression for each record, and passes it on";
  static constexpr const char* kConfigSchema = R"({"type":"object","required":["log"],"properties":{)"
                                               R"("log":{"type":"string"},"script":{"type":"string"}},)"
                                               R"("additionalProperties":false})";
  explicit Peek(const Config& config) : expressions_(config), log_(expressions_.compile(config, "log")) {}
  Peek(Context&, const Config& config) : Peek(config) {}
  void process(std::span<const Record> records, Context& context);

 private:
  Expressions expressions_;
  const script::Expression log_;
};

inline constexpr const char* kEmptySchema = R"({"type":"object","additionalProperties":false})";

// merge and to_stream: what they mean is in the graph.
class Pass {
 public:
  static constexpr const char* kConfigSchema = kEmptySchema;
  Pass(Context&, const Config&) {}
  static void check(const Config&) {}
  void process(std::span<const Record> records, Context& context) { context.forward(0, records); }
};
class Merge : public Pass {
 public:
  static constexpr const char* kName = "kstreamd.merge";
  static constexpr const char* kDescription = "Passes the records of several nodes as they come";
  using Pass::Pass;
};
class ToStream : public Pass {
 public:
  static constexpr const char* kName = "kstreamd.to_stream";
  static constexpr const char* kDescription = "Passes a table's updates as a stream";
  using Pass::Pass;
};

// Counts the records of each key: store 0 holds the count and the greatest timestamp counted. Records with a null key
// or value are dropped.
class Count {
 public:
  static constexpr const char* kName = "kstreamd.count";
  static constexpr const char* kDescription = "Counts the records of each key";
  static constexpr const char* kConfigSchema =
      R"({"type":"object","properties":{"per_commit":{"type":"boolean"},"versioned":{"type":"boolean"},)"
      R"("changes":{"type":"boolean"}},"additionalProperties":false})";
  static constexpr sdk::StoreNeed kStores[] = {{"counts by key", sdk::StoreKind::any}};
  Count(Context& context, const Config& config)
      : versioned_(config.boolean("versioned", false)), rows_(context, config, true) {
    check(config);
  }
  static void check(const Config& config) {
    config.boolean("per_commit", false);
    TableRows::check(config);
  }
  void process(std::span<const Record> records, Context& context);

 private:
  // Finds the rows of equal keys within a batch: open addressing over indices into rows_.
  class KeyIndex {
   public:
    void reset(size_t keys);
    // The row of the key; `rows` gets a new one if there is none.
    uint32_t row_of(const Value& key, std::vector<sdk::Row>& rows);

   private:
    std::vector<uint32_t> slots_;  // index + 1; 0: free
  };

  void count_batch(std::span<const Record> records, Context& context);
  void count_singly(std::span<const Record> records, Context& context);
  void count_one(const Record& record, Context& context);

  const bool versioned_;
  const TableRows rows_;

  // Of the batch at hand; the room is reused.
  KeyIndex index_;
  std::vector<sdk::Row> counts_;
  std::vector<uint32_t> row_of_record_;
};

}  // namespace kstreamd::builtin
