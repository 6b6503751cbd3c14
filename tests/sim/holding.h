// Processors that do not finish a record within the call that brings it: one holds records until the scheduler has them
// completed, one keeps them in a store until a punctuation.
#pragma once
#include <deque>
#include <memory>
#include <string>

#include "core/ports/completions.h"
#include "core/ports/processor.h"
#include "tests/sim/chaos.h"

namespace kstreamd::sim {

// What the "later" processors of all processes hold. Life-cycle: outlives them. Not thread-safe.
class HeldRecords {
 public:
  explicit HeldRecords(Chaos& chaos) : chaos_(chaos) {}

  void add(kst_token token, const kst_record* record);
  // Of a processor that is destroyed: its records must not be touched any more. Some of its tokens are used all the
  // same, too late.
  void close(uint64_t processor);
  // Completes some, in any order. As `ways_of` says: with none, one or two outputs.
  void step();

 private:
  struct Entry {
    kst_token token;
    const kst_record* record;  // null: its processor is gone
  };
  void complete(const Entry& entry);

  Chaos& chaos_;
  std::deque<Entry> held_;
};

std::unique_ptr<Processor> make_later(ProcessorContext& context, HeldRecords& held);
// Keeps each record in its store 0; punctuations on both clocks send on all that is there, by key and offset.
std::unique_ptr<Processor> make_buffer(ProcessorContext& context, Chaos& chaos);

}  // namespace kstreamd::sim
