// Reading the embedded log: hand-assigned partitions behind one queue.
//
// Thread safety: one thread, and wake() and high_watermark() from any, which mutex_ allows for. A batch keeps the
// segments that its records lie in.
#pragma once
#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>

#include "core/base/sum_of_parts.h"
#include "core/embedded/broker.h"
#include "core/ports/cluster.h"

namespace kstreamd::embedded {

class LogReader final : public RecordSource {
 public:
  // What it has fetched and not delivered yet is a part of `fetched`.
  LogReader(std::shared_ptr<Broker> broker, bool committed_only, std::shared_ptr<SumOfParts> fetched);
  ~LogReader() override;

  Status assign(int32_t slot, const TopicPartition& partition, int64_t offset) override;
  Status unassign(int32_t slot) override;
  Status seek(int32_t slot, int64_t offset) override;
  Status pause(int32_t slot) override;
  Status resume(int32_t slot) override;
  Status poll(std::vector<FetchedBatch>& out, size_t max_records, Duration timeout) override;
  void wake() override;
  int64_t high_watermark(int32_t slot) const override;

 private:
  struct Slot {
    TopicPtr topic;
    PartitionLog* log = nullptr;
    int64_t position = 0;
    std::deque<Fetched::Slice> fetched;
    PackReader reading{{}};  // the rest of the first slice, while in_slice
    bool in_slice = false;
    int64_t after = 0;  // the position when everything fetched is delivered
    int64_t end = 0;    // of what could be read at the last fetch
    int64_t end_shown = -1;
    int64_t high = -1;
    bool paused = false;
  };
  class Hold;

  uint64_t fetched_bytes() const;  // [any thread]
  // With mutex_ held:
  Result<Slot*> find(int32_t slot);
  void rewind(Slot& slot, int64_t offset);
  Status collect(std::vector<FetchedBatch>& out, size_t max_records);
  Status fetch(Slot& slot);
  Status take(int32_t number, Slot& slot, size_t max_records, size_t max_bytes, std::vector<FetchedBatch>& out);

  const std::shared_ptr<Broker> broker_;
  const bool committed_only_;
  const std::shared_ptr<Waker> waker_ = std::make_shared<Waker>();
  std::atomic<bool> woken_{false};
  mutable std::mutex mutex_;  // guards what follows
  std::map<int32_t, Slot> slots_;
  int32_t last_slot_ = -1;           // that was served first
  const SumOfParts::Entry fetched_;  // last, since it asks for what lies above
};

}  // namespace kstreamd::embedded
