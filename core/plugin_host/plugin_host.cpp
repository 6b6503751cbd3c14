#include "core/plugin_host/plugin_host.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "core/plugin_host/descriptor.h"
#include "core/plugin_host/host_table.h"
#include "core/plugin_host/plugin_file.h"

namespace kstreamd {
namespace {

namespace fs = std::filesystem;

Error unknown_type(std::string_view name) {
  return Error{Recovery::stop_topology, "there is no processor '" + std::string(name) + "'",
               "`kstreamd plugins` lists what is loaded, and why a file was refused"};
}

}  // namespace

PluginHost::PluginHost(std::string copies) : copies_(std::move(copies)) {}

PluginHost::~PluginHost() {
  // What is loaded stays mapped without its file.
  std::error_code error;
  if (temporary_) fs::remove_all(copies_, error);
}

Result<std::string> PluginHost::copies_folder() {
  const std::unique_lock lock(mutex_);
  if (copies_.empty()) {
    std::error_code error;
    std::string folder = (fs::temp_directory_path(error) / "kstreamd-plugins-XXXXXX").string();
    if (error || !::mkdtemp(folder.data()))
      return Error{Recovery::stop_topology, "no temporary folder for copies of plugins can be made: " + folder,
                   "set TMPDIR to a folder that can be written"};
    copies_ = folder;
    temporary_ = true;
  }
  KSTREAMD_TRY(make_private_folder(copies_));
  return copies_;
}

Status PluginHost::add_builtin(const kst_plugin* plugin) {
  auto added = add(plugin, "");
  if (!added.ok()) return std::move(added).error().in("the built-in operators");
  return {};
}

Result<PluginDescription> PluginHost::load_file(const std::string& path) {
  const std::string where = "plugin " + path;
  auto copies = copies_folder();
  if (!copies.ok()) return std::move(copies).error().in(where);
  auto loaded = load_plugin_file(path, *copies);
  if (!loaded.ok()) return std::move(loaded).error().in(where);
  auto added = add(*loaded, path);
  if (!added.ok()) return std::move(added).error().in(where);
  return added;
}

Result<PluginDescription> PluginHost::add(const kst_plugin* plugin, const std::string& path) {
  auto description = read_descriptor(plugin, path);
  if (!description.ok()) return description;
  const std::unique_lock lock(mutex_);
  for (const auto& info : description->processors)
    if (const auto taken = types_.find(info.name); taken != types_.end())
      return Error{Recovery::stop_topology,
                   "its processor '" + info.name + "' is there already, from " +
                       (taken->second.info.plugin == "builtin" ? "kstreamd itself" : taken->second.info.plugin),
                   "keep one of the two files, or rename the processor"};
  for (size_t i = 0; i < description->processors.size(); ++i) {
    const auto& info = description->processors[i];
    types_.emplace(info.name, Type{info, plugin->processors[i]});
  }
  plugins_.push_back(*description);
  return description;
}

Result<std::vector<std::string>> plugin_files(const std::string& folder) {
  KSTREAMD_TRY(check_plugin_folder(folder));
  std::vector<std::string> out;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (entry->path().extension() == ".so") out.push_back(entry->path().string());
  if (error)
    return Error{Recovery::stop_topology, "the plugin folder " + folder + " cannot be read: " + error.message(),
                 "kstreamd's user needs read and execute rights on it"};
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<PluginProblem> PluginHost::load_folder(const std::string& path) {
  auto files = plugin_files(path);
  if (!files.ok()) return {{path, std::move(files).error()}};
  std::vector<PluginProblem> problems;
  for (const auto& file : *files) {
    auto loaded = load_file(file);
    if (!loaded.ok()) problems.push_back({file, std::move(loaded).error()});
  }
  return problems;
}

std::vector<PluginDescription> PluginHost::plugins() const {
  const std::shared_lock lock(mutex_);
  return plugins_;
}

const PluginHost::Type* PluginHost::type(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto found = types_.find(name);
  return found == types_.end() ? nullptr : &found->second;
}

const ProcessorInfo* PluginHost::find(std::string_view name) const {
  const Type* found = type(name);
  return found ? &found->info : nullptr;
}

std::vector<ProcessorInfo> PluginHost::list() const {
  const std::shared_lock lock(mutex_);
  std::vector<ProcessorInfo> out;
  for (const auto& [name, type] : types_) out.push_back(type.info);
  return out;
}

std::vector<SerdeInfo> PluginHost::serdes() const {
  std::vector<SerdeInfo> out;
  for (const auto& name : serde_names()) out.push_back({name, "", "builtin"});
  return out;
}

std::vector<ConfigProblem> PluginHost::check(std::string_view name, std::string_view config_json) const {
  const Type* found = type(name);
  if (!found) {
    const Error error = unknown_type(name);
    return {{false, "", 0, 0, error.message, error.hint}};
  }
  std::vector<ConfigProblem> problems;
  if (!found->type->check) return problems;
  const auto report = [](void* sink, const kst_problem* problem) noexcept {
    const auto text = [](const char* from) { return std::string(from ? from : ""); };
    static_cast<std::vector<ConfigProblem>*>(sink)->push_back({problem->severity == KST_PROBLEM_WARNING,
                                                               text(problem->pointer), problem->line, problem->column,
                                                               text(problem->message), text(problem->hint)});
  };
  try {
    found->type->check(config_json.data(), config_json.size(), &problems, report);
  } catch (...) {
    problems.push_back(
        {false, "", 0, 0, "the processor's check threw a C++ exception across the plugin ABI", "this is a bug of the plugin"});
  }
  return problems;
}

Result<std::unique_ptr<Processor>> PluginHost::create(std::string_view name, std::string_view config_json,
                                                      ProcessorContext& context) const {
  const Type* found = type(name);
  if (!found) return unknown_type(name);
  return make_processor(*found->type, config_json, context);
}

}  // namespace kstreamd
