#include "core/embedded/partition_log.h"

#include <algorithm>

namespace kstreamd::embedded {
namespace {

constexpr size_t kMaxUnstoredBytes = 1 << 20;
constexpr int64_t kExpiryInterval = 30'000;  // ms

}  // namespace

PartitionLog::PartitionLog(TopicPartition name, LogId id, CleanupPolicy policy, StoredBounds bounds,
                           LogStorage* storage, RecentRecords& recent)
    : name_(std::move(name)),
      id_(id),
      policy_(policy),
      storage_(storage),
      recent_(recent),
      low_(bounds.low),
      next_(bounds.next),
      cached_from_(bounds.next) {}

PartitionLog::~PartitionLog() {
  while (!segments_.empty()) pop_front_locked();
}

// ---- Appending

void PartitionLog::push_locked(SegmentPtr segment) {
  recent_.held(static_cast<ptrdiff_t>(sizeof(Segment) + segment->bytes.capacity()));
  segments_.push_back(std::move(segment));
}

void PartitionLog::pop_front_locked() {
  recent_.held(-static_cast<ptrdiff_t>(sizeof(Segment) + segments_.front()->bytes.capacity()));
  cached_from_ = std::max(cached_from_, segments_.front()->next_offset);
  segments_.pop_front();
}

Result<int64_t> PartitionLog::append(Owner owner, const Pack& records, int64_t now_ms) {
  auto segment = std::make_shared<Segment>();
  segment->count = records.count();
  segment->max_timestamp = records.max_timestamp();
  segment->appended_ms = now_ms;
  segment->bytes = std::string(records.bytes());

  std::unique_lock lock(mutex_);
  if (removed_)
    return Error{Recovery::retry_topology, "topic " + name_.topic + " was deleted while being written to",
                 "create it again"};
  int64_t base = next_;
  segment->base_offset = base;
  segment->next_offset = next_ += segment->count;
  segment->state = owner ? Segment::State::open : Segment::State::committed;
  push_locked(segment);
  bool overflows = false;
  if (owner) {
    auto it = std::find_if(open_.begin(), open_.end(), [&](const auto& t) { return t.owner == owner; });
    if (it == open_.end()) it = open_.insert(open_.end(), Transaction{owner, base, {}});
    it->segments.push_back(std::move(segment));
  } else {
    appended_ += segment->count;
    if (storage_) {
      unstored_bytes_ += segment->bytes.size();
      unstored_.push_back(std::move(segment));
      overflows = unstored_bytes_ >= kMaxUnstoredBytes;
    }
  }
  notify_locked(owner == nullptr);
  lock.unlock();
  if (overflows) KSTREAMD_TRY(persist());
  return base;
}

void PartitionLog::prepare_end(Owner owner, bool commit, LogStorage::Batch* batch) {
  std::lock_guard lock(mutex_);
  auto it = std::find_if(open_.begin(), open_.end(), [&](const auto& t) { return t.owner == owner; });
  if (it == open_.end() || removed_) return;
  if (segments_.back() == it->segments.back()) {
    segments_.back()->next_offset = ++next_;
  } else {
    auto marker = std::make_shared<Segment>();
    marker->base_offset = next_;
    marker->next_offset = ++next_;
    push_locked(marker);
    it->segments.push_back(std::move(marker));
  }
  for (const SegmentPtr& segment : it->segments) {
    segment->state = commit ? Segment::State::committed : Segment::State::aborted;
    if (commit) appended_ += segment->count;
    if (batch) batch->put_segment(id_, *segment);
  }
}

void PartitionLog::finish_end(Owner owner) {
  int64_t stored_to = -1;
  {
    std::lock_guard lock(mutex_);
    auto it = std::find_if(open_.begin(), open_.end(), [&](const auto& t) { return t.owner == owner; });
    if (it == open_.end()) return;
    for (const SegmentPtr& segment : it->segments) segment->persisted = storage_ != nullptr;
    if (storage_) stored_to = it->segments.back()->next_offset;
    open_.erase(it);
    notify_locked(true);
  }
  if (stored_to >= 0) recent_.stored(weak_from_this(), stored_to);
}

Status PartitionLog::persist_locked() {
  if (unstored_.empty()) return {};
  auto batch = storage_->batch();
  for (const SegmentPtr& segment : unstored_) batch.put_segment(id_, *segment);
  KSTREAMD_TRY(storage_->write(batch, false));
  for (const SegmentPtr& segment : unstored_) segment->persisted = true;
  unstored_.clear();
  unstored_bytes_ = 0;
  return {};
}

Status PartitionLog::persist() {
  if (!storage_) return {};
  int64_t stored_to = 0;
  {
    std::lock_guard lock(mutex_);
    if (removed_) return {};
    KSTREAMD_TRY(persist_locked());
    stored_to = next_;
  }
  recent_.stored(weak_from_this(), stored_to);
  return {};
}

// ---- Reading

int64_t PartitionLog::stable_end() const {
  int64_t end = next_;
  for (const Transaction& transaction : open_) end = std::min(end, transaction.first_offset);
  return end;
}

Error PartitionLog::out_of_range_locked(int64_t position) const {
  if (removed_)
    return {Recovery::stop_topology, "topic " + name_.topic + " was deleted while being read",
            "create it again and decide from where to read it"};
  return {Recovery::stop_topology,
          "offset " + std::to_string(position) + " of " + name_.text() + " is out of range: the partition " +
              (position < low_ ? "begins at " + std::to_string(low_) : "ends at " + std::to_string(next_)),
          "records were deleted or the topic was created anew; reset the committed offset"};
}

// The first segment that reaches past the position.
size_t PartitionLog::find_locked(int64_t position) const {
  auto it = std::partition_point(segments_.begin(), segments_.end(),
                                 [&](const SegmentPtr& s) { return s->next_offset <= position; });
  return static_cast<size_t>(it - segments_.begin());
}

Result<Fetched> PartitionLog::fetch(int64_t position, bool committed_only, size_t max_bytes) {
  Fetched out;
  int64_t in_storage_below = 0;
  {
    std::lock_guard lock(mutex_);
    if (removed_ || position < low_ || position > next_) return out_of_range_locked(position);
    KSTREAMD_TRY(persist_locked());
    out.high = next_;
    out.end = committed_only ? stable_end() : next_;
    out.position = position;
    if (position >= out.end) return out;
    if (!storage_ || position >= cached_from_) {
      size_t bytes = 0;
      for (size_t i = find_locked(position);; ++i) {
        if (i == segments_.size() || segments_[i]->base_offset >= out.end) {
          out.position = out.end;
          break;
        }
        const SegmentPtr& segment = segments_[i];
        if (bytes >= max_bytes) break;
        out.position = segment->next_offset;
        if (segment->count == 0 || (committed_only && segment->state == Segment::State::aborted)) continue;
        bytes += segment->bytes.size();
        out.slices.push_back({segment, segment->next_offset});
      }
      return out;
    }
    in_storage_below = std::min(cached_from_, out.end);
  }
  // Everything there is decided, and compaction or deletion meanwhile only take away what may be missed.
  std::vector<SegmentPtr> segments;
  KSTREAMD_TRY(storage_->read(id_, position, in_storage_below, max_bytes, segments));
  out.position = segments.empty() ? in_storage_below : segments.back()->next_offset;
  for (SegmentPtr& segment : segments)
    if (segment->count > 0 && !(committed_only && segment->state == Segment::State::aborted)) {
      int64_t next_offset = segment->next_offset;
      out.slices.push_back({std::move(segment), next_offset});
    }
  return out;
}

Admin::Watermarks PartitionLog::watermarks() const {
  std::lock_guard lock(mutex_);
  return {low_, next_};
}

Result<std::optional<int64_t>> PartitionLog::offset_at(int64_t timestamp_ms) {
  constexpr size_t kReadBytes = 1 << 20;
  for (int64_t position = watermarks().low;;) {
    auto fetched = fetch(position, false, kReadBytes);
    if (!fetched) return std::move(fetched).error();
    for (const Fetched::Slice& slice : fetched->slices) {
      if (slice.segment->max_timestamp < timestamp_ms) continue;
      PackReader records(slice.segment->bytes);
      for (PackedRecord record; records.next(record);)
        if (const int64_t offset = slice.segment->base_offset + record.offset;
            record.timestamp >= timestamp_ms && offset >= position)
          return std::optional(offset);
    }
    if (fetched->position >= fetched->end) return std::optional<int64_t>();
    position = fetched->position;
  }
}

// ---- Waking readers

void PartitionLog::notify_locked(bool committed) {
  for (const Watcher& watcher : watchers_)
    if (committed || !watcher.committed_only) watcher.waker->notify();
}

void PartitionLog::watch(const std::shared_ptr<Waker>& waker, bool committed_only) {
  std::lock_guard lock(mutex_);
  watchers_.push_back({waker, committed_only});
}

void PartitionLog::unwatch(const std::shared_ptr<Waker>& waker) {
  std::lock_guard lock(mutex_);
  auto it = std::find_if(watchers_.begin(), watchers_.end(), [&](const Watcher& w) { return w.waker == waker; });
  if (it != watchers_.end()) watchers_.erase(it);
}

void PartitionLog::announce(bool transactional) {
  std::lock_guard lock(mutex_);
  notify_locked(!transactional);
}

// ---- Letting go

void PartitionLog::evict(int64_t below) {
  std::lock_guard lock(mutex_);
  while (!segments_.empty() && segments_.front()->persisted && segments_.front()->next_offset <= below)
    pop_front_locked();
}

void PartitionLog::remove() {
  std::lock_guard lock(mutex_);
  removed_ = true;
  while (!segments_.empty()) pop_front_locked();
  open_.clear();
  unstored_.clear();
  notify_locked(true);
}

bool PartitionLog::cleaning_due(int64_t now_ms) {
  std::lock_guard lock(mutex_);
  if (removed_) return false;
  if (policy_.compact && appended_ >= std::max(policy_.compact_min_records, compacted_)) return true;
  if (policy_.retention_ms < 0) return false;
  if (now_ms - cleaned_at_ms_ < std::min(kExpiryInterval, policy_.retention_ms)) return false;
  cleaned_at_ms_ = now_ms;
  return true;
}

void RecentRecords::stored(std::weak_ptr<PartitionLog> partition, int64_t next_offset) {
  std::unique_lock lock(mutex_);
  entries_.push_back({std::move(partition), next_offset});
  while (!entries_.empty() && (held_ > static_cast<ptrdiff_t>(budget_) || entries_.size() > kMaxEntries)) {
    Entry oldest = std::move(entries_.front());
    entries_.pop_front();
    lock.unlock();
    if (auto log = oldest.partition.lock()) log->evict(oldest.next_offset);
    lock.lock();
  }
}

}  // namespace kstreamd::embedded
