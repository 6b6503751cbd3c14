// What must hold when the work is done: every task runs, and its stores, their changelogs and the oracle's model agree.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/topology/topology.h"
#include "tests/sim/oracle.h"
#include "tests/sim/process.h"

namespace kstreamd::sim {

class FinalChecks {
 public:
  FinalChecks(const Topology& topology, const Shape& shape, const Plan& plan, Cluster& log, const Oracle& oracle,
              const std::vector<std::unique_ptr<Process>>& processes)
      : topology_(topology), shape_(shape), plan_(plan), log_(log), oracle_(oracle), processes_(processes) {}

  // All processes are up, and each task runs on one of them.
  bool all_running() const;
  // Every process has read all of the global tables.
  bool globals_read() const;
  // The first thing that is wrong; empty: nothing. At least once leaves open what a store holds.
  std::string wrong() const;

 private:
  using RowsOfTask = std::function<Rows(int32_t task)>;
  std::string check_store(const std::string& name, const RowsOfTask& wanted_of) const;
  std::string check_globals() const;
  std::string differences(const std::string& what, const Rows& wanted, const Rows& found) const;
  Result<Rows> rows_of_store(const TaskId& task, size_t number) const;
  Result<Rows> rows_of_state(TaskState* state, size_t number) const;
  Result<Rows> rows_of_changelog(const TopicPartition& changelog) const;

  const Topology& topology_;
  const Shape& shape_;
  const Plan& plan_;
  Cluster& log_;
  const Oracle& oracle_;
  const std::vector<std::unique_ptr<Process>>& processes_;
};

}  // namespace kstreamd::sim
