// The records that one processor holds (abi/async.h), on their way back to its task from any thread.
//
// The task opens a number for each held record and takes what was completed; plugins complete by token, from any
// thread, also when the task is long gone: tokens are looked up in a table of the process, so that a stale one is
// recognized and nothing is touched that is no more. Order, limits and time-outs are the task's business.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/record/owned_records.h"
#include "kstreamd/abi/async.h"

namespace kstreamd {

// What became of one held record.
struct Completion {
  uint64_t record = 0;         // its number
  kst_status status = KST_OK;  // KST_OK, or KST_RECORD_ERROR with `message`
  std::string message;         // why; or, with `dropped`, the reason
  bool dropped = false;
  std::vector<uint32_t> outputs;  // of each of `records`
  OwnedRecords records;
};

// Life-cycle: made with its processor, entered in the table of the process until it is destroyed.
class Completions {
 public:
  // `wake` is called, by the completing thread and outside all locks, when there is something to take() and nothing was
  // before. That may be a moment after this object is gone: it owns all it touches.
  explicit Completions(std::function<void()> wake);
  ~Completions();
  Completions(const Completions&) = delete;
  Completions& operator=(const Completions&) = delete;

  // ---- The task's thread

  // A new token for a record that is now held.
  kst_token open();
  // Everything completed since the last call, in order of completion.
  std::vector<Completion> take();
  // The record is not waited for any more: what is completed for it is ignored. False when it was completed already.
  bool forget(uint64_t record);
  // Set when a plugin completed a token twice, or one that was never given out: what it did. Empty: nothing.
  std::string misuse() const;

  // ---- Any thread

  // As kst_async_extension says.
  static kst_status complete(kst_token token, const uint32_t* outputs, std::span<const kst_record> records);
  static kst_status fail(kst_token token, std::string_view message);
  static kst_status drop(kst_token token, std::string_view reason);

 private:
  struct Inbox;
  static kst_status post(kst_token token, Completion completion);

  std::shared_ptr<Inbox> inbox_;
};

}  // namespace kstreamd
