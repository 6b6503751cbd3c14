// Joins that look into tables: a stream with a table or a global table, and two tables. Each is one node of one task.
#pragma once
#include <kstreamd/sdk/plugin.h>

#include <optional>
#include <span>
#include <vector>

#include "plugins/builtin/expressions.h"
#include "plugins/builtin/join_buffer.h"
#include "plugins/builtin/table_rows.h"
#include "plugins/builtin/table_view.h"

namespace kstreamd::builtin {

// What the types of a join mean, in the order of its inputs: whether a row of that side makes a result without a
// partner.
struct JoinSides {
  bool alone[2] = {false, false};
  // Notes a problem when `type` of the configuration is none of those.
  static JoinSides read(const sdk::Config& config);
};

// A stream's records with what the table has of their keys; of a versioned table with what it had at their time. With
// a grace they wait in a buffer, the first store, until the stream is so far ahead.
class StreamTableJoin {
 public:
  static constexpr const char* kName = "kstreamd.stream_table_join";
  static constexpr const char* kDescription = "Joins the records of a stream with the rows of a table";
  static constexpr const char* kConfigSchema =
      R"({"type":"object","required":["type","value"],"properties":{"type":{"type":"string"},)"
      R"("value":{"type":"string"},"grace":{"type":"integer"},"key_serde":{"type":"string"},)"
      R"("value_serde":{"type":"string"},"view":{"type":"object"},"script":{"type":"string"}},)"
      R"("additionalProperties":false})";
  StreamTableJoin(sdk::Context& context, const sdk::Config& config);
  static void check(const sdk::Config& config) { StreamTableJoin trial(config); }
  void init(sdk::Context& context);
  void process(std::span<const Record> records, sdk::Context& context);

 private:
  explicit StreamTableJoin(const sdk::Config& config);
  bool joins(const Record& record) const { return !is_null(record.value) && (left_ || !is_null(record.key)); }
  bool join_batch(std::span<const Record> records, sdk::Context& context);
  void take(const Record& record, sdk::Context& context);
  void look_up(const Record& record, sdk::Context& context);
  void forward(const Record& record, const Value& right, sdk::Context& context);

  Expressions expressions_;
  const bool left_;
  const script::Expression value_;
  std::optional<JoinBuffer> buffer_;
  std::optional<TableView> view_;
  std::vector<sdk::Row> rows_;  // of the batch at hand; the room is reused
};

// A stream's records with the rows of a global table, the only store, by keys that an expression gives.
class GlobalJoin {
 public:
  static constexpr const char* kName = "kstreamd.global_join";
  static constexpr const char* kDescription = "Joins the records of a stream with the rows of a global table";
  static constexpr const char* kConfigSchema =
      R"({"type":"object","required":["type","key","value"],"properties":{"type":{"type":"string"},)"
      R"("key":{"type":"string"},"value":{"type":"string"},"script":{"type":"string"}},"additionalProperties":false})";
  static constexpr sdk::StoreNeed kStores[] = {{"the global table"}};
  GlobalJoin(sdk::Context&, const sdk::Config& config) : GlobalJoin(config) {}
  static void check(const sdk::Config& config) { GlobalJoin trial(config); }
  void process(std::span<const Record> records, sdk::Context& context);

 private:
  explicit GlobalJoin(const sdk::Config& config);

  Expressions expressions_;
  const bool left_;
  const script::Expression key_;
  const script::Expression value_;
};

// Rows of two tables that have the same key. It is told of the updates of both (input 0 left, 1 right), and looks for
// the partner in the other one.
class TableJoin {
 public:
  static constexpr const char* kName = "kstreamd.table_join";
  static constexpr const char* kDescription = "Joins the rows of two tables that have the same key";
  static constexpr const char* kConfigSchema =
      R"({"type":"object","required":["type","value"],"properties":{"type":{"type":"string"},)"
      R"("value":{"type":"string"},"left":{"type":"object"},"right":{"type":"object"},"script":{"type":"string"},)"
      R"("stored":{"type":"boolean"},"versioned":{"type":"boolean"},"changes":{"type":"boolean"}},)"
      R"("additionalProperties":false})";
  TableJoin(sdk::Context& context, const sdk::Config& config);
  static void check(const sdk::Config& config) { TableJoin trial(config); }
  void process(std::span<const Record> records, sdk::Context& context);

 private:
  explicit TableJoin(const sdk::Config& config);
  void update(const Record& record, const Change& change, ScratchMemory& memory);
  // What comes of a row of one side and its partner, either of them null when there is none.
  Value joined(const Value& key, uint32_t side, const Value& mine, const Value& other, ScratchMemory& memory);

  Expressions expressions_;
  const JoinSides sides_;
  const script::Expression value_;
  std::optional<TableView> views_[2];  // into the left and the right table
  std::optional<TableRows> rows_;
};

}  // namespace kstreamd::builtin
