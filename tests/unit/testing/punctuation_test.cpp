// Punctuations as a test sees them: fired by records and by turning the clock.
#include <kstreamd/sdk/plugin.h>

#include "tests/unit/testing/driver_fixture.h"

using namespace kstreamd;
using namespace kstreamd::testing;
using namespace std::chrono_literals;

namespace {

// Sends a record with the time of each punctuation, keyed by the clock.
class Clocks {
 public:
  static constexpr const char* kName = "clocks";
  static constexpr const char* kDescription = "tells its punctuations";
  Clocks(sdk::Context&, const sdk::Config&) {}
  void init(sdk::Context& context) {
    stream_ = context.every(sdk::Clock::stream_time, 10s);
    context.every(sdk::Clock::wall_clock, 10s);
  }
  void process(const Record& record, sdk::Context& context) { context.forward_borrowed(record); }
  void punctuate(const sdk::Schedule& schedule, int64_t timestamp, sdk::Context& context) {
    context.forward(Record{string_value(schedule == stream_ ? "stream" : "wall"), string_value("tick"), timestamp,
                           nullptr, nullptr, 0, 0});
  }

 private:
  sdk::Schedule stream_;
};

PluginHost& host() {
  static auto host = [] {
    auto made = std::make_unique<PluginHost>();
    REQUIRE(made->add_builtin(builtin_plugin()));
    REQUIRE(made->add_builtin(sdk::plugin<Clocks>("clocks", "1.0.0")));
    return made;
  }();
  return *host;
}

const std::string nodes =
    "  in: { source: { topic: in, key: string, value: string } }\n"
    "  work: { from: in, process: clocks, serde: { key: string, value: string } }\n"
    "  out: { from: work, sink: { topic: out, key: string, value: string } }\n";

}  // namespace

TEST_CASE("turning the clock fires what was missed once, at the new time") {
  DriverOptions options;
  options.start_ms = 5000;
  auto driver = driver_of(nodes, options, "", host());
  REQUIRE(driver->advance(9999ms));
  CHECK(read_text(*driver, "out").empty());
  REQUIRE(driver->advance(1ms));
  CHECK(read_text(*driver, "out") == "wall=tick@15000");
  REQUIRE(driver->advance(34s));
  CHECK(read_text(*driver, "out") == "wall=tick@49000");
  REQUIRE(driver->advance(5s));
  CHECK(read_text(*driver, "out").empty());
  REQUIRE(driver->advance(1s));
  CHECK(read_text(*driver, "out") == "wall=tick@55000");
}

TEST_CASE("records fire punctuations on stream time, and turning the clock does not") {
  auto driver = driver_of(nodes, {}, "", host());
  TestInput in(*driver, "in", 1000);
  REQUIRE(in.send(string_value("a"), string_value("x")));
  CHECK(read_text(*driver, "out") == "a=x@1000 stream=tick@1000");
  in.advance_time(8s);
  REQUIRE(in.send(string_value("a"), string_value("x")));
  CHECK(read_text(*driver, "out") == "a=x@9000");
  in.advance_time(25s);
  REQUIRE(in.send(string_value("a"), string_value("x")));
  CHECK(read_text(*driver, "out") == "a=x@34000 stream=tick@34000");
}

TEST_CASE("what a punctuation wrote is committed like anything else") {
  DriverOptions options;
  options.manual_commits = true;
  auto driver = driver_of(nodes, options, "", host());
  REQUIRE(driver->advance(10s));
  CHECK(read_text(*driver, "out") == "wall=tick@10000");
  REQUIRE(driver->crash());
  CHECK(read_text(*driver, "out").empty());  // lost; the schedule of the new processor begins now
  REQUIRE(driver->advance(10s));
  REQUIRE(driver->commit());
  REQUIRE(driver->crash());
  CHECK(read_text(*driver, "out") == "wall=tick@20000");
}
