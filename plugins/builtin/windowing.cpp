#include "plugins/builtin/windowing.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace kstreamd::builtin {

WindowTimes::WindowTimes(const sdk::Config& config) {
  const sdk::Config window = config.object("window");
  window.string("kind", "");
  size = window.integer("size");
  advance = window.integer("advance", size);
  grace = window.integer("grace");
  retention = window.integer("retention");
}

// ---- Aggregates

WindowedAggregation::Operation WindowedAggregation::operation_of(const sdk::Config& config) {
  const std::string name = config.string("operation");
  if (name == "count") return Operation::count;
  if (name == "reduce") return Operation::reduce;
  if (name == "aggregate") return Operation::aggregate;
  if (name != "cogroup") config.problem("operation", "is no aggregation", "one of count, reduce, aggregate, cogroup");
  return Operation::cogroup;
}

WindowedAggregation::WindowedAggregation(const sdk::Config& config, bool sessions)
    : expressions_(config),
      operation_(operation_of(config)),
      on_close_(config.string("emit", "") == "on_window_close"),
      per_commit_(config.boolean("per_commit", false)),
      changes_(config.boolean("changes", false)) {
  config.boolean("versioned", false);
  config.integer("emit_interval", 0);
  if (operation_ == Operation::count) return;
  if (operation_ == Operation::cogroup) {
    for (const auto& item : config.list("add"))
      add_.push_back(expressions_.compile_item(item, script::kAggregateScope));
  } else {
    add_.push_back(expressions_.compile(config, "add", script::kAggregateScope));
  }
  if (operation_ == Operation::reduce) return;
  init_ = expressions_.compile(config, "init", script::kInitScope);
  if (sessions) merge_ = expressions_.compile(config, "merge", script::kMergeScope);
}

Value WindowedAggregation::initial(ScratchMemory& memory) {
  if (operation_ == Operation::count) return int64_value(0);
  return init_ ? expressions_.engine().value(*init_, memory) : null_value();
}

Value WindowedAggregation::evaluated(const script::Expression& add, const Record& record, const Value& aggregate,
                                     ScratchMemory& memory) {
  auto& engine = expressions_.engine();
  engine.set_record(record);
  engine.set(script::Variable::aggregate, aggregate);
  return engine.value(add, memory);
}

Value WindowedAggregation::added(const Record& record, const Value& aggregate, ScratchMemory& memory) {
  switch (operation_) {
    case Operation::count:
      return count_sum(aggregate, int64_value(1));
    case Operation::reduce:
      return is_null(aggregate) ? record.value : evaluated(add_[0], record, aggregate, memory);
    case Operation::aggregate:
      return evaluated(add_[0], record, aggregate, memory);
    case Operation::cogroup:
      break;
  }
  if (record.input >= add_.size()) throw sdk::FatalError("a record came over an input that cogroup does not know");
  return evaluated(add_[record.input], record, aggregate, memory);
}

Value WindowedAggregation::merged(const Value& key, const Value& left, const Value& right, ScratchMemory& memory) {
  if (operation_ == Operation::count) return count_sum(left, right);
  if (operation_ == Operation::reduce && is_null(left)) return right;
  auto& engine = expressions_.engine();
  if (operation_ == Operation::reduce) {
    Record record{};
    record.key = key;
    record.value = right;
    return evaluated(add_[0], record, left, memory);
  }
  engine.set(script::Variable::key, key);
  engine.set(script::Variable::left, left);
  engine.set(script::Variable::right, right);
  return engine.value(*merge_, memory);
}

void WindowedAggregation::forward(sdk::Context& context, const Record& record, const Value& windowed,
                                  const Change& change, int64_t timestamp) const {
  Record out = record;
  out.key = windowed;
  out.timestamp = timestamp;
  out.value = change.now;
  if (changes_) {
    auto* kept = context.scratch<Change>(1);
    *kept = change;
    out.value = change_value(*kept);
  }
  context.forward_borrowed(out);
}

Value count_sum(const Value& left, const Value& right) {
  int64_t sum = 0;
  for (const Value* count : {&left, &right}) {
    if (is_null(*count)) continue;
    if (!is_integer(*count))
      throw sdk::RecordError(std::string("the store of counts holds a ") + type_name(*count) +
                             ": its value serde must be int64");
    sum += count->u.integer;
  }
  return int64_value(sum);
}

Value plain_key(const Value& key, StoreBytes& bytes) {
  if (key.type != KST_OBJECT) [[likely]]
    return key;
  return bytes.read(StoreBytes::Part::key, bytes.write(StoreBytes::Part::key, key));
}

// ---- Windows that close

const OpenWindows::Keys& OpenWindows::sorted(Keys& keys) {
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

void WindowCloser::init(sdk::Context& context, StreamTime& time, const sdk::RawWindowStore& store, StoreBytes& bytes) {
  init(context, time, [&](int64_t first) {
    store.range(
        null_value(), null_value(), first, std::numeric_limits<int64_t>::max(),
        [&](const sdk::RawWindowRow& row) { opened(row.start, 0, bytes.write(StoreBytes::Part::key, row.key)); });
  });
}

// What is about to leave the store cannot wait for the interval.
bool WindowCloser::due(sdk::Context& context, int64_t stream_time) {
  if (!open_.any_until(stream_time - span_)) {
    if (interval_ == 0) looked_at(stream_time);
    return false;
  }
  if (interval_ == 0) return true;
  const int64_t now = context.wall_time();
  if (now < next_ && !open_.any_until(stream_time - retention_)) return false;
  next_ = now + interval_;
  return true;
}

}  // namespace kstreamd::builtin
