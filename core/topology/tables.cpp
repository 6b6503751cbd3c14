// Which tables keep their rows, which send old values, and how joins look into them. Kafka Streams decides this while a
// program builds its topology, operator by operator, and what an operator finds may depend on those before it; here
// their order is that of the file.
#include <algorithm>

#include "core/topology/checker.h"
#include "core/topology/json_text.h"

namespace kstreamd {
namespace {

// Tables that keep no rows unless they have to: those that come from a topic.
bool comes_from_topic(const NodeDeclaration& node) {
  const auto& op = node.operator_name;
  return op == "table" || op == "to_table" || (op == "join" && has_expression(node, "foreign_key"));
}

const std::string& expression(const NodeDeclaration& node, std::string_view name) {
  static const std::string none;
  for (const auto& e : node.expressions)
    if (e.name == name) return e.text;
  return none;
}

// The number of a store among those that a join uses; it is added where it is missing.
size_t number_of(const Store& store, std::vector<StoreUse>& among) {
  size_t at = 0;
  while (at < among.size() && among[at].shape.name != store.name) ++at;
  if (at == among.size()) among.push_back({"/join/with", false, store});
  return at;
}

// Tables that one join may look through. Where joins of joins keep no rows the ways multiply.
constexpr size_t max_view_steps = 1000;

const char* type_name(JoinType type) {
  static constexpr const char* names[] = {"inner", "left", "outer", "right"};
  return names[static_cast<size_t>(type)];
}

}  // namespace

// The node that one of a node's inputs comes from; -1 when there is none.
int Checker::parent(size_t i, uint32_t input) const {
  for (const auto& in : result_.nodes[i].inputs)
    if (in.input == input) return in.node;
  return -1;
}

void Checker::keep_rows(size_t i) {
  auto& here = node(i);
  if (here.keeps_rows) return;
  here.keeps_rows = true;
  here.stores.push_back({"/" + declared(i).operator_name, true, own_store(i)});
}

// Makes a table send old values, if it can: one without rows cannot unless it is forced to keep them.
bool Checker::send_old_values(int of, bool force) {
  if (of < 0 || !node(of).out.table) return false;
  const auto i = static_cast<size_t>(of);
  auto& here = node(i);
  const auto& op = declared(i).operator_name;
  if (here.sends_changes) return true;
  if (comes_from_topic(declared(i))) {
    if (!here.keeps_rows && !force) return false;
    keep_rows(i);
  } else if (op == "join") {
    here.sends_changes = true;  // first, so that what many ways lead to is asked once
    send_old_values(parent(i, 0), true);
    send_old_values(parent(i, 1), true);
  } else if (!is_aggregation(op) && !here.keeps_rows && !send_old_values(parent(i, 0), force)) {
    return false;
  }
  here.sends_changes = true;
  return true;
}

// How to look into a table; `stores` gets those that are needed and are not among them yet.
std::string Checker::view(int of, std::vector<StoreUse>& stores) {
  if (of < 0 || ++view_steps_ > max_view_steps) return "{}";
  const auto i = static_cast<size_t>(of);
  const auto& here = declared(i);
  const auto& op = here.operator_name;
  if (comes_from_topic(here)) keep_rows(i);
  if (node(i).keeps_rows) return view_of_rows(i, stores);
  if (op == "join") {
    const std::string left = view(parent(i, 0), stores), right = view(parent(i, 1), stores);
    return std::string("{\"join\":\"") + type_name(here.join->type) +
           "\",\"value\":" + quote_json(expression(here, "value")) + ",\"left\":" + left + ",\"right\":" + right + "}";
  }
  if (op == "suppress") {
    const auto& held = node(i).in[0].flow;
    const std::string buffer = std::to_string(number_of(node(i).stores[0].shape, stores));
    return "{\"suppress\":" + buffer + ",\"key\":" + quote_json(held.key_serde) +
           ",\"value\":" + quote_json(held.value_serde) + ",\"of\":" + view(parent(i, 0), stores) + "}";
  }
  return "{" + quote_json(op) + ":" + quote_json(expression(here, "")) + ",\"of\":" + view(parent(i, 0), stores) + "}";
}

std::string Checker::view_of_rows(size_t i, std::vector<StoreUse>& stores) {
  const Store& rows = node(i).stores[0].shape;
  std::string kind;
  if (rows.type == "window" || rows.type == "session") kind = rows.type;
  if (node(i).versioned_rows) kind = "versioned";
  return "{\"store\":" + std::to_string(number_of(rows, stores)) + (kind.empty() ? "" : ",\"kind\":\"" + kind + "\"") +
         "}";
}

void Checker::plan_join(size_t i) {
  const auto& here = declared(i);
  auto& mine = node(i);
  const Flow &left = mine.in[0].flow, &right = mine.in[1].flow;
  const int sides[] = {parent(i, 0), parent(i, 1)};
  if (right.global || !right.table) return;
  if (!left.table) {
    mine.views = "\"view\":" + view(sides[1], mine.stores);
    return;
  }
  if (has_expression(here, "foreign_key")) {
    for (size_t side : {1, 0}) send_old_values(sides[side], true);
    for (size_t side : {1, 0}) mine.sides[side].view = view(sides[side], mine.sides[side].stores);
    return;
  }
  const auto type = here.join->type;
  if (type == JoinType::left || type == JoinType::outer) send_old_values(sides[0], true);
  if (type == JoinType::right || type == JoinType::outer) send_old_values(sides[1], true);
  const std::string into_left = view(sides[0], mine.stores);
  mine.views = "\"left\":" + into_left + ",\"right\":" + view(sides[1], mine.stores);
}

void Checker::plan_table(size_t i) {
  const auto& here = declared(i);
  const auto& op = here.operator_name;
  auto& mine = node(i);
  if (here.broken || mine.in.empty() || !mine.out.known) return;
  if (op == "join") {
    view_steps_ = 0;
    plan_join(i);
    if (view_steps_ > max_view_steps)
      report(i, "/join",
             "the join looks through more than " + std::to_string(max_view_steps) +
                 " tables that keep no rows, counted once for each way to them",
             "name a store in some of the joins above it: join: { ..., store: NAME }");
    return;
  }
  if (!mine.table_in()) return;
  const int above = parent(i, 0);
  if (is_aggregation(op)) {
    send_old_values(above, true);
  } else if (op == "suppress") {
    mine.sends_changes = send_old_values(above, true);
  } else if (op == "filter" || op == "filter_not") {
    // Where old values cost nothing they save tombstones of rows that never passed.
    mine.sends_changes = send_old_values(above, false);
  }
}

void Checker::plan_tables() {
  for (size_t i = 0; i < declaration_.nodes.size(); ++i) {
    const auto* store = declared(i).stores.empty() ? nullptr : entry(declared(i).stores[0]);
    node(i).versioned_rows = node(i).keeps_rows && !declared(i).window && store && store->type == "versioned";
  }
  for (int i : result_.order) plan_table(static_cast<size_t>(i));
  // Below a versioned table what is older than the latest passes a filter, and with it tombstones of what never did.
  // One with a versioned store of its own is given old values for that store alone: unless it had them anyway when it
  // was built, or something below it asked for them, it drops nothing either.
  for (size_t i = 0; i < declaration_.nodes.size(); ++i) {
    const auto& op = declared(i).operator_name;
    if ((op == "filter" || op == "filter_not") && node(i).table_in())
      node(i).passes_all = node(i).in[0].flow.versioned || (node(i).out.versioned && !node(i).sends_changes);
  }
  // Below a versioned table they have to tell what is older than the latest, and at a commit what there was at the
  // last.
  for (size_t i = 0; i < declaration_.nodes.size(); ++i)
    if (node(i).out.table && (node(i).out.versioned || declared(i).emit == Emit::per_commit))
      node(i).sends_changes = true;
}

}  // namespace kstreamd
