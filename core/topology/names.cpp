#include "core/topology/names.h"

#include <algorithm>

#include "core/topology/analysis.h"
#include "core/topology/json_text.h"

namespace kstreamd {
namespace {

// A serde inside another's specification: a name, or a specification itself.
std::string inner_serde(const std::string& serde) { return serde.starts_with('{') ? serde : quote_json(serde); }

constexpr std::string_view time_windowed = "{\"time_windowed\":";

// Of a time_windowed serde: its last part, `,"size":30000}`; empty without one.
std::string size_of(const std::string& serde) {
  const auto at = serde.rfind(",\"size\":");
  if (!serde.starts_with(time_windowed) || at == std::string::npos) return "";
  const auto digits = serde.find_first_not_of("0123456789", at + 8);
  return digits == serde.size() - 1 ? serde.substr(at) : "";
}

constexpr size_t max_topic_name = 249;

}  // namespace

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool made_of(const std::string& name, std::string_view extra) {
  auto good = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           extra.find(c) != std::string_view::npos;
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), good);
}

bool legal_topic(const std::string& name) {
  return made_of(name, "._-") && name.size() <= max_topic_name && name != "." && name != "..";
}

bool is_aggregation(std::string_view op) {
  return op == "count" || op == "reduce" || op == "aggregate" || op == "cogroup";
}

bool has_expression(const NodeDeclaration& node, std::string_view name) {
  return std::any_of(node.expressions.begin(), node.expressions.end(),
                     [&](const NamedExpression& e) { return e.name == name; });
}

std::string repartition_topic(const Declaration& declaration, const std::string& derived) {
  return declaration.name + "-" + derived + "-repartition";
}

std::string changelog_topic(const Declaration& declaration, const std::string& store) {
  return declaration.name + "-" + store + "-changelog";
}

std::string windowed_serde(const std::string& key_serde, KeyWindow window, std::chrono::milliseconds size) {
  if (window == KeyWindow::none) return key_serde;
  if (window == KeyWindow::session) return "{\"session_windowed\":" + inner_serde(key_serde) + "}";
  return "{\"time_windowed\":" + inner_serde(key_serde) + ",\"size\":" + std::to_string(size.count()) + "}";
}

std::string with_size_of(const std::string& serde, const std::string& known) {
  const std::string size = size_of(known);
  if (!is_sizeless(serde) || size.empty()) return serde;
  return serde.substr(0, serde.size() - 1) + size;
}

bool is_sizeless(const std::string& serde) { return serde.starts_with(time_windowed) && size_of(serde).empty(); }

std::string change_serde(const std::string& value_serde) { return "{\"change\":" + inner_serde(value_serde) + "}"; }

}  // namespace kstreamd
