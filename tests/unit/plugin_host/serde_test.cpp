// Serdes of plugins: through the host, and what becomes of those that break the rules.
#include <catch2/catch.hpp>

#include "core/serde/objects.h"
#include "core/spec/spec.h"
#include "tests/unit/plugin_host/fixture.h"

using namespace kstreamd;

namespace {

std::string error_of(const Result<Value>& result) { return result.ok() ? "none" : result.error().text(); }

}  // namespace

TEST_CASE("a plugin may have serdes only, and they are listed beside the built-in ones") {
  PluginHost host;
  REQUIRE(host.load_file(bad_plugin("serdes")).ok());
  CHECK(host.list().empty());
  REQUIRE(host.plugins().size() == 1);
  REQUIRE(host.plugins()[0].serdes.size() == 2);
  CHECK(host.plugins()[0].serdes[0].name == "celsius");
  CHECK(host.plugins()[0].serdes[0].description == "a temperature as text");
  CHECK(host.plugins()[0].serdes[0].plugin == "weather 1.0.0");
  CHECK(host.serdes().size() == serde_names().size() + 2);
  CHECK(host.serde("string") == find_serde("string"));
  CHECK(host.serde("nothing") == nullptr);
  REQUIRE(host.serde("celsius"));
  CHECK(host.serde("celsius")->name() == "celsius");
}

TEST_CASE("a plugin's serde reads and writes, and says what does not fit") {
  PluginHost host;
  REQUIRE(host.load_file(bad_plugin("serdes")).ok());
  const Serde& celsius = *host.serde("celsius");
  Arena arena;
  const auto read = celsius.read("21.5", arena);
  REQUIRE(read.ok());
  CHECK(read.value().type == KST_FLOAT64);
  CHECK(read.value().u.real == 21.5);
  const auto written = celsius.write(float64_value(-3), arena);
  REQUIRE(written.ok());
  CHECK(written.value() == "-3.0");
  CHECK(error_of(celsius.read("warm", arena)) == "it is no temperature");
  CHECK(error_of(celsius.read("", arena)) == "it is no temperature");
  const auto refused = celsius.write(string_value("x"), arena);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().text() == "celsius takes a number");
}

TEST_CASE("an object that a serde makes belongs to the batch") {
  PluginHost host;
  REQUIRE(host.load_file(bad_plugin("serdes")).ok());
  const Serde& point = *host.serde("point");
  const std::string bytes("\0\0\0\1\xff\xff\xff\xfe", 8);
  Arena arena;
  for (int round = 0; round < 3; ++round) {  // a leak, or a release too many, is seen by the sanitizers
    const auto read = point.read(bytes, arena);
    REQUIRE(read.ok());
    REQUIRE(read.value().type == KST_OBJECT);
    const auto json = plain_value(read.value(), false, arena);
    REQUIRE(json.ok());
    CHECK(data_of(json.value()) == R"({"x":1,"y":-2})");
    const auto written = point.write(read.value(), arena);
    REQUIRE(written.ok());
    CHECK(written.value() == bytes);
    arena.reset();
  }
  CHECK(error_of(point.read("short", arena)) == "a point has 8 bytes");
}

TEST_CASE("a serde that breaks the rules fails its record, with what it did") {
  PluginHost host;
  REQUIRE(host.load_file(bad_plugin("bad_serdes")).ok());
  Arena arena;
  const auto read = [&](const char* name) { return error_of(host.serde(name)->read("x", arena)); };
  const auto write = [&](const char* name) {
    const auto written = host.serde(name)->write(string_value("x"), arena);
    return written.ok() ? "none" : written.error().text();
  };
  const std::string bug = " (this is a bug of plugin bad 1.0.0)";
  CHECK(read("throws") == "serde 'throws' threw a C++ exception across the plugin ABI in read" + bug);
  CHECK(write("throws") == "serde 'throws' threw a C++ exception across the plugin ABI in write" + bug);
  CHECK(read("silent") == "the serde gives no reason");
  CHECK(write("silent") == "the serde gives no reason");
  CHECK(read("fatal") == "serde 'fatal' answered read with status 3; it may be KST_OK or KST_RECORD_ERROR" + bug);
  CHECK(write("fatal") == "serde 'fatal' gave 9 bytes at NULL" + bug);
  CHECK(read("unknown") == "serde 'unknown' gave a value of type 99, which there is not" + bug);
  CHECK(read("dangling") == "serde 'dangling' gave string of 5 bytes at NULL" + bug);
  CHECK(read("no_object") == "serde 'no_object' gave an object at NULL, or one without a type" + bug);
  CHECK(read("bare") == "serde 'bare' gave an object whose type lacks id, to_json, retain or release" + bug);
}

TEST_CASE("a topology uses a plugin's serde like a built-in one") {
  PluginHost host;
  const std::string yaml =
      "kstreamd: 1\nname: t\nnodes:\n  in:\n    source: { topic: a, key: string, value: celsius }\n"
      "  out:\n    from: in\n    sink: { topic: b, key: string, value: celsus }\n";
  const auto said = [&] {
    std::string out;
    for (const auto& diagnostic : load_topology_text(yaml, "t.yaml", host, "").diagnostics)
      out += text(diagnostic) + "\n";
    return out;
  };
  const std::string known = "string, bytes, bool, int16, int32, int64, float32, float64, uuid, json";
  CHECK(said() == "t.yaml:5:45: error: node 'in': unknown serde 'celsius'\n  hint: use one of " + known +
                      "\nt.yaml:8:43: error: node 'out': unknown serde 'celsus'\n  hint: use one of " + known + "\n");
  REQUIRE(host.load_file(bad_plugin("serdes")).ok());
  CHECK(said() == "t.yaml:8:43: error: node 'out': unknown serde 'celsus'\n  hint: did you mean 'celsius'?\n");
}

TEST_CASE("two plugins with a serde of one name are one too many") {
  const TemporaryFolder folder;
  std::filesystem::copy_file(bad_plugin("serdes"), folder.path("a.so"));
  std::filesystem::copy_file(bad_plugin("serdes"), folder.path("b.so"));
  PluginHost host;
  const auto problems = host.load_folder(folder.path());
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].error.text() ==
        "plugin " + folder.path("b.so") +
            ": its serde 'celsius' is there already, from weather 1.0.0 (keep one of the two "
            "files, or rename the serde)");
}
