#include "plugins/builtin/stream_join.h"

#include <algorithm>
#include <limits>
#include <string>

namespace kstreamd::builtin {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::min();

Side other(Side side) { return side == kLeft ? kRight : kLeft; }

int64_t later(int64_t time, int64_t by) {
  return time > std::numeric_limits<int64_t>::max() - by ? std::numeric_limits<int64_t>::max() : time + by;
}

}  // namespace

StreamJoin::Settings::Settings(const sdk::Config& config)
    : expressions(config), value(expressions.compile(config, "value", script::kJoinScope)) {
  const std::string type = config.string("type");
  const bool outer = type == "outer";
  sends_alone = {outer || type == "left", outer || type == "right"};
  wait[kLeft] = config.integer("after");
  wait[kRight] = config.integer("before");
  grace = config.integer("grace", 0);
  emit_interval = config.integer("emit_interval", 0);
}

StreamJoin::StreamJoin(sdk::Context& context, const sdk::Config& config)
    : settings_(config),
      stores_{context.window_store(kLeft), context.window_store(kRight)},
      bytes_{StoreBytes(context, kLeft), StoreBytes(context, kRight)} {
  if (settings_.sends_alone[kLeft] || settings_.sends_alone[kRight]) waiting_.emplace(context, 2);
}

void StreamJoin::process(std::span<const Record> records, sdk::Context& context) {
  for (size_t i = 0; i < records.size(); ++i) {
    context.processing(i);
    process_one(records[i], context);
  }
}

void StreamJoin::process_one(const Record& record, sdk::Context& context) {
  const Side side = record.input == 0 ? kLeft : kRight;
  const bool alone = settings_.sends_alone[side];
  stream_time_.pass(record.timestamp);
  if (is_null(record.value)) {
    // It changes nothing in the store, but has its place in the changelog, as in that of Kafka Streams.
    if (!is_null(record.key)) stores_[side].put(record.key, record.timestamp, record.value, record.timestamp);
    return context.drop(is_null(record.key) && !alone ? "null_key" : "null_value");
  }
  see(side, record.value);
  if (is_null(record.key)) {
    if (!alone) return context.drop("null_key");
    see(other(side), null_value());
    return send(record, record.key, record.timestamp, context);
  }
  key_bytes_.reset();
  if (waiting_ && record.timestamp == stream_time_.get()) {
    give_up_closed(record, context);
    see(side, record.value);
  }
  stores_[side].put(record.key, record.timestamp, record.value, record.timestamp);
  if (join_partners(record, side, context) || !alone) return;
  if (later(record.timestamp, settings_.wait[side]) < stream_time_.get()) {
    see(other(side), null_value());
    send(record, record.key, record.timestamp, context);
  } else {
    waiting_->add(side, record.timestamp, key_bytes(record, side),
                  bytes_[side].write(StoreBytesExtension::value, record.value));
  }
}

// Whether there was one.
bool StreamJoin::join_partners(const Record& record, Side side, sdk::Context& context) {
  const Side theirs = other(side);
  const int64_t from = std::max<int64_t>(record.timestamp - settings_.wait[theirs], 0);
  const int64_t to = later(record.timestamp, settings_.wait[side]);
  bool found = false;
  stores_[theirs].fetch(record.key, from, to, [&](const sdk::RawWindowRow& row) {
    found = true;
    if (waiting_ && settings_.sends_alone[theirs] && row.start >= waiting_->oldest()[theirs])
      waiting_->remove(theirs, row.start, key_bytes(record, side), record.timestamp);
    see(theirs, row.value);
    send(record, record.key, std::max(record.timestamp, row.start), context);
  });
  return found;
}

// Sends alone what can find no partner any more.
void StreamJoin::give_up_closed(const Record& record, sdk::Context& context) {
  WaitingRecords::Oldest closes_before{};
  bool any = false;
  for (const Side side : {kLeft, kRight}) {
    const int64_t after = std::min(later(settings_.wait[side], settings_.grace), stream_time_.get() + 1);
    closes_before[side] = settings_.sends_alone[side] ? stream_time_.get() - after : kNever;
    any = any || waiting_->oldest()[side] < closes_before[side];
  }
  if (!any) return;
  if (settings_.emit_interval > 0) {
    const int64_t now = context.wall_time();
    if (now < next_emit_) return;
    next_emit_ = now + settings_.emit_interval;
  }
  do {
    closed_.clear();
    const auto left = waiting_->closed(closes_before, closed_);
    for (Waiting& waiting : closed_) {
      // Where to go on after an expression that fails.
      waiting_->set_oldest({std::min(left[kLeft], waiting.timestamp), std::min(left[kRight], waiting.timestamp)});
      send_waiting(waiting, record, context);
    }
    waiting_->set_oldest(left);
  } while (closed_.size() == WaitingRecords::kAtOnce);
}

void StreamJoin::send_waiting(Waiting& waiting, const Record& record, sdk::Context& context) {
  const Value key = bytes_[waiting.side].read(StoreBytesExtension::key, waiting.key);
  see(other(waiting.side), null_value());
  while (const auto value = waiting_->take(waiting, record.timestamp)) {
    see(waiting.side, bytes_[waiting.side].read(StoreBytesExtension::value, *value));
    send(record, key, waiting.timestamp, context);
  }
}

std::string_view StreamJoin::key_bytes(const Record& record, Side side) {
  if (!key_bytes_) key_bytes_ = bytes_[side].write(StoreBytesExtension::key, record.key);
  return *key_bytes_;
}

void StreamJoin::send(const Record& like, const Value& key, int64_t timestamp, sdk::Context& context) {
  script::Engine& engine = settings_.expressions.engine();
  ScratchMemory memory(context);
  engine.set(script::Variable::key, key);
  Record out = like;
  out.key = key;
  out.value = engine.value(settings_.value, memory);
  out.timestamp = timestamp;
  out.input = 0;
  context.forward(out);
}

}  // namespace kstreamd::builtin
