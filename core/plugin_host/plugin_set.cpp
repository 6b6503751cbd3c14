#include "core/plugin_host/plugin_set.h"

#include <algorithm>

#include "core/plugin_host/abi_struct.h"
#include "core/plugin_host/config_schema.h"
#include "core/plugin_host/crash_file.h"
#include "core/plugin_host/current_call.h"
#include "core/plugin_host/plugin_serde.h"

namespace kstreamd {
namespace {

constexpr size_t kProblemSize = KSTREAMD_SIZE_UP_TO(kst_problem, hint);

Error unknown_type(std::string_view name) {
  return Error{Recovery::stop_topology, "there is no processor '" + std::string(name) + "'",
               "`kstreamd plugins` lists what is loaded, and why a file was refused"};
}

Error taken(const std::string& what, const std::string& name, const std::string& by) {
  return Error{Recovery::stop_topology,
               "its " + what + " '" + name + "' is there already, from " + (by == "builtin" ? "kstreamd itself" : by),
               "keep one of the two files, or rename the " + what};
}

// What the type's own check has to say.
std::vector<ConfigProblem> check_by_plugin(const LoadedType& type, std::string_view config_json) {
  std::vector<ConfigProblem> problems;
  const auto report = [](void* sink, const kst_problem* given) noexcept {
    auto& into = *static_cast<std::vector<ConfigProblem>*>(sink);
    if (given->struct_size < kProblemSize) {
      into.push_back({false, "", 0, 0, "the processor's check reported a problem whose struct_size is too small",
                      "this is a bug of the plugin"});
      return;
    }
    const kst_problem problem = read_struct(*given, given->struct_size);
    const auto text = [](const char* from) { return std::string(from ? from : ""); };
    into.push_back({problem.severity == KST_PROBLEM_WARNING, text(problem.pointer), problem.line, problem.column,
                    text(problem.message), text(problem.hint)});
  };
  try {
    const PluginCall noted(CallKind::check, type.info.name.c_str());
    type.functions.check(config_json.data(), config_json.size(), &problems, report);
  } catch (...) {
    problems.push_back({false, "", 0, 0, "the processor's check threw a C++ exception across the plugin ABI",
                        "this is a bug of the plugin"});
  }
  return problems;
}

}  // namespace

Status PluginSet::add(const CheckedPlugin& plugin) {
  const PluginDescription& description = plugin.description;
  for (const auto& info : description.processors)
    if (const auto other = types_.find(info.name); other != types_.end())
      return taken("processor", info.name, other->second->info.plugin);
  for (const auto& info : description.serdes)
    if (const auto other = serdes_.find(info.name); other != serdes_.end())
      return taken("serde", info.name, other->second.info.plugin);
  for (size_t i = 0; i < plugin.processors.size(); ++i)
    types_.emplace(description.processors[i].name,
                   std::make_shared<const LoadedType>(LoadedType{description.processors[i], plugin.processors[i]}));
  for (size_t i = 0; i < plugin.serdes.size(); ++i) {
    const SerdeInfo& info = description.serdes[i];
    serdes_.emplace(info.name, NamedSerde{info, make_plugin_serde(plugin.serdes[i], info)});
  }
  plugins_.push_back(plugin);
  return {};
}

void PluginSet::remove(const std::string& path) {
  const CheckedPlugin* found = plugin(path);
  if (!found) return;
  for (const auto& info : found->description.processors) types_.erase(info.name);
  for (const auto& info : found->description.serdes) serdes_.erase(info.name);
  plugins_.erase(plugins_.begin() + (found - plugins_.data()));
}

const CheckedPlugin* PluginSet::plugin(const std::string& path) const {
  const auto found =
      std::find_if(plugins_.begin(), plugins_.end(), [&](const auto& p) { return p.description.path == path; });
  return found == plugins_.end() ? nullptr : &*found;
}

const ProcessorInfo* PluginSet::find(std::string_view type) const {
  const auto found = types_.find(type);
  return found == types_.end() ? nullptr : &found->second->info;
}

std::vector<ProcessorInfo> PluginSet::list() const {
  std::vector<ProcessorInfo> out;
  for (const auto& [name, type] : types_) out.push_back(type->info);
  return out;
}

std::vector<ConfigProblem> PluginSet::check(std::string_view name, std::string_view config_json) const {
  const auto found = types_.find(name);
  if (found == types_.end()) {
    const Error error = unknown_type(name);
    return {{false, "", 0, 0, error.message, error.hint}};
  }
  const LoadedType& type = *found->second;
  if (!type.info.config_schema.empty()) {
    // Parsed anew: this is done once per node and start.
    if (auto schema = ConfigSchema::parse(type.info.config_schema))
      if (auto problems = schema->check(config_json); !problems.empty()) return problems;
  }
  return type.functions.check ? check_by_plugin(type, config_json) : std::vector<ConfigProblem>();
}

Result<std::unique_ptr<Processor>> PluginSet::create(std::string_view name, std::string_view config_json,
                                                     ProcessorContext& context) const {
  const auto found = types_.find(name);
  if (found == types_.end()) return unknown_type(name);
  if (const CrashFile* crashes = options_->crashes) {
    const int times = crashes->crashes_without_record(context.application_id(), context.node_name());
    if (times >= crashes->limit())
      return Error{Recovery::stop_topology,
                   "processor '" + std::string(name) + "' of node '" + context.node_name() + "' crashed kstreamd " +
                       std::to_string(times) + " times outside of any record, and is not started again",
                   "replace its plugin, or remove " + crashes->path() + " to try it again"};
  }
  return make_processor(found->second, config_json, context, options_->processors);
}

const Serde* PluginSet::serde(std::string_view name) const {
  if (is_serde_spec(name)) {
    auto made = make_serde(name, [this](std::string_view inner) { return serde(inner); });
    return made ? *made : nullptr;
  }
  const auto found = serdes_.find(name);
  return found == serdes_.end() ? find_serde(name) : found->second.serde.get();
}

std::vector<SerdeInfo> PluginSet::serdes() const {
  std::vector<SerdeInfo> out;
  for (const auto& name : serde_names()) out.push_back({name, "", "builtin", ""});
  for (const auto& [name, serde] : serdes_) out.push_back(serde.info);
  return out;
}

}  // namespace kstreamd
