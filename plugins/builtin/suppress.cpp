#include "plugins/builtin/suppress.h"

#include <kstreamd/sdk/windowed.h>

#include <limits>
#include <string>

namespace kstreamd::builtin {

Suppress::Settings::Settings(const sdk::Config& config)
    : windows(config.has("closes_after")),
      wait(config.integer(windows ? "closes_after" : "time_limit")),
      max_records(config.integer("max_records", std::numeric_limits<int64_t>::max())),
      max_bytes(config.integer("max_bytes", std::numeric_limits<int64_t>::max())),
      stop_when_full(config.boolean("stop_when_full", false)),
      changes(config.boolean("changes", false)) {
  config.boolean("versioned", false);
}

Suppress::Suppress(sdk::Context& context, const sdk::Config& config) : settings_(config), buffer_(context) {}

void Suppress::init(sdk::Context& context) {
  time_.find(context, "t");
  buffer_.init();
}

void Suppress::process(std::span<const Record> records, sdk::Context& context) {
  for (size_t i = 0; i < records.size(); ++i) {
    context.processing(i);
    const Record& record = records[i];
    time_.pass(record.timestamp);
    const Change change = is_change(record.value) ? change_of(record.value) : Change{record.value};
    if (settings_.windows && !is_windowed(record.key)) throw sdk::RecordError("the key has no window that could close");
    buffer_.put(record, change, settings_.windows ? windowed_of(record.key).end : record.timestamp);
    const int64_t due = time_.get() - settings_.wait;
    while (buffer_.records() > 0 && *buffer_.first_time() <= due) emit_first(record.input, context);
    if (full() && settings_.stop_when_full) stop();
    while (full() && buffer_.records() > 0) emit_first(record.input, context);
  }
}

void Suppress::emit_first(uint32_t input, sdk::Context& context) {
  auto* change = context.scratch<Change>(1);
  Record record = buffer_.first(*change);
  if (settings_.windows && is_null(change->now)) return buffer_.drop_first(record.timestamp);
  record.input = input;
  record.value = settings_.changes ? change_value(*change) : change->now;
  // While it goes out it is still held, for those below that look past the suppression: as in Kafka Streams.
  try {
    context.forward_borrowed(record);
  } catch (...) {
    buffer_.drop_first(record.timestamp);
    throw;
  }
  buffer_.drop_first(record.timestamp);
}

void Suppress::stop() const {
  auto of = [](int64_t limit) {
    return limit == std::numeric_limits<int64_t>::max() ? std::string() : " of " + std::to_string(limit);
  };
  throw sdk::FatalError("the buffer is full: it holds " + std::to_string(buffer_.records()) +
                        of(settings_.max_records) + " records and " + std::to_string(buffer_.bytes()) +
                        of(settings_.max_bytes) +
                        " bytes, and nothing may go out early (full: stop); raise max_records or max_bytes, or shorten "
                        "what is waited for");
}

}  // namespace kstreamd::builtin
