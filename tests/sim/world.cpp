#include "tests/sim/world.h"

#include <algorithm>

#include "core/base/log.h"
#include "core/embedded/embedded_cluster.h"
#include "tests/fakes/fake_processors.h"
#include "tests/sim/final_checks.h"
#include "tests/sim/holding.h"
#include "tests/sim/inputs.h"
#include "tests/sim/oracle.h"
#include "tests/sim/process.h"

namespace kstreamd::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr uint64_t look_interval = 20;         // steps between two looks of the oracle
constexpr Duration time_to_move = minutes(5);  // in which something has to come out
constexpr uint64_t steps_to_finish = 500'000;
constexpr uint64_t settle_steps = 300;  // after all is there: something might come twice

class World {
 public:
  World(const Plan& plan, const std::function<void(const std::string&)>& print);
  ~World() { set_log_writer(nullptr); }

  Outcome run();

 private:
  void print_to(const std::function<void(const std::string&)>& print);
  void step();
  void storm();
  void let_time_pass(bool idle);
  void look();
  void finish();
  bool settle_and_check(const FinalChecks& checks);
  bool run_until(const std::function<bool()>& done, const char* what);
  size_t any() { return chaos_.random.below(processes_.size()); }
  void fail(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
  }

  const Plan plan_;
  Chaos chaos_;
  const std::unique_ptr<Shape> shape_;
  const Topology topology_;
  std::unique_ptr<Cluster> log_;
  std::unique_ptr<Transactions> transactions_;
  std::unique_ptr<Network> network_;
  HeldRecords held_;
  const std::unique_ptr<ProcessorCatalog> operators_;
  FakeProcessors processors_;
  std::unique_ptr<Oracle> oracle_;
  std::unique_ptr<Inputs> inputs_;
  std::vector<std::unique_ptr<Process>> processes_;
  Duration beginning_{0};
  uint64_t steps_ = 0;
  std::string problem_;
};

World::World(const Plan& plan, const std::function<void(const std::string&)>& print)
    : plan_(plan),
      chaos_(plan_, Random(plan.seed ^ 0x5ca1ab1e)),
      shape_(make_shape(plan)),
      topology_(shape_->topology(plan)),
      held_(chaos_),
      operators_(real_operators(chaos_)) {
  if (print) print_to(print);
  chaos_.clock.set_wall_ms(1'700'000'000'000);
  chaos_.clock.advance(std::chrono::hours(1));
  beginning_ = chaos_.clock.now();
  EmbeddedOptions options;
  options.clock = &chaos_.clock;
  options.session_timeout = plan.session_timeout;
  options.maintenance_thread = false;
  options.compact_min_records = plan.compact_min_records;
  log_ = make_embedded_cluster(options).value();
  transactions_ = std::make_unique<Transactions>(*log_, chaos_);
  network_.reset(new Network{*log_, *transactions_, chaos_, topology_.name, nullptr});
  std::vector<TopicSpec> topics;
  for (const auto& topic : shape_->inputs()) topics.push_back({topic, plan.partitions, -1, {}});
  for (const auto& stage : shape_->stages()) topics.push_back({stage.topic, plan.partitions, -1, {}});
  if (auto created = log_->admin().create(topics, Duration(0)); !created) fail(created.error().text());
  add_processors(processors_, held_, chaos_);
  processors_.others = operators_.get();
  oracle_ = std::make_unique<Oracle>(*shape_, chaos_, *log_);
  inputs_ = std::make_unique<Inputs>(*shape_, chaos_, *log_);
  for (size_t i = 0; i < plan.workers.size(); ++i)
    processes_.push_back(std::make_unique<Process>(static_cast<int>(i), topology_, processors_, *network_));
}

void World::print_to(const std::function<void(const std::string&)>& print) {
  chaos_.trace.print_to(print);
  set_log_writer([this](LogLevel, std::string_view message, std::initializer_list<LogField> fields) {
    std::string text(message);
    for (const auto& field : fields) text.append(" ").append(field.name).append("=").append(field.value);
    chaos_.trace.note(chaos_.stepping, "log:", text);
  });
}

// ---- One step

void World::step() {
  ++steps_;
  for (auto& process : processes_) {
    process->start_when_due();
    process->check_session();
    if (!process->broken().empty()) fail("an instance stopped for good: " + process->broken());
  }
  transactions_->step();
  const bool stepped = processes_[any()]->step(chaos_.random);
  // A step of the input is some six records.
  if (chaos_.random.below(plan_.storm * 4) < static_cast<uint64_t>(plan_.records)) inputs_->step();
  if (chaos_.random.below(3) == 0) held_.step();
  if (!chaos_.calm) storm();
  let_time_pass(!stepped);
  if (steps_ % look_interval == 0) look();
}

// What befalls processes from outside.
void World::storm() {
  const size_t at = any();
  const int number = static_cast<int>(at);
  Process& process = *processes_[at];
  if (process.up() && chaos_.strikes(Event::crash_between_steps, number))
    process.crash(chaos_.random.magnitude(Duration(milliseconds(1)), Duration(seconds(5))));
  if (process.up() && chaos_.strikes(Event::instance_stopped, number)) process.stop();
  if (process.up() && chaos_.strikes(Event::member_expelled, number)) process.cluster().expel();
  for (Event stall : {Event::worker_stalled, Event::control_stalled, Event::restorer_stalled, Event::process_stalled})
    if (process.up() && chaos_.strikes(stall, number))
      process.stall(stall, chaos_.random.magnitude(Duration(milliseconds(10)), Duration(seconds(60))));
  if (chaos_.strikes(Event::changelog_cleaned, Trace::world)) {
    const auto& store = topology_.stores[chaos_.random.below(topology_.stores.size())];
    if (!store.changelogged) return;
    if (auto cleaned = embedded_levers(*log_)->clean(store.changelog_topic); !cleaned && process.up())
      fail("a changelog cannot be cleaned: " + cleaned.error().text());
  }
}

void World::let_time_pass(bool idle) {
  Duration most = plan_.tick * 2;
  if (idle) most = std::max(most, Duration(milliseconds(4)));
  // Once the faults have stopped, nobody's session may time out any more.
  if (chaos_.calm)
    most = std::min(Duration(milliseconds(8)), plan_.session_timeout / 200);
  else if (chaos_.random.below(300) == 0)
    most *= 100;
  chaos_.pass(most);
}

void World::look() {
  if (const auto& problem = oracle_->look(); !problem.empty()) fail(problem);
}

// ---- The whole run

Outcome World::run() {
  while (problem_.empty() && (steps_ < plan_.storm || !inputs_->done()) && steps_ < steps_to_finish) step();
  if (problem_.empty()) finish();
  Outcome outcome;
  outcome.problem = problem_;
  if (!problem_.empty()) {
    chaos_.trace.add(Trace::world, "FAILED", problem_);
    outcome.report = plan_.describe() + "the last events:\n" + chaos_.trace.tail();
  }
  if (oracle_->repeats() > 0) chaos_.happened(Event::put_out_again, Trace::world);
  chaos_.trace.add(Trace::world, "put out", std::to_string(oracle_->digest()),
                   static_cast<int64_t>(oracle_->outputs()));
  outcome.hash = chaos_.trace.hash();
  outcome.steps = steps_;
  outcome.outputs = oracle_->outputs();
  outcome.simulated = chaos_.clock.now() - beginning_;
  outcome.coverage = chaos_.coverage;
  return outcome;
}

void World::finish() {
  chaos_.calm = true;
  chaos_.trace.add(Trace::world, "the faults stop");
  for (auto& process : processes_) process->end_stalls();
  const FinalChecks checks(topology_, *shape_, plan_, *log_, *oracle_, processes_);
  const auto all_running = [&] { return checks.all_running() && checks.globals_read(); };
  const auto all_done = [&] { return inputs_->done() && oracle_->complete() && all_running(); };
  if (!run_until(all_done, "the engine does not finish")) return;
  if (!settle_and_check(checks) || !plan_.rebuild_at_end) return;
  // Once more from what is durable, or from the changelogs alone: nothing may change.
  chaos_.happened(Event::everything_rebuilt, Trace::world);
  const bool wiped = chaos_.random.coin();
  for (auto& process : processes_) {
    process->crash(Duration(0));
    if (wiped) process->state().wipe_all();
  }
  if (run_until(all_running, "the engine does not come back")) settle_and_check(checks);
}

bool World::settle_and_check(const FinalChecks& checks) {
  for (uint64_t i = 0; i < settle_steps && problem_.empty(); ++i) step();
  look();
  const auto all_running = [&] { return checks.all_running() && checks.globals_read(); };
  if (problem_.empty() && !run_until(all_running, "a task stopped again")) return false;
  if (problem_.empty()) fail(oracle_->check_inputs(inputs_->committed()));
  if (problem_.empty()) fail(checks.wrong());
  return problem_.empty();
}

bool World::run_until(const std::function<bool()>& done, const char* what) {
  Duration deadline = chaos_.clock.now() + time_to_move;
  const uint64_t last_step = steps_ + steps_to_finish;
  size_t outputs = oracle_->outputs();
  while (problem_.empty() && (steps_ % look_interval != 0 || !done())) {
    if (std::exchange(outputs, oracle_->outputs()) != oracle_->outputs()) deadline = chaos_.clock.now() + time_to_move;
    if (chaos_.clock.now() > deadline || steps_ > last_step)
      fail(std::string(what) + ": " + std::to_string(oracle_->missing()) + " records are missing (" +
           oracle_->some_missing() + ")");
    step();
  }
  return problem_.empty();
}

}  // namespace

Outcome simulate(const Plan& plan, std::function<void(const std::string&)> print) { return World(plan, print).run(); }

}  // namespace kstreamd::sim
