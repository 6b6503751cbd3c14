// A join of two tables by a foreign key, as the processors of the nodes that it is made of. A row of the left table
// subscribes to the row of the right table that its foreign key names, in the right table's task; that answers with
// what it has, and again whenever it changes; the left table's task joins the answers with the rows that asked.
//
//   left table -> ForeignKeySubscribe -> topic -> ForeignKeyLookup -.
//                                                                   +-> topic -> ForeignKeyJoin
//                               right table -> ForeignKeyUpdate ----'
//
// The two topics, and the store of the subscriptions, hold Kafka Streams' bytes. Each processor is one node of one
// task.
#pragma once
#include <kstreamd/sdk/plugin.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "plugins/builtin/expressions.h"
#include "plugins/builtin/serde_bytes.h"
#include "plugins/builtin/table_rows.h"
#include "plugins/builtin/table_view.h"

namespace kstreamd::builtin {

// Of the bytes of a left row's value; none: the row was deleted.
using RowHash = std::optional<std::array<uint64_t, 2>>;

// What a left row asks of the right table. What it points to is borrowed.
struct Subscription {
  enum Instruction : uint8_t { remove = 0, remove_and_answer = 1, answer = 2, answer_if_found = 3 };
  RowHash hash;
  Instruction instruction = answer;
  std::string_view left_key;
  int32_t partition = 0;  // where the left row's task reads the answer

  static Subscription read(std::string_view bytes);
  std::string_view write(sdk::Context& context) const;
};

// Keys of the subscriptions' store: the length of the foreign key, the foreign key, the left key.
std::string_view subscription_key(std::string_view foreign_key, std::string_view left_key, sdk::Context& context);

class ForeignKeySubscribe {
 public:
  static constexpr const char* kName = "kstreamd.foreign_key_subscribe";
  static constexpr const char* kDescription = "Asks for the rows that the foreign keys of a table name";
  static constexpr const char* kConfigSchema =
      R"({"type":"object","required":["type","foreign_key"],"properties":{"type":{"type":"string"},)"
      R"("foreign_key":{"type":"string"},"left_key":{"type":"string"},"left_value":{"type":"string"},)"
      R"("right_key":{"type":"string"},"script":{"type":"string"}},"additionalProperties":false})";
  ForeignKeySubscribe(sdk::Context& context, const sdk::Config& config);
  static void check(const sdk::Config& config) { ForeignKeySubscribe trial(config); }
  void process(std::span<const Record> records, sdk::Context& context);

 private:
  struct Serdes {
    SerdeBytes left_key, left_value, right_key;
  };

  explicit ForeignKeySubscribe(const sdk::Config& config);
  // The bytes of the key that a row names.
  std::optional<std::string_view> foreign_key(const Value& key, const Value& value, ScratchMemory& memory);
  void update(const Record& record, const Change& change, sdk::Context& context);

  Expressions expressions_;
  const bool left_;
  const script::Expression foreign_key_;
  std::optional<Serdes> serdes_;
  int32_t partition_ = 0;  // of the task
};

// Store 0 has the subscriptions, the others are the right table's.
class ForeignKeyLookup {
 public:
  static constexpr const char* kName = "kstreamd.foreign_key_lookup";
  static constexpr const char* kDescription = "Notes who asks for which row of a table, and answers";
  static constexpr const char* kConfigSchema =
      R"({"type":"object","properties":{"right_key":{"type":"string"},"right_value":{"type":"string"},)"
      R"("view":{"type":"object"},"script":{"type":"string"}},"additionalProperties":false})";
  ForeignKeyLookup(sdk::Context& context, const sdk::Config& config);
  static void check(const sdk::Config&) {}
  void process(std::span<const Record> records, sdk::Context& context);

 private:
  void take(const Record& record, sdk::Context& context);

  const sdk::RawKeyValueStore subscriptions_;
  const TableView right_;
  SerdeBytes right_key_, right_value_;
};

// Store 0 has the subscriptions.
class ForeignKeyUpdate {
 public:
  static constexpr const char* kName = "kstreamd.foreign_key_update";
  static constexpr const char* kDescription = "Tells those who asked for a row of a table that it has changed";
  static constexpr const char* kConfigSchema =
      R"({"type":"object","properties":{"right_key":{"type":"string"},"right_value":{"type":"string"}},)"
      R"("additionalProperties":false})";
  ForeignKeyUpdate(sdk::Context& context, const sdk::Config& config);
  static void check(const sdk::Config&) {}
  void process(std::span<const Record> records, sdk::Context& context);

 private:
  void tell(const Record& record, const Value& now, sdk::Context& context);

  const sdk::RawKeyValueStore subscriptions_;
  SerdeBytes right_key_, right_value_;
  std::vector<Record> answers_;  // to the record at hand; the room is reused
};

// The declared node. Its own rows, if it keeps them, are in store 0; the others are the left table's.
class ForeignKeyJoin {
 public:
  static constexpr const char* kName = "kstreamd.foreign_key_join";
  static constexpr const char* kDescription = "Joins the rows of a table with those that their foreign keys name";
  static constexpr const char* kConfigSchema =
      R"({"type":"object","required":["type","value"],"properties":{"type":{"type":"string"},)"
      R"("value":{"type":"string"},"view":{"type":"object"},"left_value":{"type":"string"},)"
      R"("right_value":{"type":"string"},"script":{"type":"string"},"stored":{"type":"boolean"},)"
      R"("versioned":{"type":"boolean"},"changes":{"type":"boolean"}},"additionalProperties":false})";
  ForeignKeyJoin(sdk::Context& context, const sdk::Config& config);
  static void check(const sdk::Config& config) { ForeignKeyJoin trial(config); }
  void process(std::span<const Record> records, sdk::Context& context);

 private:
  struct Serdes {
    SerdeBytes left_value, right_value;
  };

  explicit ForeignKeyJoin(const sdk::Config& config);
  void take(const Record& record, ScratchMemory& memory);

  Expressions expressions_;
  const bool left_;
  const script::Expression value_;
  std::optional<TableView> left_table_;
  std::optional<TableRows> rows_;
  std::optional<Serdes> serdes_;
};

}  // namespace kstreamd::builtin
