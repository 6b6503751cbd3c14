#include "daemon/plugins_json.h"

#include <nlohmann/json.hpp>

namespace kstreamd {

using nlohmann::json;

json plugin_json(const PluginDescription& plugin) {
  json processors = json::array();
  for (const auto& processor : plugin.processors) {
    const json schema = json::parse(processor.config_schema, nullptr, false);
    processors.push_back({{"name", processor.name},
                          {"description", processor.description},
                          {"config_schema", schema.is_discarded() ? json() : schema},
                          {"outputs", processor.outputs},
                          {"stores", processor.stores.size()},
                          {"deterministic", processor.deterministic}});
  }
  json serdes = json::array();
  for (const auto& serde : plugin.serdes) serdes.push_back({{"name", serde.name}, {"description", serde.description}});
  return {{"name", plugin.name},
          {"version", plugin.version},
          {"abi", plugin.abi},
          {"path", plugin.path.empty() ? json() : json(plugin.path)},
          {"content", plugin.content.empty() ? json() : json(plugin.content)},
          {"processors", std::move(processors)},
          {"serdes", std::move(serdes)}};
}

json plugins_json(std::span<const PluginDescription> plugins) {
  json list = json::array();
  for (const auto& plugin : plugins) list.push_back(plugin_json(plugin));
  return list;
}

}  // namespace kstreamd
