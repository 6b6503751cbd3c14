// The processor types and serdes of this process: built-in ones and those of plugin files.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/plugin_host/crash_file.h"
#include "core/plugin_host/plugin_description.h"
#include "core/plugin_host/plugin_file.h"
#include "core/plugin_host/plugin_set.h"
#include "core/ports/processor.h"

namespace kstreamd {

struct PluginHostOptions {
  std::string copies;  // the folder for the copies, private to this user, made when missing. Empty: a temporary one
  // A command that calls describe_plugin with its last two arguments: a copy that is new is first loaded by it, so that
  // one that crashes, exits or hangs is refused. Empty: this process is the first to load it.
  std::vector<std::string> tries_with;
  Duration try_timeout = std::chrono::seconds(10);
  std::string stamp;  // the version of kstreamd: what another one found out about a copy does not count
};

// Owns every processor type and serde, and makes processors.
//
// Life-cycle: construct, add the built-in operators, load plugin files, then hand it out as a ProcessorCatalog. A file
// is copied to a path named after its content before it is loaded, so that it may be replaced while the process runs.
// When it was, reading its folder again gives another set of types: what is made from then on is of the new version,
// while processors that are there go on with theirs. Code is never unloaded. What find() and serde() gave lives as long
// as the host, which outlives the processors and serdes in use.
// Thread safety: every function may be called from any thread.
class PluginHost final : public ProcessorCatalog {
 public:
  explicit PluginHost(PluginHostOptions options = {});
  explicit PluginHost(const std::string& copies) : PluginHost(PluginHostOptions{copies, {}, {}, {}}) {}
  ~PluginHost() override;
  PluginHost(const PluginHost&) = delete;
  PluginHost& operator=(const PluginHost&) = delete;

  // ---- Before processors are made

  // `plugin` lives as long as the process.
  Status add_builtin(const kst_plugin* plugin);
  // Crashes are asked for when processors are made. `crashes` outlives the host; null: none.
  void heed_crashes(const CrashFile* crashes) { set_options_.crashes = crashes; }
  // Processors made from now on call `left`, once they are closed, when their calls have not given back the memory they
  // took. For tests of one thread; an error where the allocator cannot tell.
  Status meter_heap(std::function<void(const std::string& message)> left);

  // ---- Plugin files

  // Loads one file; one that was loaded from the same path before is replaced. On an error nothing changes.
  Result<PluginDescription> load_file(const std::string& path);
  // Reads a folder: loads every *.so in the order of their names, and lets go of what files that are gone had. Gives
  // those that could not be loaded, or the folder itself when it cannot be read or trusted. A file whose new content is
  // refused stays as it was.
  std::vector<PluginProblem> load_folder(const std::string& path);

  // The same in two steps, so that what depends on it can be looked at in between: a set that is not in use yet.
  struct Reading {
    std::shared_ptr<const PluginSet> set;
    std::vector<PluginProblem> problems;
  };
  Reading read_folder(const std::string& path);
  void use(std::shared_ptr<const PluginSet> set);

  // All that is loaded, the built-in ones first.
  std::vector<PluginDescription> plugins() const;
  // What tells apart the content of a file that is in use; empty: it is none.
  std::string content_of(const std::string& path) const;
  // Removes the copies that no process has loaded. After loading.
  void remove_unused_copies();

  const ProcessorInfo* find(std::string_view type) const override { return current()->find(type); }
  std::vector<ProcessorInfo> list() const override { return current()->list(); }
  const Serde* serde(std::string_view name) const override { return current()->serde(name); }
  std::vector<SerdeInfo> serdes() const override { return current()->serdes(); }
  std::vector<ConfigProblem> check(std::string_view type, std::string_view config_json) const override {
    return current()->check(type, config_json);
  }
  Result<std::unique_ptr<Processor>> create(std::string_view type, std::string_view config_json,
                                            ProcessorContext& context) const override {
    return current()->create(type, config_json, context);
  }

 private:
  std::shared_ptr<const PluginSet> current() const;
  Result<CheckedPlugin> open_file(const std::string& path);
  Status load_into(PluginSet& set, const std::string& path);
  Result<std::string> copies_folder();

  PluginHostOptions options_;     // copies: guarded by mutex_
  PluginSetOptions set_options_;  // constant once processors are made
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<const PluginSet>> sets_;  // guarded by mutex_; the last is in use, none is ever removed
  bool temporary_ = false;  // guarded by mutex_; the folder of copies was made by this object, and goes with it
};

}  // namespace kstreamd
