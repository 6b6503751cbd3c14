#include "core/plugin_host/crash_guard.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <iterator>
#include <string_view>

#include "core/plugin_host/plugin_context.h"
#include "core/ports/serde_use.h"

namespace kstreamd {
namespace {

struct Signal {
  int number;
  const char* name;
};
constexpr Signal kSignals[] = {
    {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"}, {SIGILL, "SIGILL"}, {SIGFPE, "SIGFPE"}, {SIGABRT, "SIGABRT"}};
constexpr size_t kMostGroups = 16;  // topic-partitions of one batch that are written down

// Written before the handlers are installed.
struct sigaction previous[std::size(kSignals)];
int crash_file = -1;

constinit thread_local const char* unlink_on_crash __attribute__((tls_model("initial-exec"))) = nullptr;

// From here on: only what may be called in a signal handler.

// A line of bounded length, without the heap.
class Line {
 public:
  Line& operator<<(std::string_view text) {
    const size_t n = std::min(text.size(), sizeof bytes_ - 1 - size_);
    std::memcpy(bytes_ + size_, text.data(), n);
    size_ += n;
    return *this;
  }
  Line& operator<<(int64_t number) {
    char digits[24];
    char* at = std::end(digits);
    uint64_t rest = number < 0 ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
    do *--at = static_cast<char>('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (number < 0) *--at = '-';
    return *this << std::string_view(at, static_cast<size_t>(std::end(digits) - at));
  }
  std::string_view text() const { return {bytes_, size_}; }
  void write_to(int file) {
    bytes_[size_++] = '\n';
    for (size_t done = 0; done < size_;) {
      const ssize_t n = ::write(file, bytes_ + done, size_ - done);
      if (n <= 0) return;
      done += static_cast<size_t>(n);
    }
  }

 private:
  char bytes_[2048];
  size_t size_ = 0;
};

// Records of one topic-partition that follow each other in a batch.
struct Group {
  std::string_view topic = "-";
  int32_t partition = -1;
  int64_t first = -1;
  int64_t last = -1;
};

Group group_from(const CallFrame& call, size_t& at) {
  Group group;
  for (; at < call.count; ++at) {
    const kst_origin* origin = call.records[at].origin;
    if (!origin) continue;
    const std::string_view topic(origin->topic, std::min<size_t>(origin->topic_size, 249));
    if (group.partition < 0)
      group = {topic, origin->partition, origin->offset, origin->offset};
    else if (group.topic != topic || group.partition != origin->partition)
      return group;
    group.first = std::min(group.first, origin->offset);
    group.last = std::max(group.last, origin->offset);
  }
  return group;
}

// How many records of topics the call may have crashed on, as CrashFile wants it.
int64_t suspects_of(const CallFrame& call) {
  const kst_origin* one = call.count > 0 ? call.records[0].origin : nullptr;
  if (!one) return static_cast<int64_t>(call.count);
  for (size_t i = 1; i < call.count; ++i) {
    const kst_origin* other = call.records[i].origin;
    if (!other || other->offset != one->offset || other->partition != one->partition ||
        std::string_view(other->topic, other->topic_size) != std::string_view(one->topic, one->topic_size))
      return static_cast<int64_t>(call.count);
  }
  return 1;
}

// `call` has the records, `key` says whose plugin did it: TOPOLOGY NODE TYPE CONTENT.
void write_entry(const CallFrame& call, CallKind kind, const Signal& what, const Group& group, std::string_view key) {
  if (crash_file < 0) return;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  Line line;
  line << "1 " << static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000 << " " << what.name << " "
       << call_name(kind) << " " << suspects_of(call) << " " << group.partition << " " << group.first << " "
       << group.last << " " << group.topic << " " << key;
  line.write_to(crash_file);
}

void add_records(Line& line, const Group& group, bool more) {
  if (group.partition < 0) return;
  line << (group.first == group.last ? ", record " : ", records ") << group.topic << "-" << group.partition << "@"
       << group.first;
  if (group.last != group.first) line << ".." << group.last;
  if (more) line << " and others";
}

void say(const CallFrame& call, const Signal& what, const Group& group, bool more) {
  const kst_context& context = *call.context;
  Line line;
  line << "kstreamd: the plugin's processor '" << context.type << "' (" << context.plugin << ") crashed in "
       << call_name(call.kind) << " with signal " << what.number << " (" << what.name << "): topology '"
       << context.topology << "', task " << context.task << ", node '" << context.node << "'";
  add_records(line, group, more);
  line.write_to(STDERR_FILENO);
}

// The first topic-partition was written already, and `at` is behind it.
void write_others(const CallFrame& call, CallKind kind, const Signal& what, std::string_view key, size_t at) {
  for (size_t groups = 1; groups < kMostGroups && at < call.count; ++groups)
    if (const Group next = group_from(call, at); next.partition >= 0) write_entry(call, kind, what, next, key);
}

// A serde's crash counts for the record that a source or sink has at hand; in a store, or in what a punctuation has
// forwarded, for what the processor around it is called with.
void note_serde(const CallFrame& call, const Signal& what) {
  Line line;
  line << "kstreamd: the plugin's serde '" << call.subject << "' crashed with signal " << what.number << " ("
       << what.name << ")";
  kst_record at_hand{};
  CallFrame suspects;
  std::string_view topology, node;
  if (used_serde && used_serde->origin) {
    at_hand.origin = used_serde->origin;
    suspects.records = &at_hand;
    suspects.count = 1;
    topology = used_serde->topology;
    node = used_serde->node;
  } else if (call.outer && call.outer->context) {
    suspects = *call.outer;
    topology = suspects.context->topology;
    node = suspects.context->node;
  }
  if (node.empty() || !call.content) return line.write_to(STDERR_FILENO);
  Line key;
  key << topology << " " << node << " serde:" << call.subject << " " << call.content;
  size_t at = 0;
  const Group first = group_from(suspects, at);
  write_entry(suspects, call.kind, what, first, key.text());
  line << ": topology '" << topology << "', node '" << node << "'";
  add_records(line, first, at < suspects.count);
  line.write_to(STDERR_FILENO);
  write_others(suspects, call.kind, what, key.text(), at);
}

void note_crash(const CallFrame& call, const Signal& what) {
  if (call.kind == CallKind::serde) return note_serde(call, what);
  if (!call.context) {
    Line line;
    line << "kstreamd: " << (call.kind == CallKind::load ? "plugin '" : "the check of the plugin's processor '")
         << call.subject << "' crashed with signal " << what.number << " (" << what.name << ")";
    line.write_to(STDERR_FILENO);
    return;
  }
  size_t at = 0;
  const Group first = group_from(call, at);
  write_entry(call, call.kind, what, first, call.context->crash_key);
  say(call, what, first, at < call.count);
  write_others(call, call.kind, what, call.context->crash_key, at);
}

void on_crash(int number, siginfo_t* info, void*) {
  size_t which = 0;
  while (which + 1 < std::size(kSignals) && kSignals[which].number != number) ++which;
  // First, so that a crash in here ends the process too.
  ::sigaction(number, &previous[which], nullptr);
  const bool sent = info && info->si_code <= 0 && info->si_pid != ::getpid();
  if (const CallFrame* call = current_call(); call && !sent) {
    if (unlink_on_crash) ::unlink(unlink_on_crash);
    note_crash(*call, kSignals[which]);
  }
  ::raise(number);  // taken up when this returns, in the place of the crash
}

}  // namespace

void arm_crash_guard(int file) {
  static const bool installed = [] {
    for (size_t i = 0; i < std::size(kSignals); ++i) ::sigaction(kSignals[i].number, nullptr, &previous[i]);
    for (const auto& each : kSignals) {
      struct sigaction action {};
      action.sa_sigaction = on_crash;
      action.sa_flags = SA_SIGINFO | SA_ONSTACK;
      ::sigemptyset(&action.sa_mask);
      ::sigaction(each.number, &action, nullptr);
    }
    return true;
  }();
  (void)installed;
  crash_file = file;
}

UnlinkOnCrash::UnlinkOnCrash(const char* path) { unlink_on_crash = path; }
UnlinkOnCrash::~UnlinkOnCrash() { unlink_on_crash = nullptr; }

}  // namespace kstreamd
