#include "core/state/overlay.h"

#include <algorithm>
#include <functional>
#include <new>
#include <utility>

#include "core/state/key_prefix.h"

namespace kstreamd {
namespace {

constexpr size_t kFirstSlots = 64;

size_t hash_of(std::string_view key) { return std::hash<std::string_view>()(key); }

// Room to grow, so that a value of changing length is rewritten in place.
uint32_t rounded(size_t size) { return static_cast<uint32_t>((size + 15) & ~size_t{15}); }

}  // namespace

Overlay::~Overlay() { clear(); }

Overlay::Entry* Overlay::make_entry(size_t hash, std::string_view key, const StoreValue& value) {
  uint32_t capacity = rounded(value.present ? value.value.size() : 0);
  void* memory = ::operator new(sizeof(Entry) + key.size() + capacity);
  auto* entry = new (memory) Entry{.hash = hash,
                                   .timestamp = value.timestamp,
                                   .key_size = static_cast<uint32_t>(key.size()),
                                   .value_size = value.present ? static_cast<uint32_t>(value.value.size()) : 0,
                                   .value_capacity = capacity,
                                   .dirty_index = 0,
                                   .present = value.present,
                                   .dirty = false,
                                   .referenced = true};
  if (!key.empty()) std::memcpy(entry->bytes(), key.data(), key.size());
  if (entry->value_size > 0) std::memcpy(entry->bytes() + key.size(), value.value.data(), value.value.size());
  return entry;
}

void Overlay::free_entry(Entry* entry) { ::operator delete(entry); }

size_t Overlay::locate(std::string_view key, size_t hash) const {
  size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  for (; slots_[at].entry; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.hash == hash && slot.entry->key() == key) break;
  }
  return at;
}

Overlay::Entry* Overlay::find(std::string_view key) {
  if (slots_.empty()) return nullptr;
  Entry* entry = slots_[locate(key, hash_of(key))].entry;
  if (entry) entry->referenced = true;
  return entry;
}

void Overlay::rehash(size_t slots) {
  std::vector<Slot> old = std::move(slots_);
  slots_.assign(slots, Slot{});
  size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (!slot.entry) continue;
    size_t at = slot.hash & mask;
    while (slots_[at].entry) at = (at + 1) & mask;
    slots_[at] = slot;
  }
  hand_ = 0;
}

// A table that once was large would otherwise stay so for good, in every store that ever took its turn.
void Overlay::shrink() {
  constexpr size_t kSparse = 16;
  if (slots_.size() <= kFirstSlots || count_ * kSparse > slots_.size()) return;
  size_t slots = kFirstSlots;
  while (count_ * 3 > slots) slots *= 2;
  rehash(slots);
  dirty_.shrink_to_fit();
  by_key_.shrink_to_fit();
}

void Overlay::insert(size_t slot, Entry* entry) {
  slots_[slot] = {entry, entry->hash};
  ++count_;
}

// Closes the gap by moving later entries of the same run back, so that there are no graves to step over.
void Overlay::remove(size_t slot) {
  size_t mask = slots_.size() - 1;
  free_entry(slots_[slot].entry);
  --count_;
  size_t hole = slot;
  for (size_t at = (slot + 1) & mask; slots_[at].entry; at = (at + 1) & mask) {
    size_t home = slots_[at].hash & mask;
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    slots_[hole] = slots_[at];
    hole = at;
  }
  slots_[hole] = {};
}

Overlay::Entry* Overlay::cache(std::string_view key, const StoreValue& value) {
  if ((count_ + 1) * 3 > slots_.size() * 2) rehash(slots_.empty() ? kFirstSlots : slots_.size() * 2);
  size_t hash = hash_of(key);
  Entry* entry = make_entry(hash, key, value);
  insert(locate(key, hash), entry);
  clean_bytes_ += footprint(*entry);
  return entry;
}

// The old entry is freed last: the new value may lie in it.
void Overlay::outgrow(size_t slot, const StoreValue& value) {
  Entry* old = slots_[slot].entry;
  Entry* entry = make_entry(old->hash, old->key(), value);
  entry->dirty = old->dirty;
  entry->dirty_index = old->dirty_index;
  size_t& bytes = entry->dirty ? dirty_bytes_ : clean_bytes_;
  bytes += footprint(*entry) - footprint(*old);
  if (entry->dirty) dirty_[entry->dirty_index] = entry;
  slots_[slot].entry = entry;
  free_entry(old);
}

void Overlay::put(std::string_view key, const StoreValue& value) {
  if ((count_ + 1) * 3 > slots_.size() * 2) rehash(slots_.empty() ? kFirstSlots : slots_.size() * 2);
  size_t hash = hash_of(key);
  size_t slot = locate(key, hash);
  Entry* entry = slots_[slot].entry;
  if (!entry) {
    entry = make_entry(hash, key, value);
    insert(slot, entry);
    clean_bytes_ += footprint(*entry);
  } else if (value.present && value.value.size() > entry->value_capacity) {
    outgrow(slot, value);
    entry = slots_[slot].entry;
  } else {
    entry->present = value.present;
    entry->timestamp = value.timestamp;
    entry->value_size = value.present ? static_cast<uint32_t>(value.value.size()) : 0;
    if (entry->value_size > 0) std::memmove(entry->bytes() + entry->key_size, value.value.data(), entry->value_size);
    entry->referenced = true;
  }
  if (entry->dirty) return;
  entry->dirty = true;
  entry->dirty_index = static_cast<uint32_t>(dirty_.size());
  dirty_.push_back(entry);
  clean_bytes_ -= footprint(*entry);
  dirty_bytes_ += footprint(*entry);
}

const std::vector<uint32_t>& Overlay::dirty_by_key() {
  auto before = [this](uint32_t a, uint32_t b) { return dirty_[a]->key() < dirty_[b]->key(); };
  size_t sorted = by_key_.size();
  size_t added = dirty_.size() - sorted;
  constexpr size_t kFew = 16;
  if (added <= kFew) {
    for (auto i = static_cast<uint32_t>(sorted); i < dirty_.size(); ++i)
      by_key_.insert(std::upper_bound(by_key_.begin(), by_key_.end(), i, before), i);
    return by_key_;
  }
  // The keys' beginnings decide most comparisons without a look at the entries, which lie all over memory.
  std::vector<std::pair<uint64_t, uint32_t>> rows;
  rows.reserve(added);
  for (auto i = static_cast<uint32_t>(sorted); i < dirty_.size(); ++i)
    rows.emplace_back(prefix_of(dirty_[i]->key()), i);
  std::sort(rows.begin(), rows.end(), [&](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : before(a.second, b.second);
  });
  for (const auto& row : rows) by_key_.push_back(row.second);
  if (sorted > 0)
    std::inplace_merge(by_key_.begin(), by_key_.begin() + static_cast<ptrdiff_t>(sorted), by_key_.end(), before);
  return by_key_;
}

void Overlay::committed() {
  for (Entry* entry : dirty_) entry->dirty = false;
  clean_bytes_ += dirty_bytes_;
  dirty_bytes_ = 0;
  dirty_.clear();
  by_key_.clear();
}

void Overlay::rolled_back() {
  for (Entry* entry : dirty_) remove(locate(entry->key(), entry->hash));
  dirty_bytes_ = 0;
  dirty_.clear();
  by_key_.clear();
}

void Overlay::clear() {
  for (const Slot& slot : slots_)
    if (slot.entry) free_entry(slot.entry);
  slots_.clear();
  dirty_.clear();
  by_key_.clear();
  count_ = hand_ = dirty_bytes_ = clean_bytes_ = 0;
}

void Overlay::evict(size_t limit) {
  if (clean_bytes_ <= limit) return;
  size_t goal = limit - limit / 8;  // some room, so that the next call has nothing to do
  size_t mask = slots_.size() - 1;
  while (clean_bytes_ > goal) {
    hand_ &= mask;
    Entry* entry = slots_[hand_].entry;
    if (!entry || entry->dirty) {
      ++hand_;
    } else if (entry->referenced) {
      entry->referenced = false;
      ++hand_;
    } else {
      clean_bytes_ -= footprint(*entry);
      remove(hand_);  // another may have moved here: look again
    }
  }
  if (dirty_.empty()) shrink();
}

}  // namespace kstreamd
