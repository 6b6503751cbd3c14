// The fetched, unprocessed records of a task, and which of them come next.
//
// Ordering is Kafka Streams': of the heads of all inputs, the one with the lowest timestamp. While an input has nothing
// buffered and is not known to be at its end, nothing is chosen, because its next record might be earlier; and once it
// is known to be there, for as long as max_task_idle says (KIP-695). Not thread-safe: the task's worker only.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "core/base/clock.h"
#include "core/record/fetched.h"

namespace kstreamd {

class InputBuffer {
 public:
  explicit InputBuffer(std::span<const int64_t> start_offsets, Duration max_idle = Duration(0));

  // Takes up a batch of an input; batches of one input come in offset order. Records below its position are skipped.
  void add(size_t input, FetchedBatch batch);

  // The next run of consecutive records of one input that may be processed at once: up to `limit`, and none later than
  // the head of another input. Empty: nothing is ready. The run stays valid until consume().
  struct Run {
    size_t input = 0;
    std::span<FetchedRecord> records;  // stream time is noted in their origins
  };
  Run next(size_t limit, Duration now = Duration(0));
  // When what the last next() has left may go on, because inputs at their end are waited for no longer.
  std::optional<Duration> next_idle_end() const { return idle_end_; }
  // The first `count` records of the last run are processed.
  void consume(size_t count);

  // Forgets everything buffered and goes back to the given positions.
  void reset(std::span<const int64_t> offsets);

  // The next offset to process of an input, control records skipped.
  int64_t position(size_t input) const { return inputs_[input].position; }
  size_t buffered(size_t input) const { return inputs_[input].buffered; }
  // What the batches take up that hold them.
  size_t buffered_bytes(size_t input) const { return inputs_[input].bytes; }
  size_t buffered() const { return buffered_; }

 private:
  struct Input {
    std::deque<FetchedBatch> batches;
    size_t at = 0;  // first unprocessed record of the front batch
    size_t buffered = 0;
    size_t bytes = 0;
    int64_t position = 0;
    bool at_end = false;
    std::optional<Duration> idle_end;  // since it was found empty at its end: until when it is waited for
    bool empty() const { return batches.empty(); }
    int64_t head_timestamp() const { return batches.front().records[at].timestamp; }
  };
  void drop_finished(Input& input);
  bool may_come(Input& input, Duration now);
  int64_t last_before_others(size_t chosen) const;

  const Duration max_idle_;
  std::optional<Duration> idle_end_;
  std::vector<Input> inputs_;
  size_t buffered_ = 0;
  size_t running_ = 0;  // the input of the last run
};

}  // namespace kstreamd
