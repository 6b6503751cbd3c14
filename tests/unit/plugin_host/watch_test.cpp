// Which call a thread is in, and what is said of one that does not return.
#include <catch2/catch.hpp>
#include <fstream>
#include <future>
#include <thread>

#include "core/plugin_host/call_watch.h"
#include "core/plugin_host/plugin_context.h"
#include "tests/unit/plugin_host/fixture.h"

using namespace kstreamd;

namespace {

using Lines = std::vector<std::string>;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Keeps what gauges were set to last.
class GaugeMetrics final : public Metrics {
 public:
  std::shared_ptr<Counter> counter(const std::string& name, const Labels& labels) override {
    return null_->counter(name, labels);
  }
  std::shared_ptr<Histogram> histogram(const std::string& name, const Labels& labels) override {
    return null_->histogram(name, labels);
  }
  std::shared_ptr<Gauge> gauge(const std::string& name, const Labels& labels) override {
    std::string series = name;
    for (const auto& [key, value] : labels) series += " " + key + "=" + value;
    return std::make_shared<Kept>(values[series]);
  }
  std::map<std::string, double> values;

 private:
  struct Kept final : Gauge {
    explicit Kept(double& v) : value(v) {}
    void set(double v) override { value = v; }
    double& value;
  };
  std::unique_ptr<Metrics> null_ = make_null_metrics();
};

constexpr const char* kHint =
    " hint=the task waits for it; a processor that waits for something outside can hold its records (abi/async.h)";

// Until the thread has been in three calls or is in its third: create began and ended, process began.
void wait_until_processing() {
  const auto deadline = std::chrono::steady_clock::now() + seconds(30);
  bool in_process = false;
  while (!in_process && std::chrono::steady_clock::now() < deadline) {
    for_each_calling_thread([&](CallingThread& thread) {
      in_process = in_process || (thread.changes.load() == 3 && thread.top.load() != nullptr);
    });
    std::this_thread::yield();
  }
  REQUIRE(in_process);
}

}  // namespace

TEST_CASE("calls are noted while they last, the innermost first") {
  CHECK(current_call() == nullptr);
  const std::vector<Record> records = {text_record("k", "v")};
  {
    const PluginCall outer(CallKind::process, nullptr, records.data(), records.size());
    CHECK(current_call()->kind == CallKind::process);
    CHECK(current_call()->records == records.data());
    CHECK(current_call()->outer == nullptr);
    const CallFrame* below = current_call();
    {
      const PluginCall inner(CallKind::serde, "celsius");
      CHECK(current_call()->subject == std::string("celsius"));
      CHECK(current_call()->outer == below);
      CHECK(current_call()->count == 0);
    }
    CHECK(current_call() == below);
  }
  CHECK(current_call() == nullptr);
  std::string names;
  for (const auto kind : {CallKind::load, CallKind::check, CallKind::serde, CallKind::create, CallKind::init,
                          CallKind::process, CallKind::punctuate, CallKind::close})
    names += std::string(call_name(kind)) + " ";
  CHECK(names == "load check serde create init process punctuate close ");
}

TEST_CASE("a thread is known from its first call until it ends") {
  const auto known = [](pid_t id) {
    int count = 0;
    for_each_calling_thread([&](CallingThread& thread) { count += thread.id == id; });
    return count;
  };
  pid_t id = 0;
  std::thread([&] {
    id = ::gettid();
    CHECK(known(id) == 0);
    { const PluginCall call(CallKind::check, "x"); }
    { const PluginCall call(CallKind::check, "x"); }
    CHECK(known(id) == 1);
  }).join();
  CHECK(known(id) == 0);
}

TEST_CASE("a call that does not return is said once, and that it has returned after all") {
  const TemporaryFolder folder;
  const std::string go = folder.path("go");
  LogLines log;
  ManualClock clock;
  GaugeMetrics metrics;
  CallWatch watch(seconds(10), clock, metrics);
  PluginHost host;
  REQUIRE(host.load_file(bad_plugin("blocks")).ok());
  std::promise<void> returned, end;
  std::thread worker([&] {
    FakeContext context;
    {
      auto processor = host.create("blocks", "{}", context);
      const kst_origin origin{"in", nullptr, nullptr, 2, 0, 0, 3, 41, 0};
      std::vector<Record> records = {text_record("k", go), text_record("k", "x")};
      for (auto& record : records) record.origin = &origin;
      size_t done = 0;
      (void)(*processor)->process(records, done);
      returned.set_value();
      end.get_future().wait();
    }
  });
  wait_until_processing();
  const std::string who = "process of the plugin's processor 'blocks' (bad 1.0.0)";
  const std::string series = "kstreamd_plugin_calls_blocked node=node task=lines-0 topology=app";
  watch.sample();
  clock.advance(milliseconds(9'999));
  watch.sample();
  CHECK(log.take().empty());
  CHECK(metrics.values.empty());
  clock.advance(milliseconds(1));
  watch.sample();
  CHECK(log.take() ==
        Lines{"warn: " + who +
              " has not returned for 10 s topology=app task=lines-0 node=node record=in-3@41 records=2" + kHint});
  CHECK(metrics.values == std::map<std::string, double>{{series, 1}});
  clock.advance(seconds(20));
  watch.sample();
  CHECK(log.take().empty());
  std::ofstream(go) << "";
  returned.get_future().wait();
  clock.advance(seconds(1));
  watch.sample();
  CHECK(log.take() == Lines{"info: " + who + " has returned, after about 31 s topology=app task=lines-0 node=node"});
  CHECK(metrics.values == std::map<std::string, double>{{series, 0}});
  end.set_value();
  worker.join();
  watch.sample();
  CHECK(log.take().empty());
}

TEST_CASE("many short calls are no long one") {
  LogLines log;
  ManualClock clock;
  GaugeMetrics metrics;
  CallWatch watch(seconds(10), clock, metrics);
  for (int i = 0; i < 5; ++i) {
    const PluginCall call(CallKind::serde, "quick");
    watch.sample();
    clock.advance(seconds(9));
    watch.sample();
  }
  CHECK(log.take().empty());
}

TEST_CASE("a serde that does not return is named") {
  LogLines log;
  ManualClock clock;
  GaugeMetrics metrics;
  CallWatch watch(seconds(10), clock, metrics);
  {
    const PluginCall call(CallKind::serde, "celsius");
    watch.sample();
    clock.advance(seconds(12));
    watch.sample();
    CHECK(log.take() ==
          Lines{"warn: the plugin's serde 'celsius' has not returned for 12 s hint=the task waits for it"});
  }
  watch.sample();
  CHECK(log.take() == Lines{"info: the plugin's serde 'celsius' has returned, after about 12 s"});
  CHECK(metrics.values.empty());
}
