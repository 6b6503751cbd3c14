// Runs the tests of many test files, on several threads, and reports them in the order of the files.
#pragma once
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/testing/test_case.h"

namespace kstreamd {

struct TestResult {
  std::string file;
  std::string name;
  FilePlace place;
  double seconds = 0;
  std::optional<TestFailure> failure;  // nothing: it passed
  std::vector<std::string> log;        // what was logged while it ran, the last lines
};

struct TestRunOptions {
  std::string filter;         // see matches_filter; empty: all
  std::string plugin_folder;  // for hints
  uint64_t seed = 0;
  int jobs = 1;
  // What processors of the last test have left on the heap (PluginHost::meter_heap), which fails it. Then tests run on
  // the calling thread, so that nobody else allocates meanwhile, each twice, and `jobs` does not count.
  std::function<std::vector<std::string>()> take_leaks;
  // After this long a test that still runs is named, and again each time.
  std::chrono::milliseconds notice_after{10'000};
};

struct TestRunResult {
  std::vector<TestResult> tests;        // in the order of files and tests
  std::vector<Diagnostic> diagnostics;  // of files that could not be read: their tests did not run
  int filtered_out = 0;
  double seconds = 0;
};

// Whether a filter names a test: a part of its name, of its file's path or of "FILE: NAME"; with * or ? a pattern for
// the whole of one of them.
bool matches_filter(const std::string& filter, const std::string& file, const std::string& name);

// The topologies of tests, each read once. Thread safety: load may be called from any thread.
class TopologyCache {
 public:
  TopologyCache(const ProcessorCatalog& processors, std::string plugin_folder)
      : processors_(processors), plugin_folder_(std::move(plugin_folder)) {}
  std::shared_ptr<const LoadedTopology> load(const std::string& path);

 private:
  const ProcessorCatalog& processors_;
  const std::string plugin_folder_;
  std::mutex mutex_;  // guards what follows
  std::map<std::string, std::shared_ptr<const LoadedTopology>> loaded_;
};

// `done` is called for each test in order, `slow` with the names of tests that take long; both by the calling thread.
TestRunResult run_test_files(const std::vector<std::string>& paths, const ProcessorCatalog& processors,
                             const TestRunOptions& options, const std::function<void(const TestResult&)>& done,
                             const std::function<void(const std::string& test)>& slow);

}  // namespace kstreamd
