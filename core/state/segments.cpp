#include "core/state/segments.h"

#include <string>
#include <vector>

#include "core/state/stored_key.h"

namespace kstreamd {
namespace {

// A cursor for each segment; the one with the next key is ahead. There are few: a retention is at most two intervals.
class Merged final : public RowCursor {
 public:
  Merged(std::vector<std::unique_ptr<RowCursor>> segments, bool reverse) : reverse_(reverse) {
    for (auto& rows : segments) {
      auto& segment = segments_.emplace_back(Segment{std::move(rows)});
      look_at(segment);
    }
    choose();
  }
  bool valid() const override { return ahead_ != nullptr; }
  std::string_view key() const override { return ahead_->key; }
  Result<StoreValue> value() const override { return ahead_->rows->value(); }
  void next() override {
    ahead_->rows->next();
    look_at(*ahead_);
    choose();
  }
  Status status() const override {
    for (const auto& segment : segments_) KSTREAMD_TRY(segment.rows->status());
    return {};
  }

 private:
  struct Segment {
    std::unique_ptr<RowCursor> rows;
    std::string_view key;
    bool valid = false;
    bool failed = false;
  };

  static void look_at(Segment& segment) {
    segment.valid = segment.rows->valid();
    if (segment.valid)
      segment.key = segment.rows->key().substr(segment_prefix_size);
    else
      segment.failed = !segment.rows->status();
  }
  void choose() {
    ahead_ = nullptr;
    for (auto& segment : segments_) {
      if (segment.failed) {
        // What another segment has would come too early if this one is at its end because it cannot be read.
        ahead_ = nullptr;
        return;
      }
      if (!segment.valid) continue;
      if (ahead_ && (reverse_ ? segment.key < ahead_->key : segment.key > ahead_->key)) continue;
      ahead_ = &segment;
    }
  }

  std::vector<Segment> segments_;
  const bool reverse_;
  Segment* ahead_ = nullptr;
};

// The rows of one key, which lie in the order of their times: those of a segment after those of the one before it. So
// there is one cursor at a time, and none for a segment that nobody comes to.
class OneByOne final : public RowCursor {
 public:
  OneByOne(CommittedRows& rows, uint64_t first, uint64_t last, std::string_view from, std::string_view to, bool reverse)
      : rows_(rows), next_(reverse ? last : first), left_(last - first + 1), key_size_(from.size()), reverse_(reverse) {
    append_segment(from_, 0);
    from_.append(from);
    append_segment(to_, 0);
    to_.append(to);
    settle();
  }
  bool valid() const override { return at_ && at_->valid(); }
  std::string_view key() const override { return at_->key().substr(segment_prefix_size); }
  Result<StoreValue> value() const override { return at_->value(); }
  void next() override {
    at_->next();
    settle();
  }
  Status status() const override { return at_ ? at_->status() : Status(); }

 private:
  // To the next row of the key, here or in the segments that are left.
  void settle() {
    for (;;) {
      // Longer keys that begin like this one lie among its rows.
      while (valid() && key().size() != key_size_) at_->next();
      if (valid() || left_ == 0 || !status()) return;
      at_.reset();  // first, for the next one to use again what it was made of
      std::string segment;
      append_segment(segment, next_);
      from_.replace(0, segment_prefix_size, segment);
      to_.replace(0, segment_prefix_size, segment);
      at_ = rows_.scan(from_, to_, reverse_);
      reverse_ ? --next_ : ++next_;
      --left_;
    }
  }

  CommittedRows& rows_;
  uint64_t next_;  // segment
  uint64_t left_;  // segments
  const size_t key_size_;
  const bool reverse_;
  std::string from_, to_;
  std::unique_ptr<RowCursor> at_;
};

}  // namespace

std::unique_ptr<RowCursor> scan_segments(CommittedRows& rows, uint64_t first, uint64_t last,
                                         std::optional<std::string_view> from, std::optional<std::string_view> to,
                                         bool reverse) {
  std::vector<std::unique_ptr<RowCursor>> segments;
  std::string begin, end;
  for (uint64_t segment = first; segment <= last; ++segment) {
    begin.clear();
    append_segment(begin, segment);
    begin.append(from.value_or(std::string_view()));
    end.clear();
    // The next segment's number alone is no row's key.
    append_segment(end, to ? segment : segment + 1);
    end.append(to.value_or(std::string_view()));
    auto cursor = rows.scan(begin, end, reverse);
    if (cursor->valid() || !cursor->status()) segments.push_back(std::move(cursor));
  }
  return std::make_unique<Merged>(std::move(segments), reverse);
}

std::unique_ptr<RowCursor> scan_segments_of_key(CommittedRows& rows, uint64_t first, uint64_t last,
                                                std::string_view from, std::string_view to, bool reverse) {
  return std::make_unique<OneByOne>(rows, first, last, from, to, reverse);
}

}  // namespace kstreamd
