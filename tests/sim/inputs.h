// Feeds the source topics while the engine runs: by a plain producer, and by a transactional one that sometimes aborts.
#pragma once
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/ports/cluster.h"
#include "tests/sim/chaos.h"
#include "tests/sim/shapes.h"

namespace kstreamd::sim {

class Inputs {
 public:
  Inputs(const Shape& shape, Chaos& chaos, Cluster& log);

  // Sends some records, or decides a transaction that was left open.
  void step();
  // Everything was sent, and no transaction is open.
  bool done() const { return sent_ >= chaos_.plan.records && open_.empty(); }
  // The numbers of the records that are there to be read.
  const std::set<int>& committed() const { return committed_; }

 private:
  void send(Producer& producer, std::vector<int>& numbers);
  void decide();
  TopicHandle handle(Producer& producer, const std::string& topic);

  const Shape& shape_;
  Chaos& chaos_;
  Random random_;
  std::unique_ptr<Producer> plain_;
  std::unique_ptr<Producer> transactional_;
  std::vector<int> open_;  // the numbers in the open transaction
  int sent_ = 0;
  std::set<int> committed_;
};

}  // namespace kstreamd::sim
