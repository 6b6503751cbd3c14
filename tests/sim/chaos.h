// Decides when a fault strikes, lets time pass, and writes down what happened.
#pragma once
#include <string_view>

#include "core/base/clock.h"
#include "tests/sim/faults.h"
#include "tests/sim/plan.h"
#include "tests/sim/random.h"
#include "tests/sim/trace.h"

namespace kstreamd::sim {

// Thrown out of a port to end a process in the midst of a call, as kill -9 does: the world catches it and throws the
// process away.
struct Crash {};

// One per run, shared by everything in it. Not thread-safe.
class Chaos {
 public:
  Chaos(const Plan& plan, Random random) : plan(plan), trace(clock), random(random) {}

  // Whether the fault is to happen here and now; it is then counted.
  bool strikes(Event fault, int who, std::string_view detail = {}) {
    if (calm || !random.chance(plan.likelihood[static_cast<size_t>(fault)])) return false;
    happened(fault, who, detail);
    return true;
  }
  // Perhaps ends the process here. Only where it is being stepped: otherwise nobody catches.
  void crash_point(Event point, int who) {
    if (stepping != who || (dying != who && !strikes(point, who))) return;
    dying = who;
    if (sealed == 0) throw Crash{};
  }
  void happened(Event event, int who, std::string_view detail = {}, int64_t number = 0) {
    coverage.add(event);
    trace.add(who, name_of(event), detail, number);
  }
  // Whether a planted error of this kind is to be made now.
  bool sabotages(Sabotage kind, uint32_t in_a_million, int who) {
    if (plan.sabotage != kind || calm || !random.chance(in_a_million)) return false;
    trace.add(who, "SABOTAGE", name_of(kind));
    return true;
  }
  // A call takes time.
  void pass(Duration most) { clock.advance(Duration(random.between(0, most.count()))); }

  const Plan& plan;
  ManualClock clock;
  Trace trace;
  Coverage coverage;
  Random random;
  bool calm = false;     // no more faults
  bool zombies = false;  // a process that lives was thrown out of the group: two may have worked on a task
  int stepping = Trace::world;
  // Has crashed, but is not thrown away yet: where that happened in a destructor, at its next point or after its step.
  int dying = Trace::world;
  int sealed = 0;  // calls under way that no exception can leave: who is to crash does so behind them
};

}  // namespace kstreamd::sim
