#include "core/embedded/reader.h"

#include <algorithm>
#include <chrono>

#include "core/base/arena.h"

namespace kstreamd::embedded {
namespace {

constexpr size_t kFetchBytes = 256 << 10;
constexpr size_t kFairShare = 64;  // records of a slot at least, before the next slot's turn
constexpr auto kBusyRetry = std::chrono::milliseconds(1);

}  // namespace

class LogReader::Hold final : public BatchHold {
 public:
  explicit Hold(TopicPtr topic) : topic_(std::move(topic)) {}
  void keep(const SegmentPtr& segment) {
    if (segments_.empty() || segments_.back() != segment) segments_.push_back(segment);
  }
  const Header* headers(const PackedRecord& record) {
    if (record.header_count == 0) return nullptr;
    auto* headers = static_cast<Header*>(headers_.allocate(record.header_count * sizeof(Header)));
    HeaderReader reader(record.headers);
    for (uint32_t i = 0; i < record.header_count; ++i) {
      headers[i] = Header{};
      reader.next(headers[i]);
    }
    return headers;
  }

 private:
  const TopicPtr topic_;  // whose name the records' origins borrow
  std::vector<SegmentPtr> segments_;
  Arena headers_{1024};
};

LogReader::LogReader(std::shared_ptr<Broker> broker, bool committed_only, std::shared_ptr<SumOfParts> fetched)
    : broker_(std::move(broker)),
      committed_only_(committed_only),
      fetched_(std::move(fetched), [this] { return fetched_bytes(); }) {}

LogReader::~LogReader() {
  for (auto& [number, slot] : slots_) slot.log->unwatch(waker_);
}

Result<LogReader::Slot*> LogReader::find(int32_t slot) {
  auto it = slots_.find(slot);
  if (it != slots_.end()) return &it->second;
  return Error{Recovery::stop_topology, "slot " + std::to_string(slot) + " is not assigned",
               "this is a defect of kstreamd, please report it"};
}

void LogReader::rewind(Slot& slot, int64_t offset) {
  slot.position = slot.after = offset;
  slot.fetched.clear();
  slot.in_slice = false;
  slot.end_shown = -1;
}

Status LogReader::assign(int32_t number, const TopicPartition& partition, int64_t offset) {
  auto found = broker_->topics->find(partition);
  if (!found) return std::move(found).error();
  std::lock_guard lock(mutex_);
  auto [it, is_new] = slots_.try_emplace(number);
  if (!is_new)
    return Error{Recovery::stop_topology, "slot " + std::to_string(number) + " is assigned already",
                 "this is a defect of kstreamd, please report it"};
  it->second.topic = found->first;
  it->second.log = found->second;
  rewind(it->second, offset);
  it->second.log->watch(waker_, committed_only_);
  return {};
}

Status LogReader::unassign(int32_t number) {
  std::lock_guard lock(mutex_);
  auto slot = find(number);
  if (!slot) return std::move(slot).error();
  (*slot)->log->unwatch(waker_);
  slots_.erase(number);
  return {};
}

Status LogReader::seek(int32_t number, int64_t offset) {
  std::lock_guard lock(mutex_);
  auto slot = find(number);
  if (!slot) return std::move(slot).error();
  rewind(**slot, offset);
  return {};
}

Status LogReader::pause(int32_t number) {
  std::lock_guard lock(mutex_);
  auto slot = find(number);
  if (!slot) return std::move(slot).error();
  (*slot)->paused = true;
  return {};
}

Status LogReader::resume(int32_t number) {
  std::lock_guard lock(mutex_);
  auto slot = find(number);
  if (!slot) return std::move(slot).error();
  (*slot)->paused = false;
  return {};
}

void LogReader::wake() {
  woken_ = true;
  waker_->notify();
}

int64_t LogReader::high_watermark(int32_t number) const {
  std::lock_guard lock(mutex_);
  auto it = slots_.find(number);
  return it == slots_.end() ? -1 : it->second.high;
}

uint64_t LogReader::fetched_bytes() const {
  std::lock_guard lock(mutex_);
  uint64_t bytes = 0;
  for (const auto& [number, slot] : slots_)
    for (const auto& slice : slot.fetched) bytes += slice.segment->bytes.size();
  return bytes;
}

// ---- Polling

Status LogReader::poll(std::vector<FetchedBatch>& out, size_t max_records, Duration timeout) {
  auto deadline = std::chrono::steady_clock::now() + timeout;
  size_t before = out.size();
  for (;;) {
    waker_->clear();
    bool all_seen = broker_->producers.push_gathered(!committed_only_, false);
    {
      std::lock_guard lock(mutex_);
      auto collected = collect(out, max_records);
      if (out.size() > before) return {};  // an error comes again at the next poll
      KSTREAMD_TRY(std::move(collected));
    }
    if (woken_.exchange(false)) return {};
    auto now = std::chrono::steady_clock::now();
    if (now >= deadline) return {};
    waker_->wait_until(all_seen ? deadline : std::min(deadline, now + kBusyRetry));
  }
}

Status LogReader::collect(std::vector<FetchedBatch>& out, size_t max_records) {
  if (slots_.empty()) return {};
  auto it = slots_.upper_bound(last_slot_);
  if (it == slots_.end()) it = slots_.begin();
  last_slot_ = it->first;
  size_t left = max_records;
  size_t bytes_left = kPollBytes;
  size_t share = std::max(kFairShare, max_records / slots_.size());
  for (size_t i = 0; i < slots_.size() && left > 0 && bytes_left > 0; ++i) {
    if (!it->second.paused) {
      size_t had = out.size();
      KSTREAMD_TRY(take(it->first, it->second, std::min(share, left), bytes_left, out));
      if (out.size() > had) left -= std::min(left, out.back().records.size());
      if (out.size() > had) bytes_left -= std::min(bytes_left, out.back().bytes);
    }
    if (++it == slots_.end()) it = slots_.begin();
  }
  return {};
}

Status LogReader::fetch(Slot& slot) {
  // Runs over holes until there is something, or the end.
  do {
    auto fetched = slot.log->fetch(slot.position, committed_only_, kFetchBytes);
    if (!fetched) return std::move(fetched).error();
    slot.high = fetched->high;
    slot.end = fetched->end;
    slot.after = fetched->position;
    for (auto& slice : fetched->slices) slot.fetched.push_back(std::move(slice));
    if (slot.fetched.empty()) slot.position = slot.after;
  } while (slot.fetched.empty() && slot.position < slot.end);
  return {};
}

Status LogReader::take(int32_t number, Slot& slot, size_t max_records, size_t max_bytes,
                       std::vector<FetchedBatch>& out) {
  if (slot.fetched.empty()) KSTREAMD_TRY(fetch(slot));
  const std::string& topic = slot.topic->info.name;
  FetchedBatch batch;
  batch.slot = number;
  auto hold = std::make_unique<Hold>(slot.topic);
  const auto full = [&] { return batch.records.size() >= max_records || batch.bytes >= max_bytes; };
  while (!slot.fetched.empty() && !full()) {
    const Segment& segment = *slot.fetched.front().segment;
    if (!slot.in_slice) slot.reading = PackReader(segment.bytes);
    slot.in_slice = true;
    hold->keep(slot.fetched.front().segment);
    batch.records.reserve(std::min<size_t>(max_records, batch.records.size() + segment.count));
    PackedRecord packed;
    while (!full() && slot.reading.next(packed)) {
      int64_t offset = segment.base_offset + packed.offset;
      if (offset < slot.position) continue;
      FetchedRecord& record = batch.records.emplace_back();
      record.origin = {topic.data(),
                       packed.key_null ? nullptr : packed.key.data(),
                       packed.value_null ? nullptr : packed.value.data(),
                       static_cast<uint32_t>(topic.size()),
                       static_cast<uint32_t>(packed.key.size()),
                       static_cast<uint32_t>(packed.value.size()),
                       slot.log->name().partition,
                       offset};
      record.timestamp = packed.timestamp;
      record.headers = hold->headers(packed);
      record.header_count = packed.header_count;
      batch.bytes += packed.whole.size();
      slot.position = offset + 1;
    }
    if (!slot.reading.intact())
      return Error{
          Recovery::stop_topology,
          "the embedded log is damaged: " + slot.log->name().text() + " at offset " + std::to_string(slot.position),
          "restore its folder from a backup"};
    if (!slot.reading.rest().empty()) break;
    slot.position = std::max(slot.position, slot.fetched.front().next_offset);
    slot.fetched.pop_front();
    slot.in_slice = false;
  }
  if (slot.fetched.empty()) slot.position = std::max(slot.position, slot.after);
  batch.next_offset = slot.position;
  batch.at_end = slot.fetched.empty() && slot.position == slot.end && slot.end_shown != slot.position;
  if (batch.records.empty() && !batch.at_end) return {};
  if (batch.at_end) slot.end_shown = slot.position;
  batch.hold = std::move(hold);
  out.push_back(std::move(batch));
  return {};
}

}  // namespace kstreamd::embedded
