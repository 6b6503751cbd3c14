// Plugins as JSON, for /api/v1/plugins and `plugins --output json`.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <span>

#include "core/plugin_host/plugin_host.h"

namespace kstreamd {

// {"name","version","abi","path","content","processors":[{"name","description","config_schema","outputs","stores",
// "deterministic"}],"serdes":[{"name","description"}]}; content tells contents of the file apart.
nlohmann::json plugin_json(const PluginDescription& plugin);
nlohmann::json plugins_json(std::span<const PluginDescription> plugins);

}  // namespace kstreamd
