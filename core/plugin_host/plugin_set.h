// The types and serdes of one state of the plugin folder. Immutable once it is shared: reading the folder again makes
// another one, in which files that have not changed are the same.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin_host/descriptor.h"
#include "core/plugin_host/plugin_processor.h"
#include "core/ports/processor.h"

namespace kstreamd {

class CrashFile;

// What all sets of a host share.
struct PluginSetOptions {
  ProcessorOptions processors;
  const CrashFile* crashes = nullptr;  // null: none is kept
};

// Life-cycle: made from nothing or as a copy, filled by add and remove, then shared as const. Thread safety: a shared
// one may be used from any thread.
class PluginSet final : public ProcessorCatalog {
 public:
  // `options` outlives the set.
  explicit PluginSet(const PluginSetOptions& options) : options_(&options) {}

  // An error, and nothing added, when a name is taken.
  Status add(const CheckedPlugin& plugin);
  // Everything of a file.
  void remove(const std::string& path);
  // The plugin of a file; null when there is none.
  const CheckedPlugin* plugin(const std::string& path) const;

  // In the order in which they were added.
  const std::vector<CheckedPlugin>& plugins() const { return plugins_; }

  const ProcessorInfo* find(std::string_view type) const override;
  std::vector<ProcessorInfo> list() const override;
  std::vector<ConfigProblem> check(std::string_view type, std::string_view config_json) const override;
  Result<std::unique_ptr<Processor>> create(std::string_view type, std::string_view config_json,
                                            ProcessorContext& context) const override;
  const Serde* serde(std::string_view name) const override;
  std::vector<SerdeInfo> serdes() const override;

 private:
  struct NamedSerde {
    SerdeInfo info;
    std::shared_ptr<const Serde> serde;
  };

  const PluginSetOptions* options_;
  std::map<std::string, std::shared_ptr<const LoadedType>, std::less<>> types_;
  std::map<std::string, NamedSerde, std::less<>> serdes_;
  std::vector<CheckedPlugin> plugins_;
};

}  // namespace kstreamd
