#include <algorithm>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/topology/render.h"
#include "daemon/commands/commands.h"
#include "daemon/wiring.h"

namespace kstreamd {
namespace {

// Says what cannot be loaded; a topology that needs it gets an error of its own.
void load_plugins(PluginHost& host, const std::string& folder) {
  if (folder.empty() || !std::filesystem::exists(folder)) return;
  for (const auto& problem : host.load_folder(folder)) complain(problem.error);
}

void print_json(const LoadedTopologies& loaded) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& d : loaded.diagnostics)
    list.push_back({{"file", d.file},
                    {"line", d.line},
                    {"column", d.column},
                    {"severity", d.severity == Severity::error ? "error" : "warning"},
                    {"node", d.node},
                    {"message", d.message},
                    {"hint", d.hint}});
  std::cout << nlohmann::json{{"valid", !loaded.failed}, {"diagnostics", std::move(list)}}.dump(
                   2, ' ', false, nlohmann::json::error_handler_t::replace)
            << "\n";
}

}  // namespace

int validate_command(const ValidateOptions& options) {
  const auto settings = settings_of(options.common, process_environment());
  if (!settings) return kUsage;
  auto host = make_plugin_host();
  load_plugins(*host, settings->plugins);
  const auto loaded = load_topologies(options.topologies, *host, settings->plugins);
  if (options.common.json()) {
    print_json(loaded);
    return loaded.failed ? kUsage : kDone;
  }
  for (const auto& diagnostic : loaded.diagnostics) std::cerr << text(diagnostic) << "\n";
  const auto errors = std::count_if(loaded.diagnostics.begin(), loaded.diagnostics.end(),
                                    [](const auto& d) { return d.severity == Severity::error; });
  const auto warnings = static_cast<std::ptrdiff_t>(loaded.diagnostics.size()) - errors;
  for (const auto& topology : loaded.topologies)
    std::cout << "topology " << topology->name << ": valid, " << topology->nodes.size() << " nodes, "
              << topology->sub_topologies.size() << " sub-topologies\n";
  if (errors > 0) std::cerr << errors << (errors == 1 ? " error" : " errors");
  if (errors > 0 && warnings > 0) std::cerr << ", ";
  if (warnings > 0) std::cerr << warnings << (warnings == 1 ? " warning" : " warnings");
  if (errors + warnings > 0) std::cerr << "\n";
  return loaded.failed ? kUsage : kDone;
}

int graph_command(const GraphOptions& options) {
  const auto format = graph_format(options.format);
  if (!format)
    return usage_error(
        {Recovery::stop_topology, "'" + options.format + "' is not a format", "one of text, mermaid, dot, json"});
  const auto settings = settings_of(options.common, process_environment());
  if (!settings) return kUsage;
  auto host = make_plugin_host();
  load_plugins(*host, settings->plugins);
  const auto loaded = load_topologies({options.topology}, *host, settings->plugins);
  for (const auto& diagnostic : loaded.diagnostics) std::cerr << text(diagnostic) << "\n";
  if (loaded.failed) return kUsage;
  for (const auto& topology : loaded.topologies) {
    const std::string drawn = render(*topology, *format);
    std::cout << drawn << (drawn.ends_with("\n") ? "" : "\n");
  }
  return kDone;
}

}  // namespace kstreamd
