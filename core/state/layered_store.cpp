#include "core/state/layered_store.h"

#include <algorithm>
#include <cstdlib>

#include "core/state/expiry.h"

namespace kstreamd {
namespace {

constexpr size_t kMuch = 64 << 10;  // bytes of an overlay, more or less, that are worth telling

// The overlay's dirty rows within bounds, in the order of a scan.
class DirtyWalk {
 public:
  DirtyWalk(Overlay& overlay, std::optional<std::string_view> from, std::optional<std::string_view> to, bool reverse)
      : rows_(overlay.dirty()), order_(overlay.dirty_by_key()), reverse_(reverse) {
    auto key = [this](uint32_t i) { return rows_[i]->key(); };
    auto first = order_.begin();
    auto last = order_.end();
    if (from) first = std::partition_point(first, last, [&](uint32_t i) { return key(i) < *from; });
    if (to) last = std::partition_point(first, last, [&](uint32_t i) { return key(i) <= *to; });
    begin_ = static_cast<size_t>(first - order_.begin());
    end_ = static_cast<size_t>(last - order_.begin());
  }
  bool valid() const { return begin_ < end_; }
  const Overlay::Entry& entry() const { return *rows_[order_[reverse_ ? end_ - 1 : begin_]]; }
  void next() { reverse_ ? --end_ : ++begin_; }

 private:
  const std::span<Overlay::Entry* const> rows_;
  const std::vector<uint32_t>& order_;
  const bool reverse_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace

LayeredStore::LayeredStore(StoreConfig config, CommittedRows& rows, std::shared_ptr<ReadCacheBudget> budget,
                           const std::optional<Error>& failed)
    : config_(std::move(config)), rows_(rows), budget_(std::move(budget)), failed_(failed) {
  budget_->add_store();
}

LayeredStore::~LayeredStore() {
  overlay_.clear();
  account(0);
  budget_->remove_store();
}

void LayeredStore::account(size_t least) {
  const auto clean = static_cast<int64_t>(overlay_.clean_bytes()) - static_cast<int64_t>(told_clean_);
  const auto dirty = static_cast<int64_t>(overlay_.dirty_bytes()) - static_cast<int64_t>(told_dirty_);
  if (std::max(std::abs(clean), std::abs(dirty)) < static_cast<int64_t>(least)) return;
  budget_->used(clean, dirty);
  told_clean_ = overlay_.clean_bytes();
  told_dirty_ = overlay_.dirty_bytes();
}

Result<StoreValue> LayeredStore::get(std::string_view key) {
  if (failed_) return *failed_;
  if (expired(config_, clock_, key)) return StoreValue{};
  if (const auto* entry = overlay_.find(key)) return shown(entry->value());
  auto row = rows_.get(key);
  if (!row) return std::move(row).error();
  return shown(overlay_.cache(key, *row)->value());
}

Status LayeredStore::put(std::string_view key, const StoreValue& value) {
  if (failed_) return *failed_;
  if (scans_ > 0)
    return Error{.message = "store '" + config_.name + "' was written while it was being scanned",
                 .hint = "collect what is to be written, and write it when the scan has ended"};
  if (auto time = time_of_key(config_.layout, key)) {
    clock_.time = std::max(clock_.time, *time);
    if (config_.layout == KeyLayout::window) clock_.sequence = read_window_key(key)->sequence;
  }
  overlay_.put(key, value);
  overlay_.evict(budget_->share());
  account(kMuch);
  return {};
}

Status LayeredStore::range(std::optional<std::string_view> from, std::optional<std::string_view> to, bool reverse,
                           const Visitor& visit) {
  if (failed_) return *failed_;
  if (from && to && *from > *to) return {};
  struct Scan {
    int& scans;
    explicit Scan(int& s) : scans(s) { ++scans; }
    ~Scan() { --scans; }
  } scan(scans_);
  auto rows = rows_.scan(from, to, reverse);
  DirtyWalk dirty(overlay_, from, to, reverse);
  while (rows->valid() || dirty.valid()) {
    bool both = rows->valid() && dirty.valid();
    int order = both ? rows->key().compare(dirty.entry().key()) : rows->valid() ? -1 : 1;
    if (both && reverse) order = -order;
    if (order < 0) {
      auto value = rows->value();
      if (!value) return std::move(value).error();
      if (!expired(config_, clock_, rows->key()) && !visit(rows->key(), shown(*value))) return {};
      rows->next();
      continue;
    }
    if (order == 0) rows->next();
    const auto& entry = dirty.entry();
    if (entry.present && !expired(config_, clock_, entry.key()) && !visit(entry.key(), shown(entry.value()))) return {};
    dirty.next();
  }
  return rows->status();
}

void LayeredStore::write_dirty() {
  // Sorted, because ordered structures take neighbours one after the other for much less than scattered rows.
  auto dirty = overlay_.dirty();
  for (uint32_t i : overlay_.dirty_by_key()) rows_.write(dirty[i]->key(), dirty[i]->value());
}

void LayeredStore::committed() {
  overlay_.committed();
  overlay_.evict(budget_->share());
  account(kMuch);
  committed_clock_ = clock_;
}

void LayeredStore::rolled_back() {
  overlay_.rolled_back();
  account(kMuch);
  clock_ = committed_clock_;
}

bool LayeredStore::restored(std::string_view key) {
  const auto time = time_of_key(config_.layout, key);
  if (!time) return true;
  clock_.time = std::max(clock_.time, *time);
  // The greatest, not the last: what Kafka Streams wrote begins anew with each of its restarts.
  if (config_.layout == KeyLayout::window) clock_.sequence = std::max(clock_.sequence, read_window_key(key)->sequence);
  committed_clock_ = clock_;
  return !expired(config_, clock_, key);
}

}  // namespace kstreamd
