#include <algorithm>

#include "core/topology/checker.h"
#include "core/topology/names.h"
#include "core/topology/serde_check.h"
#include "core/topology/suggest.h"

namespace kstreamd {
namespace {

std::string serde_pointer(const NodeDeclaration& node) {
  const auto& op = node.operator_name;
  const bool own = op == "source" || op == "sink" || op == "table" || op == "global_table";
  return "/" + (own ? op : std::string("serde"));
}

// Of a buffer whose rows are made by the operator itself.
Store buffer(std::string name) {
  Store store;
  store.name = std::move(name);
  store.type = "key_value";
  store.key_serde = store.value_serde = "bytes";
  return store;
}

}  // namespace

// The entry under `stores`; nullptr without one.
const StoreDeclaration* Checker::entry(const std::string& store) const {
  for (const auto& entry : declaration_.stores)
    if (entry.name == store) return &entry;
  return nullptr;
}

// What an aggregation or table keeps its rows in.
Store Checker::own_store(size_t i) const {
  const auto& here = declared(i);
  const auto& analyzed = result_.nodes[i];
  Store store;
  store.name = here.stores.empty() ? here.name + "-store" : here.stores[0];
  store.key_serde = analyzed.out.key_serde;
  store.value_serde = analyzed.out.value_serde;
  store.global = analyzed.out.global;
  if (!here.window) return store;
  store.key_serde =
      here.serde.key.empty() ? here.group_by ? made_serde(true) : analyzed.in[0].flow.key_serde : here.serde.key;
  const bool session = here.window->kind == Window::Kind::session;
  store.type = session ? "session" : "window";
  if (!session) store.size = here.window->size;
  store.retention = here.window->kept();
  // A session is open up to the very time at which its retention would end, and has to be found when it closes.
  if (session && here.emit == Emit::on_window_close) store.slack = std::chrono::milliseconds(1);
  return store;
}

// The streams' records that wait for partners, named and kept as Kafka Streams does.
void Checker::use_join_stores(size_t i) {
  const auto& here = declared(i);
  const auto& join = *here.join;
  auto& uses = node(i).stores;
  const Flow &left = node(i).in[0].flow, &right = node(i).in[1].flow;
  if (right.global) {
    uses.push_back({"/join/with", false, {}});
    const auto& table = declared(node(i).inputs[1].node);
    uses.back().shape.name = table.stores.empty() ? table.name + "-store" : table.stores[0];
    return;
  }
  if (left.table) {
    node(i).keeps_rows = !here.stores.empty();
    if (node(i).keeps_rows) uses.push_back({"/join/store", true, own_store(i)});
    return;
  }
  if (right.table) {
    if (join.grace) uses.push_back({"/join/grace", true, buffer(here.name + "-Buffer")});
    return;
  }
  const bool inner = join.type == JoinType::inner, outer = join.type == JoinType::outer;
  const std::string names[] = {outer ? "-outer-this-join-store" : "-this-join-store",
                               inner ? "-other-join-store" : "-outer-other-join-store"};
  for (size_t side = 0; side < 2; ++side) {
    const Flow& flow = node(i).in[side].flow;
    Store store;
    store.name = here.name + names[side];
    store.type = "window";
    store.key_serde = flow.key_serde;
    store.value_serde = flow.value_serde;
    store.size = *join.before + *join.after;
    store.retention = store.size + join.grace.value_or(std::chrono::milliseconds(0));
    store.duplicates = true;
    uses.push_back({"/join", true, std::move(store)});
  }
  if (!inner)
    uses.push_back(
        {"/join", true, buffer(here.name + (outer ? "-outer-shared-join-store" : "-left-shared-join-store"))});
}

void Checker::use_stores(size_t i) {
  const auto& here = declared(i);
  const auto& op = here.operator_name;
  auto& uses = node(i).stores;
  if (op == "process") {
    for (size_t s = 0; s < here.stores.size(); ++s) {
      Store store;
      store.name = here.stores[s];
      store.key_serde = made_serde(true);
      store.value_serde = made_serde(false);
      uses.push_back({"/stores/" + std::to_string(s), false, std::move(store)});
    }
    return;
  }
  if (!node(i).out.known) return;
  const bool named = !here.stores.empty();
  if (op == "join") return use_join_stores(i);
  if (op == "suppress") {
    uses.push_back({"/suppress", true, buffer(here.name + "-store")});
    uses.back().shape.change_buffer = true;
  }
  node(i).keeps_rows = is_aggregation(op) || op == "global_table" || (named && op != "suppress");
  if (node(i).keeps_rows)
    uses.push_back(
        {"/" + op + (op == "filter" || op == "filter_not" || op == "map_values" ? "" : "/store"), true, own_store(i)});
}

// `whose` is what needs a store of that kind.
void Checker::check_store_kind(size_t i, const std::string& pointer, const std::string& whose, const std::string& store,
                               StoreKind needed) {
  const auto* declared = entry(store);
  const auto type = declared ? declared->type : StoreDeclaration().type;
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

void Checker::check_serde(const std::string& node, const std::string& pointer, const std::string& serde) {
  if (serde.empty()) return;
  auto problem = serde_problem(serde, serdes_, types_);
  if (!problem) return;
  problem->node = node;
  problem->pointer = pointer + problem->pointer;
  result_.problems.push_back(std::move(*problem));
}

void Checker::check_serdes(size_t i) {
  const auto& here = declared(i);
  const auto& op = here.operator_name;
  const std::string base = serde_pointer(here);
  check_serde(here.name, base + "/key", here.serde.key);
  check_serde(here.name, base + "/value", here.serde.value);
  check_serde(here.name, "/" + op + "/value", here.result_serde);
  if (base == "/serde" || here.broken) return;
  for (bool key : {true, false}) {
    const auto& own = key ? here.serde.key : here.serde.value;
    const auto& other = key ? declaration_.default_serde.key : declaration_.default_serde.value;
    if (!own.empty() || !other.empty()) continue;
    const std::string part = key ? "key" : "value";
    report(i, base, "the " + op + " names no serde for its " + part,
           "add " + part + ": SERDE, one of " + join_names(serdes_) + " (bytes: as it is)");
  }
}

void Checker::check_stores() {
  std::map<std::string, std::string> owners;  // store -> the node whose own it is
  std::set<std::string> used;
  for (size_t i = 0; i < declaration_.nodes.size(); ++i) {
    std::set<std::string> own;
    if (is_foreign_key_join(declared(i))) used.insert(subscriptions_store(declared(i)));
    for (const auto& use : node(i).stores) {
      const auto& name = use.shape.name;
      used.insert(name);
      if (!made_of(name, "._-") || name.size() > 130)
        report(i, use.pointer, "'" + name + "' cannot be the name of a store",
               "use letters, digits, '.', '_' and '-', at most 130 of them");
      if (!own.insert(name).second && declared(i).operator_name == "process")
        report(i, use.pointer, "store '" + name + "' is named twice", "name another store");
      if (!use.owned) continue;
      const auto kind = kind_of(use.shape.type);
      const auto* said = entry(name);
      const bool versions = said && said->type == "versioned" && use.shape.type == "timestamped" && !use.shape.global;
      if (said && said->typed && !versions)
        check_store_kind(i, use.pointer, "the store of a " + declared(i).operator_name, name, kind);
      auto [first, fresh] = owners.emplace(name, declared(i).name);
      if (!fresh)
        report(i, use.pointer, "store '" + name + "' already belongs to node '" + first->second + "'",
               "give each node a store of its own");
    }
  }
  check_store_entries(used);
}

void Checker::check_store_entries(const std::set<std::string>& used) {
  // What was refused may be what uses a store.
  const bool refused =
      std::any_of(result_.nodes.begin(), result_.nodes.end(), [](auto& n) { return n.broken || n.unresolved; });
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

}  // namespace kstreamd
