// Goes over a declaration once, in passes that each build on the last; every pass reports all it finds. Internal to
// core/topology; one object checks one declaration.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/topology/analysis.h"

namespace kstreamd {

class Checker {
 public:
  Checker(const Declaration& declaration, const ProcessorTypes& types);
  Analysis run();

 private:
  const NodeDeclaration& declared(size_t i) const { return declaration_.nodes[i]; }
  NodeAnalysis& node(size_t i) { return result_.nodes[i]; }

  void report(size_t i, std::string pointer, std::string message, std::string hint) {
    result_.problems.push_back({declared(i).name, std::move(pointer), std::move(message), std::move(hint)});
  }
  void report_topology(std::string pointer, std::string message, std::string hint) {
    result_.problems.push_back({"", std::move(pointer), std::move(message), std::move(hint)});
  }

  // check.cpp: the topology, operators by themselves, their configurations
  void check_topology();
  void check_dead_letters();
  void check_operator(size_t i);
  void check_branches(size_t i);
  void check_process(size_t i);
  void check_configuration(size_t i);
  void check_config(size_t i, const std::string& type, const std::string& config, bool group_by);
  void report_script(ProcessorTypes::Problem problem);
  void check_topics();
  void check_internal_names(std::set<std::string>& internal);

  // windows.cpp: windows, emission and suppression by themselves
  void check_window(size_t i);
  void check_emit(size_t i);
  void check_suppress(size_t i);

  // inputs.cpp: who reads from whom, and in which order
  void resolve_inputs(size_t i);
  std::optional<InputRef> resolve(size_t i, const std::string& reference, const std::string& pointer);
  void sort_nodes();
  void report_cycle(const std::vector<bool>& done);

  // flow.cpp: what goes along the edges
  Flow merge_inputs(size_t i, uint32_t input);
  void infer(size_t i);
  bool check_kind(size_t i);
  bool check_join(size_t i);
  void repartition(size_t i);
  void check_sizes(size_t i);
  void check_fit(size_t i, Flow& out);
  Flow output_of(size_t i);
  Flow aggregated(size_t i);
  Flow joined(size_t i);
  std::string made_serde(bool key) const;

  // stores.cpp: stores and serdes
  void use_stores(size_t i);
  Store own_store(size_t i) const;
  void use_join_stores(size_t i);
  const StoreDeclaration* entry(const std::string& store) const;
  void check_stores();
  void check_store_entries(const std::set<std::string>& used);
  void check_store_kind(size_t i, const std::string& pointer, const std::string& whose, const std::string& store,
                        StoreKind needed);
  void check_serdes(size_t i);
  void check_serde(const std::string& node, const std::string& pointer, const std::string& serde);

  // tables.cpp: which tables keep their rows, which send old values, and how joins look into them
  void plan_tables();
  void plan_table(size_t i);
  void plan_join(size_t i);
  int parent(size_t i, uint32_t input) const;
  void keep_rows(size_t i);
  bool send_old_values(int of, bool force);
  std::string view(int of, std::vector<StoreUse>& stores);
  std::string view_of_rows(size_t i, std::vector<StoreUse>& stores);

  const Declaration& declaration_;
  const ProcessorTypes& types_;
  std::vector<std::string> serdes_;  // names of all that there are
  std::map<std::string, int> by_name_;
  std::set<int> in_cycle_;
  size_t view_steps_ = 0;  // of the views of the join at hand
  Analysis result_;
};

}  // namespace kstreamd
