// The simulator as a program: runs seeds, says which failed and how to repeat them, and what came to pass.
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>

#include "core/base/log.h"
#include "tests/sim/world.h"

namespace kstreamd::sim {
namespace {

constexpr const char* usage =
    "sim [--from N] [--seeds COUNT] [--trace] [--all-kinds] [--sabotage NAME] [--keep-going]\n"
    "\n"
    "  --from N          the first seed (default 1)\n"
    "  --seeds COUNT     how many, one after another (default 1)\n"
    "  --trace           print every event, and the engine's log\n"
    "  --all-kinds       fail if a kind of event never came\n"
    "  --sabotage NAME   plant an error, to see the oracle find it\n"
    "  --keep-going      do not stop at the tenth failure\n";

struct Options {
  uint64_t from = 1;
  uint64_t seeds = 1;
  bool trace = false;
  bool all_kinds = false;
  bool keep_going = false;
  Sabotage sabotage = Sabotage::none;
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

bool read_options(int count, char** arguments, Options& options) {
  for (int i = 1; i < count; ++i) {
    const std::string name = arguments[i];
    const char* value = i + 1 < count ? arguments[i + 1] : "";
    if (name == "--trace") {
      options.trace = true;
    } else if (name == "--all-kinds") {
      options.all_kinds = true;
    } else if (name == "--keep-going") {
      options.keep_going = true;
    } else if ((name == "--from" && read_number(value, options.from)) ||
               (name == "--seeds" && read_number(value, options.seeds)) ||
               (name == "--sabotage" && read_sabotage(value, options.sabotage))) {
      ++i;
    } else {
      return false;
    }
  }
  return true;
}

void print_line(const std::string& line) { std::printf("%s\n", line.c_str()); }

int run(const Options& options) {
  Coverage coverage;
  uint64_t failed = 0, steps = 0, outputs = 0, done = 0;
  double simulated = 0;
  for (uint64_t seed = options.from; seed < options.from + options.seeds; ++seed) {
    const Plan plan = make_plan(seed, options.sabotage);
    if (options.trace) std::printf("%s", plan.describe().c_str());
    const Outcome outcome = simulate(plan, options.trace ? print_line : std::function<void(const std::string&)>());
    ++done;
    coverage.merge(outcome.coverage);
    steps += outcome.steps;
    outputs += outcome.outputs;
    simulated += static_cast<double>(outcome.simulated.count()) / 1e6;
    if (outcome.problem.empty()) continue;
    std::printf("\nseed %llu FAILED: %s\n%srepeat with: sim --from %llu --seeds 1 --trace%s%s\n",
                static_cast<unsigned long long>(seed), outcome.problem.c_str(), outcome.report.c_str(),
                static_cast<unsigned long long>(seed), options.sabotage == Sabotage::none ? "" : " --sabotage ",
                options.sabotage == Sabotage::none ? "" : name_of(options.sabotage));
    std::fflush(stdout);
    if (++failed == 10 && !options.keep_going) break;
  }
  std::printf("%s\n%llu seeds from %llu, %llu failed; %llu steps, %llu records out, %.0f s simulated\n",
              coverage.table().c_str(), static_cast<unsigned long long>(done),
              static_cast<unsigned long long>(options.from), static_cast<unsigned long long>(failed),
              static_cast<unsigned long long>(steps), static_cast<unsigned long long>(outputs), simulated);
  const auto missing = options.all_kinds ? coverage.missing() : std::vector<std::string>();
  for (const auto& kind : missing) std::printf("FAILED: never came: %s\n", kind.c_str());
  return failed == 0 && missing.empty() ? 0 : 1;
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
