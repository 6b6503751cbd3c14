#include "core/task/input_buffer.h"

#include <algorithm>
#include <limits>

namespace kstreamd {
namespace {

// A run of large records is not longer than about this.
constexpr size_t kRunBytes = 256 << 10;

constexpr int64_t never = std::numeric_limits<int64_t>::max();

size_t footprint(const FetchedBatch& batch) {
  return batch.bytes + batch.records.capacity() * sizeof(FetchedRecord) + sizeof(FetchedBatch);
}

}  // namespace

InputBuffer::InputBuffer(std::span<const int64_t> start_offsets, Duration max_idle)
    : max_idle_(max_idle), inputs_(start_offsets.size()) {
  reset(start_offsets);
}

void InputBuffer::reset(std::span<const int64_t> offsets) {
  for (size_t i = 0; i < inputs_.size(); ++i) {
    inputs_[i] = Input{};
    inputs_[i].position = offsets[i];
  }
  buffered_ = 0;
  idle_end_.reset();
}

void InputBuffer::add(size_t index, FetchedBatch batch) {
  Input& input = inputs_[index];
  const int64_t known = input.empty() ? input.position : input.batches.back().next_offset;
  if (batch.next_offset < known) return;
  auto& records = batch.records;
  records.erase(records.begin(), std::find_if(records.begin(), records.end(),
                                              [known](const FetchedRecord& r) { return r.origin.offset >= known; }));
  input.at_end = batch.at_end;
  if (!records.empty() || !input.at_end) input.idle_end.reset();
  input.buffered += records.size();
  buffered_ += records.size();
  input.bytes += footprint(batch);
  input.batches.push_back(std::move(batch));
  drop_finished(input);
}

// Batches whose records are all processed only move the position: past control records and the ends of transactions.
void InputBuffer::drop_finished(Input& input) {
  while (!input.batches.empty() && input.at == input.batches.front().records.size()) {
    input.position = std::max(input.position, input.batches.front().next_offset);
    input.bytes -= footprint(input.batches.front());
    input.batches.pop_front();
    input.at = 0;
  }
}

// Whether the others are to wait for an input that has nothing.
bool InputBuffer::may_come(Input& input, Duration now) {
  if (!input.at_end) return true;
  if (max_idle_ == Duration(0)) return false;
  if (!input.idle_end) input.idle_end = now + max_idle_;
  if (now >= *input.idle_end) return false;
  idle_end_ = std::max(idle_end_.value_or(*input.idle_end), *input.idle_end);
  return true;
}

// The latest timestamp that an input's records may have to come before those of the others: of equal ones the first
// input's are first, wherever its runs end.
int64_t InputBuffer::last_before_others(size_t chosen) const {
  int64_t last = never;
  for (size_t i = 0; i < inputs_.size(); ++i)
    if (i != chosen && !inputs_[i].empty()) last = std::min(last, inputs_[i].head_timestamp() - (i < chosen ? 1 : 0));
  return last;
}

InputBuffer::Run InputBuffer::next(size_t limit, Duration now) {
  size_t chosen = inputs_.size();
  int64_t lowest = never;
  bool waits = false;
  idle_end_.reset();
  for (Input& input : inputs_)
    if (input.empty() && may_come(input, now)) waits = true;
  if (buffered_ == 0) idle_end_.reset();
  if (waits) return {};
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const Input& input = inputs_[i];
    if (input.empty()) continue;
    const int64_t head = input.head_timestamp();
    if (chosen != inputs_.size() && head >= lowest) continue;
    lowest = head;
    chosen = i;
  }
  if (chosen == inputs_.size()) return {};
  Input& input = inputs_[chosen];
  const FetchedBatch& front = input.batches.front();
  auto& records = input.batches.front().records;
  const size_t enough = std::max<size_t>(kRunBytes / (front.bytes / records.size() + 1), 1);
  size_t count = std::min({limit, records.size() - input.at, enough});
  const int64_t last = last_before_others(chosen);
  if (last != never)
    for (size_t i = 1; i < count; ++i)
      if (records[input.at + i].timestamp > last) count = i;
  running_ = chosen;
  return {chosen, std::span(records).subspan(input.at, count)};
}

void InputBuffer::consume(size_t count) {
  if (count == 0) return;
  Input& input = inputs_[running_];
  input.at += count;
  input.position = input.batches.front().records[input.at - 1].origin.offset + 1;
  input.buffered -= count;
  buffered_ -= count;
  drop_finished(input);
}

}  // namespace kstreamd
