// The built-in operators of topologies, as a plugin that is linked into the daemon.
#pragma once
#include <kstreamd/abi/plugin.h>

namespace kstreamd {

// The descriptor, static: it goes through the same handshake as any plugin's. Configurations are those that
// core/topology/README.md lists. [any thread]
const kst_plugin* builtin_plugin();

}  // namespace kstreamd
