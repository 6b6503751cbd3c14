// The files that users write: topologies and the daemon file. Every mistake of a file is reported in one run, with its
// place and a hint. Nothing here throws; any input ends in a value or in diagnostics.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/ports/processor.h"
#include "core/spec/daemon_config.h"
#include "core/spec/diagnostic.h"
#include "core/topology/topology.h"

namespace kstreamd {

// `plugin_folder` is named in hints about plugins that were not found.
SpecResult<Topology> load_topology(const std::string& path, const ProcessorCatalog& catalog,
                                   const std::string& plugin_folder = "");
// The same of a text; `filename` is for the diagnostics.
SpecResult<Topology> load_topology_text(std::string_view text, const std::string& filename,
                                        const ProcessorCatalog& catalog, const std::string& plugin_folder = "");

SpecResult<DaemonConfig> load_daemon_file(const std::string& path);
SpecResult<DaemonConfig> load_daemon_text(std::string_view text, const std::string& filename);

// A file itself; of a folder every *.yaml but *.test.yaml, sorted. A folder without any is an error.
Result<std::vector<std::string>> find_topology_files(const std::string& path);

}  // namespace kstreamd
