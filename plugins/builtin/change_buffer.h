// The updates that a suppression holds back: each key's last, by the time from which it waits. Kept in a store of bytes
// in the layout of Kafka Streams' buffers, whose changelog either can read.
//
// A row's key is that of the update; its value: timestamp (8), offset (8), topic, partition (4), headers, the value
// that the key had before it was held, its old value, its new value, the time (8). Sizes before texts and values take 4
// bytes, -1 is null; -2 in place of the old value: the same as the one before.
//
// Life-cycle: filled from the store at init, gone with the node after an abort. Threads: the task's worker.
#pragma once
#include <kstreamd/sdk/change.h>
#include <kstreamd/sdk/plugin.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "plugins/builtin/store_bytes.h"

namespace kstreamd::builtin {

class ChangeBuffer {
 public:
  // What a row of a buffer says that its key had before it was held; nothing: null.
  static std::optional<std::string_view> prior(std::string_view row, sdk::Context& context);

  // On the node's first store, with the node's own serdes for keys and values.
  explicit ChangeBuffer(sdk::Context& context)
      : context_(context), rows_(context.store(0)), bytes_(context, StoreBytesExtension::kNode) {}
  void init();

  // Takes an update in place of the key's last one, which goes on waiting from its own time.
  void put(const Record& record, const Change& change, int64_t time);

  size_t records() const { return order_.size(); }
  // As Kafka Streams reckons them.
  int64_t bytes() const { return bytes_held_; }
  // From which time the first waits; nothing: none does.
  std::optional<int64_t> first_time() const {
    return order_.empty() ? std::nullopt : std::optional<int64_t>(order_.begin()->first);
  }
  // The first, by time and the bytes of the key, as the record that it was, but for its value. It lives until the call
  // into the processor returns.
  Record first(Change& change);
  // `timestamp`: of the record that first() gave.
  void drop_first(int64_t timestamp);

 private:
  struct Entry {
    int64_t time;
    int64_t size;
  };

  sdk::Context& context_;
  const sdk::RawKeyValueStore rows_;
  StoreBytes bytes_;
  std::map<std::string, Entry, std::less<>> entries_;     // by key
  std::set<std::pair<int64_t, std::string_view>> order_;  // the keys are those of entries_
  int64_t bytes_held_ = 0;
};

}  // namespace kstreamd::builtin
