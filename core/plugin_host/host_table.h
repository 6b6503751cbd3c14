// kst_host: what the host offers to every plugin, on the port ProcessorContext.
#pragma once
#include <kstreamd/abi/plugin.h>

namespace kstreamd {

// The table given to every plugin. Lives as long as the process.
const kst_host& host_table();

}  // namespace kstreamd
