#include <algorithm>
#include <map>
#include <set>

#include "core/topology/analysis.h"
#include "core/topology/serde_check.h"
#include "core/topology/suggest.h"

namespace kstreamd {
namespace {

constexpr size_t max_topic_name = 249;
constexpr size_t max_nodes = 2000;

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

bool makes_key(const NodeDeclaration& node) {
  if (node.operator_name == "map")
    return std::any_of(node.expressions.begin(), node.expressions.end(), [](auto& e) { return e.name == "key"; });
  return node.operator_name == "select_key" || node.operator_name == "flat_map";
}

bool makes_value(const NodeDeclaration& node) {
  if (node.operator_name == "map")
    return std::any_of(node.expressions.begin(), node.expressions.end(), [](auto& e) { return e.name == "value"; });
  return node.operator_name == "map_values" || node.operator_name == "flat_map_values" ||
         node.operator_name == "flat_map";
}

// Goes over a declaration once, in passes that each build on the last; every pass reports all it finds.
class Checker {
 public:
  Checker(const Declaration& declaration, const ProcessorTypes& types)
      : declaration_(declaration), types_(types), serdes_(available_serdes()) {
    for (auto& name : types.plugin_serdes()) serdes_.push_back(std::move(name));
  }

  Analysis run() {
    if (declaration_.nodes.size() > max_nodes) {
      report_topology("/nodes", "the topology has more than " + std::to_string(max_nodes) + " nodes", "split it");
      return std::move(result_);
    }
    result_.nodes.resize(declaration_.nodes.size());
    check_topology();
    for (size_t i = 0; i < declaration_.nodes.size(); ++i) check_operator(i);
    for (size_t i = 0; i < declaration_.nodes.size(); ++i) resolve_inputs(i);
    sort_nodes();
    for (int i : result_.order) infer(i);
    for (size_t i = 0; i < declaration_.nodes.size(); ++i) {
      check_serdes(i);
      check_configuration(i);
    }
    check_stores();
    check_topics();
    return std::move(result_);
  }

 private:
  const NodeDeclaration& declared(size_t i) const { return declaration_.nodes[i]; }
  NodeAnalysis& node(size_t i) { return result_.nodes[i]; }

  void report(size_t i, std::string pointer, std::string message, std::string hint) {
    result_.problems.push_back({declared(i).name, std::move(pointer), std::move(message), std::move(hint)});
  }
  void report_topology(std::string pointer, std::string message, std::string hint) {
    result_.problems.push_back({"", std::move(pointer), std::move(message), std::move(hint)});
  }

  void check_topology();
  void check_dead_letters();
  void check_operator(size_t i);
  void check_branches(size_t i);
  void check_process(size_t i);
  void check_store_kind(size_t i, const std::string& pointer, const std::string& whose, const std::string& store,
                        StoreKind needed);
  void resolve_inputs(size_t i);
  void resolve_input(size_t i, size_t position);
  void sort_nodes();
  void report_cycle(const std::vector<bool>& done);
  Flow merge_inputs(size_t i);
  void infer(size_t i);
  bool check_kind(size_t i);
  void check_serdes(size_t i);
  void check_serde(const std::string& node, const std::string& pointer, const std::string& serde);
  void check_configuration(size_t i);
  void check_config(size_t i, const std::string& type, const std::string& config, bool group_by);
  std::string declared_pointer(size_t i, const std::string& pointer) const;
  void check_stores();
  void check_topics();

  const Declaration& declaration_;
  const ProcessorTypes& types_;
  std::vector<std::string> serdes_;  // names of all that there are
  std::map<std::string, int> by_name_;
  std::set<int> in_cycle_;
  Analysis result_;
};

void Checker::check_topology() {
  const auto& name = declaration_.name;
  if (name.empty())
    report_topology("", "the topology has no name",
                    "add name: NAME; it is the consumer group and the prefix of the internal topics");
  else if (!legal_topic(name) || name.size() > 150)
    report_topology("/name", "'" + name + "' cannot be the name of a topology",
                    "internal topics start with it: use letters, digits, '.', '_' and '-', at most 150 of them");
  if (declaration_.nodes.empty())
    report_topology("/nodes", "the topology has no nodes", "add at least one source under nodes:");
  std::vector<std::string> derived;
  for (size_t i = 0; i < declaration_.nodes.size(); ++i) {
    const auto& node_name = declared(i).name;
    node(i).broken = declared(i).broken;
    if (!made_of(node_name, "_-") || node_name.size() > 90) {
      node(i).broken = true;
      report(i, "", "'" + node_name + "' cannot be the name of a node",
             "use letters, digits, '_' and '-', at most 90 of them");
    }
    if (!by_name_.emplace(node_name, static_cast<int>(i)).second)
      report(i, "", "the name is used twice", "names are identities: give this node another one");
  }
  check_dead_letters();
}

void Checker::check_dead_letters() {
  if (!declaration_.dead_letter_topic.empty()) return;
  constexpr auto dead_letter = ErrorAction::dead_letter;
  static const std::string message = "dead_letter needs a topic to send to, and the topology names none";
  static const std::string hint = "add dead_letter_topic: TOPIC to the topology";
  const auto& policy = declaration_.on_error;
  if (policy.deserialization == dead_letter || policy.processing == dead_letter || policy.production == dead_letter)
    report_topology("/on_error", message, hint);
  for (size_t i = 0; i < declaration_.nodes.size(); ++i) {
    const auto& own = declared(i).on_error;
    if (own.deserialization == dead_letter || own.processing == dead_letter || own.production == dead_letter)
      report(i, "/on_error", message, hint);
  }
}

void Checker::check_operator(size_t i) {
  const auto& name = declared(i).operator_name;
  if (contains(later_operators(), name)) {
    node(i).broken = true;
    report(i, "/" + name, "operator '" + name + "' is not available in this version",
           "this version runs " + join_names(available_operators()));
  } else if (!declared(i).broken && !contains(available_operators(), name)) {
    node(i).broken = true;
    report(i, "", "unknown operator '" + name + "'",
           did_you_mean(name, available_operators(), "use one of " + join_names(available_operators())));
  }
  if (node(i).broken) node(i).outputs_known = false;
  if (declared(i).group_by && !node(i).broken && name != "count")
    report(i, "/group_by", "group_by needs an aggregating operator, and '" + name + "' is none",
           "use it with count; select_key changes the key of a stream");
  if (name == "branch") check_branches(i);
  if (name == "process" && !node(i).broken) check_process(i);
}

void Checker::check_branches(size_t i) {
  const auto& branches = declared(i).expressions;
  std::set<std::string> seen;
  for (size_t b = 0; b < branches.size(); ++b) {
    const auto& branch = branches[b];
    node(i).outputs.push_back(branch.name);
    if (!made_of(branch.name, "_-"))
      report(i, "/branch", "'" + branch.name + "' cannot be the name of a branch", "use letters, digits, '_' and '-'");
    else if (!seen.insert(branch.name).second)
      report(i, "/branch/" + branch.name, "two branches have the name '" + branch.name + "'",
             "give one of them another name");
    if (branch.text.empty() && b + 1 < branches.size())
      report(i, "/branch/" + branch.name, "the default branch is not the last one",
             "branches are tried in the order of the file: move the default to the end");
  }
  if (branches.empty() && !node(i).broken)
    report(i, "/branch", "the node has no branches", "write branch: { NAME: EXPRESSION, ..., NAME: default }");
}

void Checker::check_process(size_t i) {
  const auto& type = declared(i).process_type;
  auto shape = types_.shape(type);
  if (!shape) {
    node(i).outputs_known = false;
    auto where = types_.where_plugins_are();
    auto near = nearest(type, types_.names());
    report(i, "/process", "plugin not found: no plugin has a processor type '" + type + "'",
           near.empty() ? "put the plugin's .so into " + where + "; 'kstreamd plugins' lists what is there"
                        : "did you mean '" + near + "'? Plugins are loaded from " + where);
    return;
  }
  node(i).outputs = shape->outputs;
  auto given = declared(i).stores.size(), needed = shape->stores.size();
  if (given != needed)
    report(i, "/stores",
           "processor '" + type + "' needs " + std::to_string(needed) + (needed == 1 ? " store, " : " stores, ") +
               std::to_string(given) + (given == 1 ? " is named" : " are named"),
           needed == 0 ? "leave stores: out" : "name them in the plugin's order: stores: [NAME, ...]");
  for (size_t s = 0; s < std::min(given, needed); ++s) {
    const auto& need = shape->stores[s];
    check_store_kind(i, "/stores/" + std::to_string(s),
                     "store " + std::to_string(s + 1) + " of processor '" + type + "'" +
                         (need.purpose.empty() ? "" : " (" + need.purpose + ")"),
                     declared(i).stores[s], need.kind);
  }
  if (declared(i).max_in_flight && !shape->asynchronous)
    report(i, "/max_in_flight", "processor '" + type + "' finishes each record at once: it never has records in flight",
           "leave max_in_flight: out; it is for processors that finish records later");
}

// `whose` is what needs a store of that kind.
void Checker::check_store_kind(size_t i, const std::string& pointer, const std::string& whose, const std::string& store,
                               StoreKind needed) {
  auto entry = std::find_if(declaration_.stores.begin(), declaration_.stores.end(),
                            [&](const StoreDeclaration& s) { return s.name == store; });
  const auto type = entry == declaration_.stores.end() ? StoreDeclaration().type : entry->type;
  if (needed == StoreKind::any || type.empty() || kind_of(type) == needed) return;
  static const std::map<StoreKind, std::pair<std::string, std::string>> kinds = {
      {StoreKind::key_value, {"key-value", "timestamped"}},
      {StoreKind::window, {"window", "window, size: 5m, retention: 1h"}},
      {StoreKind::session, {"session", "session, retention: 1d"}},
      {StoreKind::versioned, {"versioned", "versioned, retention: 1d"}}};
  const auto& [kind, example] = kinds.at(needed);
  report(i, pointer,
         whose + " must be a " + kind + " store; '" + store + "' is " +
             (kind_of(type) == StoreKind::key_value ? type : "a " + type + " store"),
         "name another store, or say under stores: " + store + ": { type: " + example + " }");
}

void Checker::resolve_inputs(size_t i) {
  const auto& op = declared(i).operator_name;
  const auto& from = declared(i).from;
  if (op == "source" && !from.empty()) {
    report(i, "/from", "a source has no input: it reads its topic", "remove from:");
    return;
  }
  if (op != "source" && from.empty() && !node(i).broken) {
    report(i, "",
           (op == "sink" ? "a sink" : "operator '" + op + "'") + std::string(" needs an input, and this node has none"),
           "add from: NODE");
    node(i).unresolved = true;
    return;
  }
  std::set<std::string> seen;
  for (size_t position = 0; position < from.size(); ++position) {
    if (!seen.insert(from[position]).second)
      report(i, "/from/" + std::to_string(position), "'" + from[position] + "' is named twice as input",
             "remove one of the two");
    else
      resolve_input(i, position);
  }
}

void Checker::resolve_input(size_t i, size_t position) {
  const auto& reference = declared(i).from[position];
  auto pointer = "/from/" + std::to_string(position);
  auto dot = reference.find('.');
  auto name = reference.substr(0, dot);
  auto found = by_name_.find(name);
  if (found == by_name_.end()) {
    std::vector<std::string> names;
    for (const auto& n : declaration_.nodes) names.push_back(n.name);
    report(i, pointer, "unknown node '" + name + "'",
           did_you_mean(name, names, "the nodes of this file are " + join_names(names)));
    node(i).unresolved = true;
    return;
  }
  auto& parent = node(found->second);
  InputRef input{found->second, 0, static_cast<int>(position)};
  if (declared(found->second).operator_name == "sink") {
    report(i, pointer, "'" + name + "' is a sink: nothing comes out of it", "read from the sink's own input");
    node(i).unresolved = true;
    return;
  }
  if (parent.outputs_known) {
    auto output = dot == std::string::npos ? "" : reference.substr(dot + 1);
    auto at = std::find(parent.outputs.begin(), parent.outputs.end(), output);
    bool unnamed = parent.outputs.empty() && dot == std::string::npos;
    if (!unnamed && at == parent.outputs.end()) {
      std::vector<std::string> full;
      for (const auto& o : parent.outputs) full.push_back(name + "." + o);
      if (dot == std::string::npos)
        report(i, pointer, "node '" + name + "' has several outputs, and none is named", "say " + join_names(full));
      else
        report(i, pointer, "node '" + name + "' has no output '" + output + "'",
               full.empty() ? "say '" + name + "'" : did_you_mean(reference, full, "say " + join_names(full)));
      node(i).unresolved = true;
      return;
    }
    if (!unnamed) input.output = static_cast<int>(at - parent.outputs.begin());
  }
  node(i).inputs.push_back(input);
}

// Kahn's algorithm, first in the file first; what is left when nothing is free is a cycle or behind one.
void Checker::sort_nodes() {
  std::vector<bool> done(declaration_.nodes.size());
  for (size_t left = done.size(); left > 0;) {
    size_t before = left;
    for (size_t i = 0; i < done.size(); ++i) {
      if (done[i]) continue;
      const auto& inputs = node(i).inputs;
      if (!std::all_of(inputs.begin(), inputs.end(), [&](auto& in) { return done[in.node]; })) continue;
      done[i] = true;
      if (!in_cycle_.count(static_cast<int>(i))) result_.order.push_back(static_cast<int>(i));
      --left;
      break;
    }
    if (left < before) continue;
    report_cycle(done);
    // Behind the cycle goes on, as unknown; so that further cycles are found.
    for (int member : in_cycle_)
      if (!done[member]) {
        done[member] = true;
        --left;
      }
  }
}

void Checker::report_cycle(const std::vector<bool>& done) {
  // Walking backwards through what is not done has to come back to where it was.
  int at = static_cast<int>(std::find(done.begin(), done.end(), false) - done.begin());
  std::vector<int> path;
  while (std::find(path.begin(), path.end(), at) == path.end()) {
    path.push_back(at);
    for (const auto& input : node(at).inputs)
      if (!done[input.node]) {
        at = input.node;
        break;
      }
  }
  path.erase(path.begin(), std::find(path.begin(), path.end(), at));
  std::reverse(path.begin(), path.end());  // now in the direction of the records
  std::rotate(path.begin(), std::min_element(path.begin(), path.end()), path.end());
  in_cycle_.insert(path.begin(), path.end());
  std::string text;
  for (int member : path) text += declared(member).name + " -> ";
  int position = 0;
  for (const auto& input : node(path[0]).inputs)
    if (input.node == path.back()) position = input.position;
  report(path[0], "/from/" + std::to_string(position), "a cycle: " + text + declared(path[0]).name,
         "records flow one way: take one of these inputs out");
}

Flow Checker::merge_inputs(size_t i) {
  const auto& inputs = node(i).inputs;
  if (inputs.empty()) return {};
  Flow in = node(inputs[0].node).out;
  bool mixed_key = false, mixed_value = false;
  for (const auto& input : inputs) {
    const auto& flow = node(input.node).out;
    if (!flow.known) return {};
    if (flow.table && inputs.size() > 1 && declared(i).operator_name != "sink") {
      report(i, "/from", "several inputs are merged as streams, and '" + declared(input.node).name + "' is a table",
             "put a node with to_stream: {} between them");
      return {};
    }
    in.key_changed = in.key_changed || flow.key_changed;
    mixed_key = mixed_key || flow.key_serde != in.key_serde;
    mixed_value = mixed_value || flow.value_serde != in.value_serde;
  }
  const auto& fallback = declaration_.default_serde;
  if (mixed_key) in.key_serde = fallback.key.empty() ? "json" : fallback.key;
  if (mixed_value) in.value_serde = fallback.value.empty() ? "json" : fallback.value;
  return in;
}

// The table and stream rules. False: refused.
bool Checker::check_kind(size_t i) {
  const auto& op = declared(i).operator_name;
  const auto& in = node(i).in;
  auto input = declared(i).from.empty() ? "" : declared(i).from[0];
  static const std::set<std::string> streams_only = {"map",   "flat_map", "flat_map_values", "select_key",
                                                     "merge", "branch",   "process"};
  if (in.table && streams_only.count(op)) {
    report(i, "/from/0", "operator '" + op + "' takes a stream, and '" + input + "' is a table",
           "put a node with to_stream: {} between them");
    return false;
  }
  if (in.table && op == "count") {
    report(i, "/from/0", "counting a table is not available in this version, and '" + input + "' is a table",
           "count its changes as a stream: put a node with to_stream: {} between them");
    return false;
  }
  if (!in.table && op == "to_stream") {
    report(i, "/from/0", "operator 'to_stream' takes a table, and '" + input + "' is a stream",
           "leave this node out: its children can say from: " + input);
    return false;
  }
  return true;
}

void Checker::infer(size_t i) {
  const auto& declared_node = declared(i);
  const auto& op = declared_node.operator_name;
  auto& here = node(i);
  if (here.broken || here.unresolved) return;
  Flow out;
  if (op == "source") {
    out.key_serde = declared_node.serde.key.empty() ? declaration_.default_serde.key : declared_node.serde.key;
    out.value_serde = declared_node.serde.value.empty() ? declaration_.default_serde.value : declared_node.serde.value;
    out.known = true;
    here.in = here.out = out;
    return;
  }
  here.in = merge_inputs(i);
  if (!here.in.known || !check_kind(i)) return;
  out = here.in;
  if (makes_key(declared_node) || declared_node.group_by)
    out.key_serde = declaration_.default_serde.key.empty() ? "json" : declaration_.default_serde.key;
  if (makes_value(declared_node))
    out.value_serde = declaration_.default_serde.value.empty() ? "json" : declaration_.default_serde.value;
  out.key_changed = out.key_changed || makes_key(declared_node) || op == "process";
  if (op == "count") {
    here.repartition = here.in.key_changed || declared_node.group_by.has_value();
    out = {true, true, false, out.key_serde, "int64"};
  } else if (op == "to_stream") {
    out.table = false;
  } else if (op == "sink") {
    out.table = false;
    out.key_serde = declaration_.default_serde.key;
    out.value_serde = declaration_.default_serde.value;
  }
  if (!declared_node.serde.key.empty()) out.key_serde = declared_node.serde.key;
  if (!declared_node.serde.value.empty()) out.value_serde = declared_node.serde.value;
  if (op == "count") {
    auto store = declared_node.stores.empty() ? "" : declared_node.stores[0];
    for (const auto& entry : declaration_.stores) {
      if (entry.name != store) continue;
      if (!entry.serde.key.empty()) out.key_serde = entry.serde.key;
      if (!entry.serde.value.empty()) out.value_serde = entry.serde.value;
    }
  }
  here.out = out;
}

void Checker::check_serde(const std::string& node, const std::string& pointer, const std::string& serde) {
  if (serde.empty() || contains(serdes_, serde)) return;
  auto problem = serde_problem(serde, serdes_, types_);
  if (!problem) return;
  problem->node = node;
  problem->pointer = pointer + problem->pointer;
  result_.problems.push_back(std::move(*problem));
}

void Checker::check_serdes(size_t i) {
  const auto& op = declared(i).operator_name;
  bool ends = op == "source" || op == "sink";
  std::string base = "/" + (ends ? op : std::string("serde"));
  check_serde(declared(i).name, base + "/key", declared(i).serde.key);
  check_serde(declared(i).name, base + "/value", declared(i).serde.value);
  if (!ends || declared(i).broken) return;
  const auto& own = declared(i).serde;
  const auto& other = declaration_.default_serde;
  for (bool key : {true, false}) {
    if (!(key ? own.key : own.value).empty() || !(key ? other.key : other.value).empty()) continue;
    std::string part = key ? "key" : "value";
    report(i, base, "the " + op + " names no serde for its " + part,
           "add " + part + ": SERDE, one of " + join_names(serdes_) + " (bytes: as it is)");
  }
}

std::string Checker::declared_pointer(size_t i, const std::string& pointer) const {
  const auto& op = declared(i).operator_name;
  if (op == "process") return "/config" + pointer;
  if (op == "map" || op == "peek") return "/" + op + pointer;
  constexpr std::string_view branches = "/branches/";
  if (op == "branch" && pointer.compare(0, branches.size(), branches) == 0) {
    size_t index = 0, at = branches.size();
    for (; at < pointer.size() && pointer[at] >= '0' && pointer[at] <= '9' && index < 100000; ++at)
      index = index * 10 + static_cast<size_t>(pointer[at] - '0');
    if (index < declared(i).expressions.size()) return "/branch/" + declared(i).expressions[index].name;
  }
  return "/" + op;
}

void Checker::check_config(size_t i, const std::string& type, const std::string& config, bool group_by) {
  for (auto& problem : types_.check(type, config)) {
    auto pointer = group_by ? "/group_by" : declared_pointer(i, problem.pointer);
    auto& found = problem.warning ? result_.warnings : result_.problems;
    found.push_back({declared(i).name, std::move(pointer), std::move(problem.message), std::move(problem.hint),
                     problem.line, problem.column});
  }
}

void Checker::check_configuration(size_t i) {
  const auto& declared_node = declared(i);
  if (declared_node.broken || !contains(available_operators(), declared_node.operator_name)) return;
  auto type = processor_type(declared_node);
  if (type.empty()) return;
  if (declared_node.operator_name != "process" || types_.shape(type))
    check_config(i, type, processor_config(declared_node, node(i).in.table), false);
  if (declared_node.group_by) {
    NodeDeclaration grouping;
    grouping.operator_name = "select_key";
    grouping.expressions = {{"", *declared_node.group_by}};
    check_config(i, "kstreamd.select_key", processor_config(grouping, false), true);
  }
}

void Checker::check_stores() {
  std::map<std::string, std::string> counted;  // store -> count node
  std::set<std::string> used;
  for (size_t i = 0; i < declaration_.nodes.size(); ++i) {
    const auto& declared_node = declared(i);
    auto& stores = node(i).stores;
    stores = declared_node.stores;
    bool count = declared_node.operator_name == "count";
    if (count && stores.empty()) stores = {declared_node.name + "-store"};
    std::set<std::string> own;
    for (size_t s = 0; s < stores.size(); ++s) {
      auto pointer = count ? "/count/store" : "/stores/" + std::to_string(s);
      used.insert(stores[s]);
      if (!made_of(stores[s], "._-") || stores[s].size() > 90)
        report(i, pointer, "'" + stores[s] + "' cannot be the name of a store",
               "use letters, digits, '.', '_' and '-', at most 90 of them");
      if (!own.insert(stores[s]).second)
        report(i, pointer, "store '" + stores[s] + "' is named twice", "name another store");
      if (!count) continue;
      check_store_kind(i, pointer, "the store of a count", stores[s], StoreKind::key_value);
      auto [first, fresh] = counted.emplace(stores[s], declared_node.name);
      if (!fresh)
        report(i, pointer, "store '" + stores[s] + "' already belongs to node '" + first->second + "'",
               "give each count a store of its own");
    }
  }
  // What was refused may be what uses a store.
  bool refused = std::any_of(result_.nodes.begin(), result_.nodes.end(), [](auto& n) { return n.broken; });
  for (const auto& entry : declaration_.stores) {
    check_serde("", "/stores/" + entry.name + "/key", entry.serde.key);
    check_serde("", "/stores/" + entry.name + "/value", entry.serde.value);
    if (!used.count(entry.name) && !refused)
      result_.warnings.push_back({"", "/stores/" + entry.name, "no node uses the store '" + entry.name + "'",
                                  "name it in a node, or remove the entry"});
  }
  check_serde("", "/default_serde/key", declaration_.default_serde.key);
  check_serde("", "/default_serde/value", declaration_.default_serde.value);
}

void Checker::check_topics() {
  std::set<std::string> internal = {declaration_.name + "-kstreamd-tasks"};
  for (size_t i = 0; i < declaration_.nodes.size(); ++i) {
    for (const auto& store : node(i).stores) internal.insert(changelog_topic(declaration_, store));
    if (!node(i).repartition) continue;
    internal.insert(repartition_topic(declaration_, declared(i)));
    for (const char* suffix : {"-group-by", "-repartition-sink", "-repartition-source"})
      if (auto other = by_name_.find(declared(i).name + suffix); other != by_name_.end())
        report(static_cast<size_t>(other->second), "",
               "the name is taken by what node '" + declared(i).name + "' derives", "give this node another name");
  }
  std::map<std::string, size_t> readers;
  for (size_t i = 0; i < declaration_.nodes.size(); ++i) {
    const auto& op = declared(i).operator_name;
    auto pointer = "/" + op + (declared(i).topics.size() > 1 ? "/topics" : "/topic");
    for (const auto& topic : declared(i).topics) {
      if (!legal_topic(topic))
        report(i, pointer, "'" + topic + "' cannot be the name of a Kafka topic",
               "use letters, digits, '.', '_' and '-', at most 249 of them");
      else if (internal.count(topic))
        report(i, pointer, "'" + topic + "' is an internal topic of this topology", "name a topic of your own");
      if (op != "source") continue;
      auto [first, fresh] = readers.emplace(topic, i);
      if (fresh) continue;
      // Sources of one topic read it together: there is one position to start from.
      if (first->second == i)
        report(i, pointer, "topic '" + topic + "' is named twice", "remove one of the two");
      else if (declared(first->second).reset != declared(i).reset)
        report(i, pointer, "topic '" + topic + "' has another reset at source '" + declared(first->second).name + "'",
               "a topic starts at one place: give both the same reset");
    }
  }
  if (!declaration_.dead_letter_topic.empty() && !legal_topic(declaration_.dead_letter_topic))
    report_topology("/dead_letter_topic",
                    "'" + declaration_.dead_letter_topic + "' cannot be the name of a Kafka topic",
                    "use letters, digits, '.', '_' and '-', at most 249 of them");
}

}  // namespace

Analysis analyze(const Declaration& declaration, const ProcessorTypes& types) {
  return Checker(declaration, types).run();
}

}  // namespace kstreamd
