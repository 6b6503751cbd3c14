// The simulator as a program: runs seeds, says which failed and how to repeat them, and what came to pass. The exit
// code is 0 only if no seed failed.
#include <charconv>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "tests/sim/world.h"

namespace kstreamd::sim {
namespace {

constexpr const char* usage =
    "sim [--from N] [--seeds COUNT] [--twice] [--trace] [--all-kinds] [--sabotage NAME] [--crash-at STEP]\n"
    "    [--keep-going]\n"
    "\n"
    "  --from N          the first seed (default 1)\n"
    "  --seeds COUNT     how many, one after another (default 1)\n"
    "  --twice           run each seed a second time: both must go the same way\n"
    "  --trace           print every event, and the engine's log\n"
    "  --all-kinds       fail if a kind of event never came, or too few crashes at their points\n"
    "  --sabotage NAME   plant an error, to see the oracle find it\n"
    "  --crash-at STEP   crashes only before and after it: produce, offsets, commit, 'local write', flush, ingest, "
    "checkpoint\n"
    "  --keep-going      do not stop at the tenth failure\n";

struct Options {
  uint64_t from = 1;
  uint64_t seeds = 1;
  bool twice = false;
  bool trace = false;
  bool all_kinds = false;
  bool keep_going = false;
  Sabotage sabotage = Sabotage::none;
  const CrashPoint* crash_at = nullptr;
};

bool read_number(const char* text, uint64_t& number) {
  const char* end = text + std::strlen(text);
  auto read = std::from_chars(text, end, number);
  return read.ec == std::errc() && read.ptr == end;
}

bool read_sabotage(const std::string& text, Sabotage& sabotage) {
  for (int i = 0; i < static_cast<int>(Sabotage::kinds); ++i)
    if (text == name_of(static_cast<Sabotage>(i))) {
      sabotage = static_cast<Sabotage>(i);
      return true;
    }
  return false;
}

bool read_crash_point(const std::string& text, const CrashPoint*& crash_at) {
  for (const auto& point : crash_points)
    if (text == point.name) crash_at = &point;
  return crash_at != nullptr;
}

bool read_options(int count, char** arguments, Options& options) {
  for (int i = 1; i < count; ++i) {
    const std::string name = arguments[i];
    const char* value = i + 1 < count ? arguments[i + 1] : "";
    if (name == "--twice") {
      options.twice = true;
    } else if (name == "--trace") {
      options.trace = true;
    } else if (name == "--all-kinds") {
      options.all_kinds = true;
    } else if (name == "--keep-going") {
      options.keep_going = true;
    } else if ((name == "--from" && read_number(value, options.from)) ||
               (name == "--seeds" && read_number(value, options.seeds)) ||
               (name == "--sabotage" && read_sabotage(value, options.sabotage)) ||
               (name == "--crash-at" && read_crash_point(value, options.crash_at))) {
      ++i;
    } else {
      return false;
    }
  }
  return true;
}

void print_line(const std::string& line) { std::printf("%s\n", line.c_str()); }

// What all runs together came to.
struct Sums {
  uint64_t seeds = 0, failed = 0, steps = 0, outputs = 0;
  uint64_t hash = 0;  // of a single seed: the run's own
  Duration simulated{0};
  Coverage coverage;

  void add(const Outcome& outcome) {
    ++seeds;
    failed += outcome.problem.empty() ? 0 : 1;
    steps += outcome.steps;
    outputs += outcome.outputs;
    hash = hash * 31 + outcome.hash;
    simulated += outcome.simulated;
    coverage.merge(outcome.coverage);
  }
  void print(uint64_t from) const {
    char hex[20];
    std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(hash));
    print_line(coverage.table());
    print_line(coverage.crash_table());
    print_line(std::to_string(seeds) + " seeds from " + std::to_string(from) + ", " + std::to_string(failed) +
               " failed; " + std::to_string(steps) + " steps, " + std::to_string(outputs) + " records out, " +
               std::to_string(simulated.count() / 1'000'000) + " s simulated, hash " + hex);
  }
};

Outcome run_seed(uint64_t seed, const Options& options) {
  Plan plan = make_plan(seed, options.sabotage);
  if (options.crash_at) crash_only_at(plan, *options.crash_at);
  if (options.trace) print_line(plan.describe());
  Outcome outcome = simulate(plan, options.trace ? print_line : std::function<void(const std::string&)>());
  if (options.twice && simulate(plan).hash != outcome.hash)
    outcome.problem = "a second run of it went another way: something in it is not seeded";
  return outcome;
}

void print_failure(uint64_t seed, const Outcome& outcome, const Options& options) {
  const std::string number = std::to_string(seed);
  print_line("\nseed " + number + " FAILED: " + outcome.problem + "\n" + outcome.report + "repeat with: sim --from " +
             number + " --trace" +
             (options.sabotage == Sabotage::none ? "" : std::string(" --sabotage ") + name_of(options.sabotage)) +
             (options.crash_at ? " --crash-at '" + std::string(options.crash_at->name) + "'" : ""));
  std::fflush(stdout);
}

int run(const Options& options) {
  Sums sums;
  for (uint64_t seed = options.from; seed < options.from + options.seeds; ++seed) {
    const Outcome outcome = run_seed(seed, options);
    sums.add(outcome);
    if (outcome.problem.empty()) continue;
    print_failure(seed, outcome, options);
    if (sums.failed == 10 && !options.keep_going) break;
  }
  sums.print(options.from);
  const auto missing = options.all_kinds ? sums.coverage.missing() : std::vector<std::string>();
  for (const auto& kind : missing) print_line("FAILED: " + kind);
  return sums.failed == 0 && missing.empty() ? 0 : 1;
}

}  // namespace
}  // namespace kstreamd::sim

int main(int count, char** arguments) {
  kstreamd::sim::Options options;
  if (!kstreamd::sim::read_options(count, arguments, options)) {
    std::fputs(kstreamd::sim::usage, stderr);
    return 2;
  }
  return kstreamd::sim::run(options);
}
