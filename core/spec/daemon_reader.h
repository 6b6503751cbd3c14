// From the tree of a daemon file to its configuration.
#pragma once
#include "core/spec/daemon_config.h"
#include "core/spec/reader.h"

namespace kstreamd {

DaemonConfig read_daemon(const YamlNode& root, Reader& reader);

}  // namespace kstreamd
