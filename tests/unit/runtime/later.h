// A processor that holds each record and lets a test complete it, from whatever thread, by handing the record on.
#pragma once
#include <deque>
#include <mutex>
#include <string>

#include "core/ports/completions.h"
#include "core/ports/processor.h"
#include "kstreamd/abi/schedule.h"

namespace kstreamd::word_count_of_tests {

// What the processors of a test hold. Thread safety: every function from any thread.
class Held {
 public:
  void add(kst_token token, const kst_record* record) {
    std::lock_guard lock(mutex_);
    held_.push_back({token, record});
  }
  // Of a processor that closes: what it held must not be touched any more. Its tokens are kept, to be used late.
  void close(uint64_t processor) {
    std::lock_guard lock(mutex_);
    for (auto& entry : held_)
      if (entry.token.processor == processor) entry.record = nullptr;
  }
  // Completes up to `count`, the oldest and the newest in turn; how many.
  size_t answer(size_t count) {
    std::lock_guard lock(mutex_);
    size_t done = 0;
    for (; done < count && !held_.empty(); ++done) {
      const Entry entry = ++turn_ % 2 ? held_.front() : held_.back();
      turn_ % 2 ? held_.pop_front() : held_.pop_back();
      if (!entry.record)
        Completions::drop(entry.token, "late");
      else
        Completions::complete(entry.token, nullptr, {entry.record, 1});
    }
    return done;
  }
  size_t size() const {
    std::lock_guard lock(mutex_);
    return held_.size();
  }

 private:
  struct Entry {
    kst_token token;
    const kst_record* record;
  };
  mutable std::mutex mutex_;
  std::deque<Entry> held_;
  unsigned turn_ = 0;
};

// With `every`, it completes what is held itself, in a punctuation on the wall clock.
class Later final : public Processor {
 public:
  Later(ProcessorContext& context, Held& held, int64_t every = 0) : context_(context), held_(held), every_(every) {}
  ~Later() override { held_.close(processor_); }
  kst_status init() override {
    uint64_t number = 0;
    return every_ ? context_.schedule(KST_WALL_CLOCK, every_, KST_NO_START, number) : kst_status{KST_OK};
  }
  kst_status process(std::span<const Record> records, size_t&) override {
    for (const Record& record : records) {
      kst_token token{};
      const Record* held = nullptr;
      if (kst_status status = context_.hold(record, token, held); status != KST_OK) return status;
      processor_ = token.processor;
      held_.add(token, held);
    }
    return KST_OK;
  }
  kst_status punctuate(uint64_t, int64_t) override {
    held_.answer(SIZE_MAX);
    return KST_OK;
  }

 private:
  ProcessorContext& context_;
  Held& held_;
  const int64_t every_;
  uint64_t processor_ = 0;
};

}  // namespace kstreamd::word_count_of_tests
