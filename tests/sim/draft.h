// Declares the simulated topologies, a line a node; everything in them is a string.
#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "core/topology/declaration.h"
#include "core/topology/topology.h"
#include "tests/sim/plan.h"

namespace kstreamd::sim {

struct DraftStore {
  DraftStore(const char* name, const char* type = "timestamped") : name(name), type(type) {}
  std::string name;
  std::string type;
  std::chrono::milliseconds size{0};
};

class Draft {
 public:
  explicit Draft(const Plan& plan);
  Draft& source(const std::string& name, const std::string& topic);
  Draft& sink(const std::string& name, const std::string& from, const std::string& topic);
  Draft& process(const std::string& name, std::vector<std::string> from, const std::string& type,
                 const std::vector<DraftStore>& stores = {});
  Draft& table(const std::string& name, const std::string& topic, const std::string& store);
  Draft& global_table(const std::string& name, const std::string& topic, const std::string& store);
  // A left join; its expressions as the operator has them.
  Draft& left_join(const std::string& name, const std::string& from, const std::string& with,
                   std::vector<NamedExpression> expressions);
  // A chain behind a repartition topic where the key has changed.
  Draft& count(const std::string& name, const std::string& from, const std::string& store);
  Draft& simple(const std::string& name, const std::string& op, std::vector<std::string> from);
  // Of the source declared last.
  Draft& reading(const std::string& value_serde);
  // Records that the last node cannot read, or refuses, go to the dead-letter topic.
  Draft& with_dead_letters();
  Topology compiled() const;

 private:
  NodeDeclaration& node(const std::string& name, const std::string& op, std::vector<std::string> from);
  void add_store(const DraftStore& made);

  const std::chrono::milliseconds retention_;
  const bool persistent_;
  Declaration declaration_;
};

}  // namespace kstreamd::sim
