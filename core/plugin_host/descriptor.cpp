#include "core/plugin_host/descriptor.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "core/plugin_host/abi_struct.h"
#include "core/plugin_host/config_schema.h"
#include "core/topology/compile.h"

namespace kstreamd {
namespace {

// What the structs had in ABI 1.0: every plugin of major 1 has that much.
constexpr size_t kPluginSize = KSTREAMD_SIZE_UP_TO(kst_plugin, serdes);
constexpr size_t kProcessorSize = KSTREAMD_SIZE_UP_TO(kst_processor_type, close);
constexpr size_t kSerdeSize = KSTREAMD_SIZE_UP_TO(kst_serde_type, write);
constexpr size_t kMostStores = 1000;

std::string version_text(unsigned major, unsigned minor) { return std::to_string(major) + "." + std::to_string(minor); }

Error refuse(std::string message, std::string hint) {
  return Error{Recovery::stop_topology, std::move(message), std::move(hint)};
}

constexpr const char* kRebuild = "rebuild the plugin with this version's headers";

Status check_size(const char* what, const char* type, size_t has, size_t least) {
  if (has >= least) return {};
  return refuse(std::string("says that ") + what + " has " + std::to_string(has) + " bytes; kstreamd ABI " +
                    version_text(KST_ABI_MAJOR, 0) + " has " + std::to_string(least),
                std::string("set struct_size to sizeof(") + type + "), and " + kRebuild);
}

Status handshake(const kst_plugin& plugin) {
  if (plugin.magic != KST_PLUGIN_MAGIC) {
    char found[16];
    std::snprintf(found, sizeof found, "0x%08x", plugin.magic);
    return refuse(
        std::string(KST_PLUGIN_ENTRY) + " gave no kstreamd plugin: its magic is " + found + ", expected 0x6b737472",
        std::string("return a kst_plugin whose magic is KST_PLUGIN_MAGIC: ") + kRebuild);
  }
  if (plugin.abi_major != KST_ABI_MAJOR || plugin.abi_minor > KST_ABI_MINOR) {
    const bool newer = plugin.abi_major >= KST_ABI_MAJOR;
    return refuse("was built against kstreamd ABI " + version_text(plugin.abi_major, plugin.abi_minor) +
                      "; this kstreamd offers " + version_text(KST_ABI_MAJOR, KST_ABI_MINOR),
                  std::string(kRebuild) + (newer ? ", or upgrade kstreamd" : ", or install a newer version of it"));
  }
  return check_size("its descriptor", "kst_plugin", plugin.struct_size, kPluginSize);
}

bool made_of(std::string_view text, std::string_view letters) {
  return !text.empty() && text.find_first_not_of(letters) == text.npos;
}
bool is_type_name(const char* name) { return made_of(name ? name : "", "abcdefghijklmnopqrstuvwxyz0123456789_."); }
bool is_serde_name(const char* name) {
  return made_of(name ? name : "", "abcdefghijklmnopqrstuvwxyz0123456789_") && *name >= 'a' && *name <= 'z';
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

Result<std::vector<ProcessorInfo::StoreNeed>> read_stores(const kst_processor_type& type, const std::string& who) {
  std::vector<ProcessorInfo::StoreNeed> out;
  if (type.store_count > 0 && !type.stores)
    return refuse(who + " needs " + std::to_string(type.store_count) + " stores, but stores is NULL",
                  "describe them in stores, or set store_count to 0");
  if (type.store_count > kMostStores)
    return refuse(who + " needs " + std::to_string(type.store_count) + " stores; at most " +
                      std::to_string(kMostStores) + " are possible",
                  "set store_count to the number of entries in stores");
  for (uint32_t i = 0; i < type.store_count; ++i) {
    const kst_store_need& need = type.stores[i];
    if (need.kind > KST_STORE_VERSIONED)
      return refuse(
          who + " needs store " + std::to_string(i) + " to be of kind " + std::to_string(need.kind) +
              ", which kstreamd ABI " + version_text(KST_ABI_MAJOR, KST_ABI_MINOR) + " does not have",
          "use KST_STORE_ANY, KST_STORE_KEY_VALUE, KST_STORE_WINDOW, KST_STORE_SESSION or KST_STORE_VERSIONED");
    out.push_back({need.purpose ? need.purpose : "", need.kind});
  }
  return out;
}

Status check_functions(const kst_processor_type& type, const std::string& who) {
  const char* missing = !type.create ? "create" : !type.process ? "process" : !type.close ? "close" : nullptr;
  if (!missing) return {};
  return refuse(who + " lacks " + missing, "only check, init and punctuate may be NULL");
}

Result<kst_processor_type> read_type(const kst_processor_type& given, ProcessorInfo& info) {
  KSTREAMD_TRY(check_size("a processor's descriptor", "kst_processor_type", given.struct_size, kProcessorSize));
  const kst_processor_type type = read_struct(given, given.struct_size);
  if (!is_type_name(type.name))
    return refuse("has a processor named " + quoted(type.name),
                  "names are made of a-z, 0-9, '_' and '.', and are not empty");
  const std::string who = "processor " + quoted(type.name);
  KSTREAMD_TRY(check_functions(type, who));
  if (!type.description || !*type.description)
    return refuse(who + " has no description", "say in one line what it does");
  if (type.config_schema)
    if (auto schema = ConfigSchema::parse(type.config_schema); !schema)
      return refuse(who + " has a broken config_schema: " + schema.error().message, schema.error().hint);
  auto outputs = read_outputs(type, who);
  if (!outputs) return std::move(outputs).error();
  auto stores = read_stores(type, who);
  if (!stores) return std::move(stores).error();
  info.name = type.name;
  info.description = type.description;
  info.config_schema = type.config_schema ? type.config_schema : "";
  info.outputs = std::move(*outputs);
  info.stores = std::move(*stores);
  info.deterministic = type.deterministic != 0;
  info.max_in_flight = type.max_in_flight;
  if (type.completion_timeout_ms > 0) info.completion_timeout = std::chrono::milliseconds(type.completion_timeout_ms);
  return type;
}

bool is_builtin_serde(const std::string& name) {
  const auto plain = serde_names();
  return std::find(plain.begin(), plain.end(), name) != plain.end() ||
         std::find(serde_kinds().begin(), serde_kinds().end(), name) != serde_kinds().end();
}

Result<kst_serde_type> read_serde(const kst_serde_type& given, SerdeInfo& info) {
  KSTREAMD_TRY(check_size("a serde's descriptor", "kst_serde_type", given.struct_size, kSerdeSize));
  const kst_serde_type serde = read_struct(given, given.struct_size);
  if (!is_serde_name(serde.name))
    return refuse("has a serde named " + quoted(serde.name), "names begin with a-z, and are made of a-z, 0-9 and '_'");
  const std::string who = "serde " + quoted(serde.name);
  if (is_builtin_serde(serde.name))
    return refuse(who + " has the name of one of kstreamd's own", "give it another, such as the name of what it reads");
  if (!serde.description || !*serde.description)
    return refuse(who + " has no description", "say in one line what it reads and writes");
  if (!serde.read || !serde.write)
    return refuse(who + " lacks " + (serde.read ? "write" : "read"), "a serde has both functions");
  info.name = serde.name;
  info.description = serde.description;
  return serde;
}

}  // namespace

Result<CheckedPlugin> read_descriptor(const kst_plugin* given, const std::string& path, std::string_view content) {
  if (!given)
    return refuse(std::string(KST_PLUGIN_ENTRY) + " returned NULL: the plugin refuses this kstreamd (ABI " +
                      version_text(KST_ABI_MAJOR, KST_ABI_MINOR) + ")",
                  "ask its author which version of kstreamd it needs");
  KSTREAMD_TRY(handshake(*given));
  const kst_plugin plugin = read_struct(*given, given->struct_size);
  if (!plugin.name || !*plugin.name || !plugin.version || !*plugin.version)
    return refuse("has no name or no version", "fill in kst_plugin.name and kst_plugin.version");
  CheckedPlugin out;
  out.description = {
      path, plugin.name, plugin.version, version_text(plugin.abi_major, plugin.abi_minor), std::string(content),
      {},   {}};
  const std::string shown = path.empty() ? "builtin" : out.description.name + " " + out.description.version;
  std::set<std::string> names;
  for (auto type = plugin.processors; type && *type; ++type) {
    ProcessorInfo info;
    info.plugin = shown;
    info.content = content;
    auto read = read_type(**type, info);
    if (!read) return std::move(read).error();
    if (!names.insert(info.name).second)
      return refuse("has two processors named '" + info.name + "'", "give each a name of its own");
    out.processors.push_back(*read);
    out.description.processors.push_back(std::move(info));
  }
  names.clear();
  for (auto serde = plugin.serdes; serde && *serde; ++serde) {
    SerdeInfo info{"", "", shown, std::string(content)};
    auto read = read_serde(**serde, info);
    if (!read) return std::move(read).error();
    if (!names.insert(info.name).second)
      return refuse("has two serdes named '" + info.name + "'", "give each a name of its own");
    out.serdes.push_back(*read);
    out.description.serdes.push_back(std::move(info));
  }
  if (out.processors.empty() && out.serdes.empty())
    return refuse("describes neither processors nor serdes",
                  "list at least one in kst_plugin.processors or kst_plugin.serdes, with NULL at the end");
  return out;
}

}  // namespace kstreamd
