// The records that a processor holds, in tests: completed by any thread, taken by the test's.
#pragma once
#include <kstreamd/abi/async.h>
#include <kstreamd/sdk/testing/values.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace kstreamd::sdk::testing {

// Thread safety: every function may be called by any thread.
class HeldRecords {
 public:
  enum class End { completed, failed, dropped };
  // What became of one.
  struct Finished {
    End end = End::completed;
    std::string text;                                       // the message, or the reason
    std::vector<std::pair<uint32_t, OwnedRecord>> results;  // with their outputs
  };

  HeldRecords() : number_(enter(this)) {}
  ~HeldRecords() { leave(number_); }
  HeldRecords(const HeldRecords&) = delete;
  HeldRecords& operator=(const HeldRecords&) = delete;

  kst_token hold(const Record& record, const Record*& held) {
    const std::lock_guard lock(mutex_);
    auto& entry = open_[++last_];
    entry.copy = std::make_unique<Copy>(record);
    held = &entry.copy->record;
    return {number_, last_};
  }
  // Those that nothing keeps back any more: outputs of equal keys leave in the order of their records.
  std::vector<Finished> take() {
    const std::lock_guard lock(mutex_);
    std::vector<Finished> out;
    std::set<std::pair<kst_type, std::string>> waiting;
    for (auto at = open_.begin(); at != open_.end();) {
      const OwnedValue& key = at->second.copy->owned.key;
      std::pair<kst_type, std::string> name{key.type(), key.bytes()};
      if (!at->second.done || waiting.count(name)) {
        waiting.insert(std::move(name));
        ++at;
        continue;
      }
      out.push_back(std::move(at->second.finished));
      at = open_.erase(at);
    }
    return out;
  }
  // Until one is completed that was not before; false: the time is over.
  bool wait(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, deadline, [this] { return std::exchange(news_, false); });
  }
  size_t size() const {
    const std::lock_guard lock(mutex_);
    return open_.size();
  }
  size_t unfinished() const {
    const std::lock_guard lock(mutex_);
    size_t count = 0;
    for (const auto& [number, entry] : open_) count += entry.done ? 0 : 1;
    return count;
  }
  // One that the processor failed in the call that held it, or that comes again.
  void forget(uint64_t number) {
    const std::lock_guard lock(mutex_);
    if (open_.erase(number) > 0) forgotten_.insert(number);
  }
  // As after a time-out or an abort: what comes for them is ignored. Gives how many were not finished.
  size_t forget() {
    const size_t count = unfinished();
    const std::lock_guard lock(mutex_);
    for (const auto& [number, entry] : open_)
      if (!entry.done) forgotten_.insert(number);
    open_.clear();
    return count;
  }
  // What the plugin did that it may not; empty: nothing.
  std::string misuse() const {
    const std::lock_guard lock(mutex_);
    return misuse_;
  }

  static const kst_async_extension* functions(kst_status (*hold)(kst_context*, const kst_record*, kst_token*,
                                                                 const kst_record**)) {
    static const kst_async_extension table = {sizeof(kst_async_extension), hold, &complete, &fail, &drop};
    return &table;
  }

 private:
  // A record that owns what it points to.
  struct Copy {
    explicit Copy(const Record& r) : owned(own(r)) {
      for (const auto& [name, value] : owned.headers) headers.push_back(make_header(name, value));
      record = Record{owned.key.get(),
                      owned.value.get(),
                      r.timestamp,
                      headers.data(),
                      nullptr,
                      static_cast<uint32_t>(headers.size()),
                      0};
      if (!r.origin) return;
      origin = *r.origin;
      topic.assign(origin.topic, origin.topic_size);
      origin.topic = topic.data();
      origin.raw_key = origin.raw_value = nullptr;
      origin.raw_key_size = origin.raw_value_size = 0;
      record.origin = &origin;
    }
    OwnedRecord owned;
    std::vector<Header> headers;
    std::string topic;
    Origin origin{};
    Record record{};
  };
  struct Entry {
    std::unique_ptr<Copy> copy;
    bool done = false;
    Finished finished;
  };

  // All that are alive, by their numbers: tokens are numbers, so a late one finds nothing.
  struct Table {
    std::mutex mutex;
    std::map<uint64_t, HeldRecords*> all;
    uint64_t last = 0;
  };
  static Table& table() {
    static Table table;
    return table;
  }
  static uint64_t enter(HeldRecords* held) {
    const std::lock_guard lock(table().mutex);
    table().all[++table().last] = held;
    return table().last;
  }
  static void leave(uint64_t number) {
    const std::lock_guard lock(table().mutex);
    table().all.erase(number);
  }

  static kst_status complete(kst_token token, const uint32_t* outputs, const kst_record* records, size_t count) {
    Finished finished;
    for (size_t i = 0; i < count; ++i) finished.results.emplace_back(outputs ? outputs[i] : 0, own(records[i]));
    return finish(token, std::move(finished));
  }
  static kst_status fail(kst_token token, const char* message, size_t size) {
    return finish(token, {End::failed, std::string(message, size), {}});
  }
  static kst_status drop(kst_token token, const char* reason) { return finish(token, {End::dropped, reason, {}}); }

  static kst_status finish(kst_token token, Finished finished) {
    const std::lock_guard lock_table(table().mutex);
    const auto found = table().all.find(token.processor);
    if (found == table().all.end())
      return token.processor != 0 && token.processor <= table().last ? KST_STOP : KST_FATAL;
    return found->second->take_in(token.record, std::move(finished));
  }
  kst_status take_in(uint64_t number, Finished finished) {
    const std::lock_guard lock(mutex_);
    if (forgotten_.count(number)) return KST_STOP;
    const auto found = open_.find(number);
    if (found == open_.end() || found->second.done) {
      misuse_ = number == 0 || number > last_ ? "a token was completed that was never given out"
                                              : "a held record was finished twice";
      return KST_FATAL;
    }
    found->second.done = true;
    found->second.finished = std::move(finished);
    news_ = true;
    changed_.notify_all();
    return KST_OK;
  }

  const uint64_t number_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::condition_variable changed_;
  bool news_ = false;
  std::map<uint64_t, Entry> open_;
  std::set<uint64_t> forgotten_;
  uint64_t last_ = 0;
  std::string misuse_;
};

}  // namespace kstreamd::sdk::testing
