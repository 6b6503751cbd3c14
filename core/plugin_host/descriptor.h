// Checks what a plugin says of itself: the handshake first, then every field that the host relies on.
#pragma once
#include <string>

#include "core/base/result.h"
#include "core/plugin_host/plugin_host.h"

namespace kstreamd {

// The description of a plugin whose table can be used, or why it cannot. Reads no further than the handshake has shown
// to be safe.
Result<PluginDescription> read_descriptor(const kst_plugin* plugin, const std::string& path);

}  // namespace kstreamd
