// A topology for people and tools: sub-topologies, nodes with their serdes, internal topics, stores.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "core/topology/topology.h"

namespace kstreamd {

enum class GraphFormat { text, mermaid, dot, json };

// "text", "mermaid", "dot", "json".
std::optional<GraphFormat> graph_format(std::string_view name);

std::string render(const Topology& topology, GraphFormat format);

}  // namespace kstreamd
