#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iostream>
#include <limits>
#include <utility>
#include <vector>

#include "core/spec/values.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/target.h"
#include "daemon/real_clock.h"
#include "daemon/signals.h"

namespace kstreamd {
namespace {

constexpr size_t kBatchRecords = 5000;
constexpr size_t kFlushBytes = 64 * 1024;
constexpr Duration kSilence =
    std::chrono::seconds(1);  // after so long without records it is said that they are awaited

Error wrong(const std::string& message, const std::string& hint) {
  return Error{Recovery::stop_topology, message, hint};
}

// The options, understood.
struct Plan {
  const Serde* key = nullptr;
  const Serde* value = nullptr;
  bool show_key = false;
  std::string separator = "\t";
  std::optional<int64_t> offset;  // of --from; nothing: `from_end` says
  bool from_end = false;
  std::optional<Duration> timeout;
};

Status understand(const ConsumeOptions& options, const ProcessorCatalog* catalog, Plan& plan) {
  auto key = serde_named(options.key.value_or("string"), catalog);
  if (!key) return std::move(key).error();
  plan.key = *key;
  auto value = serde_named(options.value, catalog);
  if (!value) return std::move(value).error();
  plan.value = *value;
  plan.show_key = options.key || options.key_separator;
  if (options.key_separator) plan.separator = *options.key_separator == "\\t" ? "\t" : *options.key_separator;
  if (options.from == "end") {
    plan.from_end = true;
  } else if (options.from != "beginning") {
    int64_t offset = 0;
    const char* end = options.from.data() + options.from.size();
    const auto parsed = std::from_chars(options.from.data(), end, offset);
    if (parsed.ec != std::errc() || parsed.ptr != end || offset < 0)
      return wrong("--from " + options.from + " is not a place", "beginning, end or an offset");
    plan.offset = offset;
  }
  if (options.timeout) {
    const auto timeout = parse_duration(*options.timeout);
    if (!timeout) return wrong("--timeout " + *options.timeout + " is not a duration", duration_hint);
    plan.timeout = *timeout;
  }
  if (options.max && *options.max < 0) return wrong("--max must not be negative", "0 reads nothing");
  if (options.read != "committed" && options.read != "uncommitted")
    return wrong("--read " + options.read + " is unknown", "committed or uncommitted");
  return {};
}

// Writes records to standard output. One thread.
class Printer {
 public:
  Printer(const Plan& plan, bool json) : plan_(plan), json_(json) {}

  void print(const FetchedRecord& record) {
    if (json_) {
      misfits_ += !append_json_of_record(buffer_, record, *plan_.key, *plan_.value);
    } else {
      const Origin& origin = record.origin;
      if (plan_.show_key) {
        text(*plan_.key, origin.raw_key, raw_key(origin));
        buffer_ += plan_.separator;
      }
      text(*plan_.value, origin.raw_value, raw_value(origin));
    }
    buffer_ += '\n';
    if (buffer_.size() >= kFlushBytes) flush();
  }
  // False: standard output takes no more.
  bool flush() {
    if (!buffer_.empty() && std::fwrite(buffer_.data(), 1, buffer_.size(), stdout) != buffer_.size()) failed_ = true;
    buffer_.clear();
    if (std::fflush(stdout) != 0) failed_ = true;
    return !failed_;
  }
  int64_t misfits() const { return misfits_; }

 private:
  void text(const Serde& serde, const void* data, std::string_view bytes) {
    if (data == nullptr)
      buffer_ += "null";
    else
      misfits_ += !append_text_of_bytes(buffer_, serde, bytes);
  }

  const Plan& plan_;
  const bool json_;
  std::string buffer_;
  int64_t misfits_ = 0;
  bool failed_ = false;
};

// One partition that is being read.
struct Position {
  int64_t end = std::numeric_limits<int64_t>::max();  // --drain: records from here on are not wanted
  bool done = false;
};

// Where to begin in each partition wanted; empty: an error was said.
std::vector<ReadFrom> beginnings(const ConsumeOptions& options, const Plan& plan,
                                 const std::vector<PartitionRange>& ranges, std::vector<Position>& positions) {
  std::vector<ReadFrom> from;
  for (const auto& range : ranges) {
    if (options.partition && *options.partition != range.partition) continue;
    const int64_t start = plan.from_end ? range.high : std::max(range.low, plan.offset.value_or(range.low));
    from.push_back({range.partition, start});
    auto& position = positions.emplace_back();
    if (!options.drain) continue;
    position.end = range.high;
    position.done = start >= range.high;
  }
  return from;
}

class Reading {
 public:
  Reading(TopicClient& client, const ConsumeOptions& options, const Plan& plan, std::vector<Position> positions,
          const Clock& clock)
      : client_(client),
        options_(options),
        plan_(plan),
        clock_(clock),
        positions_(std::move(positions)),
        printer_(plan, options.common.json()) {}

  int run() {
    Duration last_record = clock_.now();
    std::vector<FetchedBatch> batches;
    while (!finished()) {
      if (Interruption::signal() != 0) break;
      batches.clear();
      const auto wanted = options_.max ? std::min<int64_t>(kBatchRecords, *options_.max - count_) : kBatchRecords;
      auto polled = client_.poll(batches, static_cast<size_t>(wanted), std::chrono::milliseconds(100));
      if (!polled && polled.error().recovery != Recovery::retry) {
        printer_.flush();
        complain(polled.error());
        return polled.error().recovery == Recovery::retry_topology ? kUnreachable : kFailed;
      }
      const int64_t before = count_;
      for (const auto& batch : batches) take(batch);
      if (count_ > before) last_record = clock_.now();
      const Duration silent = clock_.now() - last_record;
      if (plan_.timeout && silent >= *plan_.timeout) break;
      if (!plan_.timeout && silent >= kSilence) say_what_is_awaited();
      if (!printer_.flush()) return failure(wrong("standard output cannot be written", ""));
    }
    if (!printer_.flush()) return failure(wrong("standard output cannot be written", ""));
    if (printer_.misfits() > 0)
      std::cerr << "kstreamd: " << printer_.misfits() << " records did not fit the serdes and are shown as bytes\n";
    return Interruption::signal() != 0 ? Interruption::exit_code() : kDone;
  }

 private:
  bool finished() const {
    if (options_.max && count_ >= *options_.max) return true;
    return options_.drain && std::all_of(positions_.begin(), positions_.end(), [](const auto& p) { return p.done; });
  }

  // Once: no one is to wonder why nothing happens.
  void say_what_is_awaited() {
    if (std::exchange(said_, true)) return;
    std::cerr << "kstreamd: waiting for " << (count_ > 0 ? "more records" : "records") << " of topic '"
              << options_.topic << "'; Ctrl-C ends, and so does --timeout TIME\n";
  }

  void take(const FetchedBatch& batch) {
    auto& position = positions_[static_cast<size_t>(batch.slot)];
    for (const auto& record : batch.records) {
      if (record.origin.offset >= position.end) break;
      if (options_.max && count_ >= *options_.max) return;
      printer_.print(record);
      ++count_;
    }
    // The end of what can be read counts as well: past it there are open transactions only.
    if (options_.drain && (batch.at_end || batch.next_offset >= position.end)) position.done = true;
  }

  TopicClient& client_;
  const ConsumeOptions& options_;
  const Plan& plan_;
  const Clock& clock_;
  std::vector<Position> positions_;
  Printer printer_;
  int64_t count_ = 0;
  bool said_ = false;
};

}  // namespace

int consume_command(const ConsumeOptions& options) {
  Plan plan;
  const auto plugins = plugins_for_serdes(options.common, {options.key.value_or("string"), options.value});
  if (auto understood = understand(options, plugins.get(), plan); !understood) return usage_error(understood.error());
  const RealClock clock;
  int exit_code = kDone;
  const auto client = open_target(options.common, options.target, clock, exit_code);
  if (!client) return exit_code;
  auto ranges = client->ranges(options.topic);
  if (!ranges) return failure(ranges.error());
  if (ranges->empty())
    return failure(wrong("there is no topic '" + options.topic + "'", "is the name right, and the cluster?"));
  std::vector<Position> positions;
  const auto from = beginnings(options, plan, *ranges, positions);
  if (from.empty())
    return usage_error(wrong("topic '" + options.topic + "' has no partition " + std::to_string(*options.partition),
                             "it has " + std::to_string(ranges->size()) + ", numbered from 0"));
  const Interruption interruption;
  if (auto started = client->start_reading(options.topic, from, options.read == "committed"); !started)
    return failure(started.error());
  return Reading(*client, options, plan, std::move(positions), clock).run();
}

}  // namespace kstreamd
