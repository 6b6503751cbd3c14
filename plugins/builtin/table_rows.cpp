#include "plugins/builtin/table_rows.h"

namespace kstreamd::builtin {

TableRows::TableRows(sdk::Context& context, const sdk::Config& config, bool stored)
    : context_(context),
      stored_(stored),
      versioned_(config.boolean("versioned", false)),
      changes_(config.boolean("changes", false)),
      rows_(context.store(0)),
      versions_(context.versioned_store(0)) {}

void TableRows::check(const sdk::Config& config) {
  for (const char* flag : {"stored", "versioned", "changes"}) config.boolean(flag, false);
}

Stamped TableRows::get(const Value& key) const {
  if (versioned_) {
    const auto version = versions_.get(key);
    return version ? Stamped{version->value, version->timestamp} : Stamped{};
  }
  const auto row = rows_.get(key);
  return row ? Stamped{row->value, row->timestamp} : Stamped{};
}

TableRows::Put TableRows::put(const Record& record, const Value& value, int64_t timestamp) const {
  if (!versioned_) {
    rows_.put(record.key, value, is_null(value) ? record.timestamp : timestamp);
    return Put::latest;
  }
  const auto valid_to = versions_.put(record.key, value, timestamp);
  if (!valid_to) return Put::too_old;
  return *valid_to == sdk::kLatest ? Put::latest : Put::older;
}

void TableRows::forward(const Record& record, const Change& change, int64_t timestamp) const {
  Record out = record;
  out.timestamp = timestamp;
  if (changes_) {
    auto* kept = context_.scratch<Change>(1);
    *kept = change;
    out.value = change_value(*kept);
  } else {
    out.value = change.now;
  }
  context_.forward_borrowed(out);
}

void TableRows::update(const Record& record, const Value& now, const Value& before, int64_t timestamp,
                       bool latest) const {
  if (stored_) {
    const Put put = this->put(record, now, timestamp);
    if (put == Put::too_old) return;
    latest = put == Put::latest;
  }
  forward(record, {now, changes_ ? before : null_value(), latest}, timestamp);
}

}  // namespace kstreamd::builtin
