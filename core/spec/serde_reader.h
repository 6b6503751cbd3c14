// The serdes that sources, sinks, stores and nodes name.
#pragma once
#include "core/spec/reader.h"
#include "core/topology/declaration.h"

namespace kstreamd {

// `key` and `value` of a map that may name serdes: a name, or the spec (core/serde/serde.h) of one with arguments.
// False: one was refused. `reads`: bytes that others have written are read with them.
bool read_serde(const YamlNode& map, SerdeChoice& serde, Reader& reader, bool reads = false);

}  // namespace kstreamd
