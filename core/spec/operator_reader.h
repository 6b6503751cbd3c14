// The arguments of the operators that have many: aggregations, joins, suppress, repartition. Each adds to the node what
// it reads; false: something was refused.
#pragma once
#include "core/spec/reader.h"
#include "core/topology/declaration.h"

namespace kstreamd {

bool read_aggregation(const YamlNode::Entry& op, NodeDeclaration& node, Reader& reader);
bool read_join(const YamlNode::Entry& op, NodeDeclaration& node, Reader& reader);
bool read_suppress(const YamlNode::Entry& op, NodeDeclaration& node, Reader& reader);
bool read_repartition(const YamlNode::Entry& op, NodeDeclaration& node, Reader& reader);
// `store: NAME` among an operator's arguments, where it is there.
bool read_store_name(const YamlNode& arguments, NodeDeclaration& node, Reader& reader);

}  // namespace kstreamd
