#include "core/metrics/catalogue.h"

#include <algorithm>

namespace kstreamd {
namespace {

using enum MetricKind;

constexpr bool kLasting = true;

const std::vector<MetricInfo>& entries() {
  static const std::vector<MetricInfo> all = {
      {"kstreamd_records_consumed_total",
       counter,
       "records",
       {"topology", "task", "node"},
       "Records that a source took."},
      {"kstreamd_records_produced_total",
       counter,
       "records",
       {"topology", "task", "node"},
       "Records that a sink wrote, those of aborted transactions included."},
      {"kstreamd_records_dropped_total",
       counter,
       "records",
       {"topology", "task", "node", "reason"},
       "Records that went no further, by reason."},
      {"kstreamd_dead_letter_records_total",
       counter,
       "records",
       {"topology", "task", "node"},
       "Records written to the dead-letter topic."},
      {"kstreamd_plugin_errors_total",
       counter,
       "errors",
       {"topology", "task", "node", "type"},
       "Calls of a processor that ended with an error."},
      {"kstreamd_plugin_calls_blocked",
       gauge,
       "calls",
       {"topology", "task", "node"},
       "1 while a call of a processor has not returned for longer than plugin_limits.call_time."},
      {"kstreamd_consumer_lag_records",
       gauge,
       "records",
       {"topology", "task", "topic", "partition"},
       "Records between the position of an input and the end of its partition."},

      {"kstreamd_commits_total", counter, "commits", {"topology", "worker"}, "Commits that succeeded."},
      {"kstreamd_commit_duration_seconds",
       histogram,
       "seconds",
       {"topology", "worker"},
       "How long commits took, from the end of processing to state written.",
       {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}},
      {"kstreamd_transactions_aborted_total",
       counter,
       "transactions",
       {"topology", "worker", "reason"},
       "Transactions that were aborted, by reason.",
       {},
       kLasting},
      {"kstreamd_producer_recreations_total",
       counter,
       "producers",
       {"topology", "worker"},
       "Producers that were replaced because they were fenced or an outcome was unknown.",
       {},
       kLasting},

      {"kstreamd_tasks", gauge, "tasks", {"topology", "state"}, "Tasks of this instance, by state."},
      {"kstreamd_rebalances_total",
       counter,
       "rebalances",
       {"topology"},
       "Changes of the assignment that this instance was told of.",
       {},
       kLasting},
      {"kstreamd_topology_state",
       gauge,
       "",
       {"topology", "state"},
       "1 for the state that the topology is in, 0 for the others."},
      {"kstreamd_topology_restarts_total",
       counter,
       "restarts",
       {"topology"},
       "How often the topology was started again after an error.",
       {},
       kLasting},

      {"kstreamd_restore_records_total",
       counter,
       "records",
       {"topology", "task", "store"},
       "Changelog records applied to local state.",
       {},
       kLasting},
      {"kstreamd_restore_bytes_total",
       counter,
       "bytes",
       {"topology", "task", "store"},
       "Bytes of the changelog records applied to local state; its rate is that of a restoration.",
       {},
       kLasting},
      {"kstreamd_restore_remaining_records",
       gauge,
       "records",
       {"topology", "task", "store"},
       "Changelog offsets still to be read until the store is whole."},
      {"kstreamd_restore_duration_seconds",
       histogram,
       "seconds",
       {"topology"},
       "How long it took to restore a task.",
       {0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600},
       kLasting},
      {"kstreamd_state_rebuilds_total",
       counter,
       "tasks",
       {"topology", "task"},
       "Local states that were unusable, wiped and restored from the changelog.",
       {},
       kLasting},
      {"kstreamd_state_cleanups_total",
       counter,
       "tasks",
       {"topology"},
       "Local states that were removed because their tasks had been elsewhere for state_cleanup_delay.",
       {},
       kLasting},
      {"kstreamd_store_size_bytes",
       gauge,
       "bytes",
       {"topology", "task", "store"},
       "Bytes that a task's state takes on disk or in memory; without the label store for all stores of the task."},
      {"kstreamd_store_rows", gauge, "rows", {"topology", "task", "store"}, "An estimate of the rows of a store."},

      {"kstreamd_memory_limit_bytes", gauge, "bytes", {}, "memory.limit, or what stands in for it."},
      {"kstreamd_memory_share_bytes",
       gauge,
       "bytes",
       {"part"},
       "What a part of the process may take of the limit, all its holders together."},
      {"kstreamd_memory_bytes", gauge, "bytes", {"part"}, "What a part of the process takes up, where it is known."},

      {"kstreamd_build_info", gauge, "", {"version"}, "1; the label says which version runs."},
      {"kstreamd_process_resident_memory_bytes", gauge, "bytes", {}, "Resident memory of the process."},
      {"kstreamd_process_cpu_seconds_total", counter, "seconds", {}, "User and system time of the process."},
      {"kstreamd_process_threads", gauge, "threads", {}, "Threads of the process."},
      {"kstreamd_process_open_fds", gauge, "descriptors", {}, "Open file descriptors of the process."},
      {"kstreamd_process_start_time_seconds", gauge, "seconds", {}, "When the process began, in seconds since 1970."},
  };
  return all;
}

}  // namespace

std::span<const MetricInfo> metric_catalogue() { return entries(); }

const MetricInfo* find_metric(std::string_view name) {
  auto found = std::find_if(entries().begin(), entries().end(), [&](const auto& entry) { return entry.name == name; });
  return found == entries().end() ? nullptr : &*found;
}

const char* type_name(MetricKind type) {
  static constexpr const char* names[] = {"counter", "gauge", "histogram"};
  return names[static_cast<int>(type)];
}

}  // namespace kstreamd
