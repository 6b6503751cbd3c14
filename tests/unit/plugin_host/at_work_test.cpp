// Plugins that load and then fail at work: what each of them is told, and what is said of it.
#include <catch2/catch.hpp>

#include "core/metrics/prometheus_metrics.h"
#include "tests/unit/plugin_host/fixture.h"
#include "tests/unit/testing/driver_fixture.h"

using namespace kstreamd;

namespace {

using Lines = std::vector<std::string>;

PluginHost& host_of(const std::string& plugin) {
  static std::map<std::string, std::unique_ptr<PluginHost>> hosts;
  auto& host = hosts[plugin];
  if (!host) {
    host = std::make_unique<PluginHost>();
    REQUIRE(host->load_file(bad_plugin(plugin)).ok());
  }
  return *host;
}

std::unique_ptr<TopologyTestDriver> driver_with(const std::string& type, const std::string& settings = "",
                                                DriverOptions options = {}) {
  const std::string nodes =
      "  in:\n    source: { topic: in, key: string, value: string }\n"
      "  work:\n    from: in\n    process: " +
      type +
      "\n    serde: { key: string, value: string }\n"
      "  out:\n    from: work\n    sink: { topic: out, key: string, value: string }\n";
  return testing::driver_of(nodes, std::move(options), settings, host_of(type));
}

// What stops a topology with a processor of this type, of the plugin of the same name, at one record.
std::string stopped_by(const std::string& type, const std::string& value = "x", DriverOptions options = {}) {
  auto driver = driver_with(type, "", std::move(options));
  const Status sent = driver->send("in", string_value("k"), string_value(value), 1);
  CHECK(testing::read_text(*driver, "out").empty());
  return sent.ok() ? "nothing" : sent.error().text();
}

}  // namespace

TEST_CASE("a plugin that forwards to a child that is not there stops its topology, and is told which there are") {
  CHECK(stopped_by("unknown_child") ==
        "topology 'app', task in-0, node 'work': there is no output or child 'nowhere', only the output (0) and the "
        "child 'out' (1) (see the documentation of processor 'unknown_child')");
}

TEST_CASE("a plugin that completes a record twice stops its topology") {
  CHECK(stopped_by("completes_twice") ==
        "topology 'app', task in-0, node 'work': processor 'completes_twice': it completed a held record twice (a "
        "processor completes each record that it holds once)");
}

TEST_CASE("a plugin that never completes a record is named by the test driver") {
  DriverOptions options;
  options.completion_deadline = std::chrono::milliseconds(20);
  CHECK(stopped_by("never_completes", "x", options) ==
        "1 record was not completed within 20 ms: held by node 'work' (never_completes) of task in-0 (a processor has "
        "to complete, fail or drop each record that it holds)");
}

TEST_CASE("a plugin that throws behind the SDK fails the record, and on_error decides") {
  CHECK(stopped_by("throws", "bad") ==
        "topology 'app', task in-0, node 'work': record in-0@0: value is bad (to go on without such records, set "
        "on_error: { processing: skip } or dead_letter)");
  auto driver = driver_with("throws", "on_error: { processing: dead_letter }\ndead_letter_topic: dead\n");
  for (const char* value : {"a", "bad", "b"}) REQUIRE(driver->send("in", string_value("k"), string_value(value), 1));
  CHECK(testing::read_text(*driver, "out") == "k=a@1 k=b@1");
  const auto dead = driver->read("dead");
  REQUIRE(dead.size() == 1);
  CHECK(dead[0]->value == "bad");
}

TEST_CASE("a plugin that breaks the rules in process stops its topology") {
  CHECK(stopped_by("misbehaves") ==
        "topology 'app', task in-0, node 'work': the plugin's processor 'misbehaves' threw a C++ exception across the "
        "plugin ABI in process: this is a bug of the plugin (see the documentation of processor 'misbehaves')");
}

TEST_CASE("a plugin that forwards where it may not is refused, and it is said once") {
  PluginHost& host = host_of("forwards_late");
  LogLines log;
  FakeContext context;
  const std::vector<Record> records = {text_record("a", "x"), text_record("b", "y")};
  size_t done = 0;
  const std::string called = "the plugin's processor 'forwards_late' called forward ";
  const std::string bug = ": this is a bug of the plugin";
  const std::string fields = " topology=app task=lines-0 node=node plugin=bad 1.0.0";

  SECTION("from a thread of its own") {
    auto processor = host.create("forwards_late", R"({"from":"thread"})", context);
    REQUIRE(processor.ok());
    CHECK((*processor)->process(records, done) == KST_OK);
    CHECK((*processor)->process(records, done) == KST_OK);
    CHECK(log.take() == Lines{"error: " + called + "from a thread of its own, outside of its calls" + bug + fields});
  }
  SECTION("in close") {
    {
      auto processor = host.create("forwards_late", R"({"from":"close"})", context);
      REQUIRE(processor.ok());
      CHECK((*processor)->process(records, done) == KST_OK);
      CHECK(context.forwarded.size() == 2);
    }
    const std::string message = called + "during close, where it may not be called" + bug;
    CHECK(log.take() == Lines{"error: " + message + fields});
    CHECK(context.failure == message);
  }
  SECTION("after close") {
    const std::string config = R"({"from":"afterwards"})";
    { REQUIRE(host.create("forwards_late", config, context).ok()); }
    CHECK(log.take().empty());
    FakeContext other;
    auto next = host.create("forwards_late", config, other);
    REQUIRE(next.ok());
    CHECK((*next)->init() == KST_OK);
    CHECK(log.take() == Lines{"error: " + called + "after it was closed" + bug + fields});
    // Neither the processor that is gone nor the one in whose call it happened has done anything wrong now.
    CHECK(other.failure.empty());
    CHECK(other.forwarded.empty());
  }
  const size_t in_process = context.forwarded.size();
  CHECK((in_process == 0 || in_process == 2));
}

TEST_CASE("a plugin's metrics are shown as its own, and bad ones are refused with the reason") {
  PluginHost& host = host_of("measures");
  const auto create = [&](const std::string& config, FakeContext& context) {
    context.plugin_metrics = make_prometheus_metrics();
    return host.create("measures", config, context);
  };
  const auto refusal = [&](const char* what) {
    FakeContext context;
    auto made = create(R"({"make":")" + std::string(what) + "\"}", context);
    return made.ok() ? "none" : made.error().message;
  };
  const std::string made = "processor 'measures' cannot be made for node 'node': metric '";
  CHECK(refusal("clash") == made + "records_seen' is a counter already, and cannot be a gauge");
  CHECK(refusal("name") == made + "Last Size' has no good name: it begins with a-z, and is made of a-z, 0-9 and '_'");
  CHECK(refusal("kind") == made + "x' is of kind 7, which there is not");
  CHECK(refusal("own") ==
        made + "errors' cannot be made: metric kstreamd_plugin_errors_total is one of kstreamd's own");

  FakeContext context;
  auto processor = create("{}", context);
  REQUIRE(processor.ok());
  const std::vector<Record> records = {text_record("a", "x"), text_record("b", "y")};
  size_t done = 0;
  REQUIRE((*processor)->process(records, done) == KST_OK);
  const std::string shown = static_cast<PrometheusMetrics&>(*context.plugin_metrics).expose();
  const std::string labels = R"({node="node",task="lines-0",topology="app"})";
  CHECK_THAT(shown, Catch::Matchers::Contains("kstreamd_plugin_records_seen_total" + labels + " 2\n"));
  CHECK_THAT(shown, Catch::Matchers::Contains("kstreamd_plugin_last_size" + labels + " 2\n"));
  CHECK_THAT(shown, Catch::Matchers::Contains("kstreamd_plugin_batch_seconds_count" + labels + " 1\n"));
}
