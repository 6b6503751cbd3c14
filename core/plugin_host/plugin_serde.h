// Serdes of plugins, as the engine uses them.
#pragma once
#include <kstreamd/abi/serde.h>

#include <memory>

#include "core/ports/processor.h"

namespace kstreamd {

// What the plugin does wrong (an exception, a status or a value that there is not) becomes an error of the record.
std::shared_ptr<const Serde> make_plugin_serde(const kst_serde_type& type, SerdeInfo info);

}  // namespace kstreamd
