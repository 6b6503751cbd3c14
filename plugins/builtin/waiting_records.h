// The records of a left or outer stream-stream join that have found no partner yet, in a key-value store of bytes, laid
// out as Kafka Streams does:
//   key    timestamp (8), 01 of the left side or 00 of the right, the record's key
//   value  01, count (4), then for each record of that key and time: length (4), 01 or 00 as above, the record's value
// So they lie in the order in which they are given up: by timestamp, right side first, then by key.
#pragma once
#include <kstreamd/sdk/plugin.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kstreamd::builtin {

enum Side : uint32_t { kLeft = 0, kRight = 1 };

// All records of one key, time and side that wait. Its bytes live until the call into the processor returns.
struct Waiting {
  int64_t timestamp = 0;
  Side side = kLeft;
  std::string_view key;   // the records', as bytes
  std::string_view row;   // the key of the entry in the store
  std::string_view list;  // what the store holds there
};

class WaitingRecords {
 public:
  explicit WaitingRecords(sdk::Context& context, uint32_t store) : context_(context), store_(context.store(store)) {}

  // By side: a timestamp that none of those that wait is older than.
  using Oldest = std::array<int64_t, 2>;
  const Oldest& oldest() const { return oldest_; }

  // `now`: the timestamp of the record that brings the change about.
  void add(Side side, int64_t timestamp, std::string_view key, std::string_view value);
  // A partner has come: all records of that key and time have found it.
  void remove(Side side, int64_t timestamp, std::string_view key, int64_t now);
  // Takes the first record out of an entry, here and in the store: its value, or nothing when none is left.
  std::optional<std::string_view> take(Waiting& entry, int64_t now);

  // Appends the first of those with timestamp < closes_before[side], in their order; a side whose records do not wait
  // has the least number there. They are to be taken, or looked for again. Returns what oldest() is once they are gone;
  // when they are kAtOnce, there may be more.
  static constexpr size_t kAtOnce = 256;
  Oldest closed(const Oldest& closes_before, std::vector<Waiting>& out);
  void set_oldest(const Oldest& oldest) { oldest_ = oldest; }

 private:
  std::string_view row_of(Side side, int64_t timestamp, std::string_view key);

  sdk::Context& context_;
  const sdk::RawKeyValueStore store_;
  Oldest oldest_{};  // what was there at the start is not known
  std::string row_;
  std::string list_;
};

}  // namespace kstreamd::builtin
