// Looking at a plugin from a child process.
#include <catch2/catch.hpp>

#include "tests/unit/plugin_host/fixture.h"

using namespace kstreamd;

TEST_CASE("a plugin is described by a child, and not loaded here") {
  PluginHost host;
  const auto described = host.describe_in_child(example_plugin("dedup"));
  REQUIRE(described.ok());
  CHECK(described.value().name == "dedup");
  CHECK(described.value().version == "1.0.0");
  CHECK(described.value().abi == std::to_string(KST_ABI_MAJOR) + "." + std::to_string(KST_ABI_MINOR));
  CHECK(described.value().path == example_plugin("dedup"));
  REQUIRE(described.value().processors.size() == 1);
  const ProcessorInfo& info = described.value().processors[0];
  CHECK(info.name == "dedup");
  CHECK(info.stores.size() == 1);
  CHECK_FALSE(info.deterministic);
  CHECK(info.config_schema.find("\"within\"") != std::string::npos);
  CHECK(host.find("dedup") == nullptr);
}

TEST_CASE("a refusal is the same from the child") {
  PluginHost host;
  const auto here = host.load_file(bad_plugin("newer_major"));
  const auto there = host.describe_in_child(bad_plugin("newer_major"));
  REQUIRE_FALSE(there.ok());
  CHECK(there.error().text() == here.error().text());
}

TEST_CASE("a plugin that kills its process is shown as bad") {
  PluginHost host;
  const auto message = [&](const char* name) {
    const std::string path = bad_plugin(name);
    const auto described =
        host.describe_in_child(path, std::chrono::milliseconds(std::string(name) == "hang_on_load" ? 300 : 10'000));
    REQUIRE_FALSE(described.ok());
    CHECK(described.error().hint.find("take it out of the plugin folder") == 0);
    return described.error().message.substr(("plugin " + path + ": ").size());
  };
  CHECK(message("crash_on_load") == "crashed while it was loaded (signal 11, Segmentation fault)");
  CHECK(message("exit_on_load").find("ended the process while it was loaded (exit code ") == 0);
  CHECK(message("hang_on_load") == "did not finish loading within 300 ms");
}
