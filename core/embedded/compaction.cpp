// What a partition does with old records: compaction, retention, deletion on demand.
//
// All of it leaves offsets as they are, and touches only decided records (below the last stable offset). Readers that
// hold a replaced segment go on with it and then find the next one by its offset.
#include <algorithm>
#include <limits>

#include "core/embedded/partition_log.h"

namespace kstreamd::embedded {
namespace {

constexpr size_t kChunkBytes = 1 << 20;
constexpr size_t kSegmentBytes = 128 << 10;
constexpr size_t kKeyOverhead = 96;  // of one that a pass remembers

// Gathers surviving records into segments.
class Survivors {
 public:
  void add(const PackedRecord& record, int64_t offset, const Segment& from) {
    if (!pack_.empty() &&
        (pack_.bytes().size() >= kSegmentBytes || offset - base_ > std::numeric_limits<int32_t>::max()))
      finish_segment();
    if (pack_.empty()) base_ = offset;
    pack_.add_packed(record, static_cast<int32_t>(offset - base_));
    appended_ms_ = std::max(appended_ms_, from.appended_ms);
    next_ = offset + 1;
    ++count_;
  }
  int64_t count() const { return count_; }
  std::vector<SegmentPtr> take() {
    finish_segment();
    return std::move(segments_);
  }

 private:
  void finish_segment() {
    if (pack_.empty()) return;
    auto segment = std::make_shared<Segment>();
    segment->state = Segment::State::committed;
    segment->base_offset = base_;
    segment->next_offset = next_;
    segment->count = pack_.count();
    segment->max_timestamp = pack_.max_timestamp();
    segment->appended_ms = appended_ms_;
    segment->bytes = std::string(pack_.bytes());
    segments_.push_back(std::move(segment));
    pack_.clear();
    appended_ms_ = 0;
  }

  Pack pack_;
  int64_t base_ = 0;
  int64_t next_ = 0;
  int64_t appended_ms_ = 0;
  int64_t count_ = 0;
  std::vector<SegmentPtr> segments_;
};

}  // namespace

Status PartitionLog::read_decided(int64_t from, int64_t below, std::vector<SegmentPtr>& out) const {
  if (storage_) return storage_->read(id_, from, below, kChunkBytes, out);
  std::lock_guard lock(mutex_);
  size_t bytes = 0;
  for (size_t i = find_locked(from); i < segments_.size() && segments_[i]->base_offset < below; ++i) {
    out.push_back(segments_[i]);
    bytes += segments_[i]->bytes.size();
    if (bytes >= kChunkBytes) break;
  }
  return {};
}

Status PartitionLog::gather_keys(int64_t from, int64_t below, LastOffsets& last, int64_t& gathered_to) const {
  size_t key_bytes = 0;
  gathered_to = from;
  while (gathered_to < below && key_bytes < policy_.compaction_bytes) {
    std::vector<SegmentPtr> segments;
    KSTREAMD_TRY(read_decided(gathered_to, below, segments));
    if (segments.empty()) {
      gathered_to = below;
      break;
    }
    for (const SegmentPtr& segment : segments) {
      if (segment->state == Segment::State::aborted) continue;
      PackReader reader(segment->bytes);
      for (PackedRecord record; reader.next(record);) {
        auto [it, added] = last.insert_or_assign(std::string(record.key), segment->base_offset + record.offset);
        if (added) key_bytes += record.key.size() + kKeyOverhead;
      }
    }
    gathered_to = segments.back()->next_offset;
  }
  return {};
}

Status PartitionLog::rewrite(int64_t from, int64_t below, const LastOffsets& last, int64_t drop_tombstones_before,
                             int64_t& survivors) {
  while (from < below) {
    std::vector<SegmentPtr> before;
    KSTREAMD_TRY(read_decided(from, below, before));
    if (before.empty()) break;
    Survivors kept;
    bool removes = false;
    for (const SegmentPtr& segment : before) {
      if (segment->state == Segment::State::aborted) {
        removes = true;
        continue;
      }
      PackReader reader(segment->bytes);
      for (PackedRecord record; reader.next(record);) {
        int64_t offset = segment->base_offset + record.offset;
        auto it = last.find(std::string(record.key));
        bool superseded = it != last.end() && it->second > offset;
        bool expired_tombstone = record.value_null && segment->appended_ms < drop_tombstones_before;
        if (superseded || expired_tombstone || offset < from)
          removes = true;
        else
          kept.add(record, offset, *segment);
      }
    }
    survivors += kept.count();
    from = before.back()->next_offset;
    auto after = kept.take();
    if (removes || after.size() < before.size()) KSTREAMD_TRY(replace(before, std::move(after)));
  }
  return {};
}

Status PartitionLog::replace(const std::vector<SegmentPtr>& before, std::vector<SegmentPtr> after) {
  int64_t to = before.back()->next_offset;
  if (storage_) {
    auto batch = storage_->batch();
    for (const SegmentPtr& segment : before) batch.delete_segment(id_, segment->base_offset);
    for (const SegmentPtr& segment : after) batch.put_segment(id_, *segment);
    batch.put_next(id_, watermarks().high);  // also when no segment is left to show it
    KSTREAMD_TRY(storage_->write(batch, false));
    evict(to);
    return {};
  }
  std::lock_guard lock(mutex_);
  if (removed_) return {};
  auto first = segments_.begin() + static_cast<ptrdiff_t>(find_locked(before.front()->base_offset));
  auto bytes = [](const SegmentPtr& s) { return static_cast<ptrdiff_t>(sizeof(Segment) + s->bytes.capacity()); };
  for (const SegmentPtr& segment : before) recent_.held(-bytes(segment));
  for (const SegmentPtr& segment : after) recent_.held(bytes(segment));
  auto at = segments_.erase(first, first + static_cast<ptrdiff_t>(before.size()));
  segments_.insert(at, after.begin(), after.end());
  return {};
}

Status PartitionLog::compact(int64_t now_ms) {
  KSTREAMD_TRY(persist());
  int64_t low = 0, end = 0, appended = 0;
  {
    std::lock_guard lock(mutex_);
    low = low_;
    end = stable_end();
    appended = appended_;
  }
  int64_t drop_tombstones_before = now_ms - policy_.delete_retention_ms;
  int64_t survivors = 0;
  compacted_to_ = std::max(compacted_to_, low);
  // One pass at least: tombstones age without new records.
  do {
    LastOffsets last;
    int64_t gathered_to = 0;
    KSTREAMD_TRY(gather_keys(compacted_to_, end, last, gathered_to));
    survivors = 0;
    KSTREAMD_TRY(rewrite(low, gathered_to, last, drop_tombstones_before, survivors));
    compacted_to_ = gathered_to;
  } while (compacted_to_ < end);
  std::lock_guard lock(mutex_);
  appended_ -= appended;
  if (appended > 0) compacted_ = survivors;
  return {};
}

Status PartitionLog::expire(int64_t before_timestamp) {
  KSTREAMD_TRY(persist());
  int64_t at = 0, end = 0;
  {
    std::lock_guard lock(mutex_);
    at = low_;
    end = stable_end();
  }
  int64_t low = at;
  while (at < end) {
    std::vector<SegmentPtr> segments;
    KSTREAMD_TRY(read_decided(at, end, segments));
    if (segments.empty()) break;
    for (const SegmentPtr& segment : segments) {
      if (segment->max_timestamp >= before_timestamp) return drop_before(low);
      low = segment->next_offset;
    }
    at = low;
  }
  return drop_before(low);
}

Status PartitionLog::drop_before(int64_t offset) {
  {
    std::lock_guard lock(mutex_);
    if (removed_ || offset <= low_) return {};
  }
  if (storage_) {
    auto base = storage_->segment_base(id_, offset);
    if (!base) return std::move(base).error();
    auto batch = storage_->batch();
    if (*base > 0) batch.delete_segments_below(id_, *base);
    batch.put_low(id_, offset);
    KSTREAMD_TRY(storage_->write(batch, false));
  }
  std::lock_guard lock(mutex_);
  low_ = offset;
  while (!segments_.empty() && segments_.front()->next_offset <= low_ &&
         stable_end() >= segments_.front()->next_offset && (!storage_ || segments_.front()->persisted))
    pop_front_locked();
  return {};
}

Status PartitionLog::delete_before(int64_t offset) {
  std::lock_guard maintenance(maintenance_);
  KSTREAMD_TRY(persist());
  {
    std::lock_guard lock(mutex_);
    if (offset == -1) offset = next_;
    if (removed_ || offset > next_ || offset < 0) return out_of_range_locked(offset);
  }
  return drop_before(offset);
}

Status PartitionLog::clean(int64_t now_ms) {
  std::lock_guard maintenance(maintenance_);
  if (policy_.retention_ms >= 0) KSTREAMD_TRY(expire(now_ms - policy_.retention_ms));
  if (policy_.compact) KSTREAMD_TRY(compact(now_ms));
  return {};
}

}  // namespace kstreamd::embedded
