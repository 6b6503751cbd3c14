#include "plugins/builtin/aggregations.h"

#include <algorithm>
#include <string>

namespace kstreamd::builtin {
namespace {

// Of an update. An aggregate never goes back in time; where it is put out at commits only, its deletion is as old as
// the record that caused it, as in Kafka Streams.
int64_t time_of(const Record& record, const Stamped& found, const Value& now, bool per_commit) {
  if (is_null(found.value) || (per_commit && is_null(now))) return record.timestamp;
  return std::max(found.timestamp, record.timestamp);
}

}  // namespace

bool takes_part(const Record& record, sdk::Context& context) {
  if (!is_null(record.key) && !is_null(record.value)) [[likely]]
    return true;
  context.drop(is_null(record.key) ? "null_key" : "null_value");
  return false;
}

Value counted(const Value& count, int64_t by) {
  if (is_null(count)) return int64_value(by);
  if (!is_integer(count))
    throw sdk::RecordError(std::string("the store of counts holds a ") + type_name(count) +
                           ": its value serde must be int64");
  return int64_value(count.u.integer + by);
}

template <Aggregation kind>
StreamAggregation<kind>::StreamAggregation(const sdk::Config& config)
    : expressions_(config), per_commit_(config.boolean("per_commit", false)) {
  TableRows::check(config);
  if (kind != Aggregation::reduce) init_ = expressions_.compile(config, "init", script::kInitScope);
  if (kind != Aggregation::cogroup) {
    add_ = {expressions_.compile(config, "add", script::kAggregateScope)};
    return;
  }
  for (const auto& add : config.list("add")) add_.push_back(expressions_.compile_item(add, script::kAggregateScope));
}

template <Aggregation kind>
Value StreamAggregation<kind>::added(const Record& record, const Value& aggregate, ScratchMemory& memory) {
  if (kind == Aggregation::reduce && is_null(aggregate)) return record.value;
  auto& engine = expressions_.engine();
  const Value start = is_null(aggregate) ? engine.value(*init_, memory) : aggregate;
  engine.set_record(record);
  engine.set(script::Variable::aggregate, start);
  return engine.value(kind == Aggregation::cogroup ? add_.at(record.input) : add_[0], memory);
}

template <Aggregation kind>
void StreamAggregation<kind>::process(std::span<const Record> records, sdk::Context& context) {
  ScratchMemory memory(context);
  for (size_t i = 0; i < records.size(); ++i) {
    const Record& record = records[i];
    context.processing(i);
    if (!takes_part(record, context)) continue;
    const Stamped found = rows_->get(record.key);
    const Value now = added(record, found.value, memory);
    rows_->update(record, now, found.value, time_of(record, found, now, per_commit_));
  }
}

template class StreamAggregation<Aggregation::reduce>;
template class StreamAggregation<Aggregation::aggregate>;
template class StreamAggregation<Aggregation::cogroup>;

template <Aggregation kind>
TableAggregation<kind>::TableAggregation(const sdk::Config& config)
    : expressions_(config), per_commit_(config.boolean("per_commit", false)) {
  TableRows::check(config);
  if (kind == Aggregation::count) return;
  if (kind == Aggregation::aggregate) init_ = expressions_.compile(config, "init", script::kInitScope);
  add_ = expressions_.compile(config, "add", script::kTableAggregateScope);
  subtract_ = expressions_.compile(config, "subtract", script::kTableAggregateScope);
}

template <Aggregation kind>
Value TableAggregation<kind>::evaluated(const script::Expression& expression, const Value& key, const Value& aggregate,
                                        const Value& value, ScratchMemory& memory) {
  auto& engine = expressions_.engine();
  engine.set(script::Variable::key, key);
  engine.set(script::Variable::value, value);
  engine.set(script::Variable::aggregate, aggregate);
  return engine.value(expression, memory);
}

template <Aggregation kind>
Value TableAggregation<kind>::added(const Value& key, const Value& aggregate, const Value& value,
                                    ScratchMemory& memory) {
  if (kind == Aggregation::count) return counted(aggregate, 1);
  if (!is_null(aggregate)) return evaluated(*add_, key, aggregate, value, memory);
  if (kind == Aggregation::reduce) return value;
  return evaluated(*add_, key, expressions_.engine().value(*init_, memory), value, memory);
}

template <Aggregation kind>
Value TableAggregation<kind>::subtracted(const Value& key, const Value& aggregate, const Value& value,
                                         ScratchMemory& memory) {
  return kind == Aggregation::count ? counted(aggregate, -1) : evaluated(*subtract_, key, aggregate, value, memory);
}

template <Aggregation kind>
void TableAggregation<kind>::process(std::span<const Record> records, sdk::Context& context) {
  ScratchMemory memory(context);
  for (size_t i = 0; i < records.size(); ++i) {
    const Record& record = records[i];
    context.processing(i);
    const Change change = change_in(record);
    const Stamped found = rows_->get(record.key);
    Value now = found.value;
    if (!is_null(change.before) && !is_null(now)) now = subtracted(record.key, now, change.before, memory);
    if (!is_null(change.now)) now = added(record.key, now, change.now, memory);
    rows_->update(record, now, found.value, time_of(record, found, now, per_commit_));
  }
}

template class TableAggregation<Aggregation::count>;
template class TableAggregation<Aggregation::reduce>;
template class TableAggregation<Aggregation::aggregate>;

}  // namespace kstreamd::builtin
