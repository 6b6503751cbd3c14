#include "plugins/builtin/tables.h"

namespace kstreamd::builtin {
namespace {

bool equal_keys(const Value& a, const Value& b) {
  if (is_integer(a) && is_integer(b)) return a.u.integer == b.u.integer;
  if (a.type != b.type) return false;
  return has_data(a) ? data_of(a) == data_of(b) : a.u.integer == b.u.integer;
}

}  // namespace

void Table::process(std::span<const Record> records, sdk::Context& context) {
  for (size_t i = 0; i < records.size(); ++i) {
    const Record& record = records[i];
    context.processing(i);
    if (is_null(record.key)) {
      context.drop("null_key");
      continue;
    }
    const bool looks = rows_.stored() && rows_.sends_changes();
    rows_.update(record, record.value, looks ? rows_.get(record.key).value : null_value(), record.timestamp);
  }
}

template <bool keep>
TableFilterOf<keep>::TableFilterOf(const sdk::Config& config)
    : expressions_(config),
      expr_(expressions_.compile(config, "expr", script::kTableScope)),
      of_versions_(config.boolean("of_versions", false)) {
  TableRows::check(config);
}

template <bool keep>
Value TableFilterOf<keep>::kept(const Value& key, const Value& value) {
  if (is_null(value)) return value;
  auto& engine = expressions_.engine();
  engine.set(script::Variable::key, key);
  engine.set(script::Variable::value, value);
  return engine.test(expr_) == keep ? value : null_value();
}

template <bool keep>
void TableFilterOf<keep>::process(std::span<const Record> records, sdk::Context& context) {
  for (size_t i = 0; i < records.size(); ++i) {
    const Record& record = records[i];
    context.processing(i);
    const Change change = change_in(record);
    const Value now = kept(record.key, change.now);
    Value before = null_value();
    if (rows_->sends_changes()) {
      before = rows_->stored() ? rows_->get(record.key).value : kept(record.key, change.before);
      if (is_null(now) && is_null(before) && !of_versions_) continue;  // it was not there, and is not now
    }
    rows_->update(record, now, before, record.timestamp, change.latest);
  }
}

template class TableFilterOf<true>;
template class TableFilterOf<false>;

TableMapValues::TableMapValues(const sdk::Config& config)
    : expressions_(config), expr_(expressions_.compile(config, "expr", script::kTableScope)) {
  TableRows::check(config);
}

Value TableMapValues::made(const Value& key, const Value& value, ScratchMemory& memory) {
  if (is_null(value)) return value;
  auto& engine = expressions_.engine();
  engine.set(script::Variable::key, key);
  engine.set(script::Variable::value, value);
  return engine.value(expr_, memory);
}

void TableMapValues::process(std::span<const Record> records, sdk::Context& context) {
  ScratchMemory memory(context);
  for (size_t i = 0; i < records.size(); ++i) {
    const Record& record = records[i];
    context.processing(i);
    const Change change = change_in(record);
    const Value now = made(record.key, change.now, memory);
    Value before = null_value();
    if (rows_->sends_changes())
      before = rows_->stored() ? rows_->get(record.key).value : made(record.key, change.before, memory);
    rows_->update(record, now, before, record.timestamp, change.latest);
  }
}

TableGroupBy::TableGroupBy(const sdk::Config& config)
    : expressions_(config),
      key_(expressions_.compile(config, config.has("expr") ? "expr" : "key", script::kTableScope)),
      value_(expressions_.compile_optional(config, "value", script::kTableScope)) {}

std::optional<TableGroupBy::Member> TableGroupBy::member(const Value& key, const Value& value, ScratchMemory& memory) {
  if (is_null(value)) return std::nullopt;
  auto& engine = expressions_.engine();
  engine.set(script::Variable::key, key);
  engine.set(script::Variable::value, value);
  const Member made{engine.key(key_, memory), value_ ? engine.value(*value_, memory) : value};
  if (is_null(made.key) || is_null(made.value)) return std::nullopt;
  return made;
}

void TableGroupBy::forward(const Record& record, const Value& key, const Change& change, sdk::Context& context) {
  auto* kept = context.scratch<Change>(1);
  *kept = change;
  Record out = record;
  out.key = key;
  out.value = change_value(*kept);
  context.forward_borrowed(out);
}

void TableGroupBy::process(std::span<const Record> records, sdk::Context& context) {
  ScratchMemory memory(context);
  for (size_t i = 0; i < records.size(); ++i) {
    const Record& record = records[i];
    context.processing(i);
    const Change change = change_in(record);
    if (!change.latest) continue;  // an aggregate is one of latest values
    const auto old = member(record.key, change.before, memory);
    const auto now = member(record.key, change.now, memory);
    if (old && now && equal_keys(old->key, now->key)) {
      forward(record, now->key, {now->value, old->value}, context);
      continue;
    }
    if (old) forward(record, old->key, {null_value(), old->value}, context);
    if (now) forward(record, now->key, {now->value, null_value()}, context);
  }
}

}  // namespace kstreamd::builtin
