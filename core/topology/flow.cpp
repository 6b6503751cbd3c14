#include <algorithm>
#include <set>

#include "core/topology/checker.h"
#include "core/topology/serde_text.h"

namespace kstreamd {
namespace {

bool makes_key(const NodeDeclaration& node) {
  if (node.operator_name == "map") return has_expression(node, "key");
  return node.operator_name == "select_key" || node.operator_name == "flat_map";
}

bool makes_value(const NodeDeclaration& node) {
  const auto& op = node.operator_name;
  if (op == "map") return has_expression(node, "value");
  return op == "map_values" || op == "flat_map_values" || op == "flat_map" || op == "join";
}

bool reads_topic(const std::string& op) { return op == "source" || op == "table" || op == "global_table"; }

// What a serde reads and writes, as far as its name says it.
enum class Content { text, bytes, number, truth, windowed, any };

Content content_of(const std::string& serde) {
  if (serde == "string" || serde == "uuid") return Content::text;
  if (serde == "bytes") return Content::bytes;
  if (serde == "bool") return Content::truth;
  static const std::set<std::string> numbers = {"int16", "int32", "int64", "float32", "float64"};
  if (numbers.count(serde)) return Content::number;
  return serde.starts_with("{\"time_windowed\":") || serde.starts_with("{\"session_windowed\":") ? Content::windowed
                                                                                                 : Content::any;
}

// Whether what one serde reads can be written by another, for all that their names say.
bool may_fit(const std::string& read, const std::string& written) {
  const Content from = content_of(read), to = content_of(written);
  return from == to || from == Content::any || to == Content::any || (from == Content::text && to == Content::bytes);
}

// "node" or "node.OUTPUT" as part of a name.
std::string as_name(std::string reference) {
  std::replace(reference.begin(), reference.end(), '.', '-');
  return reference;
}

}  // namespace

// What an expression made, where nothing else is said.
std::string Checker::made_serde(bool key) const {
  const auto& fallback = key ? declaration_.default_serde.key : declaration_.default_serde.value;
  return fallback.empty() ? "json" : fallback;
}

// All that comes into one input of a node.
Flow Checker::merge_inputs(size_t i, uint32_t input) {
  std::vector<const Flow*> flows;
  for (const auto& in : node(i).inputs) {
    if (in.input != input) continue;
    flows.push_back(&node(in.node).out);
    if (!flows.back()->known) return {};
  }
  if (flows.empty()) return {};
  Flow merged = *flows[0];
  bool mixed_key = false, mixed_value = false;
  for (const auto& in : node(i).inputs) {
    if (in.input != input) continue;
    const Flow& flow = node(in.node).out;
    if (flow.global && !in.lookup && in.pointer != "/join/with") {
      report(i, in.pointer, "'" + declared(in.node).name + "' is a global table: it can only be joined with a stream",
             "join it: join: { with: " + declared(in.node).name + ", key: EXPRESSION, value: EXPRESSION }");
      return {};
    }
    if (flow.table && flows.size() > 1 && declared(i).operator_name != "sink") {
      report(i, "/from", "several inputs are merged as streams, and '" + declared(in.node).name + "' is a table",
             "put a node with to_stream: {} between them");
      return {};
    }
    merged.key_changed = merged.key_changed || flow.key_changed;
    merged.key_typed = merged.key_typed && flow.key_typed;
    merged.value_typed = merged.value_typed && flow.value_typed;
    mixed_key = mixed_key || flow.key_serde != merged.key_serde;
    mixed_value = mixed_value || flow.value_serde != merged.value_serde;
    if (flow.window != merged.window) merged.window = KeyWindow::none;
  }
  if (mixed_key) merged.key_serde = made_serde(true);
  if (mixed_value) merged.value_serde = made_serde(false);
  merged.key_typed = merged.key_typed && !mixed_key;
  merged.value_typed = merged.value_typed && !mixed_value;
  return merged;
}

// The table and stream rules. False: refused.
bool Checker::check_kind(size_t i) {
  const auto& here = declared(i);
  const auto& op = here.operator_name;
  const bool table = node(i).table_in();
  const auto input = here.from.empty() ? "" : here.from[0];
  static const std::set<std::string> streams_only = {"map",    "flat_map", "flat_map_values", "select_key", "merge",
                                                     "branch", "process",  "repartition",     "to_table",   "cogroup"};
  for (const auto& in : node(i).inputs)
    if (node(in.node).out.table && streams_only.count(op)) {
      report(i, in.pointer, "operator '" + op + "' takes a stream, and '" + declared(in.node).name + "' is a table",
             "put a node with to_stream: {} between them");
      return false;
    }
  if (!table && (op == "to_stream" || op == "suppress")) {
    report(i, "/from/0", "operator '" + op + "' takes a table, and '" + input + "' is a stream",
           op == "to_stream" ? "leave this node out: its children can say from: " + input
                             : "suppress what an aggregation or to_table: {} makes of it");
    return false;
  }
  if (op == "suppress" && here.suppress && here.suppress->window_closes &&
      node(i).in[0].flow.window == KeyWindow::none) {
    report(i, "/suppress/until", "'" + input + "' has no windows that close", "say how long: until: 10s");
    return false;
  }
  if (is_aggregation(op) && table) {
    if (!here.group_by) {
      report(i, "/from/0", "operator '" + op + "' of a table needs a new key, and '" + input + "' is a table",
             "add group_by: { key: EXPRESSION, value: EXPRESSION }, or count its changes as a stream: to_stream: {}");
      return false;
    }
    if (here.window) {
      report(i, "/" + op + "/window", "a table has no windows, and '" + input + "' is a table",
             "remove window:, or aggregate its changes as a stream: to_stream: {}");
      return false;
    }
    if (op != "count" && !has_expression(here, "subtract")) {
      report(i, "/" + op,
             "operator '" + op + "' of a table needs 'subtract': a row that changes is taken out of its group",
             "add subtract: EXPRESSION of aggregate and value");
      return false;
    }
  } else if (is_aggregation(op)) {
    if (here.group_by && here.group_by->value) {
      report(i, "/group_by/value", "a stream is grouped by its key alone, and '" + input + "' is a stream",
             "write group_by: EXPRESSION; a map_values before it makes another value");
      return false;
    }
    if (has_expression(here, "subtract")) {
      report(i, "/" + op + "/subtract", "subtract is for tables, and '" + input + "' is a stream",
             "remove it: nothing is taken out of what a stream adds up");
      return false;
    }
  }
  if (!table && !here.stores.empty() && (op == "filter" || op == "filter_not" || op == "map_values")) {
    report(i, "/store", "store is for tables, and '" + input + "' is a stream", "remove it: a stream keeps no rows");
    return false;
  }
  return op != "join" || check_join(i);
}

bool Checker::check_join(size_t i) {
  const auto& join = *declared(i).join;
  const Flow &left = node(i).in[0].flow, &right = node(i).in[1].flow;
  const bool streams = !left.table && !right.table && !right.global;
  const bool foreign = has_expression(declared(i), "foreign_key");
  auto refuse = [&](const std::string& part, const std::string& message, const std::string& hint) {
    report(i, "/join" + part, message, hint);
    return false;
  };
  if (left.table && right.global)
    return refuse("/with",
                  "'" + join.with + "' is a global table: it is joined with a stream, and '" + declared(i).from[0] +
                      "' is a table",
                  "put a node with to_stream: {} before the join");
  if (left.table && !right.table)
    return refuse("/with", "a table is joined with a table, and '" + join.with + "' is a stream",
                  "join the stream with the table: from: " + join.with + ", with: " + declared(i).from[0]);
  if (streams && !join.before)
    return refuse("", "two streams are joined within a time, and none is given",
                  "add within: 10m, or within: { before: 0s, after: 10m }");
  if (!streams && join.before)
    return refuse("/within", "within is for two streams, and '" + join.with + "' is a table", "remove it");
  if (!has_expression(declared(i), "value"))
    return refuse("", "the join says no value", "add value: EXPRESSION of left and right");
  if (right.global != has_expression(declared(i), "key"))
    return refuse(
        right.global ? "" : "/key",
        right.global ? "a join with a global table needs the key to look up" : "key is for joins with a global table",
        right.global ? "add key: EXPRESSION of the stream's record" : "remove it: rows of equal keys are joined");
  if (foreign && !(left.table && right.table))
    return refuse("/foreign_key", "foreign_key is for two tables", "remove it");
  if ((join.type == JoinType::outer || join.type == JoinType::right) && (foreign || (!streams && !left.table)))
    return refuse("/type",
                  std::string(join.type == JoinType::outer ? "an outer" : "a right") +
                      " join is for two streams, or two tables without foreign key",
                  "say inner or left");
  if (!declared(i).stores.empty() && !left.table)
    return refuse("/store", "store is for two tables, and '" + declared(i).from[0] + "' is a stream",
                  "remove it: what comes out of this join is a stream, which keeps no rows");
  if (join.grace && !streams && !(right.table && !left.table && right.versioned))
    return refuse("/grace", "grace is for two streams, or a stream and a versioned table",
                  !left.table && right.table ? "make the table's store versioned: stores: " + join.with +
                                                   "-store: { type: versioned, retention: 1h }"
                                             : "remove it");
  return true;
}

// Records of one key have to meet in one task: where keys were made anew on the way, they go through a topic.
void Checker::repartition(size_t i) {
  const auto& here = declared(i);
  const auto& op = here.operator_name;
  auto& in = node(i).in;
  auto need = [](InputFlow& input, const std::string& name) {
    if (input.flow.key_changed) input.repartition = name;
  };
  if (op == "repartition") in[0].repartition = here.name;
  if (op == "to_table") need(in[0], here.name);
  if (is_aggregation(op))
    for (size_t k = 0; k < in.size(); ++k)
      if (here.group_by || in[k].flow.key_changed)
        in[k].repartition = op == "cogroup" ? here.name + "-" + as_name(here.from[k]) : here.name;
  if (op != "join" || in[0].flow.table || in[1].flow.global) return;
  if (in[1].flow.table) return need(in[0], here.name);
  need(in[0], here.name + "-left");
  need(in[1], here.name + "-right");
}

// Keys that cross a topic are read again.
void Checker::check_sizes(size_t i) {
  if (declared(i).group_by) return;
  for (const auto& input : node(i).inputs)
    if (!node(i).in[input.input].repartition.empty() && is_sizeless(node(i).in[input.input].flow.key_serde))
      report(i, input.pointer,
             "the keys of '" + declared(input.node).name + "' go through a topic as " +
                 serde_text(node(i).in[input.input].flow.key_serde) + ", whose bytes do not say where a window ends",
             "say it at '" + declared(input.node).name + "': serde: { key: { time_windowed: SERDE, size: 30s } }");
}

// A key or value that stays as it came has to fit the serde that the node names.
void Checker::check_fit(size_t i, Flow& out) {
  const auto& in = node(i).in[0].flow;
  for (const bool key : {true, false}) {
    bool& typed = key ? out.key_typed : out.value_typed;
    const auto& known = key ? in.key_serde : in.value_serde;
    const auto& named = key ? out.key_serde : out.value_serde;
    if (!typed || may_fit(known, named)) {
      typed = typed && content_of(known) == content_of(named);
      continue;
    }
    const auto& own = declared(i).serde;
    const std::string part = key ? "key" : "value";
    const std::string place = declared(i).operator_name == "sink" ? "/sink" : "/serde";
    report(i, (key ? own.key : own.value).empty() ? "" : place + "/" + part,
           "the " + part + " comes as " + serde_text(known) + " from '" + declared(node(i).inputs[0].node).name +
               "', and cannot be written as " + serde_text(named),
           "name the serde that it has, or make another " + part + " of it: map: { " + part + ": EXPRESSION }");
  }
}

// The table of an aggregation.
Flow Checker::aggregated(size_t i) {
  const auto& here = declared(i);
  const Flow& in = node(i).in[0].flow;
  Flow out;
  out.known = out.table = true;
  out.key_typed = here.window || (in.key_typed && !here.group_by);
  out.value_typed = here.operator_name == "count";
  out.key_serde = here.group_by ? made_serde(true) : in.key_serde;
  if (!here.serde.key.empty()) out.key_serde = here.serde.key;
  if (here.operator_name == "count") {
    out.value_serde = "int64";
  } else if (here.operator_name == "reduce") {
    out.value_serde = here.group_by && here.group_by->value ? made_serde(false) : in.value_serde;
  } else {
    out.value_serde = here.result_serde.empty() ? made_serde(false) : here.result_serde;
  }
  // Of a regrouped table `serde` says how the new value crosses the topic, and with it what reduce makes of it.
  const bool of_result = here.result_serde.empty() && (!in.table || here.operator_name == "reduce");
  if (!here.serde.value.empty() && of_result) out.value_serde = here.serde.value;
  if (const auto* store = here.stores.empty() ? nullptr : entry(here.stores[0])) {
    if (!store->serde.key.empty()) out.key_serde = store->serde.key;
    if (!store->serde.value.empty()) out.value_serde = store->serde.value;
    out.versioned = !here.window && store->type == "versioned";
  }
  if (!here.window) return out;
  const bool session = here.window->kind == Window::Kind::session;
  out.window = session ? KeyWindow::session : KeyWindow::time;
  out.closes_after = here.window->grace + (session ? here.window->size : std::chrono::milliseconds(0));
  out.key_serde = windowed_serde(out.key_serde, out.window, here.window->size);
  return out;
}

Flow Checker::joined(size_t i) {
  const Flow &left = node(i).in[0].flow, &right = node(i).in[1].flow;
  Flow out = left;
  out.table = left.table && right.table;
  out.versioned = out.value_typed = false;
  out.key_changed = left.key_changed && right.global;
  out.value_serde = made_serde(false);
  return out;
}

// What comes out of a node by its operator and `serde`.
Flow Checker::output_of(size_t i) {
  const auto& here = declared(i);
  const auto& op = here.operator_name;
  if (is_aggregation(op)) return aggregated(i);
  Flow out = op == "join" ? joined(i) : node(i).in[0].flow;
  if (makes_key(here)) {
    out.key_serde = made_serde(true);
    out.window = KeyWindow::none;
  }
  if (makes_value(here) && op != "join") out.value_serde = made_serde(false);
  out.key_typed = out.key_typed && !makes_key(here) && op != "process";
  out.value_typed = out.value_typed && !makes_value(here) && op != "process";
  out.key_changed = out.key_changed || makes_key(here) || op == "process";
  if (op == "repartition" || op == "to_table") out.key_changed = false;
  if (op == "to_stream") out.table = out.versioned = false;
  if (op == "to_table") out.table = true;
  if (op == "sink") {
    out.table = false;
    out.key_serde = declaration_.default_serde.key;
    out.value_serde = declaration_.default_serde.value;
  }
  if (!here.serde.key.empty())
    out.key_serde = op == "sink" ? here.serde.key : with_size_of(here.serde.key, node(i).in[0].flow.key_serde);
  if (!here.serde.value.empty()) out.value_serde = here.serde.value;
  check_fit(i, out);
  if (out.table && !here.stores.empty()) {
    const auto* store = entry(here.stores[0]);
    out.versioned = store && store->type == "versioned";
  }
  return out;
}

void Checker::infer(size_t i) {
  const auto& here = declared(i);
  const auto& op = here.operator_name;
  if (node(i).broken || node(i).unresolved) return;
  if (reads_topic(op)) {
    Flow out;
    out.known = out.key_typed = out.value_typed = true;
    out.table = op != "source";
    out.global = op == "global_table";
    out.key_serde = here.serde.key.empty() ? declaration_.default_serde.key : here.serde.key;
    out.value_serde = here.serde.value.empty() ? declaration_.default_serde.value : here.serde.value;
    if (op == "table" && !here.stores.empty()) {
      const auto* store = entry(here.stores[0]);
      out.versioned = store && store->type == "versioned";
    }
    node(i).out = out;
    return;
  }
  uint32_t inputs = 0;
  for (const auto& in : node(i).inputs) inputs = std::max(inputs, in.input + 1);
  for (uint32_t k = 0; k < inputs; ++k) {
    node(i).in.push_back({merge_inputs(i, k), ""});
    if (!node(i).in.back().flow.known) {
      node(i).in.clear();
      return;
    }
  }
  if (node(i).in.size() < (op == "join" ? 2 : 1) || !check_kind(i)) {
    node(i).in.clear();
    return;
  }
  if (op == "join" && node(i).in[1].flow.table && !node(i).in[0].flow.table)
    for (auto& in : node(i).inputs) in.lookup = in.input == 1;
  repartition(i);
  check_sizes(i);
  node(i).out = output_of(i);
}

}  // namespace kstreamd
