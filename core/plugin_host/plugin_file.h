// Plugin files on disk: whether they can be trusted, their private copies, and loading those.
#pragma once
#include <string>

#include "core/base/result.h"
#include "core/ports/processor.h"

namespace kstreamd {

// Refuses a folder that others than this process's user and root may write to.
Status check_plugin_folder(const std::string& folder);

// Makes (or finds) a folder that only this user can enter.
Status make_private_folder(const std::string& folder);

// Checks the file, copies it to COPIES/<hash of its content>.so, loads the copy for good and calls its entry function.
// The result may be NULL; it is not checked yet. `copies` is private (make_private_folder).
Result<const kst_plugin*> load_plugin_file(const std::string& path, const std::string& copies);

}  // namespace kstreamd
