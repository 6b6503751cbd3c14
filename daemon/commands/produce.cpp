#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <iostream>
#include <vector>

#include "daemon/commands/commands.h"
#include "daemon/commands/target.h"
#include "daemon/line_records.h"
#include "daemon/real_clock.h"
#include "daemon/signals.h"

namespace kstreamd {
namespace {

constexpr size_t kBatchRecords = 1000;

// Lines of a file descriptor, without their ends. One thread.
class Lines {
 public:
  explicit Lines(int fd) : fd_(fd) {}
  // False: the end, or an interruption. The view is valid until the next call.
  bool next(std::string_view& line) {
    while (true) {
      const size_t end = buffer_.find('\n', scanned_);
      if (end != std::string::npos) {
        line = std::string_view(buffer_).substr(begin_, end - begin_);
        begin_ = scanned_ = end + 1;
        return true;
      }
      scanned_ = buffer_.size();
      if (ended_) {
        line = std::string_view(buffer_).substr(begin_);
        begin_ = buffer_.size();
        return !line.empty();
      }
      if (!fill()) return false;
    }
  }
  // Whether next() would have to wait for more input.
  bool would_wait() const { return !ended_ && buffer_.find('\n', scanned_) == std::string::npos; }

 private:
  bool fill() {
    buffer_.erase(0, begin_);
    scanned_ -= begin_;
    begin_ = 0;
    const size_t size = buffer_.size();
    buffer_.resize(size + 64 * 1024);
    const ssize_t got = read(fd_, buffer_.data() + size, 64 * 1024);
    const bool interrupted = got < 0 && errno == EINTR;
    buffer_.resize(size + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    ended_ = got <= 0 && !interrupted;
    return !(interrupted && Interruption::signal() != 0);
  }

  const int fd_;
  std::string buffer_;
  size_t begin_ = 0;    // of the next line
  size_t scanned_ = 0;  // up to here there is no line end
  bool ended_ = false;
};

// The topic exists, or comes into being; else an exit code was set and the reason said.
bool prepare_topic(TopicClient& client, const ProduceOptions& options, int& exit_code) {
  auto ranges = client.ranges(options.topic);
  if (!ranges) {
    exit_code = failure(ranges.error());
    return false;
  }
  if (ranges->empty()) {
    const auto partitions = options.create;
    if (!partitions && !client.creates_topics()) {
      exit_code = failure({Recovery::stop_topology, "there is no topic '" + options.topic + "'",
                           "make it with --create PARTITIONS, e.g. kstreamd produce " + options.topic + " --create 4"});
      return false;
    }
    if (partitions)
      if (auto made = client.create(options.topic, *partitions); !made) {
        exit_code = failure(made.error());
        return false;
      }
  } else if (options.partition >= static_cast<int32_t>(ranges->size())) {
    exit_code = usage_error({Recovery::stop_topology,
                             "topic '" + options.topic + "' has no partition " + std::to_string(options.partition),
                             "it has " + std::to_string(ranges->size()) + ", numbered from 0"});
    return false;
  }
  return true;
}

int end_with(TopicClient& client, int64_t written, const std::optional<Error>& error) {
  Status finished = client.finish();
  if (!finished) {
    complain(finished.error());
    std::cerr << "kstreamd: of " << written << " records some may not be written\n";
    return kFailed;
  }
  if (error) {
    complain(*error);
    std::cerr << "kstreamd: the " << written << " records before it are written\n";
    return kFailed;
  }
  if (isatty(STDERR_FILENO)) std::cerr << written << " records written\n";
  return Interruption::signal() != 0 ? Interruption::exit_code() : kDone;
}

}  // namespace

int produce_command(const ProduceOptions& options) {
  LineFormat format;
  const auto plugins = plugins_for_serdes(options.common, {options.key, options.value});
  if (auto made = LineFormat::make(options, format, plugins.get()); !made) return usage_error(made.error());
  const RealClock clock;
  int exit_code = kDone;
  const auto client = open_target(options.common, options.target, clock, exit_code);
  if (!client || !prepare_topic(*client, options, exit_code)) return exit_code;
  if (isatty(STDIN_FILENO)) std::cerr << "each line is a record; Ctrl-D ends\n";

  const Interruption interruption;
  Lines lines(STDIN_FILENO);
  std::vector<TextRecord> batch;
  int64_t line_number = 0, written = 0;
  std::string_view line;
  const auto flush = [&]() -> Status {
    auto done = client->write(options.topic, batch);
    if (done) written += static_cast<int64_t>(batch.size());
    batch.clear();
    return done;
  };
  while (lines.next(line)) {
    ++line_number;
    auto record = format.record_of(line, clock.wall_ms());
    if (!record) {
      auto error = std::move(record).error().in("line " + std::to_string(line_number));
      if (auto done = flush(); !done) error = std::move(done).error();
      return end_with(*client, written, error);
    }
    batch.push_back(std::move(record).value());
    const bool waiting = lines.would_wait();
    if (batch.size() < kBatchRecords && !waiting) continue;
    Status done = flush();
    // What a person typed goes out at once.
    if (done && waiting && isatty(STDIN_FILENO)) done = client->finish();
    if (!done) return end_with(*client, written, done.error());
  }
  if (auto done = flush(); !done) return end_with(*client, written, done.error());
  return end_with(*client, written, std::nullopt);
}

}  // namespace kstreamd
