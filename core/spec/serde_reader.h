// The serdes that sources, sinks, stores and nodes name.
#pragma once
#include <optional>
#include <string>

#include "core/spec/reader.h"
#include "core/topology/declaration.h"

namespace kstreamd {

// The serde that an entry names: a name, or a spec. Nothing: it was refused.
std::optional<std::string> read_serde_name(const YamlNode::Entry& entry, Reader& reader, bool reads = false);
// `key` and `value` of a map that may name serdes: a name, or the spec (core/serde/serde.h) of one with arguments.
// False: one was refused. `reads`: bytes that others have written are read with them.
bool read_serde(const YamlNode& map, SerdeChoice& serde, Reader& reader, bool reads = false);

}  // namespace kstreamd
