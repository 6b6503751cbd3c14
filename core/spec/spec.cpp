#include "core/spec/spec.h"

#include <algorithm>
#include <tuple>

#include "core/base/text_file.h"
#include "core/serde/serde.h"
#include "core/spec/daemon_reader.h"
#include "core/spec/topology_reader.h"
#include "core/topology/compile.h"

namespace kstreamd {
namespace {

constexpr size_t max_file = 4 << 20;
constexpr std::string_view builtin_prefix = "kstreamd.";

// A kind that this version does not know is none that it could give: the plugin host refuses it.
StoreKind kind_of_need(uint32_t kind) {
  switch (kind) {
    case KST_STORE_KEY_VALUE:
      return StoreKind::key_value;
    case KST_STORE_WINDOW:
      return StoreKind::window;
    case KST_STORE_SESSION:
      return StoreKind::session;
    case KST_STORE_VERSIONED:
      return StoreKind::versioned;
    default:
      return StoreKind::any;
  }
}

// Where the file of a serde is named, or the serde within it, as a JSON pointer into its spec.
std::string pointer_into(std::string_view spec) {
  for (const std::string kind : {"time_windowed", "session_windowed"})
    if (const auto start = "{\"" + kind + "\":"; spec.starts_with(start))
      return "/" + kind + pointer_into(spec.substr(start.size()));
  for (const std::string kind : {"avro", "protobuf"})
    if (spec.starts_with("{\"" + kind + "\":"))
      return "/" + kind + (spec.find("\"schema\":") == std::string_view::npos ? "" : "/schema");
  return "";
}

// The catalogue as compile() asks for it.
class CatalogTypes final : public ProcessorTypes {
 public:
  CatalogTypes(const ProcessorCatalog& catalog, const std::string& folder) : catalog_(catalog), folder_(folder) {}

  std::optional<Shape> shape(const std::string& type) const override {
    const auto* info = catalog_.find(type);
    if (info == nullptr) return std::nullopt;
    Shape shape{info->outputs, {}, info->max_in_flight > 0};
    for (const auto& need : info->stores) shape.stores.push_back({need.purpose, kind_of_need(need.kind)});
    return shape;
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& info : catalog_.list())
      if (info.name.compare(0, builtin_prefix.size(), builtin_prefix) != 0) names.push_back(info.name);
    return names;
  }
  std::vector<Problem> check(const std::string& type, const std::string& config) const override {
    std::vector<Problem> problems;
    for (auto& p : catalog_.check(type, config))
      problems.push_back({std::move(p.pointer), p.line, p.column, std::move(p.message), std::move(p.hint), p.warning});
    return problems;
  }
  std::optional<Problem> check_serde(const std::string& spec) const override {
    auto made = make_serde(spec, [this](std::string_view name) { return catalog_.serde(name); });
    if (made) return std::nullopt;
    return Problem{pointer_into(spec), 0, 0, made.error().message, made.error().hint};
  }
  std::vector<std::string> plugin_serdes() const override {
    std::vector<std::string> names;
    for (auto& info : catalog_.serdes())
      if (info.plugin != "builtin") names.push_back(std::move(info.name));
    return names;
  }
  std::string where_plugins_are() const override {
    return folder_.empty() ? "the plugin folder ('plugins' in the daemon file, or --plugins DIR)"
                           : "the plugin folder " + folder_;
  }

 private:
  const ProcessorCatalog& catalog_;
  const std::string folder_;
};

// The operator of the file that a node's expressions stand in, or are one of.
GraphProblem operator_of(const Node& node) {
  if (node.derived_for.empty()) return {node.name, "/" + node.operator_name, "", "", 1, 1};
  return {node.derived_for, node.name.ends_with("-group-by") ? "/group_by" : "", "", "", 1, 1};
}

void place_expressions(Topology& topology, const TopologyFile& file, const std::string& filename,
                       std::string_view source) {
  for (auto& node : topology.nodes) {
    if (!node.processor_type.starts_with(builtin_prefix)) continue;
    const auto place = place_of(operator_of(node), file, source);
    node.expressions_at.text = filename + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
  }
}

bool has_error(const std::vector<Diagnostic>& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& d) { return d.severity == Severity::error; });
}

void sort_by_place(std::vector<Diagnostic>& diagnostics) {
  std::stable_sort(diagnostics.begin(), diagnostics.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.file, a.line, a.column) < std::tie(b.file, b.line, b.column);
  });
}

template <typename T>
SpecResult<T> unreadable(const std::string& path, const Error& error) {
  SpecResult<T> result;
  result.diagnostics.push_back({path, 0, 0, Severity::error, "", error.message, error.hint});
  return result;
}

std::string_view without_byte_order_mark(std::string_view text) {
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  return text;
}

}  // namespace

std::string text(const Diagnostic& diagnostic) {
  std::string out = diagnostic.file;
  if (diagnostic.line > 0) out += ":" + std::to_string(diagnostic.line) + ":" + std::to_string(diagnostic.column);
  out += diagnostic.severity == Severity::error ? ": error: " : ": warning: ";
  if (!diagnostic.node.empty()) out += "node '" + diagnostic.node + "': ";
  out += diagnostic.message;
  if (!diagnostic.hint.empty()) out += "\n  hint: " + diagnostic.hint;
  return out;
}

SpecResult<Topology> load_topology_text(std::string_view text, const std::string& filename,
                                        const ProcessorCatalog& catalog, const std::string& plugin_folder) {
  text = without_byte_order_mark(text);
  SpecResult<Topology> result;
  auto root = parse_yaml(text, filename, result.diagnostics);
  if (!root) return result;
  Reader reader(filename, result.diagnostics);
  auto file = read_topology(std::move(root), reader);
  if (file.has_nodes) {
    auto compiled = compile(file.declaration, CatalogTypes(catalog, plugin_folder));
    auto add = [&](const GraphProblem& problem, Severity severity) {
      if (problem.in_script) {
        result.diagnostics.push_back({file.declaration.script.file, static_cast<int>(problem.line),
                                      static_cast<int>(problem.column), severity, "", problem.message, problem.hint});
        return;
      }
      auto place = place_of(problem, file, text);
      result.diagnostics.push_back(
          {filename, place.line, place.column, severity, problem.node, problem.message, problem.hint});
    };
    for (const auto& problem : compiled.problems) add(problem, Severity::error);
    for (const auto& warning : compiled.warnings) add(warning, Severity::warning);
    result.value = std::move(compiled.topology);
    if (result.value) place_expressions(*result.value, file, filename, text);
  }
  if (has_error(result.diagnostics)) result.value.reset();
  sort_by_place(result.diagnostics);
  return result;
}

SpecResult<Topology> load_topology(const std::string& path, const ProcessorCatalog& catalog,
                                   const std::string& plugin_folder) {
  auto content = read_text_file(path, max_file);
  if (!content) return unreadable<Topology>(path, content.error());
  return load_topology_text(*content, path, catalog, plugin_folder);
}

SpecResult<DaemonConfig> load_daemon_text(std::string_view text, const std::string& filename) {
  text = without_byte_order_mark(text);
  SpecResult<DaemonConfig> result;
  auto root = parse_yaml(text, filename, result.diagnostics);
  if (!root) return result;
  Reader reader(filename, result.diagnostics);
  result.value = read_daemon(*root, reader);
  if (has_error(result.diagnostics)) result.value.reset();
  sort_by_place(result.diagnostics);
  return result;
}

SpecResult<DaemonConfig> load_daemon_file(const std::string& path) {
  auto content = read_text_file(path, max_file);
  if (!content) return unreadable<DaemonConfig>(path, content.error());
  return load_daemon_text(*content, path);
}

}  // namespace kstreamd
