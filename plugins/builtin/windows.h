// Aggregations of a stream by windows of time: tumbling and hopping, sliding, and sessions. Each is one node of one
// task, and keeps its aggregates in the node's store.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "plugins/builtin/windowing.h"

namespace kstreamd::builtin {

// Windows of one size that begin at multiples of the advance. A window takes records until stream time reaches its end
// and the grace. Records with a null key are dropped, and do not move stream time.
class TimeWindows {
 public:
  static constexpr const char* kName = "kstreamd.time_windows";
  static constexpr const char* kDescription = "Aggregates the records of each key by tumbling or hopping windows";
  static constexpr const char* kConfigSchema = kWindowsSchema;
  static constexpr sdk::StoreNeed kStores[] = {{"aggregates by key and window", sdk::StoreKind::window}};
  TimeWindows(sdk::Context& context, const sdk::Config& config) : TimeWindows(config) { bind(context); }
  static void check(const sdk::Config& config) { TimeWindows trial(config); }
  void init(sdk::Context& context);
  void process(std::span<const Record> records, sdk::Context& context);

 private:
  // The rows that a batch touches, each once: open addressing over indices into rows_.
  class RowIndex {
   public:
    void reset(size_t rows);
    // The number of the row of a key and window; `rows` gets a new one if there is none.
    uint32_t row_of(const Value& key, int64_t start, std::vector<sdk::RawWindowRow>& rows);

   private:
    std::vector<uint32_t> slots_;  // index + 1; 0: free
  };

  explicit TimeWindows(const sdk::Config& config);
  void bind(sdk::Context& context);
  int64_t first_start(int64_t timestamp) const;
  int64_t end_of(int64_t start) const;
  bool late(int64_t start, int64_t stream_time) const { return start <= stream_time - times_.grace - times_.size; }
  bool count_batch(std::span<const Record> records, sdk::Context& context);
  bool gather(std::span<const Record> records);
  void forward_counts(std::span<const Record> records, sdk::Context& context);
  void process_one(const Record& record, sdk::Context& context);
  void update(const Record& record, const Value& key, int64_t start, sdk::Context& context);
  void close(const Record& record, sdk::Context& context);

  WindowedAggregation aggregation_;
  const WindowTimes times_;
  WindowCloser closer_;
  StreamTimes time_;
  std::optional<sdk::RawWindowStore> store_;
  std::optional<StoreBytes> bytes_;

  // Of the batch at hand; the room is reused.
  struct Use {
    uint32_t row;
    Value now, before;
    int64_t timestamp;
  };
  RowIndex index_;
  std::vector<sdk::RawWindowRow> rows_;
  std::vector<Value> keys_;           // of rows_: with their windows
  std::vector<Use> uses_;             // the windows of each record, in order
  std::vector<uint32_t> uses_until_;  // by record: where its uses end
};

// For each record the window that ends with it, and the one that begins behind it once a later record falls in. Records
// with a null key or value are dropped, and do not move stream time.
class SlidingWindows {
 public:
  static constexpr const char* kName = "kstreamd.sliding_windows";
  static constexpr const char* kDescription = "Aggregates the records of each key by sliding windows";
  static constexpr const char* kConfigSchema = kWindowsSchema;
  static constexpr sdk::StoreNeed kStores[] = {{"aggregates by key and window", sdk::StoreKind::window}};
  SlidingWindows(sdk::Context& context, const sdk::Config& config) : SlidingWindows(config) { bind(context); }
  static void check(const sdk::Config& config) { SlidingWindows trial(config); }
  void init(sdk::Context& context);
  void process(std::span<const Record> records, sdk::Context& context);

 private:
  // What a window has: its latest record's timestamp with it.
  struct Content {
    int64_t start;
    Value aggregate;
    int64_t timestamp;
    bool stored;  // else it is about to be made
  };
  // What the windows around a record's timestamp tell.
  struct Around {
    std::optional<Content> left, right;  // what a new window to either side begins with
    std::optional<int64_t> previous;     // the timestamp of the record before it
    bool has_left = false, has_right = false;
    bool complete = false;  // a record with its timestamp has made all windows already
  };

  explicit SlidingWindows(const sdk::Config& config);
  void bind(sdk::Context& context);
  void process_one(const Record& record, sdk::Context& context);
  void process_early(const Record& record, sdk::Context& context);
  Around update_around(const Record& record, sdk::Context& context);
  void make_windows(const Record& record, const Around& around, sdk::Context& context);
  void read_windows(int64_t from, int64_t to, bool newest_first);
  bool has_window(int64_t start) const;
  Content new_window(int64_t start, const Record& record);
  void update(const Content& window, const Record& record, sdk::Context& context);
  void make_right(const Content& content, const Record& record, sdk::Context& context);
  void put(const Record& record, const Content& window, const Value& before, bool opens, sdk::Context& context);
  void close(const Record& record, sdk::Context& context);

  WindowedAggregation aggregation_;
  const WindowTimes times_;
  WindowCloser closer_;
  StreamTimes time_;
  std::optional<sdk::RawWindowStore> store_;
  std::optional<StoreBytes> bytes_;

  // Of the record at hand
  Value key_ = null_value();
  std::vector<sdk::RawWindowRow> rows_;
};

// Sessions: the records of a key with no more than the gap between them. A record that falls into sessions, or between
// them, replaces them by one. Records with a null key are dropped, and do not move stream time.
class SessionWindows {
 public:
  static constexpr const char* kName = "kstreamd.session_windows";
  static constexpr const char* kDescription = "Aggregates the records of each key by sessions";
  static constexpr const char* kConfigSchema = kWindowsSchema;
  static constexpr sdk::StoreNeed kStores[] = {{"aggregates by key and session", sdk::StoreKind::session}};
  SessionWindows(sdk::Context& context, const sdk::Config& config) : SessionWindows(config) { bind(context); }
  static void check(const sdk::Config& config) { SessionWindows trial(config); }
  void init(sdk::Context& context);
  void process(std::span<const Record> records, sdk::Context& context);

 private:
  explicit SessionWindows(const sdk::Config& config);
  void bind(sdk::Context& context);
  void process_one(const Record& record, sdk::Context& context);
  void find_sessions(const Value& key, int64_t timestamp);
  void forward(const Record& record, const Windowed& session, const Change& change, sdk::Context& context) const;
  void close(const Record& record, sdk::Context& context);

  WindowedAggregation aggregation_;
  const WindowTimes times_;
  WindowCloser closer_;
  StreamTimes time_;
  std::optional<sdk::RawSessionStore> store_;
  std::optional<StoreBytes> bytes_;
  std::vector<sdk::RawSessionRow> found_;  // of the record at hand
};

}  // namespace kstreamd::builtin
