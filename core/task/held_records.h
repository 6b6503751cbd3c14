// The records that one processor of one task holds (abi/async.h): which there are, since when, and in which order they
// may leave. Results leave in the order of the records of equal keys; null keys are equal to each other.
//
//   hold -> (the plugin completes it, or its time is over: collect) -> (it is the first of its key: release)
//
// Life-cycle: made before its processor and destroyed after it. Threads: the task's worker; completions come from any
// thread through Completions.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/ports/completions.h"
#include "core/record/owned_records.h"

namespace kstreamd {

class HeldRecords {
 public:
  // `wake` may be called until the object is destroyed, and a moment longer: see Completions.
  HeldRecords(size_t limit, Duration timeout, std::function<void()> wake)
      : limit_(limit), timeout_(timeout), completions_(std::move(wake)) {}

  size_t count() const { return entries_.size(); }
  size_t room() const { return limit_ - entries_.size(); }
  size_t bytes() const { return bytes_; }
  Duration timeout() const { return timeout_; }
  // When the next record has been held for too long.
  std::optional<Duration> expires() const;

  struct Held {
    kst_token token;
    const kst_record* record;  // its copy, until it is released or forgotten
  };
  // Holds one record, a copy in an object of its own. There must be room.
  Held hold(OwnedRecords record, Duration now);
  // A record that was held and then failed within the same call: gives the copy back.
  OwnedRecords forget(uint64_t number);

  // Takes what was completed, and gives up what has been held for too long. An error says what the plugin did wrong.
  Status collect(Duration now);
  struct Released {
    OwnedRecords record;  // the one
    Completion completion;
  };
  // The next one that is finished and whose key has no earlier one.
  std::optional<Released> release();

 private:
  struct Ends {
    uint64_t first = 0;
    uint64_t last = 0;
  };
  using Keys = std::unordered_map<std::string, Ends>;
  struct Entry {
    OwnedRecords record;
    size_t bytes = 0;
    Duration expires{0};
    Keys::value_type* key = nullptr;
    uint64_t next = 0;  // of its key; 0: it is the last
    std::optional<Completion> completion;
  };
  void finish(uint64_t number, Entry& entry, Completion completion);
  OwnedRecords remove(std::map<uint64_t, Entry>::iterator at);

  const size_t limit_;
  const Duration timeout_;
  Completions completions_;
  std::map<uint64_t, Entry> entries_;  // by number: in the order in which they were held
  Keys keys_;                          // by the bytes of the key
  std::deque<uint64_t> ready_;         // finished, and the first of their keys
  size_t bytes_ = 0;
};

// About what a copy of the record takes in memory.
size_t footprint(const kst_record& record);

}  // namespace kstreamd
