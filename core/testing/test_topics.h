// Topics of a TopologyTestDriver as a test in C++ likes to have them: values in, values out, and a time for records
// that moves on when told, which is how a test advances stream time.
//
//   TestInput orders(driver, "orders");
//   TestOutput counts(driver, "counts");
//   orders.send(string_value("a"), int64_value(1));
//   orders.advance_time(10s);                         // later records carry later timestamps
//   CHECK(counts.next()->value.u.integer == 1);
#pragma once
#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "core/base/arena.h"
#include "core/testing/topology_test_driver.h"

namespace kstreamd {

// A topic to send to. Used beside its driver, by the same thread.
class TestInput {
 public:
  // `time` is the timestamp of the first record, in ms; each record moves it on by `step`.
  TestInput(TopologyTestDriver& driver, std::string topic, int64_t time = 0,
            std::chrono::milliseconds step = std::chrono::milliseconds(0))
      : driver_(driver), topic_(std::move(topic)), time_(time), step_(step) {}

  Status send(const Value& key, const Value& value) {
    const int64_t now = time_;
    time_ += step_.count();
    return driver_.send(topic_, key, value, now);
  }
  void advance_time(std::chrono::milliseconds by) { time_ += by.count(); }
  int64_t time() const { return time_; }

 private:
  TopologyTestDriver& driver_;
  const std::string topic_;
  int64_t time_;
  const std::chrono::milliseconds step_;
};

// A topic to read from: each record once. The values live as long as this object.
class TestOutput {
 public:
  struct Read {
    Value key;
    Value value;
    int64_t timestamp = 0;
    const LoggedRecord* record = nullptr;  // headers, partition, offset and the bytes
  };

  TestOutput(TopologyTestDriver& driver, std::string topic) : driver_(driver), topic_(std::move(topic)) {}

  // The next record; nothing when there is none. A value that the topic's serde cannot read is KST_BYTES.
  std::optional<Read> next() {
    for (const auto* record : driver_.read(topic_)) waiting_.push_back(record);
    if (waiting_.empty()) return std::nullopt;
    const auto* record = waiting_.front();
    waiting_.pop_front();
    const auto serdes = driver_.output_serdes(topic_);
    return Read{value_of(serdes ? serdes->key : nullptr, record->key),
                value_of(serdes ? serdes->value : nullptr, record->value), record->timestamp, record};
  }
  bool empty() const { return waiting_.empty() && driver_.unread(topic_).empty(); }

 private:
  Value value_of(const Serde* serde, const std::optional<std::string>& bytes) {
    if (!bytes) return null_value();
    if (serde)
      if (auto value = serde->read(*bytes, arena_)) return *value;
    return bytes_value(*bytes);
  }

  TopologyTestDriver& driver_;
  const std::string topic_;
  std::deque<const LoggedRecord*> waiting_;
  Arena arena_;
};

}  // namespace kstreamd
