// Operators of tables, as processors of the SDK. An update of a table is a record whose value is what its key has now,
// or, where an operator below wants to know what it had before, a Change. Each is one node of one task.
#pragma once
#include <kstreamd/sdk/plugin.h>

#include <optional>
#include <span>

#include "plugins/builtin/expressions.h"
#include "plugins/builtin/table_rows.h"

namespace kstreamd::builtin {

// table and to_table: makes the records of a topic or stream a table's updates. Null keys are dropped.
class Table {
 public:
  static constexpr const char* kName = "kstreamd.table";
  static constexpr const char* kDescription = "Takes records as the updates of a table";
  static constexpr const char* kConfigSchema =
      R"({"type":"object","properties":{"stored":{"type":"boolean"},"versioned":{"type":"boolean"},)"
      R"("changes":{"type":"boolean"}},"additionalProperties":false})";
  Table(sdk::Context& context, const sdk::Config& config) : rows_(context, config) {}
  static void check(const sdk::Config& config) { TableRows::check(config); }
  void process(std::span<const Record> records, sdk::Context& context);

 private:
  const TableRows rows_;
};

// filter and filter_not of a table: what is refused is a tombstone. Where old values are known, it is sent only of keys
// that passed before.
template <bool keep>
class TableFilterOf {
 public:
  static constexpr const char* kName = keep ? "kstreamd.table_filter" : "kstreamd.table_filter_not";
  static constexpr const char* kDescription =
      keep ? "Keeps the rows for which an expression is true" : "Keeps the rows for which an expression is not true";
  static constexpr const char* kConfigSchema =
      R"({"type":"object","required":["expr"],"properties":{"expr":{"type":"string"},"script":{"type":"string"},)"
      R"("of_versions":{"type":"boolean"},"stored":{"type":"boolean"},"versioned":{"type":"boolean"},)"
      R"("changes":{"type":"boolean"}},"additionalProperties":false})";
  TableFilterOf(sdk::Context& context, const sdk::Config& config) : TableFilterOf(config) {
    rows_.emplace(context, config);
  }
  static void check(const sdk::Config& config) { TableFilterOf trial(config); }
  void process(std::span<const Record> records, sdk::Context& context);

 private:
  explicit TableFilterOf(const sdk::Config& config);
  // The value if it passes.
  Value kept(const Value& key, const Value& value);

  Expressions expressions_;
  const script::Expression expr_;
  const bool of_versions_;
  std::optional<TableRows> rows_;
};
using TableFilter = TableFilterOf<true>;
using TableFilterNot = TableFilterOf<false>;

// map_values of a table: tombstones pass unasked.
class TableMapValues {
 public:
  static constexpr const char* kName = "kstreamd.table_map_values";
  static constexpr const char* kDescription = "Makes new values of a table's rows by an expression";
  static constexpr const char* kConfigSchema =
      R"({"type":"object","required":["expr"],"properties":{"expr":{"type":"string"},"script":{"type":"string"},)"
      R"("stored":{"type":"boolean"},"versioned":{"type":"boolean"},"changes":{"type":"boolean"}},)"
      R"("additionalProperties":false})";
  TableMapValues(sdk::Context& context, const sdk::Config& config) : TableMapValues(config) {
    rows_.emplace(context, config);
  }
  static void check(const sdk::Config& config) { TableMapValues trial(config); }
  void process(std::span<const Record> records, sdk::Context& context);

 private:
  explicit TableMapValues(const sdk::Config& config);
  Value made(const Value& key, const Value& value, ScratchMemory& memory);

  Expressions expressions_;
  const script::Expression expr_;
  std::optional<TableRows> rows_;
};

// group_by of a table: what it makes of a row's old and new value goes to their groups. Where both are of one group
// they go as one Change, else the old one goes first. A side whose new key or value is null belongs to no group.
class TableGroupBy {
 public:
  static constexpr const char* kName = "kstreamd.table_group_by";
  static constexpr const char* kDescription = "Sends old and new rows of a table to the groups of new keys";
  static constexpr const char* kConfigSchema =
      R"({"type":"object","properties":{"key":{"type":"string"},"value":{"type":"string"},"expr":{"type":"string"},)"
      R"("script":{"type":"string"}},"additionalProperties":false})";
  TableGroupBy(sdk::Context&, const sdk::Config& config) : TableGroupBy(config) {}
  static void check(const sdk::Config& config) { TableGroupBy trial(config); }
  void process(std::span<const Record> records, sdk::Context& context);

 private:
  // A row as its group gets it.
  struct Member {
    Value key = null_value();
    Value value = null_value();
  };

  explicit TableGroupBy(const sdk::Config& config);
  std::optional<Member> member(const Value& key, const Value& value, ScratchMemory& memory);
  void forward(const Record& record, const Value& key, const Change& change, sdk::Context& context);

  Expressions expressions_;
  const script::Expression key_;
  const std::optional<script::Expression> value_;  // without it a row keeps its value
};

}  // namespace kstreamd::builtin
