// Runs one test of a test file on a topology.
#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "core/ports/processor.h"
#include "core/spec/test_file.h"
#include "core/testing/topology_test_driver.h"

namespace kstreamd {

// Why a test failed, and where in its file.
struct TestFailure {
  FilePlace place;
  std::string message;  // one line
  std::string detail;   // expected and actual side by side; may be empty
};

struct CaseOptions {
  uint64_t seed = 0;
  std::chrono::milliseconds completion_deadline{10'000};
};

// A topology as a test finds it: made, or refused with these messages.
struct LoadedTopology {
  std::shared_ptr<const Topology> topology;  // null: refused
  std::vector<Diagnostic> diagnostics;       // errors and warnings
};

// Nothing: it passed. `file` is named in front of places. Any thread.
std::optional<TestFailure> run_test_case(const TestCase& test, const std::string& file, const LoadedTopology& topology,
                                         const ProcessorCatalog& processors, const CaseOptions& options);

}  // namespace kstreamd
