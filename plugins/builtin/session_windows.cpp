#include <algorithm>
#include <limits>

#include "plugins/builtin/windows.h"

namespace kstreamd::builtin {

SessionWindows::SessionWindows(const sdk::Config& config)
    : aggregation_(config, true),
      times_(config),
      closer_(config, times_.grace + times_.size + 1, times_.grace + times_.size, times_.retention) {}

void SessionWindows::bind(sdk::Context& context) {
  store_.emplace(context.session_store(0));
  bytes_.emplace(context, 0);
}

void SessionWindows::init(sdk::Context& context) {
  time_.find(context, aggregation_.stream_times());
  if (!aggregation_.on_close()) return;
  closer_.init(context, time_.of(0), [&](int64_t first) {
    store_->range(null_value(), null_value(), first, std::numeric_limits<int64_t>::max(),
                  [&](const sdk::RawSessionRow& row) {
                    closer_.opened(row.end, row.start, bytes_->write(StoreBytes::Part::key, row.key));
                  });
  });
}

void SessionWindows::process(std::span<const Record> records, sdk::Context& context) {
  for (size_t i = 0; i < records.size(); ++i) {
    context.processing(i);
    process_one(records[i], context);
  }
}

void SessionWindows::process_one(const Record& record, sdk::Context& context) {
  if (is_null(record.key)) return context.drop("null_key");
  time_.of(record.input).pass(record.timestamp);
  if (aggregation_.on_close()) close(record, context);
  const Value key = plain_key(record.key, *bytes_);
  find_sessions(key, record.timestamp);

  ScratchMemory memory(context);
  Value aggregate = aggregation_.initial(memory);
  Windowed session{key, record.timestamp, record.timestamp};
  for (const auto& old : found_) {
    aggregate = aggregation_.merged(key, aggregate, old.value, memory);
    session.start = std::min(session.start, old.start);
    session.end = std::max(session.end, old.end);
  }
  if (session.end < time_.of(record.input).get() - times_.grace - times_.size) return context.drop("late");
  if (session.start != record.timestamp || session.end != record.timestamp) {
    for (const auto& old : found_) {
      store_->put(key, old.start, old.end, null_value(), record.timestamp);
      forward(record, {key, old.start, old.end}, {null_value(), old.value}, context);
    }
  }
  aggregate = aggregation_.added(record, aggregate, memory);
  store_->put(key, session.start, session.end, aggregate, record.timestamp);
  forward(record, session, {aggregate}, context);
  if (aggregation_.on_close()) closer_.opened(session.end, session.start, bytes_->write(StoreBytes::Part::key, key));
}

// The sessions that a record at this time joins, in the order of time.
void SessionWindows::find_sessions(const Value& key, int64_t timestamp) {
  found_.clear();
  store_->find(key, std::max<int64_t>(0, timestamp - times_.size), timestamp + times_.size,
               [this, &key](const sdk::RawSessionRow& row) {
                 found_.push_back({key, null_value(), row.start, row.end, 0});
               });
  store_->get_many(found_);
}

// Updates of sessions have the time of their end, and no headers but at commits.
void SessionWindows::forward(const Record& record, const Windowed& session, const Change& change,
                             sdk::Context& context) const {
  if (aggregation_.on_close()) return;
  Record update = record;
  if (!aggregation_.per_commit()) {
    update.headers = nullptr;
    update.header_count = 0;
  }
  aggregation_.forward(context, update, windowed_value(session, context.memory()), change, session.end);
}

void SessionWindows::close(const Record& record, sdk::Context& context) {
  closer_.close(context, time_.of(record.input).get(), [&](const OpenWindows::Window& window) {
    const Value key = bytes_->read(StoreBytes::Part::key, context.copy(window.key));
    const auto row = store_->get(key, window.second, window.time);
    if (!row) return;
    const Value windowed = windowed_value({key, window.second, window.time}, context.memory());
    aggregation_.forward(context, record, windowed, {row->value}, window.time);
  });
}

}  // namespace kstreamd::builtin
