// The cluster as one process sees it: the shared embedded log behind a network and a broker that fail as the plan says.
//
// Every port is wrapped. Faults come back as the adapter of Kafka would classify them (core/kafka/errors.cpp), and at
// the points where a process may die it may. Calls never wait for real: time passes by the manual clock.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "core/embedded/embedded_cluster.h"
#include "core/ports/cluster.h"
#include "tests/sim/chaos.h"
#include "tests/sim/transactions.h"

namespace kstreamd::sim {

// What all processes share.
struct Network {
  Cluster& log;
  Transactions& transactions;
  Chaos& chaos;
  std::string group;
  // The token that the group gave out last, to whichever member: for a planted error.
  std::shared_ptr<const GroupToken> last_token;
};

// The other threads of a process, as a call of its control thread meets them.
class OtherThreads {
 public:
  virtual ~OtherThreads() = default;
  virtual void stall_restorer(Duration time) = 0;
  // The restorer goes on, stalled or not, while the call lasts.
  virtual void run_restorer() = 0;
};

class SimMember;

class SimCluster final : public Cluster {
 public:
  SimCluster(Network& network, int process, OtherThreads& threads);
  ~SimCluster() override;
  Admin& admin() override { return *admin_; }
  Result<std::unique_ptr<GroupMember>> join(const GroupConfig& config) override;
  Result<std::unique_ptr<Producer>> make_producer(const ProducerConfig& config) override;
  Result<std::unique_ptr<RecordSource>> make_reader(bool committed_only) override;

  // When the group last heard of the member of this process; nullopt while there is none, or when it was expelled.
  const std::optional<Duration>& heard_at() const { return heard_at_; }
  // The group throws it out.
  void expel();

 private:
  friend class SimMember;
  Network& network_;
  const int process_;
  OtherThreads& threads_;
  std::unique_ptr<Admin> admin_;
  std::optional<Duration> heard_at_;
  std::string instance_id_;
};

std::unique_ptr<Producer> make_sim_producer(Network& network, int process, const std::string& id,
                                            std::unique_ptr<Producer> real);

}  // namespace kstreamd::sim
