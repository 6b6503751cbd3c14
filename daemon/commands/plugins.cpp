#include <iostream>
#include <nlohmann/json.hpp>

#include "core/plugin_host/plugin_host.h"
#include "daemon/commands/commands.h"
#include "daemon/plugins_json.h"
#include "daemon/wiring.h"

namespace kstreamd {
namespace {

using nlohmann::json;

void print_plugin(const PluginDescription& plugin) {
  std::cout << plugin.name << " " << plugin.version << "  "
            << (plugin.path.empty() ? "built in" : plugin.path + " (ABI " + plugin.abi + ")") << "\n";
  for (const auto& processor : plugin.processors) {
    std::cout << "  " << processor.name << "  " << processor.description << "\n";
    if (!processor.outputs.empty()) {
      std::cout << "    outputs:";
      for (const auto& output : processor.outputs) std::cout << " " << output;
      std::cout << "\n";
    }
    if (!processor.stores.empty()) std::cout << "    stores: " << processor.stores.size() << "\n";
    if (!plugin.path.empty() && !processor.config_schema.empty())
      std::cout << "    config: " << processor.config_schema << "\n";
  }
  for (const auto& serde : plugin.serdes) std::cout << "  serde " << serde.name << "  " << serde.description << "\n";
}

}  // namespace

int plugins_command(const PluginsOptions& options) {
  const auto settings = settings_of(options.common, process_environment());
  if (!settings) return kUsage;
  const std::string folder = options.folder.empty() ? settings->plugins : options.folder;
  auto host = make_plugin_host();
  std::vector<PluginProblem> bad;
  if (!folder.empty()) {
    // Nothing is there to be listed where the folder itself is missing.
    if (auto usable = check_plugin_folder(folder); !usable) return usage_error(usable.error());
    bad = host->load_folder(folder);
  }
  const std::vector<PluginDescription> good = host->plugins();
  if (options.common.json()) {
    json refused = json::array();
    for (const auto& problem : bad)
      refused.push_back({{"path", problem.path}, {"error", problem.error.message}, {"hint", problem.error.hint}});
    std::cout << json{{"plugins", plugins_json(good)}, {"bad", std::move(refused)}}.dump(2, ' ', false,
                                                                                         json::error_handler_t::replace)
              << "\n";
  } else {
    for (const auto& plugin : good) print_plugin(plugin);
    for (const auto& problem : bad) {
      std::cout << "BAD  " << problem.path << "\n  " << problem.error.message << "\n";
      if (!problem.error.hint.empty()) std::cout << "  hint: " << problem.error.hint << "\n";
    }
  }
  return bad.empty() ? kDone : kFailed;
}

}  // namespace kstreamd
