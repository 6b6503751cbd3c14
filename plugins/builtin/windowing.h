// What the windowed aggregations share: their configuration, the aggregates, their results on the way out, and windows
// that are put out when they close.
#pragma once
#include <kstreamd/sdk/change.h>
#include <kstreamd/sdk/plugin.h>
#include <kstreamd/sdk/windowed.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/builtin/expressions.h"
#include "plugins/builtin/progress.h"
#include "plugins/builtin/store_bytes.h"

namespace kstreamd::builtin {

inline constexpr const char* kWindowsSchema =
    R"({"type":"object","required":["operation","window"],"properties":{)"
    R"("operation":{"type":"string"},"init":{"type":"string"},"add":{"type":["string","array"],)"
    R"("items":{"type":"string"}},"merge":{"type":"string"},"window":{"type":"object"},"emit":{"type":"string"},)"
    R"("emit_interval":{"type":"integer"},"per_commit":{"type":"boolean"},"versioned":{"type":"boolean"},)"
    R"("changes":{"type":"boolean"},"script":{"type":"string"}},"additionalProperties":false})";

// Of an aggregation, in ms; sizes and gaps as topology.h's Window has them.
struct WindowTimes {
  explicit WindowTimes(const sdk::Config& config);
  int64_t size, advance, grace, retention;
};

// The aggregates of one node, whatever its windows. Life-cycle: as its processor. Threads: the task's worker.
class WindowedAggregation {
 public:
  WindowedAggregation(const sdk::Config& config, bool sessions);

  bool counts() const { return operation_ == Operation::count; }
  bool on_close() const { return on_close_; }
  bool per_commit() const { return per_commit_; }
  // How many stream times there are: one for each input, but one alone decides when windows are put out as they close.
  size_t stream_times() const { return on_close_ || add_.empty() ? 1 : add_.size(); }
  // What a window begins with: 0, null, or what init says.
  Value initial(ScratchMemory& memory);
  // The aggregate with the record in it.
  Value added(const Record& record, const Value& aggregate, ScratchMemory& memory);
  // Those of two sessions of a key, of which the left one is the earlier.
  Value merged(const Value& key, const Value& left, const Value& right, ScratchMemory& memory);
  // The old value that goes with a first update: Kafka Streams has what the window began with there, but not where only
  // the last update of a commit goes on.
  Value first_before(const Value& initial) const { return per_commit_ ? null_value() : initial; }

  // Hands on the update of a window that `record` caused; an update is not what a node that emits on close puts out.
  void forward(sdk::Context& context, const Record& record, const Value& windowed, const Change& change,
               int64_t timestamp) const;

 private:
  enum class Operation { count, reduce, aggregate, cogroup };
  static Operation operation_of(const sdk::Config& config);
  Value evaluated(const script::Expression& add, const Record& record, const Value& aggregate, ScratchMemory& memory);

  Expressions expressions_;
  const Operation operation_;
  const bool on_close_, per_commit_, changes_;
  std::optional<script::Expression> init_, merge_;
  std::vector<script::Expression> add_;  // by input
};

// The sum of two counts; null is 0. Throws RecordError where a store holds something else.
Value count_sum(const Value& left, const Value& right);

// A key that a window can have: an object as what its serde makes of it.
Value plain_key(const Value& key, StoreBytes& bytes);

// The windows of a node that have not closed, in the order in which they will be put out. A window may be in it twice,
// or be there no more: whoever takes it looks into the store.
//
// Life-cycle: filled from the store at init, gone with the node after an abort.
class OpenWindows {
 public:
  struct Window {
    int64_t time;    // by which it closes: the start of a window, the end of a session
    int64_t second;  // the start of a session
    std::string key;
  };
  void add(int64_t time, int64_t second, std::string_view key) {
    windows_[time].emplace_back(second, std::string(key));
  }
  bool any_until(int64_t time) const { return !windows_.empty() && windows_.begin()->first <= time; }
  // Takes out those with times up to `time`, by time, second and key.
  template <typename Take>
  void take(int64_t time, const Take& take) {
    while (any_until(time)) {
      const auto first = windows_.extract(windows_.begin());
      for (const auto& [second, key] : sorted(first.mapped())) take(Window{first.key(), second, key});
    }
  }

 private:
  using Keys = std::vector<std::pair<int64_t, std::string>>;
  static const Keys& sorted(Keys& keys);

  std::map<int64_t, Keys> windows_;
};

// When windows are put out as they close. Stream time decides; where an interval is asked for, the wall clock says how
// often it is looked at.
class WindowCloser {
 public:
  // A window is closed once stream time has come `span` ms past its time (OpenWindows). `behind`: how far Kafka
  // Streams' window close time is behind stream time.
  WindowCloser(const sdk::Config& config, int64_t span, int64_t behind, int64_t retention)
      : interval_(config.integer("emit_interval", 0)), span_(span), behind_(behind), retention_(retention) {}

  // In init, on store 0: fill(first) adds the windows of the store with times from `first` on. Moves stream time to
  // where it was looked at last, by whoever did: what has been put out does not open again.
  template <typename Fill>
  void init(sdk::Context& context, StreamTime& time, const Fill& fill) {
    sent_.find_of_store(context, 0);
    if (sent_.get() >= 0) time.pass(sent_.get() + behind_);
    fill(sent_.get() < 0 ? 0 : std::max<int64_t>(0, sent_.get() + behind_ - span_ + 1));
  }
  // The same of a store of windows, by their starts.
  void init(sdk::Context& context, StreamTime& time, const sdk::RawWindowStore& store, StoreBytes& bytes);
  void opened(int64_t time, int64_t second, std::string_view key) { open_.add(time, second, key); }
  // Whether a window would close at this stream time, one that begins to be open at `time` among them.
  bool would_close(int64_t stream_time, int64_t time) const {
    return time <= stream_time - span_ || open_.any_until(stream_time - span_);
  }
  // Takes what has closed, before the record that moved stream time is put: it may move the store beyond them.
  template <typename Take>
  void close(sdk::Context& context, int64_t stream_time, const Take& take) {
    if (!due(context, stream_time)) return;
    open_.take(stream_time - span_, take);
    looked_at(stream_time);
  }

 private:
  bool due(sdk::Context& context, int64_t stream_time);
  // Before any window can have closed Kafka Streams keeps no time, and would begin behind the first window.
  void looked_at(int64_t stream_time) {
    if (stream_time >= span_) sent_.pass(stream_time - behind_);
  }

  const int64_t interval_, span_, behind_, retention_;
  OpenWindows open_;
  StreamTime sent_;   // the window close time when it was last looked at, as Kafka Streams keeps it
  int64_t next_ = 0;  // by the wall clock
};

}  // namespace kstreamd::builtin
