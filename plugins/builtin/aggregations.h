// Aggregations without windows: of streams, and of tables that were grouped anew. Each is one node of one task, and
// keeps its aggregates in the node's first store.
#pragma once
#include <kstreamd/sdk/plugin.h>

#include <optional>
#include <span>
#include <vector>

#include "plugins/builtin/expressions.h"
#include "plugins/builtin/table_rows.h"

namespace kstreamd::builtin {

enum class Aggregation { count, reduce, aggregate, cogroup };

// Drops and counts a record that no aggregation of a stream takes: one with a null key or value.
bool takes_part(const Record& record, sdk::Context& context);

// Adds one to a count; null is none yet. Throws RecordError where the store holds something else.
Value counted(const Value& count, int64_t by);

inline constexpr const char* kAggregationSchema =
    R"({"type":"object","required":["add"],"properties":{"init":{"type":"string"},)"
    R"("add":{"type":["string","array"],"items":{"type":"string"}},"subtract":{"type":"string"},)"
    R"("script":{"type":"string"},"per_commit":{"type":"boolean"},"versioned":{"type":"boolean"},)"
    R"("changes":{"type":"boolean"}},"additionalProperties":false})";

// reduce, aggregate and cogroup of streams. An aggregate has the greatest timestamp of the records in it. One that
// becomes null is deleted: the next record starts anew.
template <Aggregation kind>
class StreamAggregation {
 public:
  static constexpr const char* kName = kind == Aggregation::reduce      ? "kstreamd.reduce"
                                       : kind == Aggregation::aggregate ? "kstreamd.aggregate"
                                                                        : "kstreamd.cogroup";
  static constexpr const char* kDescription =
      kind == Aggregation::reduce      ? "Combines the values of each key, beginning with the first"
      : kind == Aggregation::aggregate ? "Adds the records of each key to an aggregate"
                                       : "Adds the records of several streams to one aggregate for each key";
  static constexpr const char* kConfigSchema = kAggregationSchema;
  static constexpr sdk::StoreNeed kStores[] = {{"aggregates by key", sdk::StoreKind::any}};
  StreamAggregation(sdk::Context& context, const sdk::Config& config) : StreamAggregation(config) {
    rows_.emplace(context, config, true);
  }
  static void check(const sdk::Config& config) { StreamAggregation trial(config); }
  void process(std::span<const Record> records, sdk::Context& context);

 private:
  explicit StreamAggregation(const sdk::Config& config);
  Value added(const Record& record, const Value& aggregate, ScratchMemory& memory);

  Expressions expressions_;
  std::optional<script::Expression> init_;
  std::vector<script::Expression> add_;  // by input
  const bool per_commit_;
  std::optional<TableRows> rows_;
};
using Reduce = StreamAggregation<Aggregation::reduce>;
using Aggregate = StreamAggregation<Aggregation::aggregate>;
using Cogroup = StreamAggregation<Aggregation::cogroup>;

// count, reduce and aggregate of a table that was grouped anew: first the old value is taken out of the group's
// aggregate, then the new one is added.
template <Aggregation kind>
class TableAggregation {
 public:
  static constexpr const char* kName = kind == Aggregation::count    ? "kstreamd.table_count"
                                       : kind == Aggregation::reduce ? "kstreamd.table_reduce"
                                                                     : "kstreamd.table_aggregate";
  static constexpr const char* kDescription = kind == Aggregation::count ? "Counts the rows of each group"
                                              : kind == Aggregation::reduce
                                                  ? "Combines the rows of each group"
                                                  : "Adds the rows of each group to an aggregate";
  static constexpr const char* kConfigSchema =
      R"({"type":"object","properties":{"init":{"type":"string"},"add":{"type":"string"},)"
      R"("subtract":{"type":"string"},"script":{"type":"string"},"per_commit":{"type":"boolean"},)"
      R"("versioned":{"type":"boolean"},"changes":{"type":"boolean"}},"additionalProperties":false})";
  static constexpr sdk::StoreNeed kStores[] = {{"aggregates by group", sdk::StoreKind::any}};
  TableAggregation(sdk::Context& context, const sdk::Config& config) : TableAggregation(config) {
    rows_.emplace(context, config, true);
  }
  static void check(const sdk::Config& config) { TableAggregation trial(config); }
  void process(std::span<const Record> records, sdk::Context& context);

 private:
  explicit TableAggregation(const sdk::Config& config);
  Value added(const Value& key, const Value& aggregate, const Value& value, ScratchMemory& memory);
  Value subtracted(const Value& key, const Value& aggregate, const Value& value, ScratchMemory& memory);
  Value evaluated(const script::Expression& expression, const Value& key, const Value& aggregate, const Value& value,
                  ScratchMemory& memory);

  Expressions expressions_;
  std::optional<script::Expression> init_, add_, subtract_;
  const bool per_commit_;
  std::optional<TableRows> rows_;
};
using TableCount = TableAggregation<Aggregation::count>;
using TableReduce = TableAggregation<Aggregation::reduce>;
using TableAggregate = TableAggregation<Aggregation::aggregate>;

}  // namespace kstreamd::builtin
