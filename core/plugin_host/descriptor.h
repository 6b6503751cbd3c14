// Checks what a plugin says of itself: the handshake first, then every field that the host relies on.
#pragma once
#include <kstreamd/abi/plugin.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/plugin_host/plugin_description.h"

namespace kstreamd {

// A plugin whose tables can be used: copies of them, in which what an older plugin does not have is 0.
struct CheckedPlugin {
  PluginDescription description;
  std::vector<kst_processor_type> processors;  // in the order of the description, as the next
  std::vector<kst_serde_type> serdes;
};

// The checked tables, or why the plugin cannot be used. Reads no further than the handshake has shown to be safe.
// `path` is empty for the built-in operators; `content` goes into the description.
Result<CheckedPlugin> read_descriptor(const kst_plugin* plugin, const std::string& path, std::string_view content);

}  // namespace kstreamd
