#include "tests/sim/process.h"

namespace kstreamd::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

Process::Process(int number, const Topology& topology, const ProcessorCatalog& processors, Network& network)
    : number_(number),
      topology_(topology),
      processors_(processors),
      network_(network),
      chaos_(network.chaos),
      state_(chaos_, number),
      cluster_(network, number, *this) {}

Process::~Process() {
  state_.crash();  // what is left at the end is of no interest
}

void Process::start_when_due() {
  if (up() || chaos_.clock.now() < start_at_ || !broken_.empty()) return;
  state_.restart();
  chaos_.trace.add(number_, "starts");
  if (starts_++ > 0) chaos_.happened(Event::instance_restarted, number_);
  RuntimeOptions options;
  options.workers = chaos_.plan.workers[static_cast<size_t>(number_)];
  chaos_.stepping = number_;
  try {
    auto made = Instance::make(topology_, {cluster_, state_, processors_, *metrics_, chaos_.clock}, options);
    if (made) {
      instance_ = std::move(*made);
      stalled_until_.assign(static_cast<size_t>(actors()), Duration(0));
    } else {
      chaos_.happened(Event::instance_failed, number_, made.error().text());
      if (made.error().recovery == Recovery::stop_topology) broken_ = made.error().text();
      go_down(chaos_.random.magnitude(Duration(milliseconds(10)), Duration(seconds(2))));
    }
  } catch (const Crash&) {
    crash(Duration(0));
  }
  chaos_.stepping = Trace::world;
}

bool Process::step(Random& random) {
  if (!up()) return false;
  const int actor = static_cast<int>(random.below(static_cast<uint64_t>(actors())));
  if (chaos_.clock.now() < stalled_until_[static_cast<size_t>(actor)]) return false;
  chaos_.stepping = number_;
  try {
    step_actor(actor);
    after_step();
    if (chaos_.dying == number_) throw Crash{};
  } catch (const Crash&) {
    crash(random.magnitude(Duration(milliseconds(1)), Duration(seconds(5))));
  }
  chaos_.stepping = Trace::world;
  return true;
}

void Process::step_actor(int actor) {
  if (actor == 0)
    instance_->step(Duration(0));
  else if (actor == 1)
    instance_->restorer().step(Duration(0));
  else
    instance_->worker(actor - 2).step(Duration(0));
}

// As TopologyRuntime does with an instance that has ended.
void Process::after_step() {
  if (!instance_->finished()) return;
  if (const auto error = instance_->error()) {
    chaos_.happened(Event::instance_failed, number_, error->text());
    const bool told = error->message.find("simulated") != std::string::npos;
    if (error->recovery == Recovery::stop_topology && !told) broken_ = error->text();
  } else {
    chaos_.trace.add(number_, "has stopped");
  }
  go_down(chaos_.random.magnitude(Duration(milliseconds(10)), Duration(seconds(5))));
}

void Process::go_down(Duration down_for) {
  instance_.reset();
  start_at_ = chaos_.clock.now() + down_for;
}

void Process::crash(Duration down_for) {
  chaos_.trace.add(number_, "is gone");
  state_.crash();
  go_down(down_for);
  chaos_.dying = Trace::world;
}

void Process::stop() {
  if (up()) instance_->request_stop();
}

void Process::stall(Event which, Duration time) {
  if (!up()) return;
  const Duration until = chaos_.clock.now() + time;
  chaos_.happened(which, number_, "for ms", time.count() / 1000);
  if (which == Event::control_stalled) stalled_until_[0] = until;
  if (which == Event::restorer_stalled) stalled_until_[1] = until;
  if (which == Event::worker_stalled)
    stalled_until_[2 + chaos_.random.below(static_cast<uint64_t>(instance_->worker_count()))] = until;
  if (which == Event::process_stalled) stalled_until_.assign(stalled_until_.size(), until);
}

void Process::run_restorer() {
  stalled_until_[1] = Duration(0);
  for (int64_t steps = chaos_.random.between(1, 30); steps > 0; --steps) instance_->restorer().step(Duration(0));
}

void Process::end_stalls() { stalled_until_.assign(stalled_until_.size(), Duration(0)); }

void Process::check_session() {
  if (!cluster_.heard_at() || chaos_.clock.now() <= *cluster_.heard_at() + chaos_.plan.session_timeout) return;
  chaos_.happened(Event::session_timed_out, number_);
  cluster_.expel();
}

}  // namespace kstreamd::sim
