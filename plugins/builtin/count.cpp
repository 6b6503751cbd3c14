#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>

#include "plugins/builtin/operators.h"

namespace kstreamd::builtin {
namespace {

bool countable(const Record& record, Context& context) {
  if (is_null(record.key)) {
    context.drop("null_key");
    return false;
  }
  if (is_null(record.value)) {
    context.drop("null_value");
    return false;
  }
  return true;
}

uint64_t bits_of(const Value& key) { return std::bit_cast<uint64_t>(key.u.integer); }

size_t hash_of(const Value& key) {
  if (has_data(key)) return std::hash<std::string_view>()(data_of(key));
  return static_cast<size_t>(bits_of(key) * 0x9e3779b97f4a7c15u >> 17);
}

// Of keys of one type.
bool same(const Value& a, const Value& b) { return has_data(a) ? data_of(a) == data_of(b) : bits_of(a) == bits_of(b); }

void add_one(sdk::Row& row, const Record& record) {
  if (is_null(row.value)) {
    row.value = int64_value(0);
    row.timestamp = record.timestamp;
  } else if (!is_integer(row.value)) {
    throw sdk::RecordError(std::string("the store of counts holds a ") + type_name(row.value) +
                           ": its value serde must be int64");
  }
  row.value = int64_value(row.value.u.integer + 1);
  row.timestamp = std::max(row.timestamp, record.timestamp);
}

void forward(const sdk::Row& row, const Record& record, Context& context) {
  Record out = record;
  out.value = row.value;
  out.timestamp = row.timestamp;
  context.forward_borrowed(out);
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
  if (!countable(record, context)) return;
  sdk::Row row{record.key, null_value(), 0};
  const auto store = context.store(0);
  store.get_many({&row, 1});
  add_one(row, record);
  store.put_many({&row, 1});
  forward(row, record, context);
}

// One lookup and one write for the batch: each key once, counted in the order of its records.
void Count::count_batch(std::span<const Record> records, Context& context) {
  constexpr uint32_t kDropped = UINT32_MAX;
  index_.reset(records.size());
  rows_.clear();
  row_of_record_.clear();
  for (const Record& record : records) {
    const bool counts = !is_null(record.key) && !is_null(record.value);
    row_of_record_.push_back(counts ? index_.row_of(record.key, rows_) : kDropped);
  }
  const auto store = context.store(0);
  const kst_status status = rows_.empty() ? KST_OK : store.try_get_many(rows_);
  if (status != KST_OK && status != KST_RECORD_ERROR) throw sdk::StopProcessing(status);
  const bool readable = std::all_of(rows_.begin(), rows_.end(),
                                    [](const sdk::Row& row) { return is_null(row.value) || is_integer(row.value); });
  if (status != KST_OK || !readable) return count_singly(records, context);  // which shows the record at fault

  context.processing(0);
  auto* counts = context.scratch<sdk::Row>(records.size());
  for (size_t i = 0; i < records.size(); ++i) {
    if (row_of_record_[i] == kDropped) continue;
    sdk::Row& row = rows_[row_of_record_[i]];
    add_one(row, records[i]);
    counts[i] = row;
  }
  store.put_many(rows_);
  for (size_t i = 0; i < records.size(); ++i) {
    context.processing(i);
    if (countable(records[i], context)) forward(counts[i], records[i], context);
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
  if (records.size() > 1 && one_type)
    count_batch(records, context);
  else
    count_singly(records, context);
}

}  // namespace kstreamd::builtin
