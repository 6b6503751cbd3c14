#include "core/plugin_host/plugin_host.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "core/plugin_host/heap_meter.h"

namespace kstreamd {
namespace {

namespace fs = std::filesystem;

bool lies_in(const std::string& path, const std::string& folder) {
  return !path.empty() && fs::path(path).parent_path() == (fs::path(folder) / "any").parent_path();
}

}  // namespace

PluginHost::PluginHost(PluginHostOptions options)
    : options_(std::move(options)), sets_{std::make_shared<const PluginSet>(set_options_)} {}

PluginHost::~PluginHost() {
  // What is loaded stays mapped without its file.
  std::error_code error;
  if (temporary_) fs::remove_all(options_.copies, error);
}

std::shared_ptr<const PluginSet> PluginHost::current() const {
  const std::lock_guard lock(mutex_);
  return sets_.back();
}

void PluginHost::use(std::shared_ptr<const PluginSet> set) {
  const std::lock_guard lock(mutex_);
  sets_.push_back(std::move(set));
}

Result<std::string> PluginHost::copies_folder() {
  const std::lock_guard lock(mutex_);
  if (options_.copies.empty()) {
    std::error_code error;
    std::string folder = (fs::temp_directory_path(error) / "kstreamd-plugins-XXXXXX").string();
    if (error || !::mkdtemp(folder.data()))
      return Error{Recovery::stop_topology, "no temporary folder for copies of plugins can be made: " + folder,
                   "set TMPDIR to a folder that can be written"};
    options_.copies = folder;
    temporary_ = true;
  }
  KSTREAMD_TRY(make_private_folder(options_.copies));
  return options_.copies;
}

Status PluginHost::add_builtin(const kst_plugin* plugin) {
  auto checked = read_descriptor(plugin, "", "");
  if (!checked) return std::move(checked).error().in("the built-in operators");
  auto set = std::make_shared<PluginSet>(*current());
  if (auto added = set->add(*checked); !added) return std::move(added).error().in("the built-in operators");
  use(std::move(set));
  return {};
}

Status PluginHost::meter_heap(std::function<void(const std::string&)> left) {
  KSTREAMD_TRY(HeapMeter::exact());
  set_options_.processors.heap_left = std::move(left);
  return {};
}

Result<CheckedPlugin> PluginHost::open_file(const std::string& path) {
  auto copies = copies_folder();
  if (!copies) return std::move(copies).error();
  auto copy = copy_plugin_file(path, *copies);
  if (!copy) return std::move(copy).error();
  if (!options_.tries_with.empty() && !copy->noted_as_sound(options_.stamp)) {
    KSTREAMD_TRY(try_in_child(options_.tries_with, *copy, path, options_.try_timeout));
    copy->note_as_sound(options_.stamp);
  }
  auto loaded = load_copy(*copy, path);
  if (!loaded) return std::move(loaded).error();
  return read_descriptor(*loaded, path, copy->content());
}

Status PluginHost::load_into(PluginSet& set, const std::string& path) {
  auto checked = open_file(path);
  auto added = checked ? set.add(*checked) : Status(std::move(checked).error());
  if (!added) return std::move(added).error().in("plugin " + path);
  return {};
}

Result<PluginDescription> PluginHost::load_file(const std::string& path) {
  auto set = std::make_shared<PluginSet>(*current());
  set->remove(path);
  KSTREAMD_TRY(load_into(*set, path));
  PluginDescription description = set->plugin(path)->description;
  use(std::move(set));
  return description;
}

PluginHost::Reading PluginHost::read_folder(const std::string& path) {
  const auto before = current();
  auto files = plugin_files(path);
  if (!files) return {before, {{path, std::move(files).error()}}};
  Reading reading;
  auto set = std::make_shared<PluginSet>(*before);
  // All first: a processor may have moved from one file to another.
  for (const auto& plugin : before->plugins())
    if (lies_in(plugin.description.path, path)) set->remove(plugin.description.path);
  for (const auto& file : *files) {
    auto loaded = load_into(*set, file);
    if (loaded) continue;
    reading.problems.push_back({file, std::move(loaded).error()});
    if (const CheckedPlugin* old = before->plugin(file)) (void)set->add(*old);
  }
  reading.set = std::move(set);
  return reading;
}

std::vector<PluginDescription> PluginHost::plugins() const {
  std::vector<PluginDescription> out;
  for (const auto& plugin : current()->plugins()) out.push_back(plugin.description);
  return out;
}

std::string PluginHost::content_of(const std::string& path) const {
  const auto set = current();
  const CheckedPlugin* found = set->plugin(path);
  return found ? found->description.content : "";
}

std::vector<PluginProblem> PluginHost::load_folder(const std::string& path) {
  auto reading = read_folder(path);
  use(std::move(reading.set));
  return std::move(reading.problems);
}

void PluginHost::remove_unused_copies() {
  std::string folder;
  {
    const std::lock_guard lock(mutex_);
    folder = options_.copies;
  }
  if (!folder.empty()) kstreamd::remove_unused_copies(folder);
}

}  // namespace kstreamd
