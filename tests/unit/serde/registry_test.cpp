#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/serde/objects.h"
#include "tests/unit/serde/fake_registry.h"

namespace kstreamd {
namespace {

using namespace std::string_literals;
using Catch::Matchers::Contains;
using testing::FakeRegistry;

constexpr const char* kWriter =
    R"({"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"x","type":"string"}]})";
constexpr const char* kReader =
    R"({"type":"record","name":"R","fields":[{"name":"a","type":"long"},{"name":"b","type":"int","default":7}]})";
constexpr const char* kProto = R"(syntax = "proto3";
package shop;
message Order { int64 id = 1; message Item { string sku = 1; } repeated Item items = 2; }
message Other { string text = 1; })";

// A registry of its own for each test: serdes and what they learn are kept for the process.
struct Bed {
  Bed() {
    static int number = 0;
    url = "http://registry-" + std::to_string(++number) + ":8081/base/";
    set_http_transport(registry);
    std::filesystem::create_directory(folder);
  }
  ~Bed() {
    set_http_transport(nullptr);
    std::filesystem::remove_all(folder);
  }
  std::string file(const std::string& name, const std::string& content) const {
    std::ofstream(folder / name) << content;
    return (folder / name).string();
  }
  const Serde& serde(const std::string& kind, const std::string& more) const {
    auto made = make_serde("{\"" + kind + R"(":{"registry":")" + url + "\"" + more + "}}", find_serde);
    INFO((made ? "" : made.error().text()));
    REQUIRE(made);
    return **made;
  }
  std::string write(const Serde& serde, const std::string& value) {
    auto bytes = serde.write(json_value(value), arena);
    if (bytes) return std::string(*bytes);
    failure = bytes.error();
    return "error: " + failure.text();
  }
  std::string read(const Serde& serde, const std::string& bytes) {
    auto value = serde.read(arena.copy(bytes), arena);
    if (value) return std::string(data_of(*value));
    failure = value.error();
    return "error: " + failure.text();
  }

  std::shared_ptr<FakeRegistry> registry = std::make_shared<FakeRegistry>();
  std::string url;
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("kstreamd-registry-test-" + std::to_string(getpid()));
  Arena arena;
  Error failure;
};

TEST_CASE("avro: what is written is registered once, and read by its id") {
  Bed bed;
  const auto& serde = bed.serde("avro", R"(,"subject":"orders-value","schema":")" + bed.file("w.avsc", kWriter) + "\"");
  CHECK(bed.registry->requests.empty());  // not before it is needed
  CHECK(bed.write(serde, R"({"a":5,"x":"y"})") == "\0\0\0\0\x64\x0a\x02y"s);
  CHECK(bed.write(serde, R"({"a":6,"x":"y"})") == "\0\0\0\0\x64\x0c\x02y"s);
  REQUIRE(bed.registry->requests.size() == 1);
  CHECK(bed.registry->requests[0].method == "POST");
  CHECK(bed.registry->requests[0].path == "/base/subjects/orders-value/versions");
  CHECK(bed.registry->subjects.at("orders-value").size() == 1);
  CHECK(bed.read(serde, "\0\0\0\0\x64\x0a\x02y"s) == R"({"a":5,"x":"y"})");
  CHECK(bed.read(serde, "\0\0\0\0\x64\x0a\x02z"s) == R"({"a":5,"x":"z"})");
  CHECK(bed.registry->requests.size() == 2);
}

TEST_CASE("avro: what others wrote is read with their schema, as ours has it") {
  Bed bed;
  const int id = bed.registry->add_schema("orders-value", "AVRO", kWriter);
  REQUIRE(id == 100);
  const std::string bytes = "\0\0\0\0\x64\x0a\x02y"s;
  CHECK(bed.read(bed.serde("avro", ""), bytes) == R"({"a":5,"x":"y"})");
  CHECK(bed.read(bed.serde("avro", R"(,"schema":")" + bed.file("r.avsc", kReader) + "\""), bytes) ==
        R"({"a":5,"b":7})");
  const auto& latest = bed.serde("avro", R"(,"subject":"orders-value")");
  CHECK(bed.write(latest, R"({"a":5,"x":"y"})") == bytes);
  CHECK_THAT(bed.write(latest, R"({"a":"5","x":"y"})"), Contains("field 'a': a text does not fit int"));
  CHECK(bed.failure.recovery == Recovery::stop_topology);
}

TEST_CASE("avro: bytes without a schema's id, or with one that there is not, are the record's fault") {
  Bed bed;
  const auto& serde = bed.serde("avro", "");
  CHECK_THAT(bed.read(serde, "{\"a\":1}"), Contains("there is no id of a schema: the first byte is 123, and not 0"));
  CHECK(bed.failure.recovery == Recovery::stop_topology);
  CHECK_THAT(bed.read(serde, "\0\0\0"s), Contains("there is no id of a schema in 3 bytes"));
  CHECK_THAT(bed.read(serde, "\0\0\0\0\x07rest"s), Contains("refuses the schema with the id 7: Schema 7 not found"));
  CHECK(bed.failure.recovery == Recovery::stop_topology);
}

TEST_CASE("a registry that does not answer is nobody's fault, and asked again") {
  Bed bed;
  bed.registry->down = true;
  const auto& serde = bed.serde("avro", R"(,"subject":"s","schema":")" + bed.file("w.avsc", kWriter) + "\"");
  CHECK_THAT(bed.read(serde, "\0\0\0\0\x64\x0a\x02y"s),
             Contains("the schema registry " + bed.url + " cannot be reached: Connection refused"));
  CHECK(bed.failure.recovery == Recovery::retry_topology);
  CHECK_THAT(bed.write(serde, R"({"a":5,"x":"y"})"), Contains("cannot be reached"));
  CHECK(bed.failure.recovery == Recovery::retry_topology);
  bed.registry->down = false;
  CHECK(bed.write(serde, R"({"a":5,"x":"y"})") == "\0\0\0\0\x64\x0a\x02y"s);
  bed.registry->down = true;  // what is known stays known
  CHECK(bed.write(serde, R"({"a":5,"x":"y"})") == "\0\0\0\0\x64\x0a\x02y"s);
  set_http_transport(nullptr);
  CHECK_THAT(bed.read(serde, "\0\0\0\0\x65\x0a\x02y"s), Contains("no way to reach the schema registry"));
  CHECK(bed.failure.recovery == Recovery::retry_topology);
}

TEST_CASE("what a registry refuses stops the topology, whatever on_error says") {
  Bed bed;
  const auto schema = R"(,"schema":")" + bed.file("w.avsc", kWriter) + "\"";
  bed.registry->incompatible = true;
  CHECK_THAT(bed.write(bed.serde("avro", R"(,"subject":"s")" + schema), R"({"a":5,"x":"y"})"),
             Contains("refuses to register a schema for subject 's': Schema being registered is incompatible") &&
                 Contains("change it, or the subject's rule"));
  CHECK(bed.failure.recovery == Recovery::retry_topology);
  CHECK_THAT(bed.write(bed.serde("avro", R"(,"subject":"none")"), R"({"a":5})"), Contains("Subject 'none' not found."));
  CHECK(bed.failure.recovery == Recovery::retry_topology);
  CHECK_THAT(bed.write(bed.serde("avro", schema), R"({"a":5})"), Contains("names no subject to write under"));
  CHECK_THAT(bed.write(bed.serde("avro", R"(,"subject":"t","auto_register":false)" + schema), R"({"a":5,"x":"y"})"),
             Contains("Subject 't' not found."));
  CHECK(bed.registry->subjects.empty());
  bed.registry->add_schema("t", "AVRO", kWriter);
  CHECK(bed.write(bed.serde("avro", R"(,"subject":"t","auto_register":false)" + schema), R"({"a":5,"x":"y"})") ==
        "\0\0\0\0\x64\x0a\x02y"s);
}

TEST_CASE("the password is looked up where it is, and is in no message") {
  Bed bed;
  bed.registry->password = "sesame";
  bed.registry->add_schema("s", "AVRO", "\"string\"");
  const auto secret = bed.file("secret", "sesame\n");
  const auto& serde = bed.serde("avro", R"(,"user":"ann","password":"${file:)" + secret + "}\"");
  CHECK(bed.read(serde, "\0\0\0\0\x64\x04hi"s) == "hi");
  CHECK(serde.name().find("sesame") == std::string::npos);
  bed.file("secret", "wrong-one");
  CHECK_THAT(bed.read(serde, "\0\0\0\0\x65\x04hi"s),
             Contains("Unauthorized") && Contains("check user and password") && !Contains("wrong-one"));
  CHECK(bed.failure.recovery == Recovery::retry_topology);
  std::filesystem::remove(secret);
  CHECK_THAT(bed.read(serde, "\0\0\0\0\x65\x04hi"s), Contains("the password for the schema registry"));
  auto plain = make_serde(R"({"avro":{"registry":"http://h:1","user":"a","password":"sesame"}})", find_serde);
  REQUIRE_FALSE(plain);
  CHECK_THAT(plain.error().text(), Contains("stands in the file") && !Contains("sesame"));
  CHECK_FALSE(make_serde(R"({"avro":{"registry":"http://ann:sesame@h:1"}})", find_serde));
}

TEST_CASE("protobuf: written with its file, read with what was registered") {
  Bed bed;
  const auto file = bed.file("shop.proto", kProto);
  const auto& first = bed.serde("protobuf", R"(,"subject":"orders-value","schema":")" + file + "\"");
  CHECK(bed.write(first, R"({"id":5,"items":[{"sku":"a"}]})") ==
        "\0\0\0\0\x64\0\x08\x05\x12\x03\x0a\x01"
        "a"s);
  const auto& other = bed.serde("protobuf", R"(,"subject":"orders-value","message":"Other","schema":")" + file + "\"");
  CHECK(bed.write(other, R"({"text":"a"})") ==
        "\0\0\0\0\x64\x02\x02\x0a\x01"
        "a"s);
  const auto& nested =
      bed.serde("protobuf", R"(,"subject":"orders-value","message":"shop.Order.Item","schema":")" + file + "\"");
  CHECK(bed.write(nested, R"({"sku":"a"})") ==
        "\0\0\0\0\x64\x04\0\0\x0a\x01"
        "a"s);
  CHECK(nlohmann::json::parse(bed.registry->requests[0].body) ==
        nlohmann::json{{"schemaType", "PROTOBUF"}, {"schema", kProto}});

  const auto& any = bed.serde("protobuf", "");
  CHECK(bed.read(any,
                 "\0\0\0\0\x64\0\x08\x05\x12\x03\x0a\x01"
                 "a"s) == R"({"id":5,"items":[{"sku":"a"}]})");
  CHECK(bed.read(any,
                 "\0\0\0\0\x64\x02\x02\x0a\x01"
                 "a"s) == R"({"text":"a"})");
  CHECK(bed.read(any,
                 "\0\0\0\0\x64\x04\0\0\x0a\x01"
                 "a"s) == R"({"sku":"a"})");
  CHECK_THAT(bed.read(any,
                      "\0\0\0\0\x64\x02\x0e\x0a\x01"
                      "a"s),
             Contains("has no message of these numbers"));
  CHECK_THAT(bed.read(any, "\0\0\0\0\x64\xff"s), Contains("make no sense"));
  CHECK(bed.read(nested,
                 "\0\0\0\0\x09\x04\0\0\x0a\x01"
                 "a"s) == R"({"sku":"a"})");  // needs no other schema than its own
}

TEST_CASE("protobuf: schemas that refer to others") {
  Bed bed;
  bed.registry->add_schema("item", "PROTOBUF", "syntax = \"proto3\"; message Item { string sku = 1; }");
  const int id = bed.registry->add_schema(
      "order", "PROTOBUF",
      "syntax = \"proto3\"; import \"item.proto\"; import \"google/protobuf/timestamp.proto\"; message Order { Item "
      "item = 1; google.protobuf.Timestamp at = 2; }",
      nlohmann::json::array({{{"name", "item.proto"}, {"subject", "item"}, {"version", 1}}}));
  REQUIRE(id == 101);
  CHECK(bed.read(bed.serde("protobuf", ""),
                 "\0\0\0\0\x65\0\x0a\x03\x0a\x01"
                 "a\x12\x02\x08\x05"s) == R"({"at":"1970-01-01T00:00:05Z","item":{"sku":"a"}})");
  const auto& latest = bed.serde("protobuf", R"(,"subject":"order")");
  CHECK(bed.write(latest, R"({"at":"1970-01-01T00:00:05Z","item":{"sku":"a"}})") ==
        "\0\0\0\0\x65\0\x0a\x03\x0a\x01"
        "a\x12\x02\x08\x05"s);
  bed.registry->add_schema("avro", "AVRO", "\"string\"");
  CHECK_THAT(bed.read(bed.serde("protobuf", ""), "\0\0\0\0\x66\0"s), Contains("is AVRO, and not PROTOBUF"));
  CHECK_THAT(bed.read(bed.serde("avro", ""), "\0\0\0\0\x65\0"s), Contains("is PROTOBUF, and not AVRO"));
}

nlohmann::json reference(const std::string& name, const std::string& subject, int version = 1) {
  return {{"name", name}, {"subject", subject}, {"version", version}};
}

nlohmann::json list(std::vector<nlohmann::json> items) { return items; }

TEST_CASE("avro: schemas that refer to others") {
  Bed bed;
  bed.registry->add_schema("currency", "AVRO",
                           R"({"type":"enum","name":"Currency","namespace":"shop","symbols":["E","D"]})");
  bed.registry->add_schema("price", "AVRO",
                           R"({"type":"record","name":"Price","namespace":"shop","fields":[)"
                           R"({"name":"cents","type":"long"},{"name":"in","type":"Currency"}]})",
                           list({reference("shop.Currency", "currency")}));
  const int id =
      bed.registry->add_schema("order", "AVRO",
                               R"({"type":"record","name":"Order","fields":[{"name":"paid","type":"shop.Price"},)"
                               R"({"name":"in","type":"shop.Currency","default":"E"}]})",
                               list({reference("shop.Price", "price"), reference("shop.Currency", "currency")}));
  REQUIRE(id == 102);
  const auto bytes = "\0\0\0\0\x66\x0a\x02\x00"s;
  CHECK(bed.read(bed.serde("avro", ""), bytes) == R"({"in":"E","paid":{"cents":5,"in":"D"}})");
  CHECK(bed.registry->requests.size() == 3);  // each schema once
  CHECK(bed.write(bed.serde("avro", R"(,"subject":"order")"), R"({"paid":{"cents":5,"in":"D"}})") == bytes);
  const auto mine = bed.file("mine.avsc", R"({"type":"record","name":"Order","fields":[{"name":"paid","type":
      {"type":"record","name":"Price","fields":[{"name":"cents","type":"double"}]}}]})");
  CHECK(bed.read(bed.serde("avro", R"(,"schema":")" + mine + "\""), bytes) == R"({"paid":{"cents":5.0}})");
}

TEST_CASE("avro: references that lead nowhere, or round in a circle, or too far") {
  Bed bed;
  const auto& serde = bed.serde("avro", "");
  const std::string record = R"({"type":"record","name":"A","fields":[{"name":"b","type":"B"}]})";
  bed.registry->add_schema("a", "AVRO", record, list({reference("B", "b")}));
  CHECK_THAT(bed.read(serde, "\0\0\0\0\x64\0"s),
             Contains("the schema with the id 100: 'B', which is referred to: ") && Contains("Subject 'b' not found."));
  bed.registry->add_schema("b", "AVRO", R"({"type":"record","name":"B","fields":[{"name":"a","type":"A"}]})",
                           list({reference("A", "a")}));
  CHECK_THAT(bed.read(serde, "\0\0\0\0\x64\0"s), Contains("there is no type"));
  for (int i = 0; i < 102; ++i)
    bed.registry->add_schema("s" + std::to_string(i), "AVRO", record + std::string(static_cast<size_t>(i), ' '),
                             list({reference("S" + std::to_string(i + 1), "s" + std::to_string(i + 1))}));
  CHECK_THAT(bed.read(serde, "\0\0\0\0\x66\0"s), Contains("more than 100 schemas are referred to"));
  bed.registry->down = true;
  CHECK_THAT(bed.read(serde, "\0\0\0\0\x67\0"s), Contains("cannot be reached"));
  CHECK(bed.failure.recovery == Recovery::retry_topology);
}

TEST_CASE("protobuf: what a file imports is registered before it, by its name") {
  Bed bed;
  const std::string unit = R"(syntax = "proto3"; enum Unit { PIECE = 0; KILO = 1; })";
  const std::string item = R"(syntax = "proto3"; import "unit.proto"; message Item { string sku = 1; Unit unit = 2; })";
  const std::string order = R"(syntax = "proto3"; import "item.proto"; import "google/protobuf/timestamp.proto";
      import "unit.proto"; message Order { Item item = 1; google.protobuf.Timestamp at = 2; Unit unit = 3; })";
  bed.file("unit.proto", unit);
  bed.file("item.proto", item);
  const auto file = R"(,"subject":"orders-value","schema":")" + bed.file("order.proto", order) + "\"";
  const std::string value = R"({"at":"1970-01-01T00:00:05Z","item":{"sku":"a","unit":"KILO"},"unit":"PIECE"})";
  const auto bytes =
      "\0\0\0\0\x66\0\x0a\x05\x0a\x01"
      "a\x10\x01\x12\x02\x08\x05"s;

  CHECK_THAT(bed.write(bed.serde("protobuf", R"(,"auto_register":false)" + file), value),
             Contains("Subject 'unit.proto' not found."));
  CHECK(bed.registry->subjects.empty());
  CHECK(bed.write(bed.serde("protobuf", file), value) == bytes);
  CHECK(bed.registry->subjects ==
        std::map<std::string, std::vector<int>>{{"unit.proto", {0}}, {"item.proto", {1}}, {"orders-value", {2}}});
  const auto of_unit = reference("unit.proto", "unit.proto"), of_item = reference("item.proto", "item.proto");
  using json = nlohmann::json;
  REQUIRE(bed.registry->schemas.size() == 3);
  CHECK(bed.registry->schemas[0] == json{{"schemaType", "PROTOBUF"}, {"schema", unit}});
  CHECK(bed.registry->schemas[1] ==
        json{{"schemaType", "PROTOBUF"}, {"schema", item}, {"references", list({of_unit})}});
  CHECK(bed.registry->schemas[2] ==
        json{{"schemaType", "PROTOBUF"}, {"schema", order}, {"references", list({of_item, of_unit})}});
  CHECK(bed.write(bed.serde("protobuf", R"(,"auto_register":false)" + file), value) == bytes);
  CHECK(bed.read(bed.serde("protobuf", ""), bytes) == value);
}

TEST_CASE("protobuf: the version of an import is the one that it has under its subject") {
  Bed bed;
  bed.registry->add_schema("item.proto", "PROTOBUF", R"(syntax = "proto3"; message Item { int32 old = 7; })");
  bed.file("item.proto", R"(syntax = "proto3"; message Item { string sku = 1; })");
  const auto order =
      bed.file("order.proto", R"(syntax = "proto3"; import "item.proto"; message Order { Item item = 1; })");
  bed.write(bed.serde("protobuf", R"(,"subject":"orders-value","schema":")" + order + "\""), R"({"item":{"sku":"a"}})");
  REQUIRE(bed.registry->schemas.size() == 3);
  CHECK(bed.registry->schemas[2]["references"] == list({reference("item.proto", "item.proto", 2)}));
}

}  // namespace
}  // namespace kstreamd
