// What a run of tests has to say: for people, for scripts, for build servers.
#pragma once
#include <string>

#include "core/testing/test_run.h"

namespace kstreamd {

// A failed test: its name, the place in the file, expected and actual side by side. Ends with a newline.
std::string failure_text(const TestResult& result, bool colour);
// "12 passed, 1 failed in 0.03 s (433 tests a second)"
std::string summary_text(const TestRunResult& run, bool colour);
// One JSON object.
std::string report_json(const TestRunResult& run);
// JUnit's XML, a suite per file.
std::string junit_xml(const TestRunResult& run);

}  // namespace kstreamd
