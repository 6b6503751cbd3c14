// What must hold when the work is done: every task runs, and its stores, their changelogs and the oracle's model agree.
#pragma once
#include <memory>
#include <optional>
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
  // The first thing that is wrong; empty: nothing. At least once leaves open what a store holds.
  std::string wrong() const;

 private:
  // Without a stage it has to be empty.
  std::string check_store(std::optional<size_t> stage, const std::string& name, bool last_store) const;
  std::string differences(const std::string& what, const Rows& wanted, const Rows& found) const;
  Result<Rows> rows_of_store(const TaskId& task, size_t number) const;
  Result<Rows> rows_of_changelog(const TopicPartition& changelog) const;

  const Topology& topology_;
  const Shape& shape_;
  const Plan& plan_;
  Cluster& log_;
  const Oracle& oracle_;
  const std::vector<std::unique_ptr<Process>>& processes_;
};

}  // namespace kstreamd::sim
