// One run of the simulator: a log, some processes, their input and their faults, under one seeded scheduler.
//
// First everything may fail while the input comes; then the faults stop, and the engine has to finish: within a limit
// of simulated time everything must be there, exactly once, in the output, the stores and the changelogs.
#pragma once
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/fakes/fake_processors.h"
#include "tests/sim/inputs.h"
#include "tests/sim/oracle.h"
#include "tests/sim/process.h"

namespace kstreamd::sim {

struct Outcome {
  uint64_t seed = 0;
  std::string problem;  // empty: everything was as it must be
  std::string report;   // of a failed run: its plan and its last events
  uint64_t hash = 0;    // of all events
  uint64_t steps = 0;
  size_t outputs = 0;
  Duration simulated{0};
  Coverage coverage;
};

// `print`: where each event goes, line by line; with the engine's log.
Outcome simulate(const Plan& plan, std::function<void(const std::string&)> print = nullptr);

}  // namespace kstreamd::sim
