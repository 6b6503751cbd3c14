// Plugins that are tried in a process of their own before this one loads them.
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/unit/plugin_host/fixture.h"

using namespace kstreamd;
namespace fs = std::filesystem;

namespace {

// A host as the daemon has one.
PluginHostOptions trying(const std::string& copies = {}) {
  PluginHostOptions options;
  options.copies = copies;
  options.tries_with = {KSTREAMD_DESCRIBE_PLUGIN};
  options.stamp = "1";
  return options;
}

}  // namespace

TEST_CASE("a plugin that is sound passes its trial and is loaded") {
  PluginHost host(trying());
  const auto loaded = host.load_file(example_plugin("dedup"));
  REQUIRE(loaded.ok());
  CHECK(loaded.value().name == "dedup");
  CHECK(loaded.value().version == "1.0.0");
  CHECK(loaded.value().abi == std::to_string(KST_ABI_MAJOR) + "." + std::to_string(KST_ABI_MINOR));
  CHECK(loaded.value().path == example_plugin("dedup"));
  REQUIRE(loaded.value().processors.size() == 1);
  const ProcessorInfo& info = loaded.value().processors[0];
  CHECK(info.name == "dedup");
  CHECK(info.stores.size() == 1);
  CHECK_FALSE(info.deterministic);
  CHECK(info.config_schema.find("\"within\"") != std::string::npos);
  CHECK(info.content == loaded.value().content);
  CHECK(info.content.size() == 32);
}

TEST_CASE("a refusal is the same from the child") {
  PluginHost here, there(trying());
  const auto mine = here.load_file(bad_plugin("newer_major"));
  const auto its = there.load_file(bad_plugin("newer_major"));
  REQUIRE_FALSE(mine.ok());
  REQUIRE_FALSE(its.ok());
  CHECK(its.error().text() == mine.error().text());
}

TEST_CASE("a plugin that kills its process is refused, and the next one is loaded") {
  PluginHostOptions options = trying();
  options.try_timeout = std::chrono::seconds(1);
  PluginHost host(options);
  const auto message = [&](const char* name) {
    const std::string path = bad_plugin(name);
    const auto loaded = host.load_file(path);
    REQUIRE_FALSE(loaded.ok());
    CHECK(loaded.error().hint ==
          "take it out of the plugin folder: kstreamd would come to the same end; its constructors of static objects "
          "and kst_plugin_entry run at loading");
    return loaded.error().message.substr(("plugin " + path + ": ").size());
  };
  CHECK(message("crash_on_load") == "crashed while it was loaded (signal 11, Segmentation fault)");
  CHECK(message("exit_on_load") == "ended the process while it was loaded (exit code 7)");
  CHECK(message("hang_on_load") == "did not finish loading within 1000 ms");
  CHECK(host.load_file(bad_plugin("sound")).ok());
}

TEST_CASE("a copy that was found to be sound is not tried again by the same version") {
  const TemporaryFolder folder;
  const std::string copies = folder.path("copies");
  CHECK(PluginHost(trying(copies)).load_file(bad_plugin("sound")).ok());
  PluginHostOptions options = trying(copies);
  options.tries_with = {"/nonexistent/program"};
  CHECK(PluginHost(options).load_file(bad_plugin("sound")).ok());
  options.stamp = "2";
  const auto again = PluginHost(options).load_file(bad_plugin("sound"));
  REQUIRE_FALSE(again.ok());
  CHECK(again.error().message ==
        "plugin " + bad_plugin("sound") +
            ": cannot be tried out, /nonexistent/program does not start: No such file or directory");
}
