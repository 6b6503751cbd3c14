#include "core/state/layered_store.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "core/state/segments.h"
#include "core/state/stored_key.h"

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

// Whether two rows differ in their times only.
bool same_key(KeyLayout layout, std::string_view a, std::string_view b) {
  if (layout == KeyLayout::window) {
    const auto one = read_window_key(a), other = read_window_key(b);
    return one && other && one->key == other->key;
  }
  const auto one = read_session_key(a), other = read_session_key(b);
  return one && other && one->key == other->key;
}

struct Scan {
  int& scans;
  explicit Scan(int& s) : scans(s) { ++scans; }
  ~Scan() { --scans; }
};

}  // namespace

LayeredStore::LayeredStore(StoreConfig config, CommittedRows& rows, std::shared_ptr<ReadCacheBudget> budget,
                           const std::optional<Error>& failed, std::function<Status()> settle)
    : config_(std::move(config)), rows_(rows), budget_(std::move(budget)), failed_(failed), settle_(std::move(settle)) {
  if (config_.layout == KeyLayout::versioned) versions_ = std::make_unique<LayeredVersions>(*this);
  if (config_.layout == KeyLayout::window && config_.duplicates) recent_ = std::make_unique<RecentRows>();
  budget_->add_store();
}

LayeredStore::~LayeredStore() {
  forget_cached();
  account(0);
  budget_->remove_store();
}

void LayeredStore::account(size_t least) {
  const size_t cached = overlay_.clean_bytes() + (recent_ ? recent_->bytes() : 0);
  const auto clean = static_cast<int64_t>(cached) - static_cast<int64_t>(told_clean_);
  const auto dirty = static_cast<int64_t>(overlay_.dirty_bytes()) - static_cast<int64_t>(told_dirty_);
  if (std::max(std::abs(clean), std::abs(dirty)) < static_cast<int64_t>(least)) return;
  budget_->used(clean, dirty);
  told_clean_ = cached;
  told_dirty_ = overlay_.dirty_bytes();
}

Result<StoreValue> LayeredStore::get(std::string_view key) {
  if (failed_) return *failed_;
  if (segmented(config_) && expired(key, 0)) return StoreValue{};
  if (const auto* entry = overlay_.find(key)) return shown(key, entry->value());
  if (waiting() > 0) KSTREAMD_TRY(settle_());
  auto row = rows_.get(stored(key));
  if (!row) return std::move(row).error();
  return shown(key, overlay_.cache(key, *row)->value());
}

Status LayeredStore::put(std::string_view key, const StoreValue& value) {
  if (failed_) return *failed_;
  if (scans_ > 0)
    return Error{.message = "store '" + config_.name + "' was written while it was being scanned",
                 .hint = "collect what is to be written, and write it when the scan has ended"};
  StoreValue stamped = value;
  if (auto time = time_of_key(config_.layout, key)) {
    if (recent_ && !recent_->begun()) recent_->begin(clock_.time + 1);
    if (value.present || !config_.duplicates) advance(*time);
    if (config_.layout == KeyLayout::window) clock_.sequence = read_window_key(key)->sequence;
  } else if (config_.layout == KeyLayout::plain && config_.retention > 0) {
    // A deletion hands the time on in the changelog: it may have been that of the row that goes.
    if (!value.present) stamped.timestamp = clock_.time;
    advance(stamped.timestamp);
  }
  overlay_.put(key, stamped);
  overlay_.evict(budget_->share());
  if (recent_ && !never_seen(key, value)) recent_->add(key, stamped);
  account(kMuch);
  return {};
}

Status LayeredStore::range(std::optional<std::string_view> from, std::optional<std::string_view> to,
                           const TimeSpan& times, bool reverse, const Visitor& visit) {
  if (failed_) return *failed_;
  if (from && to && *from > *to) return {};
  if (!recent_ || !recent_->begun()) return range_of_all(from, to, times, reverse, visit);
  const auto all = [&]() -> Status {
    if (waiting() > 0) KSTREAMD_TRY(settle_());
    return range_of_all(from, to, times, reverse, visit);
  };
  const auto first = from ? read_window_key(*from) : std::nullopt, last = to ? read_window_key(*to) : std::nullopt;
  constexpr uint32_t any_sequence = std::numeric_limits<uint32_t>::max();
  if (!first || !last || first->key != last->key || first->sequence != 0 || last->sequence != any_sequence)
    return all();
  return range_of_key(first->key, {first->start, last->start}, reverse, visit);
}

// Of rows that have not expired: from memory as far as that has them all, which is where most of them are asked for.
Status LayeredStore::range_of_key(std::string_view key, const TimeSpan& times, bool reverse, const Visitor& visit) {
  const int64_t first = std::max(times.from, clock_.time - config_.retention + 1);
  const int64_t since = recent_->since();
  if (first >= since) {
    const Scan scan(scans_);
    recent_->visit(key, first, times.to, reverse, visit);
    return {};
  }
  bool more = true;
  const Visitor watched = [&](std::string_view row, const StoreValue& value) { return more = visit(row, value); };
  const auto recent = [&] {
    const Scan scan(scans_);
    if (more && times.to >= since) recent_->visit(key, since, times.to, reverse, watched);
  };
  if (reverse) recent();
  if (more) {
    std::string from, to;
    const TimeSpan older{first, std::min(times.to, since - 1)};
    write_key(from, WindowKey{key, older.from, 0});
    write_key(to, WindowKey{key, older.to, std::numeric_limits<uint32_t>::max()});
    KSTREAMD_TRY(range_of_all(from, to, older, reverse, watched));
  }
  if (!reverse) recent();
  return {};
}

Status LayeredStore::range_of_all(std::optional<std::string_view> from, std::optional<std::string_view> to,
                                  const TimeSpan& times, bool reverse, const Visitor& visit) {
  const Scan scan(scans_);
  auto rows = scan_committed(from, to, times, reverse);
  DirtyWalk dirty(overlay_, from, to, reverse);
  while (rows->valid() || dirty.valid()) {
    bool both = rows->valid() && dirty.valid();
    int order = both ? rows->key().compare(dirty.entry().key()) : rows->valid() ? -1 : 1;
    if (both && reverse) order = -order;
    if (order < 0) {
      auto value = rows->value();
      if (!value) return std::move(value).error();
      const StoreValue row = shown(rows->key(), *value);
      if (row.present && !visit(rows->key(), row)) return {};
      rows->next();
      continue;
    }
    if (order == 0) rows->next();
    const auto& entry = dirty.entry();
    const StoreValue row = shown(entry.key(), entry.value());
    if (row.present && !visit(entry.key(), row)) return {};
    dirty.next();
  }
  return rows->status();
}

bool LayeredStore::expired(std::string_view key, int64_t timestamp) const {
  if (config_.retention <= 0) return false;
  const int64_t time = segmented(config_) ? time_of_key(config_.layout, key).value_or(Version::open_end) : timestamp;
  return time <= clock_.time - config_.retention;
}

bool LayeredStore::never_seen(std::string_view key, const StoreValue& value) const {
  return segmented(config_) && (expired(key, value.timestamp) || (config_.duplicates && !value.present));
}

std::string_view LayeredStore::stored(std::string_view key) {
  if (!segmented(config_)) return key;
  stored_.clear();
  append_stored_key(stored_, config_, key);
  return stored_;
}

std::unique_ptr<RowCursor> LayeredStore::scan_committed(std::optional<std::string_view> from,
                                                        std::optional<std::string_view> to, const TimeSpan& times,
                                                        bool reverse) {
  if (!segmented(config_)) return rows_.scan(from, to, reverse);
  // No row is later than the time, and none that is earlier than the retention is seen.
  const int64_t first = std::max(times.from, clock_.time - config_.retention + 1);
  const int64_t last = std::max(std::min(times.to, clock_.time), first);
  const uint64_t first_segment = segment_of(config_, first), last_segment = segment_of(config_, last);
  if (from && to && same_key(config_.layout, *from, *to))
    return scan_segments_of_key(rows_, first_segment, last_segment, *from, *to, reverse);
  return scan_segments(rows_, first_segment, last_segment, from, to, reverse);
}

// Rows that were only read count where they are more than may be cached: a commit lets go of them too.
size_t LayeredStore::uncommitted_bytes() const {
  const size_t share = budget_->share();
  return overlay_.dirty_bytes() + (overlay_.clean_bytes() > share ? overlay_.clean_bytes() - share : 0) +
         (crowded() ? recent_->bytes() - share : 0) + (versions_ ? versions_->uncommitted_bytes() : 0);
}

Status LayeredStore::changes(const std::function<Status(std::string_view key, const StoreValue& value)>& change) const {
  if (versions_) return versions_->changes(change);
  for (const auto* entry : overlay_.dirty())
    KSTREAMD_TRY(change(entry->key(), {entry->present, entry->value().value, entry->timestamp}));
  return {};
}

std::optional<uint64_t> LayeredStore::last_change() const {
  if (versions_) return versions_->last_change();
  if (overlay_.dirty().empty()) return std::nullopt;
  const auto* last = overlay_.dirty().back();
  return changelog_fingerprint(last->key(), last->value());
}

void LayeredStore::write_dirty() {
  auto dirty = overlay_.dirty();
  const auto write = [this](const Overlay::Entry& row) {
    if (!never_seen(row.key(), row.value())) rows_.write(stored(row.key()), row.value());
  };
  if (recent_) {
    for (const auto* row : dirty)
      if (read_window_key(row->key())->start < recent_->since()) write(*row);
    recent_->committed();
  } else {
    // Sorted, because ordered structures take neighbours one after the other for much less than scattered rows.
    for (uint32_t i : overlay_.dirty_by_key()) write(*dirty[i]);
  }
  drop_expired();
}

void LayeredStore::hand_over() {
  if (waiting() == 0) return;
  const int64_t live = committed_clock_.time - config_.retention + 1;
  recent_->hand_over(live, [this](std::string_view key, const StoreValue& value) { rows_.write(stored(key), value); });
  recent_->evict(live, budget_->share());
}

void LayeredStore::drop_expired() {
  const int64_t until = clock_.time - config_.retention;
  if (config_.retention <= 0 || until < 0) return;
  if (!segmented(config_)) return rows_.expire_until(until);
  const uint64_t first = segment_of(config_, until + 1);
  if (first <= dropped_before_) return;
  dropped_before_ = first;
  std::string behind;
  append_segment(behind, first);
  rows_.drop_before(behind);
}

void LayeredStore::committed() {
  overlay_.committed();
  if (recent_) overlay_.clear();  // its rows are looked for by time, never by their whole key
  if (versions_) versions_->forget_changes();
  overlay_.evict(budget_->share());
  committed_clock_ = clock_;
  if (recent_) recent_->evict(clock_.time - config_.retention + 1, budget_->share());
  account(kMuch);
}

void LayeredStore::rolled_back() {
  overlay_.rolled_back();
  if (recent_) recent_->roll_back();
  if (versions_) versions_->forget_changes();
  account(kMuch);
  clock_ = committed_clock_;
}

Result<StoreValue> LayeredStore::restored(std::string_view key, const StoreValue& value) {
  if (segmented(config_)) {
    const auto time = time_of_key(config_.layout, key);
    if (!time)
      return Error{.message = "store '" + config_.name + "': a key in its changelog is too short for its times",
                   .hint = "the changelog was written by something else: give the store another name, or reset it"};
    if (value.present || !config_.duplicates) advance(*time);
    // The greatest, not the last: what Kafka Streams wrote begins anew with each of its restarts.
    if (config_.layout == KeyLayout::window)
      clock_.sequence = std::max(clock_.sequence, read_window_key(key)->sequence);
  } else if (config_.retention > 0) {
    advance(value.timestamp);
  }
  committed_clock_ = clock_;
  return expired(key, value.timestamp) ? StoreValue{} : value;
}

}  // namespace kstreamd
