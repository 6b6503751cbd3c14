// `kstreamd test`: runs test files in process.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/commands/commands.h"

namespace kstreamd {

struct TestOptions {
  CommonOptions common;
  std::vector<std::string> paths;
  std::string filter;
  std::optional<std::string> junit;  // the file of the report
  uint64_t seed = 0;
  std::optional<int> jobs;  // nothing: one per core
  bool leaks = false;       // tests fail whose processors do not give back their memory; one at a time
};
int test_command(const TestOptions& options);

}  // namespace kstreamd
