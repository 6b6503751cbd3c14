// The processor types of this process: built-in ones and those of plugin files.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/ports/processor.h"

namespace kstreamd {

// What a plugin says of itself.
struct PluginDescription {
  std::string path;  // the file as it was named; empty: built in
  std::string name;
  std::string version;
  std::string abi;  // "0.1", that it was built against
  std::vector<ProcessorInfo> processors;
};

// A plugin file (or the folder) that could not be used, and why.
struct PluginProblem {
  std::string path;
  Error error;
};

// Owns every processor type, and makes processors from them.
//
// Life-cycle: construct, add the built-in operators, load plugin files, then hand it out as a ProcessorCatalog. A file
// is copied to a path named after its content before it is loaded, so that it may be replaced while the process runs;
// it is never unloaded, and the host may therefore be destroyed in any order with what it made.
// Thread safety: every function may be called from any thread, but for describe_in_child.
class PluginHost final : public ProcessorCatalog {
 public:
  // `copies`: the folder for the copies, private to this user, made when missing. Empty: a temporary one.
  explicit PluginHost(std::string copies = {});
  ~PluginHost() override;
  PluginHost(const PluginHost&) = delete;
  PluginHost& operator=(const PluginHost&) = delete;

  // `plugin` lives as long as the process.
  Status add_builtin(const kst_plugin* plugin);
  // Loads one file. On an error nothing of it can be used.
  Result<PluginDescription> load_file(const std::string& path);
  // Loads every *.so of a folder in the order of their names; gives those that could not be, or the folder itself when
  // it cannot be read or trusted.
  std::vector<PluginProblem> load_folder(const std::string& path);
  // All that is loaded, the built-in ones first.
  std::vector<PluginDescription> plugins() const;

  // What load_file would give, found out in a child process: a file that crashes, hangs or ends the process gives an
  // error that says so. The child is a fork: call this only while the process has no other thread.
  Result<PluginDescription> describe_in_child(const std::string& path, Duration timeout = std::chrono::seconds(10));

  const ProcessorInfo* find(std::string_view type) const override;
  std::vector<ProcessorInfo> list() const override;
  std::vector<SerdeInfo> serdes() const override;
  std::vector<ConfigProblem> check(std::string_view type, std::string_view config_json) const override;
  Result<std::unique_ptr<Processor>> create(std::string_view type, std::string_view config_json,
                                            ProcessorContext& context) const override;

 private:
  struct Type {
    ProcessorInfo info;
    const kst_processor_type* type = nullptr;
  };

  Result<PluginDescription> add(const kst_plugin* plugin, const std::string& path);
  const Type* type(std::string_view name) const;
  Result<std::string> copies_folder();

  mutable std::shared_mutex mutex_;
  // Guarded by mutex_; what they hold is never changed or removed once it is there.
  std::map<std::string, Type, std::less<>> types_;
  std::vector<PluginDescription> plugins_;
  std::string copies_;
  bool temporary_ = false;  // copies_ was made by this object, and goes with it
};

// The *.so files of a folder, sorted, with the folder itself checked as load_folder does.
Result<std::vector<std::string>> plugin_files(const std::string& folder);

}  // namespace kstreamd
