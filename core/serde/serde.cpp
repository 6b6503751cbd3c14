#include "core/serde/serde.h"

#include "core/serde/serdes.h"

namespace kstreamd {
namespace {

const std::vector<const Serde*>& all_serdes() {
  static const std::vector<const Serde*> serdes = [] {
    std::vector<const Serde*> all;
    for (const auto& group : {text_serdes(), fixed_serdes(), json_serdes()})
      all.insert(all.end(), group.begin(), group.end());
    return all;
  }();
  return serdes;
}

}  // namespace

const Serde* find_serde(std::string_view name) {
  for (const Serde* serde : all_serdes())
    if (serde->name() == name) return serde;
  return nullptr;
}

std::vector<std::string> serde_names() {
  std::vector<std::string> names;
  for (const Serde* serde : all_serdes()) names.push_back(serde->name());
  return names;
}

}  // namespace kstreamd
