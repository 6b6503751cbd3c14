#include "core/plugin_host/call_watch.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "core/base/log.h"
#include "core/plugin_host/plugin_context.h"

namespace kstreamd {
namespace {

// Copies memory of this process that may be given up at any moment: by the kernel, which refuses what is not there.
bool copy_memory(const void* from, void* to, size_t size) {
  const iovec mine{to, size}, theirs{const_cast<void*>(from), size};
  return ::process_vm_readv(::getpid(), &mine, 1, &theirs, 1, 0) == static_cast<ssize_t>(size);
}

// Where the first record of a call came from; empty when that cannot be told.
std::string place_of(const CallFrame& frame) {
  kst_record record;
  kst_origin origin;
  if (frame.count == 0 || !copy_memory(frame.records, &record, sizeof record) || !record.origin ||
      !copy_memory(record.origin, &origin, sizeof origin) || origin.topic_size > 249)
    return "";
  std::string topic(origin.topic_size, '\0');
  if (!topic.empty() && !copy_memory(origin.topic, topic.data(), topic.size())) return "";
  return topic + "-" + std::to_string(origin.partition) + "@" + std::to_string(origin.offset);
}

// A text of this process that may be given up at any moment; as much of it as is there.
std::string copied_text(const char* from) {
  constexpr size_t most = 100;
  std::string text;
  for (char c; text.size() < most && copy_memory(from + text.size(), &c, 1) && c != '\0';) text += c;
  return text;
}

int64_t seconds(Duration time) { return std::chrono::duration_cast<std::chrono::seconds>(time).count(); }

}  // namespace

void CallWatch::sample() {
  const Duration now = clock_.now();
  std::set<pid_t> there;
  for_each_calling_thread([&](CallingThread& thread) {
    there.insert(thread.id);
    look(thread, now, seen_[thread.id]);
  });
  std::erase_if(seen_, [&](const auto& entry) { return !there.contains(entry.first); });
}

void CallWatch::look(CallingThread& thread, Duration now, Seen& seen) {
  const uint64_t changes = thread.changes.load(std::memory_order_acquire);
  const CallFrame* top = thread.top.load(std::memory_order_acquire);
  if (changes != seen.changes || !top) {
    if (!seen.said.empty()) say_returned(now, seen);
    seen = {};
    seen.changes = changes;
    seen.since = now;
    return;
  }
  if (!seen.said.empty() || now - seen.since < limit_) return;
  CallFrame frame;
  if (copy_memory(top, &frame, sizeof frame)) say_blocked(frame, changes, thread, now, seen);
}

void CallWatch::say_blocked(const CallFrame& frame, uint64_t changes, CallingThread& thread, Duration now, Seen& seen) {
  const std::string place = place_of(frame);
  std::string who;
  if (frame.context) {
    // Contexts stay where they are; one that serves again has made its thread's count move.
    seen.topology = frame.context->topology;
    seen.task = frame.context->task;
    seen.node = frame.context->node;
    who = std::string(call_name(frame.kind)) + " of the plugin's processor '" + frame.context->type + "' (" +
          frame.context->plugin + ")";
  } else if (frame.kind != CallKind::serde) {
    return;  // loading and checking have limits of their own
  } else {
    who = "the plugin's serde '" + copied_text(frame.subject) + "'";
  }
  // All of it was copied within one call, if the thread is still in it.
  if (thread.changes.load(std::memory_order_acquire) != changes) return;
  seen.said = who;
  const std::string text = who + " has not returned for " + std::to_string(seconds(now - seen.since)) + " s";
  if (!frame.context) return log(LogLevel::warn, text, {{"hint", "the task waits for it"}});
  log(LogLevel::warn, text,
      {{"topology", seen.topology},
       {"task", seen.task},
       {"node", seen.node},
       {"record", place},
       {"records", frame.count},
       {"hint",
        "the task waits for it; a processor that waits for something outside can hold its records (abi/async.h)"}});
  seen.gauge = metrics_.gauge("kstreamd_plugin_calls_blocked",
                              {{"topology", seen.topology}, {"task", seen.task}, {"node", seen.node}});
  seen.gauge->set(1);
}

void CallWatch::say_returned(Duration now, Seen& seen) {
  if (seen.gauge) seen.gauge->set(0);
  const std::string text = seen.said + " has returned, after about " + std::to_string(seconds(now - seen.since)) + " s";
  if (!seen.gauge) return log(LogLevel::info, text);
  log(LogLevel::info, text, {{"topology", seen.topology}, {"task", seen.task}, {"node", seen.node}});
}

}  // namespace kstreamd
