// The records of a stream that wait for the rows of a table to become as they were at their time.
#pragma once
#include <kstreamd/sdk/plugin.h>

#include <cstdint>
#include <span>
#include <vector>

#include "plugins/builtin/serde_bytes.h"

namespace kstreamd::builtin {

// Keeps records in the node's first store, in the order of their timestamps, then of their keys' bytes, then of their
// arrival, with the bytes that Kafka Streams keeps: it can take the store over, and give it back. They are due when the
// stream's time, that of the latest record put, is later by the grace. That one is never due unless the grace is 0,
// when all are at once: so the buffer tells after a restart what the time is.
//
// Life-cycle: make in the constructor of the processor, restore() in init, then put() and take_due().
class JoinBuffer {
 public:
  // `grace`, `key_serde` and `value_serde` of the configuration.
  JoinBuffer(sdk::Context& context, const sdk::Config& config);
  // Asks for what the constructor asks for, if there is a grace: for checks of a configuration.
  static void check(const sdk::Config& config);

  // Finds what is in the store.
  void restore();
  // Keeps a record, of a key and a value. False: it is too old to wait.
  bool put(const Record& record);
  // Takes what is due out, and gives it to take(const Record&) in its order. What the records point to stays until the
  // call into the processor returns. When `take` throws, those that follow stay and are due with the next record.
  template <typename Take>
  void take_due(Take&& take) {
    const int64_t until = time_ - grace_;
    if (oldest_ > until) return;
    for (const Row& row : find_due(until)) {
      store_.put(bytes_value(row.key), null_value(), 0);
      take(record_of(row));
    }
    oldest_ = until + 1;
  }

 private:
  struct Row {
    std::string_view key;
    std::string_view value;
  };

  std::span<const Row> find_due(int64_t until);
  Record record_of(const Row& row);
  std::string_view row_key(const Record& record);
  std::string_view row_value(const Record& record);

  sdk::Context& context_;
  const sdk::RawKeyValueStore store_;
  const int64_t grace_;
  SerdeBytes keys_;
  SerdeBytes values_;
  int64_t time_ = -1;           // of the stream, in ms
  int64_t oldest_ = INT64_MAX;  // no record that waits is older
  uint32_t arrived_ = 0;        // the number of the last one
  std::vector<Row> due_;
};

}  // namespace kstreamd::builtin
