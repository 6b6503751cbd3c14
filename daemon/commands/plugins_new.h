// `kstreamd plugins new`: writes the project of a plugin that builds, and whose tests pass.
#pragma once
#include <string>

#include "core/base/result.h"

namespace kstreamd {

struct PluginsNewOptions {
  std::string name;
  std::string language;      // "c++", "c" or "rust"
  std::string folder = ".";  // the project becomes a folder of its name in it
};
int plugins_new_command(const PluginsNewOptions& options);

// The work of it: the project's folder, or why there is none. Nothing that is there already is changed.
Result<std::string> write_plugin_project(const PluginsNewOptions& options);

}  // namespace kstreamd
