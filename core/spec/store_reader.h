// The stores of a topology file.
#pragma once
#include <vector>

#include "core/spec/reader.h"
#include "core/topology/declaration.h"

namespace kstreamd {

// What is below `stores`. An entry that is no map is left out; of any other what could be read is there.
std::vector<StoreDeclaration> read_stores(const YamlNode& root, Reader& reader);

}  // namespace kstreamd
