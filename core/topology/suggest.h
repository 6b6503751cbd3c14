// "did you mean ...?": the nearest of some names, and names in a row.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace kstreamd {

// The candidate that `name` is most likely a misspelling of; empty when none is near.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);
// "did you mean 'x'?", or `otherwise` when nothing is near.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates,
                         const std::string& otherwise);
// "a, b, c"
std::string join_names(const std::vector<std::string>& names);

}  // namespace kstreamd
