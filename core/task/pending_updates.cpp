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
  const auto [at, first] = last_.try_emplace(key_, number);
  if (!first) {
    replaced_[at->second] = true;
    at->second = number;
  }
  updates_.add(update);
  replaced_.push_back(false);
  bytes_ += size_of(update) + (first ? 2 * key_.size() + 64 : 0);
  if (updates_.size() > least_to_compact && updates_.size() > 2 * last_.size()) compact();
}

void PendingUpdates::compact() {
  const Taken taken = take();
  for (const kst_record& update : taken.records) add(update);
}

PendingUpdates::Taken PendingUpdates::take() {
  Taken taken{std::exchange(updates_, OwnedRecords(chunk)), {}};
  taken.records.reserve(last_.size());
  for (size_t i = 0; i < taken.owner.size(); ++i)
    if (!replaced_[i]) taken.records.push_back(taken.owner[i]);
  replaced_.clear();
  last_.clear();
  bytes_ = 0;
  return taken;
}

}  // namespace kstreamd
