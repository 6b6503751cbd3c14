// From the tree of a topology file to a declaration, and back from a problem of the graph to its place in the file.
#pragma once
#include <string>
#include <string_view>

#include "core/spec/reader.h"
#include "core/topology/declaration.h"

namespace kstreamd {

struct TopologyFile {
  std::shared_ptr<const YamlNode> root;
  Declaration declaration;
  bool has_nodes = false;  // `nodes` could be read: compiling it says something
};

TopologyFile read_topology(std::shared_ptr<const YamlNode> root, Reader& reader);

// Where in the file a problem is; `source` is the file's text.
YamlPlace place_of(const GraphProblem& problem, const TopologyFile& file, std::string_view source);

}  // namespace kstreamd
