#include <algorithm>
#include <bit>
#include <functional>
#include <limits>

#include "plugins/builtin/windows.h"

namespace kstreamd::builtin {
namespace {

constexpr uint32_t kLate = UINT32_MAX;  // in place of a row's number: the window has closed

uint64_t bits_of(const Value& key) { return std::bit_cast<uint64_t>(key.u.integer); }

size_t hash_of(const Value& key, int64_t start) {
  const size_t hash = has_data(key) ? std::hash<std::string_view>()(data_of(key)) : bits_of(key) * 0x9e3779b97f4a7c15u;
  return (hash ^ static_cast<uint64_t>(start) * 0xff51afd7ed558ccdu) * 0x9e3779b97f4a7c15u >> 17;
}

// Of keys of one type.
bool same(const Value& a, const Value& b) { return has_data(a) ? data_of(a) == data_of(b) : bits_of(a) == bits_of(b); }

// Whether equal keys of the batch are equal bytes, and the other way round.
bool comparable_keys(std::span<const Record> records) {
  kst_type type = KST_NULL;
  for (const Record& record : records) {
    if (is_null(record.key)) continue;
    if (type == KST_NULL) type = record.key.type;
    if (record.key.type != type || type == KST_OBJECT) return false;
  }
  return true;
}

}  // namespace

void TimeWindows::RowIndex::reset(size_t rows) { slots_.assign(std::bit_ceil(rows * 2), 0); }

uint32_t TimeWindows::RowIndex::row_of(const Value& key, int64_t start, std::vector<sdk::RawWindowRow>& rows) {
  for (size_t at = hash_of(key, start);; ++at) {
    uint32_t& slot = slots_[at & (slots_.size() - 1)];
    if (slot == 0) {
      rows.push_back({key, null_value(), 0, start, 0});
      slot = static_cast<uint32_t>(rows.size());
    } else if (rows[slot - 1].start != start || !same(rows[slot - 1].key, key)) {
      continue;
    }
    return slot - 1;
  }
}

TimeWindows::TimeWindows(const sdk::Config& config)
    : aggregation_(config, false),
      times_(config),
      closer_(config, times_.grace + times_.size, times_.grace, times_.retention) {
  if (times_.size < 1 || times_.advance < 1 || times_.advance > times_.size)
    config.problem("window", "has no windows", "size is 1 ms or more, and advance 1 ms to size");
}

void TimeWindows::bind(sdk::Context& context) {
  store_.emplace(context.window_store(0));
  bytes_.emplace(context, 0);
}

void TimeWindows::init(sdk::Context& context) {
  time_.find(context, aggregation_.stream_times());
  if (aggregation_.on_close()) closer_.init(context, time_.of(0), *store_, *bytes_);
}

int64_t TimeWindows::first_start(int64_t timestamp) const {
  return std::max<int64_t>(0, timestamp - times_.size + times_.advance) / times_.advance * times_.advance;
}

int64_t TimeWindows::end_of(int64_t start) const {
  constexpr int64_t last = std::numeric_limits<int64_t>::max();
  return start > last - times_.size ? last : start + times_.size;
}

void TimeWindows::process(std::span<const Record> records, sdk::Context& context) {
  if (records.size() > 1 && aggregation_.counts() && comparable_keys(records) && count_batch(records, context)) return;
  for (size_t i = 0; i < records.size(); ++i) {
    context.processing(i);
    process_one(records[i], context);
  }
}

// ---- Counts of a batch: one lookup and one write, each window once

// False: nothing was done, because something in between would have to be seen. Then they go one by one.
bool TimeWindows::count_batch(std::span<const Record> records, sdk::Context& context) {
  if (!gather(records)) return false;
  if (!rows_.empty()) {
    const kst_status status = store_->try_get_many(rows_);
    if (status == KST_RECORD_ERROR) return false;  // which shows the record at fault
    if (status != KST_OK) throw sdk::StopProcessing(status);
  }
  for (const auto& row : rows_)
    if (!is_null(row.value) && !is_integer(row.value)) return false;

  context.processing(0);
  if (aggregation_.on_close())
    for (const auto& row : rows_)
      if (is_null(row.value)) closer_.opened(row.start, 0, bytes_->write(StoreBytes::Part::key, row.key));
  size_t use = 0;
  for (size_t i = 0; i < records.size(); ++i) {
    if (!is_null(records[i].key)) time_.of(0).pass(records[i].timestamp);
    for (; use < uses_until_[i]; ++use) {
      Use& here = uses_[use];
      if (here.row == kLate) continue;
      auto& row = rows_[here.row];
      const bool first = is_null(row.value);
      here.before = first ? aggregation_.first_before(int64_value(0)) : row.value;
      row.value = here.now = count_sum(row.value, int64_value(1));
      row.timestamp = here.timestamp = first ? records[i].timestamp : std::max(row.timestamp, records[i].timestamp);
    }
  }
  store_->put_many(rows_);
  if (aggregation_.on_close()) closer_.close(context, time_.of(0).get(), [](const OpenWindows::Window&) {});
  forward_counts(records, context);
  return true;
}

// Finds the windows of the records. False: one closes while they are counted.
bool TimeWindows::gather(std::span<const Record> records) {
  index_.reset(records.size() * static_cast<size_t>((times_.size + times_.advance - 1) / times_.advance));
  rows_.clear();
  uses_.clear();
  uses_until_.clear();
  int64_t time = time_.of(0).get(), earliest = std::numeric_limits<int64_t>::max();
  for (const Record& record : records) {
    if (!is_null(record.key)) {
      time = std::max(time, record.timestamp);
      for (int64_t start = first_start(record.timestamp); start <= record.timestamp; start += times_.advance) {
        const bool closed = late(start, time);
        uses_.push_back({closed ? kLate : index_.row_of(record.key, start, rows_), {}, {}, 0});
        if (!closed) earliest = std::min(earliest, start);
      }
    }
    uses_until_.push_back(static_cast<uint32_t>(uses_.size()));
  }
  return !aggregation_.on_close() || !closer_.would_close(time, earliest);
}

void TimeWindows::forward_counts(std::span<const Record> records, sdk::Context& context) {
  keys_.assign(rows_.size(), null_value());
  size_t use = 0;
  for (size_t i = 0; i < records.size(); ++i) {
    context.processing(i);
    if (is_null(records[i].key)) context.drop("null_key");
    size_t closed = 0;
    for (; use < uses_until_[i]; ++use) {
      const Use& here = uses_[use];
      if (here.row == kLate) ++closed;
      if (here.row == kLate || aggregation_.on_close()) continue;
      const auto& row = rows_[here.row];
      if (is_null(keys_[here.row]))
        keys_[here.row] = windowed_value({row.key, row.start, end_of(row.start)}, context.memory());
      aggregation_.forward(context, records[i], keys_[here.row], {here.now, here.before}, here.timestamp);
    }
    if (closed > 0) context.drop("late", closed);
  }
}

// ---- One record

void TimeWindows::process_one(const Record& record, sdk::Context& context) {
  if (is_null(record.key)) return context.drop("null_key");
  time_.of(record.input).pass(record.timestamp);
  if (aggregation_.on_close()) close(record, context);
  const Value key = plain_key(record.key, *bytes_);
  size_t closed = 0;
  for (int64_t start = first_start(record.timestamp); start <= record.timestamp; start += times_.advance) {
    if (late(start, time_.of(record.input).get()))
      ++closed;
    else
      update(record, key, start, context);
  }
  if (closed > 0) context.drop("late", closed);
}

void TimeWindows::update(const Record& record, const Value& key, int64_t start, sdk::Context& context) {
  ScratchMemory memory(context);
  const auto row = store_->get(key, start);
  const Value old = row ? row->value : aggregation_.initial(memory);
  const Value now = aggregation_.added(record, old, memory);
  const int64_t timestamp = row ? std::max(row->timestamp, record.timestamp) : record.timestamp;
  store_->put(key, start, now, is_null(now) ? record.timestamp : timestamp);
  if (!aggregation_.on_close()) {
    const Value windowed = windowed_value({key, start, end_of(start)}, context.memory());
    aggregation_.forward(context, record, windowed, {now, row ? old : aggregation_.first_before(old)}, timestamp);
  } else if (!row) {
    closer_.opened(start, 0, bytes_->write(StoreBytes::Part::key, key));
  }
}

void TimeWindows::close(const Record& record, sdk::Context& context) {
  closer_.close(context, time_.of(record.input).get(), [&](const OpenWindows::Window& window) {
    const Value key = bytes_->read(StoreBytes::Part::key, context.copy(window.key));
    const auto row = store_->get(key, window.time);
    if (!row) return;
    const Value windowed = windowed_value({key, window.time, end_of(window.time)}, context.memory());
    aggregation_.forward(context, record, windowed, {row->value}, row->timestamp);
  });
}

}  // namespace kstreamd::builtin
