// One run of the simulator: a log, some processes, their input and their faults, under one seeded scheduler.
//
// First everything may fail while the input comes; then the faults stop, and the engine has to finish: within a limit
// of simulated time everything must be there, exactly once, in the output, the stores and the changelogs.
#pragma once
#include <functional>
#include <string>

#include "tests/sim/faults.h"
#include "tests/sim/plan.h"

namespace kstreamd::sim {

struct Outcome {
  std::string problem;  // empty: everything was as it must be
  std::string report;   // of a failed run: its plan and its last events
  uint64_t hash = 0;    // of all events and outputs: two runs of a plan must agree
  uint64_t steps = 0;
  size_t outputs = 0;
  Duration simulated{0};
  Coverage coverage;
};

// `print`: where each event goes, line by line; with the engine's log. One at a time: the log's writer is the
// process's.
Outcome simulate(const Plan& plan, std::function<void(const std::string&)> print = nullptr);

}  // namespace kstreamd::sim
