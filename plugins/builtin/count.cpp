#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>

#include "plugins/builtin/aggregations.h"
#include "plugins/builtin/operators.h"

namespace kstreamd::builtin {
namespace {

uint64_t bits_of(const Value& key) { return std::bit_cast<uint64_t>(key.u.integer); }

size_t hash_of(const Value& key) {
  if (has_data(key)) return std::hash<std::string_view>()(data_of(key));
  return static_cast<size_t>(bits_of(key) * 0x9e3779b97f4a7c15u >> 17);
}

// Of keys of one type.
bool same(const Value& a, const Value& b) { return has_data(a) ? data_of(a) == data_of(b) : bits_of(a) == bits_of(b); }

// Counts the record in, and gives what was there before.
Value add_one(sdk::Row& row, const Record& record) {
  const Value before = row.value;
  row.timestamp = is_null(before) ? record.timestamp : std::max(row.timestamp, record.timestamp);
  row.value = counted(before, 1);
  return before;
}

}  // namespace

void Count::KeyIndex::reset(size_t keys) { slots_.assign(std::bit_ceil(keys * 2), 0); }

uint32_t Count::KeyIndex::row_of(const Value& key, std::vector<sdk::Row>& rows) {
  for (size_t at = hash_of(key);; ++at) {
    uint32_t& slot = slots_[at & (slots_.size() - 1)];
    if (slot == 0) {
      rows.push_back({key, null_value(), 0});
      slot = static_cast<uint32_t>(rows.size());
    } else if (!same(rows[slot - 1].key, key)) {
      continue;
    }
    return slot - 1;
  }
}

void Count::count_one(const Record& record, Context& context) {
  if (!takes_part(record, context)) return;
  const Stamped found = rows_.get(record.key);
  sdk::Row row{record.key, found.value, found.timestamp};
  const Value before = add_one(row, record);
  rows_.update(record, row.value, before, row.timestamp);
}

// One lookup and one write for the batch: each key once, counted in the order of its records.
void Count::count_batch(std::span<const Record> records, Context& context) {
  constexpr uint32_t kDropped = UINT32_MAX;
  index_.reset(records.size());
  counts_.clear();
  row_of_record_.clear();
  for (const Record& record : records) {
    const bool counts = !is_null(record.key) && !is_null(record.value);
    row_of_record_.push_back(counts ? index_.row_of(record.key, counts_) : kDropped);
  }
  const auto store = context.store(0);
  const kst_status status = counts_.empty() ? KST_OK : store.try_get_many(counts_);
  if (status != KST_OK && status != KST_RECORD_ERROR) throw sdk::StopProcessing(status);
  const bool readable = std::all_of(counts_.begin(), counts_.end(),
                                    [](const sdk::Row& row) { return is_null(row.value) || is_integer(row.value); });
  if (status != KST_OK || !readable) return count_singly(records, context);  // which shows the record at fault

  struct Update {
    Value now;
    Value before;
    int64_t timestamp;
  };
  context.processing(0);
  auto* updates = context.scratch<Update>(records.size());
  for (size_t i = 0; i < records.size(); ++i) {
    if (row_of_record_[i] == kDropped) continue;
    sdk::Row& row = counts_[row_of_record_[i]];
    const Value before = add_one(row, records[i]);
    updates[i] = {row.value, before, row.timestamp};
  }
  store.put_many(counts_);
  for (size_t i = 0; i < records.size(); ++i) {
    context.processing(i);
    if (!takes_part(records[i], context)) continue;
    const Update& update = updates[i];
    rows_.forward(records[i], {update.now, update.before}, update.timestamp);
  }
}

void Count::count_singly(std::span<const Record> records, Context& context) {
  for (size_t i = 0; i < records.size(); ++i) {
    context.processing(i);
    count_one(records[i], context);
  }
}

void Count::process(std::span<const Record> records, Context& context) {
  kst_type type = KST_NULL;  // of the keys; with several types, equal bytes may hide behind different values
  bool one_type = true;
  for (const Record& record : records) {
    if (is_null(record.key)) continue;
    if (type == KST_NULL) type = record.key.type;
    one_type &= record.key.type == type;
  }
  if (records.size() > 1 && one_type && !versioned_)
    count_batch(records, context);
  else
    count_singly(records, context);
}

}  // namespace kstreamd::builtin
