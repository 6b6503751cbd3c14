// What can happen to the engine in a simulation: each kind has a name, a count over all runs, and, where it is an
// injected fault, a likelihood that the run's plan decides on.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace kstreamd::sim {

enum class Event : uint8_t {
  // ---- Injected, by likelihood at each opportunity
  crash_between_steps,
  crash_before_produce,
  crash_after_produce,
  crash_before_offsets,
  crash_after_offsets,
  crash_before_commit,
  crash_after_commit,
  crash_before_write,
  crash_after_write,
  crash_before_flush,
  crash_after_flush,
  crash_before_ingest,
  crash_after_ingest,
  crash_before_checkpoint,
  crash_after_checkpoint,
  crash_while_restoring,
  crash_in_group,  // the last kind of crash
  instance_stopped,
  worker_stalled,
  control_stalled,
  restorer_stalled,
  process_stalled,
  member_expelled,
  event_delayed,
  assigned_again,
  lost_while_taking,
  init_again,
  init_failed,
  produce_failed,
  produce_fenced,
  offsets_refused,
  offsets_again,
  offsets_unknown,
  commit_refused,
  commit_again,
  commit_unknown_done,
  commit_unknown_undone,
  commit_in_flight,
  abort_failed,
  committed_again,
  committed_failed,
  read_failed,
  restore_read_failed,
  restore_slow,
  admin_failed,
  open_failed,
  write_failed,
  write_refused,
  state_flushed,
  flush_in_background,
  gathered_written,
  changelog_cleaned,
  input_aborted,
  input_left_open,
  member_replaced,
  replaced_restoring,
  injected_kinds,  // their number

  // ---- What followed
  rebalanced = injected_kinds,
  tasks_revoked,
  tasks_lost,
  session_timed_out,
  came_back_unnoticed,
  zombie_refused,
  takeover_fenced,
  transaction_timed_out,
  commit_landed_late,
  commit_fenced_late,
  offsets_pending,
  transaction_aborted,
  unflushed_lost,
  unflushed_kept,
  background_flush_kept,
  ingested,
  restored_whole,
  restored_tail,
  state_rebuilt,
  repartition_purged,
  instance_failed,
  instance_restarted,
  everything_rebuilt,
  completed_at_once,
  completed_later,
  completed_too_late,
  punctuated,
  window_expired,
  sessions_merged,
  record_refused,
  put_out_again,
  kinds,
};

const char* name_of(Event event);

// A step before and after which a process may be killed.
struct CrashPoint {
  const char* name;
  Event before;
  Event after;
};
inline constexpr CrashPoint crash_points[] = {
    {"produce", Event::crash_before_produce, Event::crash_after_produce},
    {"offsets", Event::crash_before_offsets, Event::crash_after_offsets},
    {"commit", Event::crash_before_commit, Event::crash_after_commit},
    {"local write", Event::crash_before_write, Event::crash_after_write},
    {"flush", Event::crash_before_flush, Event::crash_after_flush},
    {"ingest", Event::crash_before_ingest, Event::crash_after_ingest},
    {"checkpoint", Event::crash_before_checkpoint, Event::crash_after_checkpoint},
};

// How often each kind came, over one or many runs.
class Coverage {
 public:
  void add(Event event) { ++counts_[static_cast<size_t>(event)]; }
  uint64_t of(Event event) const { return counts_[static_cast<size_t>(event)]; }
  void merge(const Coverage& other);
  // Two columns of kinds with their counts.
  std::string table() const;
  // The crash points with their counts, a line each.
  std::string crash_table() const;
  // The kinds that never came, and the crash points that came too seldom.
  std::vector<std::string> missing() const;

 private:
  std::array<uint64_t, static_cast<size_t>(Event::kinds)> counts_{};
};

}  // namespace kstreamd::sim
