// What a processor throws, and what the SDK throws through it.
#pragma once
#include <kstreamd/abi/plugin.h>

#include <cstddef>
#include <stdexcept>
#include <string>

namespace kstreamd::sdk {

// One record cannot be processed: the topology's on_error (fail, skip, dead_letter) decides what follows. Any other
// std::exception that leaves process() means the same; this one may name the record of a batch.
class RecordError : public std::runtime_error {
 public:
  static constexpr size_t kCurrent = static_cast<size_t>(-1);

  explicit RecordError(const std::string& message) : std::runtime_error(message) {}
  // `index`: of the failed record within the batch. All before it must be finished, with their outputs forwarded.
  RecordError(size_t index, const std::string& message) : std::runtime_error(message), index_(index) {}
  size_t index() const { return index_; }

 private:
  size_t index_ = kCurrent;
};

// This processor cannot go on, whatever the record: its topology stops with the message.
class FatalError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A call into the host did not succeed; thrown by every function of Context and of the stores that can fail, so that a
// status cannot be overlooked and costs nothing where there is none. Let it pass: the SDK turns it back into the status
// at the edge (also when somebody swallowed it). It is not a std::exception, so that `catch (const std::exception&)`
// around a lookup does not catch it.
class StopProcessing {
 public:
  explicit StopProcessing(kst_status status) : status_(status) {}
  kst_status status() const { return status_; }

 private:
  kst_status status_;
};

}  // namespace kstreamd::sdk
