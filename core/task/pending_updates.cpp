#include "core/task/pending_updates.h"

#include <utility>

#include "core/task/key_bytes.h"

namespace kstreamd {
namespace {

constexpr size_t least_to_compact = 4096;  // updates

size_t size_of(const kst_record& update) {
  size_t bytes = sizeof(kst_record) + sizeof(kst_origin) + 32;
  for (const kst_value* value : {&update.key, &update.value}) bytes += value->size;
  for (uint32_t i = 0; i < update.header_count; ++i)
    bytes += sizeof(kst_header) + update.headers[i].name_size + update.headers[i].value_size;
  if (update.origin) bytes += update.origin->raw_key_size + update.origin->raw_value_size;
  return bytes;
}

}  // namespace

void PendingUpdates::add(const kst_record& update) {
  write_key_bytes(key_, update.key);
  const auto number = static_cast<uint32_t>(updates_.size());
  const auto [at, first] = last_.try_emplace(key_);
  Last& last = at->second;
  if (!first) last_of_[last.update] = nullptr;
  last.update = number;
  if (first && is_change(update.value)) {
    last.before = static_cast<uint32_t>(before_.size());
    before_.add({null_value(), change_of(update.value).before, 0, nullptr, nullptr, 0, 0});
    bytes_ += sizeof(kst_record) + change_of(update.value).before.size;
  }
  kst_record kept = update;
  kept.value = new_value(update.value);
  updates_.add(kept);
  last_of_.push_back(&last);
  bytes_ += size_of(kept) + (first ? 2 * key_.size() + 64 : 0);
  if (updates_.size() > least_to_compact && updates_.size() > 2 * last_.size()) compact();
}

void PendingUpdates::compact() {
  const Taken taken = take();
  for (const kst_record& update : taken.records) add(update);
}

PendingUpdates::Taken PendingUpdates::take() {
  Taken taken{std::exchange(updates_, OwnedRecords(chunk)), std::exchange(before_, OwnedRecords(chunk)), {}, {}};
  taken.records.reserve(last_.size());
  for (size_t i = 0; i < taken.owner.size(); ++i) {
    if (!last_of_[i]) continue;
    kst_record update = taken.owner[i];
    if (const auto& before = last_of_[i]->before) {
      const Value& old = taken.before[*before].value;
      if (is_null(update.value) && is_null(old)) continue;
      update.value = change_value(taken.changes.emplace_back(Change{update.value, old}));
    }
    taken.records.push_back(update);
  }
  last_of_.clear();
  last_.clear();
  bytes_ = 0;
  return taken;
}

}  // namespace kstreamd
