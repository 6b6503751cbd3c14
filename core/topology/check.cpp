#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "core/topology/checker.h"
#include "core/topology/names.h"
#include "core/topology/suggest.h"

namespace kstreamd {
namespace {

constexpr size_t max_nodes = 2000;

// The expression of a source, table or global table.
std::string timestamp_of(const NodeDeclaration& node) {
  for (const auto& e : node.expressions)
    if (e.name == "timestamp") return e.text;
  return "";
}

}  // namespace

Checker::Checker(const Declaration& declaration, const ProcessorTypes& types)
    : declaration_(declaration), types_(types), serdes_(available_serdes()) {
  for (auto& name : types.plugin_serdes()) serdes_.push_back(std::move(name));
}

Analysis Checker::run() {
  if (declaration_.nodes.size() > max_nodes) {
    report_topology("/nodes", "the topology has more than " + std::to_string(max_nodes) + " nodes", "split it");
    return std::move(result_);
  }
  const size_t nodes = declaration_.nodes.size();
  result_.nodes.resize(nodes);
  check_topology();
  for (size_t i = 0; i < nodes; ++i) check_operator(i);
  for (size_t i = 0; i < nodes; ++i) resolve_inputs(i);
  sort_nodes();
  for (int i : result_.order) infer(i);
  for (size_t i = 0; i < nodes; ++i) use_stores(i);
  plan_tables();
  for (size_t i = 0; i < nodes; ++i) {
    check_serdes(i);
    check_configuration(i);
  }
  check_stores();
  check_topics();
  return std::move(result_);
}

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
  if (declaration_.late_records == LateRecords::dead_letter) report_topology("/late_records", message, hint);
  for (size_t i = 0; i < declaration_.nodes.size(); ++i) {
    const auto& own = declared(i).on_error;
    if (own.deserialization == dead_letter || own.processing == dead_letter || own.production == dead_letter)
      report(i, "/on_error", message, hint);
  }
}

void Checker::check_operator(size_t i) {
  const auto& name = declared(i).operator_name;
  if (!declared(i).broken && !contains(available_operators(), name)) {
    node(i).broken = true;
    report(i, "", "unknown operator '" + name + "'",
           did_you_mean(name, available_operators(), "use one of " + join_names(available_operators())));
  }
  if (node(i).broken) node(i).outputs_known = false;
  if (declared(i).group_by && !node(i).broken && !is_aggregation(name))
    report(i, "/group_by", "group_by needs an aggregating operator, and '" + name + "' is none",
           "use it with count, reduce, aggregate or cogroup; select_key changes the key of a stream");
  check_window(i);
  check_emit(i);
  check_suppress(i);
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

void Checker::check_config(size_t i, const std::string& type, const std::string& config, bool group_by) {
  // Behind a mistake an operator is not told all that it needs: only its expressions can be judged.
  const bool complete = declared(i).from.empty() || !node(i).in.empty();
  for (auto& problem : types_.check(type, config)) {
    if (!complete && problem.line == 0 && declared(i).operator_name != "process") continue;
    if (problem.pointer == "/script" && declared(i).operator_name != "process") {
      report_script(std::move(problem));
      continue;
    }
    auto pointer = !group_by                     ? declared_pointer(declared(i), problem.pointer)
                   : declared(i).group_by->value ? "/group_by" + problem.pointer
                                                 : "/group_by";
    auto& found = problem.warning ? result_.warnings : result_.problems;
    found.push_back({declared(i).name, std::move(pointer), std::move(problem.message), std::move(problem.hint),
                     problem.line, problem.column});
  }
}

// Every node with an expression has the script, and finds the same in it.
void Checker::report_script(ProcessorTypes::Problem problem) {
  auto& found = problem.warning ? result_.warnings : result_.problems;
  for (const auto& known : found)
    if (known.in_script &&
        std::tie(known.line, known.column, known.message) == std::tie(problem.line, problem.column, problem.message))
      return;
  found.push_back(
      {"", "/script", std::move(problem.message), std::move(problem.hint), problem.line, problem.column, true});
}

void Checker::check_configuration(size_t i) {
  const auto& here = declared(i);
  if (!contains(available_operators(), here.operator_name)) return;
  if (node(i).broken && (here.operator_name == "process" || here.operator_name == "cogroup")) return;
  const auto type = processor_type(here, node(i));
  // The expressions of views are checked at the nodes that they belong to.
  NodeAnalysis without_views = node(i);
  without_views.views.clear();
  without_views.sides[0].view.clear();
  if (!type.empty() && (here.operator_name != "process" || types_.shape(type)))
    check_config(i, type, processor_config(declaration_, here, without_views), false);
  if (is_foreign_key_join(here) && node(i).in.size() > 1)
    check_config(i, "kstreamd.foreign_key_subscribe", subscribe_config(declaration_, here, node(i)), false);
  if (here.group_by) check_config(i, group_by_type(node(i)), group_by_config(declaration_, here), true);
}

// The names that the topology takes for itself.
void Checker::check_internal_names(std::set<std::string>& internal) {
  for (size_t i = 0; i < declaration_.nodes.size(); ++i) {
    for (const auto& use : node(i).stores) internal.insert(changelog_topic(declaration_, use.shape.name));
    if (is_foreign_key_join(declared(i))) {
      internal.insert(changelog_topic(declaration_, subscriptions_store(declared(i))));
      for (const auto& topic : foreign_key_topics(declaration_, declared(i))) internal.insert(topic);
    }
    for (const auto& in : node(i).in) {
      if (in.repartition.empty()) continue;
      internal.insert(repartition_topic(declaration_, in.repartition));
      for (const char* suffix : {"-group-by", "-repartition-sink", "-repartition-source"})
        if (auto other = by_name_.find(in.repartition + suffix); other != by_name_.end())
          report(static_cast<size_t>(other->second), "",
                 "the name is taken by what node '" + declared(i).name + "' derives", "give this node another name");
    }
  }
}

void Checker::check_topics() {
  std::set<std::string> internal = {declaration_.name + "-kstreamd-tasks"};
  check_internal_names(internal);
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
      if (op == "sink") continue;
      auto [first, fresh] = readers.emplace(topic, i);
      if (fresh) continue;
      // Sources of one topic read it together: there is one position to start from.
      if (first->second == i)
        report(i, pointer, "topic '" + topic + "' is named twice", "remove one of the two");
      else if (timestamp_of(declared(first->second)) != timestamp_of(declared(i)))
        report(i, pointer,
               "topic '" + topic + "' has another timestamp at source '" + declared(first->second).name + "'",
               "its records have one time, which decides what comes next: give both the same timestamp");
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

Analysis analyze(const Declaration& declaration, const ProcessorTypes& types) {
  return Checker(declaration, types).run();
}

}  // namespace kstreamd
