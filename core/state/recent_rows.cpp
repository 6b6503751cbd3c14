#include "core/state/recent_rows.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "core/record/store_keys.h"
#include "core/state/key_prefix.h"

namespace kstreamd {
namespace {

constexpr size_t kBlockBytes = 64 << 10;
constexpr size_t kFirstSlots = 64;
constexpr size_t kSuffix = 12;  // of a window's key: start and sequence number

size_t hash_of(std::string_view key) { return std::hash<std::string_view>()(key); }

std::string_view without_suffix(std::string_view key) { return key.substr(0, key.size() - kSuffix); }

}  // namespace

std::string_view RecentRows::Row::key() const { return without_suffix(whole_key()); }

StoreValue RecentRows::Row::value() const {
  return {true, {reinterpret_cast<const char*>(this + 1) + key_size, value_size}, timestamp};
}

size_t RecentRows::Row::footprint() const {
  return (sizeof(Row) + key_size + value_size + alignof(Row) - 1) / alignof(Row) * alignof(Row);
}

void RecentRows::forget() {
  since_ = kNever;
  blocks_.clear();
  slots_.clear();
  slots_.shrink_to_fit();
  keys_ = bytes_ = 0;
  first_block_ = uncommitted_ = waiting_ = 0;
  committed_ = handed_over_ = {};
}

template <typename Take>
void RecentRows::each(const Block& block, size_t from, size_t to, const Take& take) {
  while (from < to) {
    Row& row = *std::launder(reinterpret_cast<Row*>(block.memory.get() + from));
    from += row.footprint();
    take(row);
  }
}

RecentRows::Mark RecentRows::end() const {
  return blocks_.empty() ? Mark{first_block_, 0} : Mark{first_block_ + blocks_.size() - 1, blocks_.back().used};
}

void RecentRows::committed() {
  committed_ = end();
  waiting_ += uncommitted_;
  uncommitted_ = 0;
}

void RecentRows::roll_back() {
  if (uncommitted_ == 0) return;
  uncommitted_ = 0;
  while (!blocks_.empty()) {
    Block& block = blocks_.back();
    const uint64_t number = first_block_ + blocks_.size() - 1;
    if (number < committed_.block) return;
    const size_t kept = number == committed_.block ? committed_.used : 0;
    each(block, kept, block.used, [this](Row& row) { unlink(row); });
    block.used = kept;
    if (kept > 0) {
      block.latest = kNoTime;
      each(block, 0, kept, [&](const Row& row) { block.latest = std::max(block.latest, row.time); });
      return;
    }
    bytes_ -= block.size;
    blocks_.pop_back();
  }
}

void RecentRows::hand_over(int64_t live, const Write& write) {
  // In order, because a database takes neighbours one after the other for much less than scattered rows.
  std::vector<std::pair<uint64_t, const Row*>> rows;
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const uint64_t number = first_block_ + i;
    if (number < handed_over_.block || number > committed_.block) continue;
    const size_t from = number == handed_over_.block ? handed_over_.used : 0;
    const size_t to = number == committed_.block ? committed_.used : blocks_[i].used;
    each(blocks_[i], from, to, [&](const Row& row) {
      if (row.time >= live) rows.emplace_back(prefix_of(row.whole_key()), &row);
    });
  }
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second->whole_key() < b.second->whole_key();
  });
  for (const auto& row : rows) write(row.second->whole_key(), row.second->value());
  handed_over_ = committed_;
  waiting_ = 0;
}

size_t RecentRows::locate(std::string_view key, size_t hash) const {
  const size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  for (; slots_[at].first; at = (at + 1) & mask)
    if (slots_[at].hash == hash && slots_[at].first->key() == key) break;
  return at;
}

void RecentRows::grow() {
  std::vector<Slot> old = std::move(slots_);
  slots_.assign(old.empty() ? kFirstSlots : old.size() * 2, Slot{});
  bytes_ += (slots_.size() - old.size()) * sizeof(Slot);
  const size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (!slot.first) continue;
    size_t at = slot.hash & mask;
    while (slots_[at].first) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

void RecentRows::add(std::string_view key, const StoreValue& value) {
  const int64_t time = read_window_key(key)->start;
  if (time < since_) return;
  if ((keys_ + 1) * 3 > slots_.size() * 2) grow();
  Row made{.earlier = nullptr,
           .later = nullptr,
           .hash = hash_of(without_suffix(key)),
           .time = time,
           .timestamp = value.timestamp,
           .key_size = static_cast<uint32_t>(key.size()),
           .value_size = static_cast<uint32_t>(value.value.size())};
  const size_t size = made.footprint();
  if (blocks_.empty() || blocks_.back().size - blocks_.back().used < size) {
    const size_t room = std::max(size, kBlockBytes);
    blocks_.push_back({std::make_unique_for_overwrite<char[]>(room), room, 0});
    bytes_ += room;
  }
  Block& block = blocks_.back();
  Row* row = new (block.memory.get() + block.used) Row(made);
  std::memcpy(reinterpret_cast<char*>(row + 1), key.data(), key.size());
  if (!value.value.empty())
    std::memcpy(reinterpret_cast<char*>(row + 1) + key.size(), value.value.data(), value.value.size());
  block.used += size;
  block.latest = std::max(block.latest, time);
  ++uncommitted_;

  Slot& slot = slots_[locate(row->key(), row->hash)];
  if (!slot.first) {
    slot = {row->hash, row, row};
    ++keys_;
    return;
  }
  Row* before = slot.last;  // most come in the order of time
  while (before && before->time > time) before = before->earlier;
  row->earlier = before;
  row->later = before ? before->later : slot.first;
  (before ? before->later : slot.first) = row;
  (row->later ? row->later->earlier : slot.last) = row;
}

void RecentRows::visit(std::string_view key, int64_t first, int64_t last, bool reverse,
                       const KeyValueStore::Visitor& visit) const {
  if (slots_.empty()) return;
  const Slot& slot = slots_[locate(key, hash_of(key))];
  if (!slot.first) return;
  const auto within = [&](const Row& row) { return row.time >= std::max(first, since_) && row.time <= last; };
  // A look for partners is for the newest rows: the first of them is found from the end.
  const Row* row = slot.last;
  if (!reverse) {
    while (row->earlier && row->earlier->time >= first) row = row->earlier;
  }
  for (; row; row = reverse ? row->earlier : row->later) {
    if (reverse ? row->time < first : row->time > last) return;
    if (within(*row) && !visit(row->whole_key(), row->value())) return;
  }
}

void RecentRows::unlink(Row& row) {
  if (row.earlier && row.later) {
    row.earlier->later = row.later;
    row.later->earlier = row.earlier;
    return;
  }
  const size_t at = locate(row.key(), row.hash);
  if (!row.earlier && !row.later) return remove(at);
  Slot& slot = slots_[at];
  if (row.earlier) {
    row.earlier->later = nullptr;
    slot.last = row.earlier;
  } else {
    row.later->earlier = nullptr;
    slot.first = row.later;
  }
}

// Closes the gap by moving later keys of the same run back.
void RecentRows::remove(size_t slot) {
  const size_t mask = slots_.size() - 1;
  --keys_;
  size_t hole = slot;
  for (size_t at = (slot + 1) & mask; slots_[at].first; at = (at + 1) & mask) {
    const size_t home = slots_[at].hash & mask;
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    slots_[hole] = slots_[at];
    hole = at;
  }
  slots_[hole] = {};
}

void RecentRows::drop_oldest_block() {
  Block& block = blocks_.front();
  each(block, 0, block.used, [this](Row& row) { unlink(row); });
  if (block.latest >= since_) since_ = block.latest == kNever ? kNever : block.latest + 1;
  bytes_ -= block.size;
  blocks_.pop_front();
  ++first_block_;
}

void RecentRows::evict(int64_t live, size_t limit) {
  while (!blocks_.empty() && first_block_ < committed_.block) {
    // While rows wait, later blocks may have some that are as old as these.
    const bool elsewhere = waiting_ == 0 && first_block_ < handed_over_.block;
    if (blocks_.front().latest >= live && !(elsewhere && bytes_ > limit)) return;
    drop_oldest_block();
  }
}

}  // namespace kstreamd
