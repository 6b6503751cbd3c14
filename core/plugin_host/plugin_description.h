// What a plugin says of itself, and what is wrong with a file that is none.
#pragma once
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/ports/processor.h"

namespace kstreamd {

struct PluginDescription {
  std::string path;  // the file as it was named; empty: built in
  std::string name;
  std::string version;
  std::string abi;      // "1.0", that it was built against
  std::string content;  // tells contents of the file apart; empty: built in
  std::vector<ProcessorInfo> processors;
  std::vector<SerdeInfo> serdes;
};

// A plugin file (or the folder) that could not be used, and why.
struct PluginProblem {
  std::string path;
  Error error;
};

}  // namespace kstreamd
