#include <algorithm>

#include "plugins/builtin/windows.h"

namespace kstreamd::builtin {

SlidingWindows::SlidingWindows(const sdk::Config& config)
    : aggregation_(config, false),
      times_(config),
      closer_(config, times_.grace + times_.size + 1, times_.grace, times_.retention) {}

void SlidingWindows::bind(sdk::Context& context) {
  store_.emplace(context.window_store(0));
  bytes_.emplace(context, 0);
}

void SlidingWindows::init(sdk::Context& context) {
  time_.find(context, aggregation_.stream_times());
  if (aggregation_.on_close()) closer_.init(context, time_.of(0), *store_, *bytes_);
}

void SlidingWindows::process(std::span<const Record> records, sdk::Context& context) {
  for (size_t i = 0; i < records.size(); ++i) {
    context.processing(i);
    process_one(records[i], context);
  }
}

void SlidingWindows::process_one(const Record& record, sdk::Context& context) {
  if (is_null(record.key)) return context.drop("null_key");
  if (is_null(record.value)) return context.drop("null_value");
  time_.of(record.input).pass(record.timestamp);
  if (aggregation_.on_close()) close(record, context);
  if (record.timestamp + times_.size < time_.of(record.input).get() - times_.grace) return context.drop("late");
  key_ = plain_key(record.key, *bytes_);
  if (record.timestamp < times_.size) {
    process_early(record, context);
  } else {
    const Around around = update_around(record, context);
    if (!around.complete) make_windows(record, around, context);
  }
}

// Updates the windows that the record falls into, the latest first, and finds out which it needs besides.
SlidingWindows::Around SlidingWindows::update_around(const Record& record, sdk::Context& context) {
  Around around;
  const int64_t timestamp = record.timestamp;
  read_windows(std::max<int64_t>(0, timestamp - 2 * times_.size), timestamp + 1, true);
  for (const auto& row : rows_) {
    const Content content{row.start, row.value, row.timestamp, true};
    const int64_t end = row.start + times_.size;
    if (row.start == timestamp + 1) {
      around.has_right = true;
    } else if (end > timestamp) {
      if (!around.right) around.right = content;
      update(content, record, context);
    } else if (end == timestamp) {
      around.has_left = true;
      update(content, record, context);
      around.complete = row.timestamp >= timestamp;
      if (around.complete) return around;
      around.previous = row.timestamp;
    } else {
      around.left = content;
      around.previous = row.timestamp;
      return around;
    }
  }
  return around;
}

void SlidingWindows::make_windows(const Record& record, const Around& around, sdk::Context& context) {
  const int64_t timestamp = record.timestamp;
  // Behind the record before this one begins a window that had nothing in it so far.
  if (around.previous && !has_window(*around.previous + 1) && *around.previous + 1 + times_.size >= timestamp)
    update(new_window(*around.previous + 1, record), record, context);
  if (!around.has_left) {
    Content left = new_window(timestamp - times_.size, record);
    if (around.left && around.previous && timestamp - times_.size <= *around.previous)
      left.aggregate = around.left->aggregate;
    update(left, record, context);
  }
  if (!around.has_right && around.right && around.right->timestamp > timestamp)
    make_right(*around.right, record, context);
}

// No window starts before 0: what would be in such ones is in the one that starts there.
void SlidingWindows::process_early(const Record& record, sdk::Context& context) {
  const int64_t timestamp = record.timestamp;
  std::optional<Content> first, right;
  std::optional<int64_t> previous;
  bool has_right = false;
  read_windows(0, timestamp + 1, false);
  for (const auto& row : rows_) {
    const Content content{row.start, row.value, row.timestamp, true};
    if (row.start == 0) {
      first = content;
      if (row.timestamp < timestamp) previous = row.timestamp;
    } else if (row.start <= timestamp) {
      right = content;
      update(content, record, context);
    } else {
      has_right = true;
    }
  }
  if (!right && first && first->timestamp > timestamp) right = first;
  if (!has_right && right && right->timestamp > timestamp) make_right(*right, record, context);
  if (previous && !has_window(*previous + 1)) update(new_window(*previous + 1, record), record, context);
  update(first ? *first : new_window(0, record), record, context);
}

// The windows of the record's key that start in from..to.
void SlidingWindows::read_windows(int64_t from, int64_t to, bool newest_first) {
  rows_.clear();
  store_->fetch(
      key_, from, to,
      [this](const sdk::RawWindowRow& row) {
        rows_.push_back({key_, null_value(), 0, row.start, 0});
      },
      newest_first ? sdk::Order::descending : sdk::Order::ascending);
  store_->get_many(rows_);
}

bool SlidingWindows::has_window(int64_t start) const {
  return std::any_of(rows_.begin(), rows_.end(), [start](const auto& row) { return row.start == start; });
}

SlidingWindows::Content SlidingWindows::new_window(int64_t start, const Record& record) {
  return {start, null_value(), record.timestamp, false};
}

// Adds the record to a window that is still open.
void SlidingWindows::update(const Content& window, const Record& record, sdk::Context& context) {
  if (window.start + times_.size < time_.of(record.input).get() - times_.grace) return context.drop("late");
  ScratchMemory memory(context);
  const bool begins = !window.stored && is_null(window.aggregate);
  const Value old = begins ? aggregation_.initial(memory) : window.aggregate;
  const Value now = aggregation_.added(record, old, memory);
  const Content updated{window.start, now, std::max(window.timestamp, record.timestamp), true};
  put(record, updated, window.stored ? old : aggregation_.first_before(old), !window.stored, context);
}

// The window behind the record: there are later ones, and what is in it has been counted elsewhere.
void SlidingWindows::make_right(const Content& content, const Record& record, sdk::Context& context) {
  put(record, {record.timestamp + 1, content.aggregate, content.timestamp, true}, null_value(), true, context);
}

void SlidingWindows::put(const Record& record, const Content& window, const Value& before, bool opens,
                         sdk::Context& context) {
  store_->put(key_, window.start, window.aggregate, is_null(window.aggregate) ? record.timestamp : window.timestamp);
  if (!aggregation_.on_close()) {
    const Windowed windowed{key_, window.start, window.start + times_.size};
    aggregation_.forward(context, record, windowed_value(windowed, context.memory()), {window.aggregate, before},
                         window.timestamp);
  } else if (opens) {
    closer_.opened(window.start, 0, bytes_->write(StoreBytes::Part::key, key_));
  }
}

void SlidingWindows::close(const Record& record, sdk::Context& context) {
  closer_.close(context, time_.of(record.input).get(), [&](const OpenWindows::Window& window) {
    const Value key = bytes_->read(StoreBytes::Part::key, context.copy(window.key));
    const auto row = store_->get(key, window.time);
    if (!row) return;
    const Value windowed = windowed_value({key, window.time, window.time + times_.size}, context.memory());
    aggregation_.forward(context, record, windowed, {row->value}, row->timestamp);
  });
}

}  // namespace kstreamd::builtin
