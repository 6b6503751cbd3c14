#include <algorithm>
#include <cstdint>

#include "core/topology/analysis.h"
#include "core/topology/json_text.h"

namespace kstreamd {
namespace {

using std::chrono::milliseconds;

// Collects the fields of a JSON object.
class Fields {
 public:
  Fields& text(std::string_view name, std::string_view text) { return raw(name, quote_json(text)); }
  Fields& number(std::string_view name, int64_t number) { return raw(name, std::to_string(number)); }
  Fields& time(std::string_view name, milliseconds time) { return number(name, time.count()); }
  Fields& flag(std::string_view name, bool set) { return set ? raw(name, "true") : *this; }
  Fields& raw(std::string_view name, const std::string& json) {
    if (!out_.empty()) out_ += ',';
    out_ += quote_json(name) + ":" + json;
    return *this;
  }
  // Fields that were written elsewhere.
  Fields& more(const std::string& fields) {
    if (!out_.empty() && !fields.empty()) out_ += ',';
    out_ += fields;
    return *this;
  }
  std::string object() const { return "{" + out_ + "}"; }

 private:
  std::string out_;
};

bool is_table_operator(const std::string& op) { return op == "filter" || op == "filter_not" || op == "map_values"; }

std::string branch_config(const NodeDeclaration& node) {
  std::string list;
  for (const auto& branch : node.expressions) {
    if (!list.empty()) list += ',';
    list += "{\"name\":" + quote_json(branch.name);
    if (!branch.text.empty()) list += ",\"expr\":" + quote_json(branch.text);
    list += '}';
  }
  return "{\"branches\":[" + list + "]}";
}

const std::string* expression(const NodeDeclaration& node, const std::string& name) {
  for (const auto& e : node.expressions)
    if (e.name == name) return &e.text;
  return nullptr;
}

std::string window_config(const Window& window) {
  static constexpr const char* kinds[] = {"tumbling", "hopping", "sliding", "session"};
  Fields fields;
  fields.text("kind", kinds[static_cast<size_t>(window.kind)]).time("size", window.size);
  if (window.kind == Window::Kind::hopping || window.kind == Window::Kind::tumbling)
    fields.time("advance", window.kind == Window::Kind::hopping ? window.advance : window.size);
  return fields.time("grace", window.grace).time("retention", window.kept()).object();
}

// What an operator that makes a table, and need not keep its rows, is told about it.
Fields& table_fields(Fields& fields, const NodeAnalysis& analysis) {
  fields.flag("stored", analysis.keeps_rows && !analysis.out.global);
  fields.flag("versioned", analysis.versioned_rows);
  return fields.flag("changes", analysis.sends_changes);
}

std::string aggregation_config(const Declaration& declaration, const NodeDeclaration& node,
                               const NodeAnalysis& analysis) {
  Fields fields;
  if (node.window) fields.text("operation", node.operator_name);
  for (const char* name : {"init", "merge", "subtract"})
    if (const auto* text = expression(node, name)) fields.text(name, *text);
  if (node.operator_name == "cogroup") {
    std::string list;
    for (const auto& from : node.from) {
      const auto* text = expression(node, "add/" + from);
      list += (list.empty() ? "" : ",") + quote_json(text ? *text : "");
    }
    fields.raw("add", "[" + list + "]");
  } else if (const auto* text = expression(node, "add")) {
    fields.text("add", *text);
  }
  if (node.window) fields.raw("window", window_config(*node.window));
  if (node.emit == Emit::on_window_close) {
    fields.text("emit", "on_window_close");
    if (declaration.emit_interval.count() > 0) fields.time("emit_interval", declaration.emit_interval);
  }
  fields.flag("per_commit", node.emit == Emit::per_commit);
  return fields.flag("versioned", analysis.versioned_rows).flag("changes", analysis.sends_changes).object();
}

std::string join_config(const Declaration& declaration, const NodeDeclaration& node, const NodeAnalysis& analysis) {
  static constexpr const char* types[] = {"inner", "left", "outer", "right"};
  const auto& join = *node.join;
  Fields fields;
  fields.text("type", types[static_cast<size_t>(join.type)]);
  const bool foreign = is_foreign_key_join(node);
  for (const auto& e : node.expressions)
    if (e.name != "foreign_key") fields.text(e.name, e.text);
  if (foreign) {
    fields.text("left_value", analysis.in[0].flow.value_serde).text("right_value", analysis.in[1].flow.value_serde);
    if (!analysis.sides[0].view.empty()) fields.raw("view", analysis.sides[0].view);
  }
  if (join.before) fields.time("before", *join.before).time("after", *join.after);
  const bool streams = join.before.has_value();
  if (join.grace || streams) fields.time("grace", join.grace.value_or(milliseconds(0)));
  if (streams && join.type != JoinType::inner && declaration.emit_interval.count() > 0)
    fields.time("emit_interval", declaration.emit_interval);
  // What waits in the buffer is kept as Kafka Streams keeps it.
  if (join.grace && !streams)
    fields.text("key_serde", analysis.in[0].flow.key_serde).text("value_serde", analysis.in[0].flow.value_serde);
  return table_fields(fields.more(analysis.views), analysis).object();
}

std::string suppress_config(const NodeDeclaration& node, const NodeAnalysis& analysis) {
  const auto& suppress = *node.suppress;
  Fields fields;
  if (suppress.window_closes)
    fields.time("closes_after", analysis.in[0].flow.closes_after);
  else
    fields.time("time_limit", suppress.time_limit);
  if (suppress.max_records) fields.number("max_records", static_cast<int64_t>(*suppress.max_records));
  if (suppress.max_bytes) fields.number("max_bytes", static_cast<int64_t>(*suppress.max_bytes));
  return table_fields(fields.flag("stop_when_full", suppress.stop_when_full), analysis).object();
}

std::string join_type(const NodeDeclaration& node, const NodeAnalysis& analysis) {
  if (is_foreign_key_join(node)) return "kstreamd.foreign_key_join";
  const Flow &left = analysis.in[0].flow, &right = analysis.in[1].flow;
  if (right.global) return "kstreamd.global_join";
  if (!right.table) return "kstreamd.stream_join";
  return left.table ? "kstreamd.table_join" : "kstreamd.stream_table_join";
}

std::string windowed_type(const Window& window) {
  switch (window.kind) {
    case Window::Kind::sliding:
      return "kstreamd.sliding_windows";
    case Window::Kind::session:
      return "kstreamd.session_windows";
    default:
      return "kstreamd.time_windows";
  }
}

std::string operator_config(const Declaration& declaration, const NodeDeclaration& node, const NodeAnalysis& analysis) {
  const auto& op = node.operator_name;
  if (op == "branch") return branch_config(node);
  if (is_aggregation(op)) return aggregation_config(declaration, node, analysis);
  if (op == "join") return join_config(declaration, node, analysis);
  if (op == "suppress") return analysis.in.empty() ? "{}" : suppress_config(node, analysis);
  Fields fields;
  if (op != "table")  // its timestamp is the business of the source that it derives
    for (const auto& e : node.expressions) fields.text(e.name.empty() ? "expr" : e.name, e.text);
  if (op == "filter" || op == "filter_not") fields.flag("of_versions", analysis.passes_all);
  return table_fields(fields, analysis).object();
}

}  // namespace

std::string with_script(std::string config, const Declaration& declaration, bool has_expressions) {
  if (!has_expressions || declaration.script.text.empty()) return config;
  config.pop_back();
  return config + (config.size() > 1 ? ",\"script\":" : "\"script\":") + quote_json(declaration.script.text) + "}";
}

std::string processor_type(const NodeDeclaration& node, const NodeAnalysis& analysis) {
  const auto& op = node.operator_name;
  if (op == "process") return node.process_type;
  // Only their expressions have to be checked and evaluated.
  if (op == "source" || op == "global_table") return node.expressions.empty() ? "" : "kstreamd.source_timestamp";
  if (op == "sink") return node.expressions.empty() ? "" : "kstreamd.sink_fields";
  if (op == "table" || op == "to_table") return "kstreamd.table";
  if (op == "repartition") return "kstreamd.merge";
  if (op == "join") return analysis.in.size() < 2 ? "" : join_type(node, analysis);
  if (is_aggregation(op) && node.window) return windowed_type(*node.window);
  const bool table = analysis.table_in();
  if (table && (is_table_operator(op) || is_aggregation(op))) return "kstreamd.table_" + op;
  return "kstreamd." + op;
}

std::string processor_config(const Declaration& declaration, const NodeDeclaration& node,
                             const NodeAnalysis& analysis) {
  if (node.operator_name == "process") return node.config;
  const bool evaluates = !node.expressions.empty() && node.operator_name != "table";
  return with_script(operator_config(declaration, node, analysis), declaration, evaluates);
}

std::string group_by_type(const NodeAnalysis& analysis) {
  return analysis.table_in() ? "kstreamd.table_group_by" : "kstreamd.select_key";
}

std::string group_by_config(const Declaration& declaration, const NodeDeclaration& node) {
  const auto& group_by = *node.group_by;
  const auto config = group_by.value ? Fields().text("key", group_by.key).text("value", *group_by.value).object()
                                     : Fields().text("expr", group_by.key).object();
  return with_script(config, declaration, true);
}

std::string declared_pointer(const NodeDeclaration& node, const std::string& pointer) {
  const auto& op = node.operator_name;
  if (op == "process") return "/config" + pointer;
  const bool one_expression = node.expressions.size() == 1 && node.expressions[0].name.empty();
  if (one_expression) return "/" + op;
  // An item of a list, by the name that the file gives it.
  auto item = [&](std::string_view list) {
    size_t index = 0;
    for (size_t at = list.size(); at < pointer.size() && pointer[at] >= '0' && pointer[at] <= '9' && index < 100000;
         ++at)
      index = index * 10 + static_cast<size_t>(pointer[at] - '0');
    return index;
  };
  if (op == "branch" && pointer.starts_with("/branches/")) {
    const size_t index = item("/branches/");
    return index < node.expressions.size() ? "/branch/" + node.expressions[index].name : "/branch";
  }
  if (op == "cogroup" && pointer.starts_with("/add/")) {
    const size_t index = item("/add/");
    return index < node.from.size() ? "/cogroup/add/" + node.from[index] : "/cogroup/add";
  }
  return "/" + op + pointer;
}

}  // namespace kstreamd
