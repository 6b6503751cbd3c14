// Drivers of small topologies, with the built-in operators and with processors of the tests' own.
#pragma once
#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "core/plugin_host/plugin_host.h"
#include "core/spec/spec.h"
#include "core/testing/test_topics.h"
#include "core/testing/topology_test_driver.h"
#include "plugins/builtin/builtin.h"

namespace kstreamd::testing {

inline PluginHost& builtin_host() {
  static auto host = [] {
    auto made = std::make_unique<PluginHost>();
    REQUIRE(made->add_builtin(builtin_plugin()));
    return made;
  }();
  return *host;
}

inline std::shared_ptr<const Topology> topology_of(const std::string& nodes, const ProcessorCatalog& processors,
                                                   const std::string& settings = "") {
  auto loaded =
      load_topology_text("kstreamd: 1\nname: app\n" + settings + "nodes:\n" + nodes, "topology.yaml", processors);
  for (const auto& diagnostic : loaded.diagnostics) UNSCOPED_INFO(text(diagnostic));
  REQUIRE(loaded.ok());
  return std::make_shared<const Topology>(std::move(*loaded.value));
}

inline std::unique_ptr<TopologyTestDriver> driver_of(const std::string& nodes, DriverOptions options = {},
                                                     const std::string& settings = "",
                                                     const ProcessorCatalog& processors = builtin_host()) {
  auto driver = TopologyTestDriver::make(topology_of(nodes, processors, settings), processors, std::move(options));
  if (!driver) UNSCOPED_INFO(driver.error().text());
  REQUIRE(driver);
  return std::move(*driver);
}

// "a=1@5 b=null@7 ...": what a topic got since it was read last. Values that are integers, texts or null.
inline std::string read_text(TopologyTestDriver& driver, const std::string& topic) {
  TestOutput output(driver, topic);
  std::string all;
  const auto shown = [](const Value& value) {
    return is_null(value) ? "null" : is_integer(value) ? std::to_string(value.u.integer) : std::string(data_of(value));
  };
  while (auto read = output.next())
    all +=
        (all.empty() ? "" : " ") + shown(read->key) + "=" + shown(read->value) + "@" + std::to_string(read->timestamp);
  return all;
}

}  // namespace kstreamd::testing
