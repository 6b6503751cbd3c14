// What names may look like. Internal to core/topology.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace kstreamd {

bool contains(const std::vector<std::string>& names, const std::string& name);
// Not empty, and of letters, digits and `extra` only.
bool made_of(const std::string& name, std::string_view extra);
bool legal_topic(const std::string& name);

}  // namespace kstreamd
