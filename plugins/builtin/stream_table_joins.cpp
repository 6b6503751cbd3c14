#include <string>

#include "plugins/builtin/table_joins.h"

namespace kstreamd::builtin {
namespace {

// Also of a type that only two streams or two tables can have: the graph refuses those.
bool is_left(const sdk::Config& config) { return JoinSides::read(config).alone[0]; }

}  // namespace

JoinSides JoinSides::read(const sdk::Config& config) {
  const std::string type = config.string("type", "inner");
  if (type != "inner" && type != "left" && type != "outer" && type != "right")
    config.problem("type", "there is no join of the type '" + type + "'", "it is inner, left, outer or right");
  return {{type == "left" || type == "outer", type == "right" || type == "outer"}};
}

// ---- A stream and a table

StreamTableJoin::StreamTableJoin(const sdk::Config& config)
    : expressions_(config), left_(is_left(config)), value_(expressions_.compile(config, "value", script::kJoinScope)) {
  JoinBuffer::check(config);
}

StreamTableJoin::StreamTableJoin(sdk::Context& context, const sdk::Config& config) : StreamTableJoin(config) {
  if (config.has("grace")) buffer_.emplace(context, config);
  view_.emplace(context, config, "view");
}

void StreamTableJoin::init(sdk::Context&) {
  if (buffer_) buffer_->restore();
}

void StreamTableJoin::process(std::span<const Record> records, sdk::Context& context) {
  if (!buffer_ && view_->is_store() && records.size() > 1 && join_batch(records, context)) return;
  for (size_t i = 0; i < records.size(); ++i) {
    context.processing(i);
    take(records[i], context);
  }
}

// One lookup for the batch. False: a key does not fit the store, which is to be shown of its record alone.
bool StreamTableJoin::join_batch(std::span<const Record> records, sdk::Context& context) {
  rows_.clear();
  for (const Record& record : records)
    if (joins(record) && !is_null(record.key)) rows_.push_back({record.key, null_value(), 0});
  const kst_status status = rows_.empty() ? KST_OK : view_->try_get_many(rows_);
  if (status == KST_RECORD_ERROR) return false;
  if (status != KST_OK) throw sdk::StopProcessing(status);
  auto row = rows_.cbegin();
  for (size_t i = 0; i < records.size(); ++i) {
    const Record& record = records[i];
    context.processing(i);
    if (!joins(record))
      context.drop(is_null(record.value) ? "null_value" : "null_key");
    else
      forward(record, is_null(record.key) ? null_value() : (row++)->value, context);
  }
  return true;
}

void StreamTableJoin::take(const Record& record, sdk::Context& context) {
  if (!joins(record)) return context.drop(is_null(record.value) ? "null_value" : "null_key");
  if (is_null(record.key)) return forward(record, null_value(), context);
  if (!buffer_ || !buffer_->put(record)) return look_up(record, context);
  buffer_->take_due([&](Record due) {
    due.origin = record.origin;
    look_up(due, context);
  });
}

void StreamTableJoin::look_up(const Record& record, sdk::Context& context) {
  const int64_t as_of = view_->versioned() ? record.timestamp : sdk::kLatest;
  forward(record, view_->get(record.key, as_of).value, context);
}

void StreamTableJoin::forward(const Record& record, const Value& right, sdk::Context& context) {
  if (is_null(right) && !left_) return;
  auto& engine = expressions_.engine();
  engine.set(script::Variable::key, record.key);
  engine.set(script::Variable::left, record.value);
  engine.set(script::Variable::right, right);
  ScratchMemory memory(context);
  Record out = record;
  out.value = engine.value(value_, memory);
  context.forward_borrowed(out);
}

// ---- A stream and a global table

GlobalJoin::GlobalJoin(const sdk::Config& config)
    : expressions_(config),
      left_(is_left(config)),
      key_(expressions_.compile(config, "key", script::kGlobalKeyScope)),
      value_(expressions_.compile(config, "value", script::kJoinScope)) {}

void GlobalJoin::process(std::span<const Record> records, sdk::Context& context) {
  const auto table = context.store(0);
  auto& engine = expressions_.engine();
  ScratchMemory memory(context);
  for (size_t i = 0; i < records.size(); ++i) {
    const Record& record = records[i];
    context.processing(i);
    if (is_null(record.value)) {
      context.drop("null_value");
      continue;
    }
    engine.set_record(record);
    const Value key = engine.key(key_, memory);
    if (is_null(key) && !left_) {
      context.drop("null_key");
      continue;
    }
    sdk::Row row{key, null_value(), 0};
    if (!is_null(key)) table.get_many({&row, 1});
    if (is_null(row.value) && !left_) continue;
    engine.set(script::Variable::left, record.value);
    engine.set(script::Variable::right, row.value);
    Record out = record;
    out.value = engine.value(value_, memory);
    context.forward_borrowed(out);
  }
}

}  // namespace kstreamd::builtin
