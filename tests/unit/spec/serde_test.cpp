// Serdes with arguments, as topology files say them. What is wrong with some is in
// tests/validation/serde_mistakes.yaml.
#include "core/serde/serde.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "core/spec/spec.h"
#include "tests/unit/spec/fake_catalog.h"

using namespace kstreamd;
using Catch::Matchers::Contains;

namespace {

// A folder with a topology file and what it names.
struct Folder {
  Folder() { std::filesystem::create_directories(path / "schemas"); }
  ~Folder() { std::filesystem::remove_all(path); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path / name) << text; }
  SpecResult<Topology> load(const std::string& nodes) const {
    write("t.yaml", "kstreamd: 1\nname: t\nnodes:\n" + nodes);
    return load_topology((path / "t.yaml").string(), kstreamd::testing::FakeCatalog());
  }
  Topology good(const std::string& nodes) const {
    auto result = load(nodes);
    std::string all;
    for (const auto& diagnostic : result.diagnostics) all += text(diagnostic) + "\n";
    INFO(all);
    REQUIRE(result.ok());
    return *result.value;
  }
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("kstreamd-serde-spec-" + std::to_string(getpid()));
};

}  // namespace

TEST_CASE("windowed keys become specs") {
  const Folder folder;
  auto t = folder.good(
      "  a: { source: { topic: a, key: { time_windowed: string, size: 30s }, value: string } }\n"
      "  b: { source: { topic: b, key: { session_windowed: int64 }, value: string } }\n"
      "  x: { from: a, sink: { topic: x, key: { time_windowed: string }, value: string } }\n");
  CHECK(t.nodes[0].key_serde == R"({"time_windowed":"string","size":30000})");
  CHECK(t.nodes[1].key_serde == R"({"session_windowed":"int64"})");
  CHECK(t.nodes[2].key_serde == R"({"time_windowed":"string"})");
  for (const auto& node : t.nodes) CHECK(find_serde(node.key_serde));
}

TEST_CASE("schemas lie beside the topology file, and subjects follow from topics") {
  const Folder folder;
  folder.write("schemas/order.avsc", R"({"type":"record","name":"Order","fields":[{"name":"id","type":"long"}]})");
  folder.write("schemas/order.proto", "syntax = \"proto3\"; message Order { int64 id = 1; }");
  const auto path = (folder.path / "schemas/order").string();
  auto t = folder.good(
      "  a: { source: { topic: a, key: { avro: { schema: schemas/order.avsc } }, value: { protobuf: { schema: "
      "./schemas/order.proto, message: Order } } } }\n"
      "  x: { from: a, sink: { topic: x, key: { avro: { registry: \"http://r:8081\" } }, value: { avro: { schema: "
      "schemas/order.avsc, registry: \"http://r:8081\", "
      "auto_register: false, format: confluent, user: ann, password: \"${file:/run/secrets/registry}\", ca: ca.pem } } "
      "} }\n"
      "  y: { from: a, sink: { topic: y, key: { time_windowed: { avro: { registry: \"http://r:8081\", subject: own } } "
      "}, value: { protobuf: { registry: \"http://r:8081\" } } } }\n");
  CHECK(t.nodes[0].key_serde == R"({"avro":{"schema":")" + path + R"(.avsc"}})");
  CHECK(t.nodes[0].value_serde == R"({"protobuf":{"schema":")" + path + R"(.proto","message":"Order"}})");
  CHECK(t.nodes[1].key_serde == R"({"avro":{"registry":"http://r:8081","subject":"x-key"}})");
  CHECK(
      t.nodes[1].value_serde ==
      R"({"avro":{"schema":")" + path + R"(.avsc","ca":")" + (folder.path / "ca.pem").string() +
          R"(","registry":"http://r:8081","user":"ann","password":"${file:/run/secrets/registry}","auto_register":false,"subject":"x-value"}})");
  CHECK(t.nodes[2].key_serde == R"({"time_windowed":{"avro":{"registry":"http://r:8081","subject":"own"}}})");
  CHECK(t.nodes[2].value_serde == R"({"protobuf":{"registry":"http://r:8081","subject":"y-value"}})");
}

TEST_CASE("a source that reads several topics needs no subject") {
  const Folder folder;
  CHECK(
      folder
          .good("  a: { source: { topics: [a, b], key: string, value: { avro: { registry: \"http://r:8081\" } } } }\n")
          .nodes[0]
          .value_serde == R"({"avro":{"registry":"http://r:8081"}})");
}

TEST_CASE("a schema that is none is an error at its place") {
  const Folder folder;
  folder.write("bad.avsc", R"({"type":"record","name":"Order","fields":[{"name":"id","type":"lnog"}]})");
  auto result = folder.load("  a:\n    source: { topic: a, key: string, value: { avro: { schema: bad.avsc } } }\n");
  REQUIRE(result.diagnostics.size() == 1);
  CHECK(result.diagnostics[0].line == 5);
  CHECK(result.diagnostics[0].column == 63);
  CHECK_THAT(result.diagnostics[0].message, Contains("field 'Order.id': there is no type 'lnog'"));
}
