#include "core/plugin_host/descriptor.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

namespace kstreamd {
namespace {

std::string version_text(unsigned major, unsigned minor) { return std::to_string(major) + "." + std::to_string(minor); }

Error refuse(std::string message, std::string hint) {
  return Error{Recovery::stop_topology, std::move(message), std::move(hint)};
}

constexpr const char* kRebuild = "rebuild the plugin with this version's headers";

Status handshake(const kst_plugin& plugin) {
  if (plugin.magic != KST_PLUGIN_MAGIC) {
    char found[16];
    std::snprintf(found, sizeof found, "0x%08x", plugin.magic);
    return refuse(
        std::string(KST_PLUGIN_ENTRY) + " gave no kstreamd plugin: its magic is " + found + ", expected 0x6b737472",
        std::string("return a kst_plugin whose magic is KST_PLUGIN_MAGIC: ") + kRebuild);
  }
  if (plugin.abi_major != KST_ABI_MAJOR || plugin.abi_minor > KST_ABI_MINOR) {
    const bool newer = plugin.abi_major > KST_ABI_MAJOR || (plugin.abi_major == KST_ABI_MAJOR);
    return refuse("was built against kstreamd ABI " + version_text(plugin.abi_major, plugin.abi_minor) +
                      "; this kstreamd offers " + version_text(KST_ABI_MAJOR, KST_ABI_MINOR),
                  std::string(kRebuild) + (newer ? ", or upgrade kstreamd" : ", or install a newer version of it"));
  }
  if (plugin.struct_size < sizeof(kst_plugin))
    return refuse("says that its descriptor has " + std::to_string(plugin.struct_size) + " bytes; kstreamd ABI " +
                      version_text(plugin.abi_major, plugin.abi_minor) + " has " + std::to_string(sizeof(kst_plugin)),
                  std::string("set struct_size to sizeof(kst_plugin), and ") + kRebuild);
  return {};
}

bool is_name(const char* name) {
  const std::string_view text = name ? name : "";
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.") == text.npos;
}

// A name from a plugin, for a message.
std::string quoted(const char* name) { return name ? "'" + std::string(name) + "'" : "NULL"; }

Result<std::vector<std::string>> read_outputs(const kst_processor_type& type, const std::string& who) {
  std::vector<std::string> out;
  for (const char* const* name = type.outputs; name && *name; ++name) {
    if (**name == '\0' || std::find(out.begin(), out.end(), *name) != out.end())
      return refuse(who + " has an output " + quoted(*name) + " that is empty or there twice",
                    "give every output a name of its own");
    out.emplace_back(*name);
  }
  if (type.outputs && out.empty())
    return refuse(who + " has an empty list of outputs", "name them, or set outputs to NULL for one unnamed output");
  return out;
}

Result<ProcessorInfo> read_type(const kst_processor_type& type, const std::string& plugin) {
  if (type.struct_size < sizeof(kst_processor_type))
    return refuse("says that a processor's descriptor has " + std::to_string(type.struct_size) +
                      " bytes; kstreamd ABI " + version_text(KST_ABI_MAJOR, KST_ABI_MINOR) + " has " +
                      std::to_string(sizeof(kst_processor_type)),
                  std::string("set struct_size to sizeof(kst_processor_type), and ") + kRebuild);
  if (!is_name(type.name))
    return refuse("has a processor named " + quoted(type.name),
                  "names are made of a-z, 0-9, '_' and '.', and are not empty");
  const std::string who = "processor " + quoted(type.name);
  if (!type.create || !type.process || !type.close)
    return refuse(who + " lacks " +
                      (!type.create    ? "create"
                       : !type.process ? "process"
                                       : "close"),
                  "only check may be NULL");
  if (!type.description || !*type.description)
    return refuse(who + " has no description", "say in one line what it does");
  if (type.config_schema) {
    const auto schema = nlohmann::json::parse(type.config_schema, nullptr, false);
    if (!schema.is_object())
      return refuse(who + " has a config_schema that is no JSON object", "give a JSON Schema, or NULL for any object");
  }
  auto outputs = read_outputs(type, who);
  if (!outputs.ok()) return std::move(outputs).error();
  ProcessorInfo info;
  info.name = type.name;
  info.description = type.description;
  info.config_schema = type.config_schema ? type.config_schema : "";
  info.outputs = std::move(*outputs);
  for (uint32_t i = 0; i < type.store_count; ++i)
    info.stores.push_back({type.stores[i].purpose ? type.stores[i].purpose : "", type.stores[i].kind});
  info.plugin = plugin;
  info.deterministic = type.deterministic != 0;
  info.max_in_flight = type.max_in_flight;
  if (type.completion_timeout_ms > 0) info.completion_timeout = std::chrono::milliseconds(type.completion_timeout_ms);
  return info;
}

}  // namespace

Result<PluginDescription> read_descriptor(const kst_plugin* plugin, const std::string& path) {
  if (!plugin)
    return refuse(std::string(KST_PLUGIN_ENTRY) + " returned NULL: the plugin refuses this kstreamd (ABI " +
                      version_text(KST_ABI_MAJOR, KST_ABI_MINOR) + ")",
                  "ask its author which version of kstreamd it needs");
  KSTREAMD_TRY(handshake(*plugin));
  if (!plugin->name || !*plugin->name || !plugin->version || !*plugin->version)
    return refuse("has no name or no version", "fill in kst_plugin.name and kst_plugin.version");
  if (!plugin->processors || !*plugin->processors)
    return refuse("describes no processors", "list at least one in kst_plugin.processors, with NULL at the end");
  PluginDescription out{path, plugin->name, plugin->version, version_text(plugin->abi_major, plugin->abi_minor), {}};
  const std::string shown = path.empty() ? "builtin" : out.name + " " + out.version;
  std::set<std::string> names;
  for (auto type = plugin->processors; *type; ++type) {
    auto info = read_type(**type, shown);
    if (!info.ok()) return std::move(info).error();
    if (!names.insert(info->name).second)
      return refuse("has two processors named '" + info->name + "'", "give each a name of its own");
    out.processors.push_back(std::move(info).value());
  }
  return out;
}

}  // namespace kstreamd
