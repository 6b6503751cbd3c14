// The broker's side of transactional producers: what becomes of a transaction whose process is gone, whose time is up,
// or whose last request is still on its way.
//
// The embedded log ends a producer's transaction with the producer. A broker does not know that a process died: its
// transaction stays open until the same id is initialised anew, or until its time is up. So producers are owned here.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/ports/cluster.h"
#include "tests/sim/chaos.h"

namespace kstreamd::sim {

class Transactions {
 public:
  struct Session {
    std::string id;
    int process = 0;
    std::unique_ptr<Producer> producer;
    std::optional<Duration> open_since;
    std::optional<Duration> commit_lands_at;  // an EndTxn on its way: carried out then, whatever is open then
    bool abandoned = false;                   // nobody holds it any more
  };

  Transactions(Cluster& cluster, Chaos& chaos) : cluster_(cluster), chaos_(chaos) {}

  Session* add(std::string id, int process, std::unique_ptr<Producer> producer);
  // `session` has taken over its id: older ones of that id are fenced.
  void taken_over(const Session& session);
  // Its process, or the engine, has let go of it.
  void abandon(Session& session);
  // For a planted error: the session goes on with the producer of a former one of its id, whose commit is still on its
  // way. False: there is none.
  bool inherit(Session& session);
  // Ends what has run out of time, and lets requests arrive.
  void step();

 private:
  void time_out(const std::string& id);

  Cluster& cluster_;
  Chaos& chaos_;
  std::vector<std::unique_ptr<Session>> sessions_;
};

}  // namespace kstreamd::sim
