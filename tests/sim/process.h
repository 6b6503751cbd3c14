// One simulated process: its disk, its connection, and the engine's instance while it runs.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/runtime/instance.h"
#include "tests/sim/cluster.h"
#include "tests/sim/state.h"

namespace kstreamd::sim {

// Its actors are the threads of a real one: control, the restorer, and the workers, each of which may be stalled.
// Life-cycle: down until start(); then stepped until it ends by itself (stop, failure) or crashes. Not thread-safe.
class Process final : private OtherThreads {
 public:
  Process(int number, const Topology& topology, const ProcessorCatalog& processors, Network& network);
  ~Process() override;

  bool up() const { return instance_ != nullptr; }
  // Starts it when its time has come.
  void start_when_due();
  // Lets one of its actors, if it is not stalled, do what it has to do. False: nobody could.
  bool step(Random& random);
  // Gone without a word.
  void crash(Duration down_for);
  void stop();
  void stall(Event which, Duration time);
  void end_stalls();
  // The group throws it out when nothing was heard from it for too long.
  void check_session();

  Instance* instance() { return instance_.get(); }
  SimState& state() { return state_; }
  SimCluster& cluster() { return cluster_; }
  // Why it ended for good although no fault was made that explains it; empty: it did not.
  const std::string& broken() const { return broken_; }

 private:
  int actors() const { return 2 + instance_->worker_count(); }
  void step_actor(int actor);
  void after_step();
  void go_down(Duration down_for);
  void stall_restorer(Duration time) override { stall(Event::restorer_stalled, time); }
  void run_restorer() override;

  const int number_;
  const Topology& topology_;
  const ProcessorCatalog& processors_;
  Network& network_;
  Chaos& chaos_;
  SimState state_;
  SimCluster cluster_;
  const std::unique_ptr<Metrics> metrics_ = make_null_metrics();
  std::unique_ptr<Instance> instance_;
  Duration start_at_{0};
  int starts_ = 0;
  std::vector<Duration> stalled_until_;  // by actor
  std::string broken_;
};

}  // namespace kstreamd::sim
