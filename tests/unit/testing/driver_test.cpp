#include <set>

#include "tests/unit/testing/driver_fixture.h"

using namespace kstreamd;
using namespace kstreamd::testing;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

const std::string counting = R"(
  in: { source: { topic: in, key: string, value: string } }
  counts: { from: in, count: { store: counts } }
  out: { from: counts, sink: { topic: out, key: string, value: int64 } }
)";

const std::string regrouping = R"(
  in: { source: { topic: in, key: string, value: string } }
  counts: { from: in, group_by: "value", count: { store: counts }, serde: { key: string } }
  out: { from: counts, sink: { topic: out, key: string, value: int64 } }
)";

const std::string failing = R"(
  in: { source: { topic: in, key: string, value: int64 } }
  checked: { from: in, map_values: "value >= 0 and value or value + nil", serde: { value: int64 } }
  counts: { from: checked, count: { store: counts } }
  out: { from: counts, sink: { topic: out, key: string, value: int64 } }
)";

Value text(std::string_view t) { return string_value(t); }

DriverOptions manual() {
  DriverOptions options;
  options.manual_commits = true;
  return options;
}

std::optional<std::string> row(TopologyTestDriver& driver, std::string_view key) {
  auto found = driver.store_row("counts", key);
  REQUIRE(found);
  if (!*found) return std::nullopt;
  return (*found)->value + "@" + std::to_string((*found)->timestamp);
}

std::string count(char n) { return std::string(7, '\0') + n; }

}  // namespace

TEST_CASE("records go in and out, as bytes and as values") {
  auto driver = driver_of(counting);
  TestInput in(*driver, "in", 100, 10ms);
  REQUIRE(in.send(text("a"), text("x")));
  REQUIRE(in.send(text("a"), text("y")));
  in.advance_time(1s);
  InputRecord raw{"in", "b", "z", 7, {{"h", "1"}, {"n", std::nullopt}}, std::nullopt};
  REQUIRE(driver->send(raw));
  CHECK(driver->unread("out").size() == 3);
  const auto* last = driver->unread("out").back();
  CHECK(last->headers == raw.headers);
  CHECK(last->offset == 2);
  CHECK(last->committed);
  CHECK(read_text(*driver, "out") == "a=1@100 a=2@110 b=1@7");
  CHECK(driver->unread("out").empty());
  REQUIRE(in.send(text("a"), text("x")));
  CHECK(read_text(*driver, "out") == "a=3@1120");
}

TEST_CASE("a send names a topic and a partition that there are, and values that fit") {
  auto driver = driver_of(counting);
  CHECK_THAT(driver->send({"other", "a", "x", 1, {}, {}}).error().text(),
             Contains("no source of topology 'app' reads"));
  CHECK_THAT(driver->send({"in", "a", "x", 1, {}, 4}).error().message,
             Contains("topic 'in' has no partition 4, only 1"));
  CHECK_THAT(driver->send("in", int64_value(3), text("x")).error().message, Contains("the key to send to 'in'"));
  CHECK_FALSE(driver->stopped());
  CHECK(driver->send("in", text("a"), text("x")));
}

TEST_CASE("a crash loses what was not committed, and does it again") {
  auto driver = driver_of(counting, manual());
  REQUIRE(driver->send("in", text("a"), text("x"), 1));
  REQUIRE(driver->commit());
  CHECK(read_text(*driver, "out") == "a=1@1");
  REQUIRE(driver->send("in", text("a"), text("y"), 2));
  CHECK(read_text(*driver, "out") == "a=2@2");
  CHECK(row(*driver, "a") == count(2) + "@2");
  CHECK(driver->unread("app-counts-changelog").size() == 1);

  REQUIRE(driver->crash());
  CHECK(read_text(*driver, "out") == "a=2@2");  // not 3, and shown again
  CHECK(row(*driver, "a") == count(2) + "@2");
  REQUIRE(driver->commit());
  REQUIRE(driver->crash());
  CHECK(read_text(*driver, "out").empty());
  CHECK(row(*driver, "a") == count(2) + "@2");
  CHECK(driver->store_rows("counts").value() == 1);
}

TEST_CASE("a crash forgets what only memory knew") {
  auto driver = driver_of(counting, manual());
  REQUIRE(driver->send("in", null_value(), text("x"), 1));
  CHECK(driver->dropped("null_key") == 1);
  REQUIRE(driver->crash());
  CHECK(driver->dropped("null_key") == 1);  // counted once, though dropped twice
  CHECK(driver->dropped("null_key", "counts") == 1);
  CHECK(driver->dropped("null_key", "in") == 0);
  CHECK(driver->dropped() == std::map<std::string, uint64_t>{{"null_key", 1}});
}

TEST_CASE("a store without a changelog is empty after a crash") {
  auto driver = driver_of(counting, {}, "stores: { counts: { changelog: false } }\n");
  REQUIRE(driver->send("in", text("a"), text("x"), 1));
  CHECK(driver->store_rows("counts").value() == 1);
  REQUIRE(driver->crash());
  CHECK(driver->store_rows("counts").value() == 0);
}

TEST_CASE("a record that fails stops the topology and undoes its transaction") {
  auto driver = driver_of(failing);
  REQUIRE(driver->send("in", text("a"), int64_value(1), 1));
  const InputRecord good{"in", "a", count(5), 2, {}, {}};
  const InputRecord bad{"in", "a", std::string(8, '\xff'), 3, {}, {}};
  const auto sent = driver->send(std::vector<InputRecord>{good, bad});
  REQUIRE_FALSE(sent);
  CHECK_THAT(sent.error().message, Contains("task in-0, node 'checked': record in-0@2"));
  REQUIRE(driver->stopped());
  CHECK(read_text(*driver, "out") == "a=1@1");
  CHECK(row(*driver, "a") == count(1) + "@1");
  for (const auto& again : {driver->send(good), driver->commit(), driver->advance(1s)})
    CHECK_THAT(again.error().message, Contains("the topology has stopped: ") && Contains("record in-0@2"));
  // A restart meets the same record again.
  CHECK_THAT(driver->crash().error().message, Contains("record in-0@2"));
  CHECK(row(*driver, "a") == count(1) + "@1");
}

TEST_CASE("repartition topics bring keys together, within the step") {
  DriverOptions options;
  options.partitions = {{"in", 3}, {"out", 2}};
  auto driver = driver_of(regrouping, options);
  const auto sent = [&](std::optional<int32_t> partition, const char* value) {
    REQUIRE(driver->send({"in", "k", value, 5, {}, partition}));
  };
  sent(0, "a");
  sent(2, "a");
  sent(1, "b");
  CHECK(read_text(*driver, "out") == "a=1@5 a=2@5 b=1@5");
  CHECK(driver->is_internal("app-counts-repartition"));
  CHECK(driver->unread("app-counts-repartition").size() == 3);
  CHECK(driver->topics_with_unread().empty());
  CHECK(driver->topics_with_unread(true) == std::vector<std::string>{"app-counts-changelog", "app-counts-repartition"});
  CHECK(driver->store_rows("counts").value() == 2);
  REQUIRE(driver->crash());
  CHECK(row(*driver, "a") == count(2) + "@5");
  CHECK(row(*driver, "b") == count(1) + "@5");
}

TEST_CASE("records without a key are spread, the same way each time for a seed") {
  const auto partitions = [](uint64_t seed) {
    DriverOptions options;
    options.partitions = {{"in", 3}, {"out", 3}};
    options.seed = seed;
    auto driver = driver_of(
        "  in: { source: { topic: in, key: string, value: string } }\n"
        "  out: { from: in, sink: { topic: out, key: string, value: string } }\n",
        options);
    std::string all;
    for (int i = 0; i < 5; ++i) REQUIRE(driver->send("in", null_value(), text("x"), i));
    for (const auto* record : driver->read("out")) all += std::to_string(record->partition);
    return all;
  };
  CHECK(partitions(0) == "01201");
  CHECK(partitions(0) == partitions(0));
  CHECK(partitions(5) == partitions(5));
  CHECK(partitions(1) != partitions(0));
}

TEST_CASE("any seed gives the same counts") {
  std::set<std::string> results;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    DriverOptions options;
    options.partitions = {{"in", 4}};
    options.seed = seed;
    auto driver = driver_of(regrouping, options);
    for (int i = 0; i < 12; ++i) REQUIRE(driver->send("in", text(i % 2 ? "x" : "y"), text(i % 3 ? "a" : "b"), i));
    results.insert(*row(*driver, "a") + *row(*driver, "b"));
  }
  CHECK(results == std::set<std::string>{count(8) + "@11" + count(4) + "@9"});
}

TEST_CASE("the wall clock stands still until it is turned") {
  DriverOptions options;
  options.start_ms = 1000;
  auto driver = driver_of(counting, options);
  REQUIRE(driver->send({"in", "a", "x", std::nullopt, {}, {}}));
  REQUIRE(driver->advance(500ms));
  REQUIRE(driver->send({"in", "b", "x", std::nullopt, {}, {}}));
  CHECK(driver->wall_ms() == 1500);
  CHECK(read_text(*driver, "out") == "a=1@1000 b=1@1500");
}

TEST_CASE("serdes of topics are those that the topology names") {
  auto driver = driver_of(failing, {}, "on_error: { processing: dead_letter }\ndead_letter_topic: dlq\n");
  CHECK(driver->input_serdes("in")->value->name() == "int64");
  CHECK(driver->output_serdes("out")->key->name() == "string");
  CHECK(driver->output_serdes("dlq")->value->name() == "bytes");
  CHECK(driver->output_serdes("app-counts-changelog")->key->name() == "bytes");
  CHECK_FALSE(driver->output_serdes("in"));
  CHECK_FALSE(driver->input_serdes("out"));
  REQUIRE(driver->send({"in", "k", std::string(8, '\xff'), 3, {}, {}}));
  const auto letters = driver->read("dlq");
  REQUIRE(letters.size() == 1);
  CHECK(letters[0]->value == std::string(8, '\xff'));
  CHECK(driver->dropped("processing", "checked") == 1);
}
