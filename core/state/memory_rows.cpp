#include "core/state/memory_rows.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "core/state/key_prefix.h"

namespace kstreamd {

namespace {

// So much waits at least before it is put in its place, and half as much as is there. More would cost memory for rows
// that are put again and again; less, the time to go through what is there more often.
constexpr size_t kLeastWaiting = 4 << 20;

constexpr size_t kAhead = 8;  // rows that are fetched from memory, in all of which they lie, before their turn

}  // namespace

struct MemoryRows::Row {
  int64_t timestamp;
  uint32_t key_size;
  uint32_t value_size;
  uint32_t value_capacity;

  static constexpr uint32_t kGone = UINT32_MAX;  // as value_size, while it waits
  bool gone() const { return value_size == kGone; }
  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  std::string_view key() const { return {reinterpret_cast<const char*>(this + 1), key_size}; }
  std::string_view value() const { return {reinterpret_cast<const char*>(this + 1) + key_size, value_size}; }
};

class MemoryRows::Cursor final : public RowCursor {
 public:
  // From begin to end, walked from either side.
  Cursor(Place begin, Place end, bool reverse) : begin_(begin), end_(end), reverse_(reverse) { settle(); }
  bool valid() const override { return begin_ != end_; }
  std::string_view key() const override { return row().key(); }
  Result<StoreValue> value() const override { return StoreValue{true, row().value(), row().timestamp}; }
  void next() override {
    reverse_ ? --end_.at : ++begin_.at;
    settle();
  }
  Status status() const override { return {}; }

 private:
  const Row& row() const {
    return reverse_ ? *end_.leaf->second.rows[end_.at - 1] : *begin_.leaf->second.rows[begin_.at];
  }
  // Both places are where a row is on their side, if there is one between them.
  void settle() {
    while (begin_ != end_ && begin_.leaf != end_.leaf && begin_.at == begin_.leaf->second.count)
      begin_ = {std::next(begin_.leaf), 0};
    while (begin_ != end_ && begin_.leaf != end_.leaf && end_.at == 0) {
      --end_.leaf;
      end_.at = end_.leaf->second.count;
    }
  }

  Place begin_;
  Place end_;
  const bool reverse_;
};

MemoryRows::~MemoryRows() {
  for (auto& [low, leaf] : leaves_)
    for (size_t i = 0; i < leaf.count; ++i) std::free(leaf.rows[i]);
  for (Row* row : waiting_) std::free(row);
}

MemoryRows::Row* MemoryRows::make_row(std::string_view key, const StoreValue& value) {
  const size_t size = sizeof(Row) + key.size() + value.value.size();
  void* memory = std::malloc(size);
  if (!memory) throw std::bad_alloc();
  auto* row = new (memory) Row{value.timestamp, static_cast<uint32_t>(key.size()),
                               static_cast<uint32_t>(value.value.size()), static_cast<uint32_t>(value.value.size())};
  std::memcpy(row->bytes(), key.data(), key.size());
  if (!value.value.empty()) std::memcpy(row->bytes() + key.size(), value.value.data(), value.value.size());
  return row;
}

MemoryRows::Leaves::iterator MemoryRows::leaf_of(std::string_view key) { return std::prev(leaves_.upper_bound(key)); }

size_t MemoryRows::lower_bound(const Leaf& leaf, uint64_t prefix, std::string_view key) {
  const auto begin = leaf.prefixes.begin();
  const auto [first, last] = std::equal_range(begin, begin + leaf.count, prefix);
  const auto row = std::partition_point(leaf.rows.begin() + (first - begin), leaf.rows.begin() + (last - begin),
                                        [key](const Row* r) { return r->key() < key; });
  return static_cast<size_t>(row - leaf.rows.begin());
}

Result<StoreValue> MemoryRows::get(std::string_view key) {
  const Leaf& leaf = leaf_of(key)->second;
  const size_t at = lower_bound(leaf, prefix_of(key), key);
  if (at == leaf.count || leaf.rows[at]->key() != key) return StoreValue{};
  return StoreValue{true, leaf.rows[at]->value(), leaf.rows[at]->timestamp};
}

std::unique_ptr<RowCursor> MemoryRows::scan(std::optional<std::string_view> from, std::optional<std::string_view> to,
                                            bool reverse) {
  Place begin{leaves_.begin(), 0};
  Place end{std::prev(leaves_.end()), leaves_.rbegin()->second.count};
  if (from) {
    begin.leaf = leaf_of(*from);
    begin.at = lower_bound(begin.leaf->second, prefix_of(*from), *from);
  }
  if (to) {
    const auto leaf = leaf_of(*to);
    end = {leaf, lower_bound(leaf->second, prefix_of(*to), *to)};
    if (end.at < leaf->second.count && leaf->second.rows[end.at]->key() == *to) ++end.at;
  }
  return std::make_unique<Cursor>(begin, end, reverse);
}

void MemoryRows::write(std::string_view key, const StoreValue& value) {
  const auto leaf = leaf_of(key);
  const uint64_t prefix = prefix_of(key);
  const size_t at = lower_bound(leaf->second, prefix, key);
  Row* known = at < leaf->second.count && leaf->second.rows[at]->key() == key ? leaf->second.rows[at] : nullptr;
  const uint64_t before = known ? key.size() + known->value_size : 0;
  const uint64_t after = value.present ? key.size() + value.value.size() : 0;
  if (by_timestamp_ && known) order_.erase({known->timestamp, known->key()});
  Row* now = known;
  if (!value.present) {
    if (known) erase(leaf, at);
    now = nullptr;
  } else if (!known) {
    now = make_row(key, value);
    insert(leaf, at, prefix, now);
  } else if (value.value.size() <= known->value_capacity && value.value.size() * 2 >= known->value_capacity) {
    known->timestamp = value.timestamp;
    known->value_size = static_cast<uint32_t>(value.value.size());
    if (!value.value.empty()) std::memmove(known->bytes() + key.size(), value.value.data(), value.value.size());
  } else {
    now = leaf->second.rows[at] = make_row(key, value);
    std::free(known);
  }
  if (by_timestamp_ && now) order_.insert({now->timestamp, now->key()});
  bytes_.fetch_add(after - before, std::memory_order_relaxed);
}

void MemoryRows::drop_before(std::string_view behind) {
  for (auto leaf = leaves_.begin(); leaf != leaves_.end();) {
    Leaf& in = leaf->second;
    const size_t gone = lower_bound(in, prefix_of(behind), behind);
    const bool whole = gone == in.count;
    free_first(in, gone);
    leaf = in.count == 0 && leaf != leaves_.begin() ? leaves_.erase(leaf) : std::next(leaf);
    if (!whole) return;
  }
}

void MemoryRows::free_first(Leaf& leaf, size_t count) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < count; ++i) {
    Row* row = leaf.rows[i];
    if (by_timestamp_) order_.erase({row->timestamp, row->key()});
    bytes += row->key().size() + row->value().size();
    std::free(row);
  }
  std::copy(leaf.prefixes.begin() + count, leaf.prefixes.begin() + leaf.count, leaf.prefixes.begin());
  std::copy(leaf.rows.begin() + count, leaf.rows.begin() + leaf.count, leaf.rows.begin());
  leaf.count -= count;
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  count_.fetch_sub(count, std::memory_order_relaxed);
}

void MemoryRows::expire_until(int64_t time) {
  while (!order_.empty() && order_.begin()->first <= time) write(std::string(order_.begin()->second), {});
}

void MemoryRows::gather(std::string_view key, const StoreValue& value) {
  if (waiting_.empty()) prefixes_behind_ = 0;
  common_.add(key);
  Row* row = make_row(key, value);
  if (!value.present) row->value_size = Row::kGone;
  places_.push_back({prefix_of(key.substr(common_.size())), waiting_.size()});
  waiting_.push_back(row);
  prefixes_behind_ = std::max(prefixes_behind_, common_.size());
  waiting_bytes_ += sizeof(Row) + key.size() + value.value.size();
  if (waiting_bytes_ > std::max<uint64_t>(kLeastWaiting, size_bytes() / 2)) place_waiting();
}

void MemoryRows::gathered() {
  place_waiting();
  // An assignment of {} would keep the memory.
  std::vector<Row*>().swap(waiting_);
  std::vector<PlacedKey>().swap(places_);
  std::vector<PlacedKey>().swap(spare_);
  std::vector<Gathered>().swap(sorted_);
  std::vector<Gathered>().swap(merged_);
}

void MemoryRows::place_waiting() {
  if (waiting_.empty()) return;
  sort_gathered();
  std::span<const Gathered> rows = sorted_;
  while (!rows.empty()) {
    const auto leaf = leaf_of(rows.front().row->key());
    const auto next = std::next(leaf);
    size_t here = rows.size();
    if (next != leaves_.end()) {
      const std::string_view low = next->first;
      const uint64_t prefix = prefix_of(low);
      for (here = 1; here < rows.size() && rows[here].prefix <= prefix; ++here)
        if (rows[here].prefix == prefix && rows[here].row->key() >= low) break;
    }
    merge(leaf, rows.first(here));
    rows = rows.subspan(here);
  }
  sorted_.clear();
  count_.fetch_add(std::exchange(placed_count_, 0), std::memory_order_relaxed);
  bytes_.fetch_add(std::exchange(placed_bytes_, 0), std::memory_order_relaxed);
}

// What waits into sorted_: of each key the last.
void MemoryRows::sort_gathered() {
  if (prefixes_behind_ != common_.size())
    for (PlacedKey& place : places_) place.prefix = prefix_of(waiting_[place.at]->key().substr(common_.size()));
  sort_last_of_each_key(places_, spare_, [this](uint64_t at) { return waiting_[at]->key(); });
  for (size_t i = 0; i < places_.size(); ++i) {
    if (i + kAhead < places_.size()) __builtin_prefetch(waiting_[places_[i + kAhead].at]);
    const PlacedKey& place = places_[i];
    Row* row = std::exchange(waiting_[place.at], nullptr);
    sorted_.push_back({common_.size() == 0 ? place.prefix : prefix_of(row->key()), row});
  }
  for (Row* row : waiting_) std::free(row);
  waiting_.clear();
  places_.clear();
  waiting_bytes_ = 0;
}

// Puts rows in their places in a leaf, and in new ones behind it when they are too many.
void MemoryRows::merge(Leaves::iterator leaf, std::span<const Gathered> rows) {
  const Leaf& old = leaf->second;
  merged_.clear();
  size_t at = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    // Also those of the leaves to come, where few go into each.
    if (&rows[i] + kAhead < sorted_.data() + sorted_.size()) __builtin_prefetch((&rows[i])[kAhead].row);
    const Gathered& row = rows[i];
    const std::string_view key = row.row->key();
    while (at < old.count &&
           (old.prefixes[at] != row.prefix ? old.prefixes[at] < row.prefix : old.rows[at]->key() < key)) {
      merged_.push_back({old.prefixes[at], old.rows[at]});
      ++at;
    }
    if (at < old.count && old.prefixes[at] == row.prefix && old.rows[at]->key() == key) {
      count_out(*old.rows[at]);
      std::free(old.rows[at++]);
    }
    if (row.row->gone()) {
      std::free(row.row);
      continue;
    }
    count_in(*row.row);
    merged_.push_back(row);
  }
  for (; at < old.count; ++at) merged_.push_back({old.prefixes[at], old.rows[at]});

  const auto next = std::next(leaf);
  leaf->second.count = 0;
  if (merged_.empty() && leaf != leaves_.begin()) leaves_.erase(leaf);
  for (size_t i = 0; i < merged_.size(); ++i) {
    if (i > 0 && i % Leaf::kRows == 0) leaf = leaves_.try_emplace(next, std::string(merged_[i].row->key()));
    Leaf& into = leaf->second;
    into.prefixes[into.count] = merged_[i].prefix;
    into.rows[into.count++] = merged_[i].row;
  }
}

void MemoryRows::count_in(const Row& row) {
  if (by_timestamp_) order_.insert({row.timestamp, row.key()});
  ++placed_count_;
  placed_bytes_ += row.key().size() + row.value().size();
}

void MemoryRows::count_out(const Row& row) {
  if (by_timestamp_) order_.erase({row.timestamp, row.key()});
  --placed_count_;
  placed_bytes_ -= row.key().size() + row.value().size();
}

void MemoryRows::insert(Leaves::iterator leaf, size_t at, uint64_t prefix, Row* row) {
  count_.fetch_add(1, std::memory_order_relaxed);
  if (leaf->second.count == Leaf::kRows) {
    // In halves; but rows that come in order leave full leaves behind.
    Leaf& full = leaf->second;
    const size_t keep = at == Leaf::kRows && std::next(leaf) == leaves_.end() ? Leaf::kRows : Leaf::kRows / 2;
    const std::string_view low = keep == Leaf::kRows ? row->key() : full.rows[keep]->key();
    const auto upper = leaves_.emplace_hint(std::next(leaf), std::string(low), Leaf{});
    upper->second.count = Leaf::kRows - keep;
    std::copy(full.prefixes.begin() + keep, full.prefixes.end(), upper->second.prefixes.begin());
    std::copy(full.rows.begin() + keep, full.rows.end(), upper->second.rows.begin());
    full.count = keep;
    if (at > keep || (at == keep && keep == Leaf::kRows)) {
      leaf = upper;
      at -= keep;
    }
  }
  Leaf& in = leaf->second;
  std::copy_backward(in.prefixes.begin() + at, in.prefixes.begin() + in.count, in.prefixes.begin() + in.count + 1);
  std::copy_backward(in.rows.begin() + at, in.rows.begin() + in.count, in.rows.begin() + in.count + 1);
  in.prefixes[at] = prefix;
  in.rows[at] = row;
  ++in.count;
}

void MemoryRows::erase(Leaves::iterator leaf, size_t at) {
  count_.fetch_sub(1, std::memory_order_relaxed);
  Leaf& in = leaf->second;
  std::free(in.rows[at]);
  std::copy(in.prefixes.begin() + at + 1, in.prefixes.begin() + in.count, in.prefixes.begin() + at);
  std::copy(in.rows.begin() + at + 1, in.rows.begin() + in.count, in.rows.begin() + at);
  if (--in.count == 0 && leaf != leaves_.begin()) leaves_.erase(leaf);
}

}  // namespace kstreamd
