#include "tests/batches/processors.h"

#include <algorithm>
#include <string>
#include <vector>

#include "kstreamd/sdk/plugin.h"

namespace kstreamd::batches {
namespace {

Planted planted = Planted::none;

Record with_number(const Record& record, int64_t number) {
  Record changed = record;
  changed.value = int64_value(number);
  return changed;
}

// Counts keys, a batch at once: one look-up and one write for each key. A null value is an error of its record.
class Tally {
 public:
  static constexpr const char* kName = "tally";
  static constexpr const char* kDescription = "counts by key";
  static constexpr sdk::StoreNeed kStores[] = {{"the counts"}};
  Tally(sdk::Context& context, const sdk::Config&) : counts_(context.store(0)), planted_(planted) {}

  void process(std::span<const Record> records, sdk::Context& context) {
    const auto bad =
        std::find_if(records.begin(), records.end(), [](const Record& record) { return is_null(record.value); });
    count(records.first(static_cast<size_t>(bad - records.begin())), context);
    if (bad == records.end()) return;
    context.processing(static_cast<size_t>(bad - records.begin()));
    throw sdk::RecordError("nothing to count");
  }

 private:
  void count(std::span<const Record> records, sdk::Context& context) {
    rows_.clear();
    for (const Record& record : records)
      if (!is_null(record.key) && row_of(record) == rows_.end()) rows_.push_back({record.key, null_value(), 0});
    counts_.get_many(rows_);
    for (size_t i = 0; i < records.size(); ++i) {
      const size_t at = planted_ == Planted::backwards ? records.size() - 1 - i : i;
      const Record& record = records[at];
      context.processing(at);
      if (is_null(record.key)) {
        context.drop("null_key");
        continue;
      }
      sdk::Row& row = *row_of(record);
      row.value = int64_value((is_null(row.value) ? 0 : row.value.u.integer) + 1);
      row.timestamp = record.timestamp;
      if (planted_ != Planted::last_only || i + 1 == records.size())
        context.forward(with_number(record, row.value.u.integer));
    }
    counts_.put_many(rows_);
  }
  std::vector<sdk::Row>::iterator row_of(const Record& record) {
    return std::find_if(rows_.begin(), rows_.end(),
                        [&](const sdk::Row& row) { return data_of(row.key) == data_of(record.key); });
  }

  const sdk::RawKeyValueStore counts_;
  const Planted planted_;
  std::vector<sdk::Row> rows_;  // of the batch at hand, by first use
};

// Puts the stream time into its records, and sends what it has seen by punctuations of both clocks.
class Moments {
 public:
  static constexpr const char* kName = "moments";
  static constexpr const char* kDescription = "tells the time";
  Moments(sdk::Context&, const sdk::Config&) : planted_(planted) {}
  void init(sdk::Context& context) {
    stream_ = context.every(sdk::Clock::stream_time, std::chrono::milliseconds(2300));
    context.every(sdk::Clock::wall_clock, std::chrono::seconds(2));
  }
  void process(std::span<const Record> records, sdk::Context& context) {
    context.processing(records.size() - 1);
    const int64_t end = context.stream_time();
    for (size_t i = 0; i < records.size(); ++i) {
      context.processing(i);
      ++seen_;
      context.forward(with_number(records[i], planted_ == Planted::end_of_batch ? end : context.stream_time()));
    }
  }
  void punctuate(const sdk::Schedule& schedule, int64_t timestamp, sdk::Context& context) {
    context.forward(Record{string_value(schedule == stream_ ? "stream" : "wall"), int64_value(seen_), timestamp,
                           nullptr, nullptr, 0, 0});
  }

 private:
  const Planted planted_;
  sdk::Schedule stream_;
  int64_t seen_ = 0;
};

// Two outputs.
class Parity {
 public:
  static constexpr const char* kName = "parity";
  static constexpr const char* kDescription = "sorts by time";
  static constexpr const char* kOutputs[] = {"even", "odd"};
  Parity(sdk::Context& context, const sdk::Config&) : odd_(context.output("odd")) {}
  void process(const Record& record, sdk::Context& context) {
    context.forward_borrowed(record, record.timestamp % 2 == 0 ? sdk::Output{} : odd_);
  }

 private:
  const sdk::Output odd_;
};

// Counts by windows of a second in a store of windows, and looks at those before.
class Recent {
 public:
  static constexpr const char* kName = "recent";
  static constexpr const char* kDescription = "counts what came lately";
  static constexpr sdk::StoreNeed kStores[] = {{"the counts", sdk::StoreKind::window}};
  Recent(sdk::Context& context, const sdk::Config&) : counts_(context.window_store(0)) {}
  void process(const Record& record, sdk::Context& context) {
    if (is_null(record.key)) return context.drop("null_key");
    const int64_t start = record.timestamp - record.timestamp % 1000;
    int64_t sum = 1, mine = 1;
    counts_.fetch(record.key, std::max<int64_t>(start - 5000, 0), start, [&](const sdk::RawWindowRow& row) {
      sum += row.value.u.integer;
      if (row.start == start) mine += row.value.u.integer;
    });
    counts_.put(record.key, start, int64_value(mine), record.timestamp);
    context.forward(with_number(record, sum));
  }

 private:
  const sdk::RawWindowStore counts_;
};

// Holds each record until the next call for another, as if it waited for something; every third is dropped.
class InHand {
 public:
  static constexpr const char* kName = "in_hand";
  static constexpr const char* kDescription = "holds its records";
  static constexpr uint32_t kMaxInFlight = 9;
  InHand(sdk::Context&, const sdk::Config&) {}
  void process(const Record& record, sdk::Context& context) {
    sdk::Held held = context.hold(record);
    if (record.timestamp % 3 == 0)
      held.drop("third");
    else
      held.complete(held.record());
  }
};

}  // namespace

const kst_plugin* processors() { return sdk::plugin<Tally, Moments, Parity, Recent, InHand>("batches", "1.0.0"); }
void plant(Planted error) { planted = error; }

}  // namespace kstreamd::batches
