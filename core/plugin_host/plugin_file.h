// Plugin files on disk: whether they can be trusted, and what is loaded of them.
#pragma once
#include <kstreamd/abi/plugin.h>

#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/plugin_host/copies.h"

namespace kstreamd {

// Refuses a folder that others than this process's user and root may write to.
Status check_plugin_folder(const std::string& folder);

// The *.so files of a folder, sorted; the folder is checked.
Result<std::vector<std::string>> plugin_files(const std::string& folder);

// Checks the file, and makes its copy in a private folder.
Result<PluginCopy> copy_plugin_file(const std::string& path, const std::string& copies);

// Loads a copy for good and calls its entry function, once in the life of the process. The result may be NULL; it is
// not checked yet. `path` is what messages call it.
Result<const kst_plugin*> load_copy(const PluginCopy& copy, const std::string& path);

// What a process that dies of the plugin would not come to say: whether a copy can be loaded and its tables are sound,
// found out by `command COPY PATH`, which calls describe_plugin. [any thread]
Status try_in_child(const std::vector<std::string>& command, const PluginCopy& copy, const std::string& path,
                    Duration timeout);
// The child's part: loads the file at `copy`, and says on standard output what became of it. The exit code.
int describe_plugin(const std::string& copy, const std::string& path);

}  // namespace kstreamd
