// Processors that hold records, through the plugin ABI: with threads of their own, with punctuations, and never.
#include <kstreamd/sdk/plugin.h>

#include <thread>

#include "tests/unit/testing/driver_fixture.h"

using namespace kstreamd;
using namespace kstreamd::testing;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

// Completes each record on a thread of its own, the later the sooner.
class Threads {
 public:
  static constexpr const char* kName = "threads";
  static constexpr const char* kDescription = "completes on threads";
  static constexpr uint32_t kMaxInFlight = 8;
  Threads(sdk::Context&, const sdk::Config&) {}
  ~Threads() {
    for (auto& thread : threads_) thread.join();
  }
  void process(const Record& record, sdk::Context& context) {
    threads_.emplace_back([held = context.hold(record)]() mutable {
      if (data_of(held.record().value) == "bad") return held.fail("no answer");
      held.complete(held.record());
    });
  }

 private:
  std::vector<std::thread> threads_;
};

// Completes what it holds every 10 ms.
class Ticks {
 public:
  static constexpr const char* kName = "ticks";
  static constexpr const char* kDescription = "completes in its punctuation";
  static constexpr uint32_t kMaxInFlight = 8;
  Ticks(sdk::Context&, const sdk::Config&) {}
  void init(sdk::Context& context) { context.every(sdk::Clock::wall_clock, 10ms); }
  void process(const Record& record, sdk::Context& context) { held_.push_back(context.hold(record)); }
  void punctuate(const sdk::Schedule&, int64_t, sdk::Context&) {
    for (auto& held : held_) held.complete(held.record());
    held_.clear();
  }

 private:
  std::vector<sdk::Held> held_;
};

class Never {
 public:
  static constexpr const char* kName = "never";
  static constexpr const char* kDescription = "never completes";
  static constexpr uint32_t kMaxInFlight = 8;
  Never(sdk::Context&, const sdk::Config&) {}
  void process(const Record& record, sdk::Context& context) { held_.push_back(context.hold(record)); }

 private:
  std::vector<sdk::Held> held_;
};

PluginHost& host() {
  static auto host = [] {
    auto made = std::make_unique<PluginHost>();
    REQUIRE(made->add_builtin(builtin_plugin()));
    REQUIRE(made->add_builtin(sdk::plugin<Threads, Ticks, Never>("held", "1.0.0")));
    return made;
  }();
  return *host;
}

std::string nodes(const std::string& type) {
  return "  in: { source: { topic: in, key: string, value: string } }\n"
         "  work: { from: in, process: " +
         type +
         ", serde: { key: string, value: string } }\n"
         "  out: { from: work, sink: { topic: out, key: string, value: string } }\n";
}

std::vector<InputRecord> three() {
  return {{"in", "a", "1", 1, {}, {}}, {"in", "b", "2", 2, {}, {}}, {"in", "a", "3", 3, {}, {}}};
}

}  // namespace

TEST_CASE("a send waits for what other threads complete") {
  auto driver = driver_of(nodes("threads"), {}, "", host());
  REQUIRE(driver->send(three()));
  CHECK(read_text(*driver, "out") == "a=1@1 b=2@2 a=3@3");
}

TEST_CASE("what another thread fails is an error of the record") {
  auto driver = driver_of(nodes("threads"), {}, "on_error: { processing: skip }\n", host());
  REQUIRE(driver->send({"in", "a", "bad", 1, {}, {}}));
  CHECK(driver->dropped("processing", "work") == 1);
  auto failing = driver_of(nodes("threads"), {}, "", host());
  CHECK_THAT(failing->send({"in", "a", "bad", 1, {}, {}}).error().message, Contains("no answer"));
}

TEST_CASE("a commit turns the clock to the punctuation that held records wait for") {
  auto driver = driver_of(nodes("ticks"), {}, "", host());
  REQUIRE(driver->send(three()));
  CHECK(read_text(*driver, "out") == "a=1@1 b=2@2 a=3@3");
  CHECK(driver->wall_ms() == 10);
}

TEST_CASE("without a commit records stay held until the clock is turned") {
  DriverOptions options;
  options.manual_commits = true;
  auto driver = driver_of(nodes("ticks"), options, "", host());
  REQUIRE(driver->send(three()));
  CHECK(driver->wall_ms() == 0);
  CHECK(read_text(*driver, "out").empty());
  REQUIRE(driver->advance(9ms));
  CHECK(read_text(*driver, "out").empty());
  REQUIRE(driver->advance(1ms));
  CHECK(read_text(*driver, "out") == "a=1@1 b=2@2 a=3@3");
  REQUIRE(driver->commit());
  REQUIRE(driver->send({"in", "c", "4", 4, {}, {}}));
  REQUIRE(driver->crash());  // what was held is forgotten, and comes again
  CHECK(read_text(*driver, "out").empty());
  REQUIRE(driver->commit());
  CHECK(read_text(*driver, "out") == "c=4@4");
}

TEST_CASE("a record that is never completed is an error that names the processor") {
  DriverOptions options;
  options.completion_deadline = 20ms;
  auto driver = driver_of(nodes("never"), options, "", host());
  const auto sent = driver->send({"in", "a", "1", 1, {}, {}});
  REQUIRE_FALSE(sent);
  CHECK(sent.error().message == "1 record was not completed within 20 ms: held by node 'work' (never) of task in-0");
  CHECK_THAT(sent.error().hint, Contains("complete, fail or drop"));
}
