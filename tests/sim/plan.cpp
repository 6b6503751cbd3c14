#include "tests/sim/plan.h"

#include "tests/sim/random.h"
#include "tests/sim/shapes.h"

namespace kstreamd::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Rate {
  Event event;
  uint32_t in_a_million;  // where it is on: at each opportunity
};

// By how often the opportunity comes: a run has some thousands of steps, about a thousand records produced, and some
// hundred commits.
constexpr Rate rates[] = {
    {Event::crash_between_steps, 400},
    {Event::crash_before_produce, 500},
    {Event::crash_after_produce, 500},
    {Event::crash_before_offsets, 5'000},
    {Event::crash_after_offsets, 5'000},
    {Event::crash_before_commit, 5'000},
    {Event::crash_after_commit, 5'000},
    {Event::crash_before_write, 5'000},
    {Event::crash_after_write, 5'000},
    {Event::crash_before_flush, 10'000},
    {Event::crash_after_flush, 10'000},
    {Event::crash_before_ingest, 30'000},
    {Event::crash_after_ingest, 30'000},
    {Event::crash_before_checkpoint, 10'000},
    {Event::crash_after_checkpoint, 10'000},
    {Event::crash_while_restoring, 20'000},
    {Event::crash_in_group, 20'000},
    {Event::instance_stopped, 300},
    {Event::worker_stalled, 1'000},
    {Event::control_stalled, 1'500},
    {Event::restorer_stalled, 500},
    {Event::process_stalled, 500},
    {Event::member_expelled, 300},
    {Event::event_delayed, 200'000},
    {Event::assigned_again, 2'000},
    {Event::lost_while_taking, 50'000},
    {Event::init_again, 100'000},
    {Event::init_failed, 20'000},
    {Event::produce_failed, 2'000},
    {Event::produce_fenced, 1'000},
    {Event::offsets_refused, 30'000},
    {Event::offsets_again, 30'000},
    {Event::offsets_unknown, 20'000},
    {Event::commit_refused, 30'000},
    {Event::commit_again, 30'000},
    {Event::commit_unknown_done, 15'000},
    {Event::commit_unknown_undone, 15'000},
    {Event::commit_in_flight, 15'000},
    {Event::abort_failed, 100'000},
    {Event::committed_again, 200'000},
    {Event::committed_failed, 10'000},
    {Event::read_failed, 300},
    {Event::restore_read_failed, 10'000},
    {Event::restore_slow, 500'000},
    {Event::admin_failed, 10'000},
    {Event::open_failed, 100'000},
    {Event::write_failed, 5'000},
    {Event::write_refused, 3'000},
    {Event::state_flushed, 100'000},
    {Event::flush_in_background, 100'000},
    {Event::gathered_written, 50'000},
    {Event::changelog_cleaned, 2'000},
    {Event::input_aborted, 300'000},
    {Event::input_left_open, 300'000},
    {Event::member_replaced, 2'000},
    {Event::replaced_restoring, 150'000},
};
static_assert(std::size(rates) == static_cast<size_t>(Event::injected_kinds));

}  // namespace

const char* name_of(Sabotage sabotage) {
  static constexpr const char* names[] = {
      "none",
      "lost_output",
      "doubled_output",
      "shifted_time",
      "wrong_partition",
      "lost_input",
      "dirty_read",
      "committed_abort",
      "unwritten_commit",
      "unfenced_offsets",
      "committed_crash",
      "early_offsets",
      "unflushed_commit",
      "early_write",
      "lost_row",
      "torn_write",
      "kept_overlay",
      "torn_flush",
      "early_checkpoint",
      "early_position",
      "kept_position",
      "lost_clock",
      "short_restore",
      "ignored_seek",
      "kept_epoch",
      "lost_dead_letter",
      "doubled_dead_letter",
      "lost_answer",
      "doubled_answer",
      "lost_fact",
  };
  static_assert(std::size(names) == static_cast<size_t>(Sabotage::kinds));
  return names[static_cast<size_t>(sabotage)];
}

Plan make_plan(uint64_t seed, Sabotage sabotage) {
  Random random(seed);
  Plan plan;
  plan.seed = seed;
  plan.sabotage = sabotage;
  plan.shape = static_cast<int>(random.below(static_cast<uint64_t>(shape_count())));
  plan.at_least_once = random.below(6) == 0 && !needs_exactly_once(plan.shape);
  plan.partitions = static_cast<int>(random.between(1, 4));
  plan.workers.resize(static_cast<size_t>(random.between(1, 3)));
  for (int& workers : plan.workers) workers = static_cast<int>(random.between(1, 3));
  plan.storm = static_cast<uint64_t>(random.magnitude(500, 16'000));
  plan.records = static_cast<int>(random.between(40, 150) + static_cast<int64_t>(plan.storm / 40));
  plan.keys = static_cast<int>(random.magnitude(1, 40));
  plan.commit_interval = random.magnitude(Duration(milliseconds(2)), Duration(milliseconds(400)));
  plan.tick = random.magnitude(Duration(50), Duration(milliseconds(20)));
  plan.session_timeout = random.magnitude(Duration(milliseconds(300)), Duration(seconds(20)));
  plan.transaction_timeout = random.magnitude(Duration(milliseconds(500)), Duration(seconds(30)));
  plan.fetch_records = static_cast<size_t>(random.magnitude(1, 500));
  plan.restore_records = static_cast<size_t>(random.magnitude(1, 20));
  plan.compact_min_records = random.magnitude(5, 5000);
  plan.persistent = random.below(5) != 0;
  plan.retention = random.coin() ? random.magnitude(Duration(milliseconds(20)), Duration(milliseconds(60)))
                                 : random.magnitude(Duration(milliseconds(60)), Duration(seconds(60)));
  plan.read_cache = static_cast<size_t>(random.magnitude(64, 1 << 20));
  plan.rebuild_at_end = random.below(4) == 0;
  // Not all kinds in every run: many faults at once hide what two of them do together.
  const uint64_t on_of_ten = random.below(7);
  const uint64_t harder = random.below(3);
  for (const Rate& rate : rates)
    if (random.below(10) < on_of_ten) {
      const auto rather = rate.in_a_million << harder >> random.below(3);
      plan.likelihood[static_cast<size_t>(rate.event)] = rather < 900'000 ? rather : 900'000;
    }
  return plan;
}

void crash_only_at(Plan& plan, const CrashPoint& point) {
  constexpr auto last = static_cast<size_t>(Event::crash_in_group);
  for (size_t i = 0; i <= last; ++i) plan.likelihood[i] = 0;
  for (const Rate& rate : rates)
    if (rate.event == point.before || rate.event == point.after)
      plan.likelihood[static_cast<size_t>(rate.event)] = rate.in_a_million * 2;
}

std::string Plan::describe() const {
  auto ms = [](Duration d) { return std::to_string(d.count() / 1000.0).substr(0, 6) + " ms"; };
  std::string text = "shape " + std::string(shape_name(shape)) + (at_least_once ? ", at least once, " : ", ") +
                     std::to_string(partitions) + " partitions, workers";
  for (int n : workers) text += " " + std::to_string(n);
  text += ", " + std::to_string(records) + " records of " + std::to_string(keys) + " keys, " + std::to_string(storm) +
          " steps with faults\n";
  text += "commit interval " + ms(commit_interval) + ", tick " + ms(tick) + ", session time-out " +
          ms(session_timeout) + ", transaction time-out " + ms(transaction_timeout) + "\n";
  text += "at most " + std::to_string(fetch_records) + " records a poll, " + std::to_string(restore_records) +
          " when restored slowly; stores " + (persistent ? "on disk" : "in memory") + ", retention " + ms(retention) +
          "\nfaults:";
  bool any = false;
  for (size_t i = 0; i < likelihood.size(); ++i)
    if (likelihood[i] > 0) {
      text += std::string(any ? ", " : " ") + name_of(static_cast<Event>(i));
      any = true;
    }
  return text + (any ? "\n" : " none\n");
}

}  // namespace kstreamd::sim
