#include "core/state/segments.h"

#include <string>
#include <vector>

#include "core/state/stored_key.h"

namespace kstreamd {
namespace {

// A cursor for each segment; the one with the next key is ahead. There are few: a retention is at most two intervals.
class Merged final : public RowCursor {
 public:
  Merged(std::vector<std::unique_ptr<RowCursor>> segments, bool reverse)
      : segments_(std::move(segments)), reverse_(reverse) {
    choose();
  }
  bool valid() const override { return ahead_ != nullptr; }
  std::string_view key() const override { return key_; }
  Result<StoreValue> value() const override { return ahead_->value(); }
  void next() override {
    ahead_->next();
    choose();
  }
  Status status() const override {
    for (const auto& segment : segments_) KSTREAMD_TRY(segment->status());
    return {};
  }

 private:
  void choose() {
    ahead_ = nullptr;
    for (const auto& segment : segments_) {
      if (!segment->valid()) {
        // What another segment has would come too early if this one is at its end because it cannot be read.
        if (segment->status()) continue;
        ahead_ = nullptr;
        return;
      }
      const auto key = segment->key().substr(segment_prefix_size);
      if (ahead_ && (reverse_ ? key < key_ : key > key_)) continue;
      ahead_ = segment.get();
      key_ = key;
    }
  }

  const std::vector<std::unique_ptr<RowCursor>> segments_;
  const bool reverse_;
  RowCursor* ahead_ = nullptr;
  std::string_view key_;
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

}  // namespace kstreamd
