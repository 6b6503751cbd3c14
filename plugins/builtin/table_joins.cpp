#include "plugins/builtin/table_joins.h"

#include <algorithm>

namespace kstreamd::builtin {

TableJoin::TableJoin(const sdk::Config& config)
    : expressions_(config),
      sides_(JoinSides::read(config)),
      value_(expressions_.compile(config, "value", script::kJoinScope)) {
  TableRows::check(config);
}

TableJoin::TableJoin(sdk::Context& context, const sdk::Config& config) : TableJoin(config) {
  views_[0].emplace(context, config, "left");
  views_[1].emplace(context, config, "right");
  rows_.emplace(context, config);
}

void TableJoin::process(std::span<const Record> records, sdk::Context& context) {
  ScratchMemory memory(context);
  each_latest(records, context, [&](const Record& record, const Change& change) { update(record, change, memory); });
}

void TableJoin::update(const Record& record, const Change& change, ScratchMemory& memory) {
  const uint32_t side = record.input;
  const Stamped other = views_[1 - side]->get(record.key);
  int64_t timestamp = record.timestamp;
  if (!is_null(other.value))
    timestamp = std::max(timestamp, other.timestamp);
  else if (!sides_.alone[side] || (is_null(change.now) && is_null(change.before)))
    return;  // there was no result, and is none
  const Value now = joined(record.key, side, change.now, other.value, memory);
  const Value before =
      rows_->sends_changes() ? joined(record.key, side, change.before, other.value, memory) : null_value();
  rows_->update(record, now, before, timestamp);
}

Value TableJoin::joined(const Value& key, uint32_t side, const Value& mine, const Value& other, ScratchMemory& memory) {
  const bool result = is_null(mine) ? !is_null(other) && sides_.alone[1 - side] : !is_null(other) || sides_.alone[side];
  if (!result) return null_value();
  auto& engine = expressions_.engine();
  engine.set(script::Variable::key, key);
  engine.set(script::Variable::left, side == 0 ? mine : other);
  engine.set(script::Variable::right, side == 0 ? other : mine);
  return engine.value(value_, memory);
}

}  // namespace kstreamd::builtin
