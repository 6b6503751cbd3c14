#include <algorithm>
#include <set>

#include "core/topology/checker.h"
#include "core/topology/suggest.h"

namespace kstreamd {
namespace {

bool starts(const std::string& op) { return op == "source" || op == "table" || op == "global_table"; }

}  // namespace

void Checker::resolve_inputs(size_t i) {
  const auto& op = declared(i).operator_name;
  const auto& from = declared(i).from;
  if (starts(op)) {
    if (!from.empty())
      report(i, "/from", "a " + op + " has no input: it reads its topic",
             op == "table" ? "remove from:, or make the stream a table with to_table: {}" : "remove from:");
    return;
  }
  if (from.empty() && !node(i).broken) {
    report(i, "",
           (op == "sink" ? "a sink" : "operator '" + op + "'") + std::string(" needs an input, and this node has none"),
           "add from: NODE");
    node(i).unresolved = true;
    return;
  }
  std::set<std::string> seen;
  for (size_t position = 0; position < from.size(); ++position) {
    const auto pointer = "/from/" + std::to_string(position);
    if (!seen.insert(from[position]).second) {
      report(i, pointer, "'" + from[position] + "' is named twice as input", "remove one of the two");
    } else if (auto input = resolve(i, from[position], pointer)) {
      if (op == "cogroup") input->input = static_cast<uint32_t>(position);
      node(i).inputs.push_back(std::move(*input));
    }
  }
  if (const auto& join = declared(i).join; join && !node(i).broken) {
    if (from.size() > 1)
      report(i, "/from",
             "a join has one input besides the one that it is joined with, and " + std::to_string(from.size()) +
                 " are named",
             "merge them in a node of their own: merge: {}");
    if (auto with = resolve(i, join->with, "/join/with")) {
      with->input = 1;
      node(i).inputs.push_back(std::move(*with));
    }
  }
}

// The output of a node that a reference means; reported when there is none.
std::optional<InputRef> Checker::resolve(size_t i, const std::string& reference, const std::string& pointer) {
  auto dot = reference.find('.');
  auto name = reference.substr(0, dot);
  auto found = by_name_.find(name);
  if (found == by_name_.end()) {
    std::vector<std::string> names;
    for (const auto& n : declaration_.nodes) names.push_back(n.name);
    report(i, pointer, "unknown node '" + name + "'",
           did_you_mean(name, names, "the nodes of this file are " + join_names(names)));
    node(i).unresolved = true;
    return std::nullopt;
  }
  auto& parent = node(found->second);
  InputRef input{found->second, 0, pointer};
  if (declared(found->second).operator_name == "sink") {
    report(i, pointer, "'" + name + "' is a sink: nothing comes out of it", "read from the sink's own input");
    node(i).unresolved = true;
    return std::nullopt;
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
      return std::nullopt;
    }
    if (!unnamed) input.output = static_cast<int>(at - parent.outputs.begin());
  }
  return input;
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
  std::string pointer;
  for (const auto& input : node(path[0]).inputs)
    if (input.node == path.back()) pointer = input.pointer;
  report(path[0], pointer, "a cycle: " + text + declared(path[0]).name,
         "records flow one way: take one of these inputs out");
}

}  // namespace kstreamd
