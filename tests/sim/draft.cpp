#include "tests/sim/draft.h"

#include <cstdio>
#include <cstdlib>

#include "core/topology/compile.h"
#include "tests/sim/shapes.h"

namespace kstreamd::sim {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

// What compile() asks about the processors.
class Types final : public ProcessorTypes {
 public:
  std::optional<Shape> shape(const std::string& type) const override {
    ProcessorTypes::Shape made;
    for (const char* keeps_rows : {"chain", "buffer", "windowed", "sessions"})
      if (type == keeps_rows) made.stores.resize(1);
    if (type == "chain_with_last") made.stores.resize(2);
    made.asynchronous = type == "later";
    if (type == "part") made.outputs = {"left", "right"};
    return made;
  }
  std::vector<std::string> names() const override { return {}; }
  std::vector<std::string> plugin_serdes() const override { return {"fussy"}; }
  std::vector<Problem> check(const std::string&, const std::string&) const override { return {}; }
  std::string where_plugins_are() const override { return ""; }
};

}  // namespace

Draft::Draft(const Plan& plan) : retention_(duration_cast<milliseconds>(plan.retention)), persistent_(plan.persistent) {
  declaration_.name = "app";
  declaration_.guarantee = plan.at_least_once ? Guarantee::at_least_once : Guarantee::exactly_once;
  declaration_.commit_interval = duration_cast<milliseconds>(plan.commit_interval);
  declaration_.default_serde = {"string", "string"};
}

Draft& Draft::source(const std::string& name, const std::string& topic) {
  node(name, "source", {}).topics = {topic};
  return *this;
}

Draft& Draft::sink(const std::string& name, const std::string& from, const std::string& topic) {
  node(name, "sink", {from}).topics = {topic};
  return *this;
}

Draft& Draft::process(const std::string& name, std::vector<std::string> from, const std::string& type,
                      const std::vector<DraftStore>& stores) {
  auto& made = node(name, "process", std::move(from));
  made.process_type = type;
  for (const auto& store : stores) {
    made.stores.push_back(store.name);
    add_store(store);
  }
  return *this;
}

Draft& Draft::count(const std::string& name, const std::string& from, const std::string& store) {
  node(name, "count", {from}).stores = {store};
  add_store(store.c_str());
  return *this;
}

Draft& Draft::table(const std::string& name, const std::string& topic, const std::string& store) {
  auto& made = node(name, "table", {});
  made.topics = {topic};
  made.stores = {store};
  add_store(store.c_str());
  return *this;
}

Draft& Draft::global_table(const std::string& name, const std::string& topic, const std::string& store) {
  table(name, topic, store);
  declaration_.nodes.back().operator_name = "global_table";
  return *this;
}

Draft& Draft::left_join(const std::string& name, const std::string& from, const std::string& with,
                        std::vector<NamedExpression> expressions) {
  auto& made = node(name, "join", {from});
  made.join = JoinDeclaration{.with = with, .type = JoinType::left, .before = {}, .after = {}, .grace = {}};
  made.expressions = std::move(expressions);
  return *this;
}

Draft& Draft::simple(const std::string& name, const std::string& op, std::vector<std::string> from) {
  node(name, op, std::move(from));
  return *this;
}

Draft& Draft::reading(const std::string& value_serde) {
  declaration_.nodes.back().serde.value = value_serde;
  return *this;
}

Draft& Draft::with_dead_letters() {
  declaration_.dead_letter_topic = dead_letter_topic;
  declaration_.nodes.back().on_error = {
      .deserialization = ErrorAction::dead_letter, .processing = ErrorAction::dead_letter, .production = {}};
  return *this;
}

Topology Draft::compiled() const {
  auto compiled = compile(declaration_, Types());
  for (const auto& problem : compiled.problems)
    std::fprintf(stderr, "simulated topology: %s: %s\n", problem.node.c_str(), problem.message.c_str());
  if (!compiled.topology) std::abort();
  return std::move(*compiled.topology);
}

NodeDeclaration& Draft::node(const std::string& name, const std::string& op, std::vector<std::string> from) {
  auto& made = declaration_.nodes.emplace_back();
  made.name = name;
  made.operator_name = op;
  made.from = std::move(from);
  return made;
}

void Draft::add_store(const DraftStore& made) {
  StoreDeclaration store;
  store.name = made.name;
  store.type = made.type;
  store.serde = {"string", "string"};
  store.persistent = persistent_;
  store.size = made.size;
  if (made.type == "window" || made.type == "session") store.retention = retention_;
  declaration_.stores.push_back(std::move(store));
}

}  // namespace kstreamd::sim
