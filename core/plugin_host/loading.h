// The dynamic linker's part of loading a plugin.
#pragma once
#include <kstreamd/abi/plugin.h>

#include <string>

#include "core/base/result.h"

namespace kstreamd {

// Loads the shared object at `copy` for good, and gives what its entry function gave when it was first loaded. `path`
// is what messages call it.
Result<const kst_plugin*> load_library(const std::string& copy, const std::string& path);

}  // namespace kstreamd
