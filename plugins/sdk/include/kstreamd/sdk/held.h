// Records that a processor holds and finishes later: for work that waits for something outside.
//
//   static constexpr uint32_t kMaxInFlight = 100;                          // in the processor class
//   void process(const sdk::Typed<std::string_view, sdk::Json>& record, sdk::Context& context) {
//     worker_.push(context.hold(record));
//   }
//   ... on the worker's thread:
//     const auto record = held.as<std::string_view, sdk::Json>();
//     held.complete(record.with_value(answer));                             // or fail("..."), or drop("missing")
//
// Order per key, the limit, commits and time-outs are the host's business: see abi/async.h.
#pragma once
#include <kstreamd/sdk/extensions.h>
#include <kstreamd/sdk/output.h>
#include <kstreamd/sdk/typed.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kstreamd::sdk {

// One held record. Movable, to any thread; used by one thread at a time. It is finished by the first complete, fail or
// drop; what is destroyed unfinished fails its record. A result that the host does not wait for any more is ignored in
// silence (after a time-out, an abort, the processor's end, or an exception from process, by which that record fails
// and those after it come again): none of this ever throws for the host's sake.
class Held {
 public:
  Held() = default;  // holds nothing
  Held(Held&& other) noexcept
      : async_(std::exchange(other.async_, nullptr)),
        token_(other.token_),
        record_(other.record_),
        memory_(std::move(other.memory_)),
        outputs_(std::move(other.outputs_)),
        results_(std::move(other.results_)) {}
  Held& operator=(Held&& other) noexcept {
    if (this == &other) return *this;
    let_go();
    async_ = std::exchange(other.async_, nullptr);
    token_ = other.token_;
    record_ = other.record_;
    memory_ = std::move(other.memory_);
    outputs_ = std::move(other.outputs_);
    results_ = std::move(other.results_);
    return *this;
  }
  ~Held() { let_go(); }

  // Whether it still is to be finished.
  explicit operator bool() const { return async_ != nullptr; }

  // The host's copy of the record; it lives until the record is finished, or the processor's destructor has returned.
  const Record& record() const { return *record_; }
  // The same, typed. Throws RecordError when it does not fit; the types that process() took do fit.
  template <typename K, typename V>
  Typed<K, V> as() {
    return detail::decode_record<K, V>(*record_, memory());
  }
  // Room that lives until the record is finished.
  Memory& memory() {
    if (!memory_) memory_ = std::make_unique<OwnMemory>();
    return *memory_;
  }

  // Keeps a result until complete() sends all of them, in this order. What it points to stays until then: it belongs to
  // the record, to memory(), or to nobody (constants).
  void add(const Record& result, Output output = {}) {
    results_.push_back(result);
    outputs_.push_back(output.number);
  }
  template <typename K, typename V>
  void add(const Typed<K, V>& result, Output output = {}) {
    add(detail::encode_record(result, memory()), output);
  }

  // Finishes the record with what was added, perhaps nothing.
  void complete() {
    if (!async_) return;
    async_->complete(token_, outputs_.data(), results_.data(), results_.size());
    done();
  }
  // Finishes it with what was added and one more; this one may point to anything.
  void complete(const Record& result, Output output = {}) {
    add(result, output);
    complete();
  }
  template <typename K, typename V>
  void complete(const Typed<K, V>& result, Output output = {}) {
    add(result, output);
    complete();
  }
  // With several at once.
  void complete(std::span<const Record> results, Output output = {}) {
    for (const Record& result : results) add(result, output);
    complete();
  }

  // The record could not be processed: on_error decides what follows.
  void fail(std::string_view message) {
    if (!async_) return;
    async_->fail(token_, message.data(), message.size());
    done();
  }
  // The record is dropped on purpose; `reason` is a word of [a-z_]+ and shows in the metrics.
  void drop(const char* reason) {
    if (!async_) return;
    async_->drop(token_, reason);
    done();
  }

 private:
  friend class Context;
  Held(const kst_async_extension& async, kst_token token, const Record* record)
      : async_(&async), token_(token), record_(record) {}

  void let_go() noexcept {
    if (!async_) return;
    fail("the processor let go of the record that it held, without completing, failing or dropping it");
  }
  void done() noexcept {
    async_ = nullptr;
    results_.clear();
    outputs_.clear();
    memory_.reset();
  }

  const kst_async_extension* async_ = nullptr;  // null: nothing is to be finished
  kst_token token_{};
  const Record* record_ = nullptr;
  std::unique_ptr<OwnMemory> memory_;
  std::vector<uint32_t> outputs_;
  std::vector<Record> results_;
};

}  // namespace kstreamd::sdk
