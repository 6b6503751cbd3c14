// Error and Result: how every function that can fail answers.
//
// An Error says what happened, where, and what the caller is to do about it (Recovery): classification happens once, at
// the edge that knows the cause (core/kafka for broker errors, core/state for RocksDB's), and never again by code.
#pragma once
#include <cassert>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace kstreamd {

enum class Recovery {
  retry,              // passing: call the same function again
  abort_transaction,  // abort, rewind to the committed offsets, go on
  recreate_producer,  // the producer is fenced or its outcome unknown: destroy it, make a new one, rewind
  rejoin,             // the group membership is lost: close tasks, wait for the next assignment
  rebuild_state,      // the local state is unusable: wipe it and restore from the changelog
  retry_topology,     // stop the topology, start it again with back-off (an outage, a topic that is missing yet)
  stop_topology,      // stop the topology; only an operator can help (a failed record, bad configuration)
};

struct Error {
  Recovery recovery = Recovery::stop_topology;
  std::string message;  // what happened, and where
  std::string hint;     // what to do; may be empty

  std::string text() const { return hint.empty() ? message : message + " (" + hint + ")"; }
  // The same error with "context: " in front.
  Error in(const std::string& context) && {
    message = context + ": " + message;
    return std::move(*this);
  }
};

// A value or an Error.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    assert(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const& {
    assert(!ok());
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    assert(!ok());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  const Error& error() const& {
    assert(error_);
    return *error_;
  }
  Error&& error() && {
    assert(error_);
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

// Returns the error of `expression` (a Result) from the enclosing function, if it has one.
#define KSTREAMD_TRY(expression)                                                                      \
  do {                                                                                                \
    if (auto kstreamd_try = (expression); !kstreamd_try.ok()) return std::move(kstreamd_try).error(); \
  } while (false)

}  // namespace kstreamd
