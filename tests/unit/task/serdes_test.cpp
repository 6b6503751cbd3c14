// What a task does with serdes: whose fault an error is, and where windowed keys go.
#include <catch2/catch.hpp>

#include "kstreamd/sdk/windowed.h"
#include "tests/unit/task/task_fixture.h"

using namespace kstreamd;
using namespace kstreamd::testing;
using Catch::Matchers::Contains;

namespace {

// Text, by a registry that may be down.
class RegistrySerde final : public Serde {
 public:
  const std::string& name() const override { return name_; }
  Result<Value> read(std::string_view bytes, Arena&) const override {
    if (down_reading) return outage();
    return string_value(bytes);
  }
  Result<std::string_view> write(const Value& value, Arena&) const override {
    if (down_writing) return outage();
    return data_of(value);
  }
  bool down_reading = false;
  bool down_writing = false;

 private:
  static Error outage() { return Error{Recovery::retry_topology, "the registry cannot be reached", "wait"}; }
  const std::string name_ = "by_registry";
};

}  // namespace

TEST_CASE("where a serde says that no record is at fault, the topology waits, whatever on_error says") {
  RegistrySerde serde;
  Fixture f;
  f.processors.serdes_of_plugins["by_registry"] = &serde;
  for (auto& node : f.topology.nodes) node.on_error = {ErrorAction::skip, ErrorAction::skip, ErrorAction::skip};
  SECTION("reading") {
    f.topology.nodes[0].value_serde = "by_registry";
    serde.down_reading = true;
  }
  SECTION("writing") {
    f.topology.nodes[2].value_serde = "by_registry";
    serde.down_writing = true;
  }
  f.start();
  f.send({"a"});
  auto processed = f.task->process(100);
  REQUIRE_FALSE(processed);
  CHECK(processed.error().recovery == Recovery::retry_topology);
  CHECK_THAT(processed.error().message,
             Contains("record in-0@0: the value cannot be ") && Contains("the registry cannot be reached"));
  CHECK(f.values("out").empty());
}

TEST_CASE("a sink with windowed keys partitions by the inner key") {
  Fixture f;
  f.producer.partitions = 64;
  f.topology.nodes[2].operator_name = "sink";
  f.topology.nodes[2].key_serde = R"({"time_windowed":"string"})";
  Arena arena;
  f.processors.steps["work"] = [&arena](const Record& r, ProcessorContext& c) {
    Record windowed = r;
    windowed.key = windowed_value(Windowed{r.key, r.timestamp, r.timestamp + 10}, arena);
    return c.forward(0, {&windowed, 1});
  };
  f.start();
  f.send_all({{"x", 0, "key-985"}, {"y", 5000, "key-985"}});
  REQUIRE(f.run() == "");
  REQUIRE(f.producer.written.size() == 2);
  for (const auto& written : f.producer.written) CHECK(written.partition == 10);
  CHECK(f.producer.written[0].key != f.producer.written[1].key);
}
