// The stores of a topology file, and the serdes that stores and nodes name.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/spec/reader.h"
#include "core/topology/declaration.h"

namespace kstreamd {

// What is below `stores`. An entry that is no map is left out; of any other what could be read is there.
std::vector<StoreDeclaration> read_stores(const YamlNode& root, Reader& reader);

// The serde that an entry names, by its name or specification.
std::optional<std::string> read_serde_name(const YamlNode::Entry& entry, Reader& reader);
// `key` and `value` of a map that may name serdes. False: one was refused.
bool read_serde(const YamlNode& map, SerdeChoice& serde, Reader& reader);

}  // namespace kstreamd
