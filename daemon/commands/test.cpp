#include "daemon/commands/test.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>
#include <utility>

#include "core/plugin_host/heap_meter.h"
#include "core/testing/log_capture.h"
#include "core/testing/test_report.h"
#include "core/testing/test_run.h"
#include "daemon/wiring.h"

namespace kstreamd {
namespace {

// Says what cannot be loaded; a topology that needs it gets an error of its own.
void load_plugins(PluginHost& host, const std::string& folder) {
  if (folder.empty() || !std::filesystem::exists(folder)) return;
  for (const auto& problem : host.load_folder(folder)) complain(problem.error);
}

// All test files of the paths, each once, in the order of the paths.
Result<std::vector<std::string>> test_files(const std::vector<std::string>& paths) {
  std::vector<std::string> all;
  for (const auto& path : paths) {
    auto files = find_test_files(path);
    if (!files) return files;
    for (auto& file : *files)
      if (std::find(all.begin(), all.end(), file) == all.end()) all.push_back(std::move(file));
  }
  if (all.empty())
    return Error{Recovery::stop_topology,
                 "no tests found below " + paths.front() + (paths.size() > 1 ? " and the others" : ""),
                 "tests are in files that end in .test.yaml"};
  return all;
}

Status write_file(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content << std::flush;
  if (file) return {};
  return Error{Recovery::stop_topology, "cannot write the report to " + path, "check the folder and its permissions"};
}

// Whether the allocator counts to the byte, which it does only in a process that was started so: this one starts again
// in its place when it was not.
Status count_heap() {
  constexpr const char* kVariable = "GLIBC_TUNABLES";
  const std::string wanted = "glibc.malloc.tcache_count=0";
  const auto counts = HeapMeter::exact();
  const char* set = ::getenv(kVariable);
  const std::string before = set ? set : "";
  if (counts || before.find(wanted) != std::string::npos) return counts;
  ::setenv(kVariable, (before.empty() ? wanted : before + ":" + wanted).c_str(), 1);
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execv("/proc/self/exe", arguments.data());
  return counts;
}

int exit_code(const TestRunResult& run) {
  if (!run.diagnostics.empty()) return kUsage;
  const bool failed =
      std::any_of(run.tests.begin(), run.tests.end(), [](const auto& test) { return test.failure.has_value(); });
  return failed ? kFailed : kDone;
}

}  // namespace

int test_command(const TestOptions& options) {
  const auto settings = settings_of(options.common, process_environment());
  if (!settings) return kUsage;
  const auto files = test_files(options.paths);
  if (!files) return usage_error(files.error());
  if (options.leaks)
    if (auto counts = count_heap(); !counts) return usage_error(counts.error());
  capture_logs();
  auto host = make_plugin_host();
  load_plugins(*host, settings->plugins);

  std::vector<std::string> leaks;
  if (options.leaks)
    if (auto metered = host->meter_heap([&](const std::string& message) { leaks.push_back(message); }); !metered)
      return usage_error(metered.error());

  const bool json = options.common.json();
  const bool colour = !json && isatty(STDOUT_FILENO) == 1;
  TestRunOptions run_options;
  run_options.filter = options.filter;
  run_options.plugin_folder = settings->plugins;
  run_options.seed = options.seed;
  run_options.jobs = options.jobs.value_or(static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
  if (options.leaks) run_options.take_leaks = [&] { return std::exchange(leaks, {}); };
  const auto run = run_test_files(
      *files, *host, run_options,
      [&](const TestResult& result) {
        if (result.failure && !json) std::cout << failure_text(result, colour) << std::flush;
      },
      [](const std::string& test) { std::cerr << "kstreamd: still running: " << test << std::endl; });
  for (const auto& diagnostic : run.diagnostics) std::cerr << text(diagnostic) << "\n";
  if (run.tests.empty() && run.diagnostics.empty())
    return usage_error({Recovery::stop_topology, "no test matches '" + options.filter + "'",
                        "--filter takes a part of a test's name or of its file, or a pattern with * and ?"});
  std::cout << (json ? report_json(run) : summary_text(run, colour)) << "\n";
  if (options.seed != 0 && exit_code(run) == kFailed && !json)
    std::cout << "repeat it with --seed " << options.seed << "\n";
  if (options.junit)
    if (auto written = write_file(*options.junit, junit_xml(run)); !written) return usage_error(written.error());
  return exit_code(run);
}

}  // namespace kstreamd
