#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/base/base64.h"
#include "core/serde/avro_codec.h"
#include "core/serde/objects.h"

namespace kstreamd {
namespace {

using namespace std::string_literals;
using Catch::Matchers::Contains;
using nlohmann::json;

std::shared_ptr<const AvroSchema> schema(const std::string& text) {
  auto parsed = AvroSchema::parse(text);
  INFO(text << (parsed ? "" : ": " + parsed.error().text()));
  REQUIRE(parsed);
  return *parsed;
}

std::string schema_error(const std::string& text) {
  auto parsed = AvroSchema::parse(text);
  return parsed ? "no error" : parsed.error().message;
}

std::string encoded(const std::string& type, const std::string& value) {
  std::string bytes;
  auto done = avro_encode(schema(type)->root(), json::parse(value), bytes);
  return done ? bytes : "error: " + done.error().message;
}

std::string decoded(const std::string& writer, const std::string& bytes, const std::string& reader = "") {
  const auto from = schema(writer), to = reader.empty() ? from : schema(reader);
  std::string text;
  auto done = AvroDecoder(from->root(), to->root()).decode(bytes, text);
  return done ? text : "error: " + done.error().message;
}

// What comes back of a value.
std::string around(const std::string& type, const std::string& value) {
  const auto bytes = encoded(type, value);
  return bytes.starts_with("error: ") ? bytes : decoded(type, bytes);
}

const std::string kOrder = R"({"type":"record","name":"Order","namespace":"shop","fields":[
  {"name":"id","type":"long"},
  {"name":"customer","type":["null","string"],"default":null},
  {"name":"items","type":{"type":"array","items":{"type":"record","name":"Item","fields":[
    {"name":"sku","type":"string"},{"name":"price","type":"double"}]}}},
  {"name":"state","type":{"type":"enum","name":"State","symbols":["NEW","PAID"]},"default":"NEW"},
  {"name":"tags","type":{"type":"map","values":"int"},"default":{}}]})";

TEST_CASE("Avro's examples of its encoding") {
  CHECK(encoded("\"long\"", "0") == "\0"s);
  CHECK(encoded("\"long\"", "-1") == "\1"s);
  CHECK(encoded("\"long\"", "1") == "\2"s);
  CHECK(encoded("\"int\"", "-64") == "\x7f"s);
  CHECK(encoded("\"int\"", "64") == "\x80\x01"s);
  CHECK(encoded("\"string\"", "\"foo\"") ==
        "\x06"
        "foo"s);
  CHECK(encoded(R"({"type":"record","name":"test","fields":[{"name":"a","type":"long"},{"name":"b","type":"string"}]})",
                R"({"a":27,"b":"foo"})") ==
        "\x36\x06"
        "foo"s);
  CHECK(encoded(R"({"type":"array","items":"long"})", "[3,27]") == "\x04\x06\x36\x00"s);
  CHECK(encoded(R"(["null","string"])", "null") == "\0"s);
  CHECK(encoded(R"(["null","string"])", "\"a\"") ==
        "\x02\x02"
        "a"s);
  CHECK(decoded(R"({"type":"array","items":"long"})", "\x03\x04\x06\x36\x00"s) ==
        "[3,27]");  // a block that says its size
  CHECK(encoded("boolean", "true") == "\1"s);
}

TEST_CASE("values come back as canonical JSON, integers exact and floats shortest") {
  CHECK(around("\"long\"", "9223372036854775807") == "9223372036854775807");
  CHECK(around("\"long\"", "-9223372036854775808") == "-9223372036854775808");
  CHECK(around("\"long\"", "9007199254740993") == "9007199254740993");
  CHECK(around("\"int\"", "-2147483648") == "-2147483648");
  CHECK(around("\"long\"", "4.0") == "4");
  CHECK(around("\"double\"", "0.1") == "0.1");
  CHECK(around("\"double\"", "4") == "4.0");
  CHECK(around("\"double\"", "1e300") == "1e+300");
  CHECK(around("\"double\"", "\"NaN\"") == "\"NaN\"");
  CHECK(around("\"double\"", "\"-Infinity\"") == "\"-Infinity\"");
  CHECK(around("\"float\"", "0.1") == "0.1");
  CHECK(around("\"bytes\"", "\"AP+A\"") == "\"AP+A\"");
  CHECK(around(R"({"type":"fixed","name":"F","size":2})", "\"AP8=\"") == "\"AP8=\"");
  CHECK(around(R"({"type":"map","values":"int"})", R"({"b":1,"a":2,"\"":3})") == R"({"\"":3,"a":2,"b":1})");
  CHECK(around(kOrder,
               R"({"id":5,"items":[{"sku":"a\n","price":1.5}],"customer":"ann","state":"PAID","tags":{"x":1}})") ==
        R"({"customer":"ann","id":5,"items":[{"price":1.5,"sku":"a\n"}],"state":"PAID","tags":{"x":1}})");
  CHECK(around(kOrder, R"({"id":5,"items":{}})") == R"({"customer":null,"id":5,"items":[],"state":"NEW","tags":{}})");
}

TEST_CASE("a union is its value, by the branch that it looks like") {
  const auto numbers = R"(["null","int","long","double","string","boolean"])";
  for (const auto* value : {"null", "5", "3000000000", "4.5", "\"x\"", "true"}) CHECK(around(numbers, value) == value);
  CHECK(encoded(R"(["double","long"])", "4") == "\x02\x08"s);
  CHECK(around(R"(["null","double"])", "4") == "4.0");
  CHECK(around(R"(["null","long"])", "4.0") == "4");
  CHECK(around(R"(["bytes","string"])", "\"AAAA\"") == "\"AAAA\"");
  CHECK(encoded(R"(["bytes","string"])", "\"AAAA\"")[0] == 2);
  CHECK(around(R"(["null",{"type":"record","name":"A","fields":[{"name":"a","type":"int"}]},
                   {"type":"record","name":"B","fields":[{"name":"b","type":"int"}]}])",
               R"({"b":1})") == R"({"b":1})");
  CHECK(encoded(R"(["null","string"])", "5") == "error: 5 fits no branch of the union [null, string]");
}

TEST_CASE("what does not fit is refused, by the name of the field") {
  CHECK(encoded(kOrder, R"({"id":"5","items":[]})") == "error: field 'id': a text does not fit long");
  CHECK(encoded(kOrder, R"({"id":5,"items":[{"sku":"a","price":1},{"sku":"b","price":"x"}]})") ==
        "error: field 'items[1].price': a text does not fit double");
  CHECK(encoded(kOrder, R"({"items":[]})") == "error: field 'id': it is missing, and the schema gives it no default");
  CHECK(encoded(kOrder, R"({"id":5,"items":[],"idd":1})") ==
        "error: field 'idd': the schema's record Order has no such field");
  CHECK(encoded(kOrder, R"({"id":5,"items":[],"state":"GONE"})") ==
        "error: field 'state': 'GONE' is no symbol of enum State");
  CHECK(encoded(kOrder, R"({"id":5,"items":[],"tags":{"x":1.5}})") == "error: field 'tags.x': 1.5 does not fit int");
  CHECK(encoded(kOrder, R"({"id":5,"items":[],"customer":7})") ==
        "error: field 'customer': 7 fits no branch of the union [null, string]");
  CHECK(encoded(kOrder, "[1]") == "error: a list does not fit record Order");
  CHECK(encoded("\"int\"", "2147483648") == "error: 2147483648 does not fit int");
  CHECK(encoded("\"long\"", "9223372036854775808") == "error: 9223372036854775808 does not fit long");
  CHECK(encoded("\"long\"", "4.5") == "error: 4.5 does not fit long");
  CHECK(encoded("\"double\"", "9007199254740993") == "error: 9007199254740993 does not fit double");
  CHECK(encoded("\"float\"", "1e300") == "error: 1e+300 does not fit float");
  CHECK(encoded("\"bytes\"", "\"?\"") == "error: a text that is no base64 does not fit bytes");
  CHECK(encoded(R"({"type":"fixed","name":"F","size":2})", "\"AA==\"") == "error: 1 bytes do not fit fixed F of 2");
}

TEST_CASE("what one schema wrote is read by another") {
  const auto record = [](const std::string& fields) {
    return R"({"type":"record","name":"R","fields":[)" + fields + "]}";
  };
  const auto a = record(
      R"({"name":"a","type":"int"},{"name":"gone","type":{"type":"array","items":["null","string"]}},{"name":"z","type":"string"})");
  const auto bytes = encoded(a, R"({"a":7,"gone":["x",null],"z":"end"})");
  CHECK(
      decoded(
          a, bytes,
          record(
              R"({"name":"z","type":"string"},{"name":"a","type":"long"},{"name":"new","type":"double","default":4})")) ==
      R"({"a":7,"new":4.0,"z":"end"})");
  CHECK(decoded(a, bytes, record(R"({"name":"b","aliases":["a"],"type":["null","double"]})")) == R"({"b":7.0})");
  CHECK(decoded(a, bytes, record(R"({"name":"z","type":"bytes"})")) == R"({"z":"ZW5k"})");
  CHECK(decoded(a, bytes, record(R"({"name":"new","type":"int"})")) ==
        "error: the writer's record R has no field 'new', and the reader's schema gives it no default");
  CHECK(decoded(a, bytes, record(R"({"name":"a","type":"string"})")) ==
        "error: field 'a': the writer's int cannot be read as string");
  CHECK(
      decoded(a, bytes, record(R"({"name":"a","type":"int"},{"name":"d","type":"bytes","default":"\u00ff\u0000"})")) ==
      R"({"a":7,"d":"/wA="})");
  const auto letters = R"({"type":"enum","name":"E","symbols":["A","B","C"]})";
  CHECK(decoded(letters, encoded(letters, "\"C\""), R"({"type":"enum","name":"E","symbols":["B","C"]})") == "\"C\"");
  CHECK(decoded(letters, encoded(letters, "\"A\""),
                R"({"type":"enum","name":"E","symbols":["B","X"],"default":"X"})") == "\"X\"");
  CHECK(decoded(letters, encoded(letters, "\"A\""), R"({"type":"enum","name":"E","symbols":["B"]})") ==
        "error: 'A' is no symbol of the reader's enum E");
  CHECK(decoded("\"long\"", encoded("\"long\"", "3"), R"(["string","float"])") == "3.0");
  CHECK(decoded("\"long\"", encoded("\"long\"", "3"), "\"int\"") == "error: the writer's long cannot be read as int");
  CHECK(decoded(R"(["int","string"])", encoded(R"(["int","string"])", "\"s\""), "\"string\"") == "\"s\"");
  const auto list =
      R"({"type":"record","name":"L","fields":[{"name":"v","type":"int"},{"name":"next","type":["null","L"]}]})";
  CHECK(around(list, R"({"v":1,"next":{"v":2,"next":null}})") == R"({"next":{"next":null,"v":2},"v":1})");
}

TEST_CASE("bytes that mean harm end in an error") {
  const auto list = R"({"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]})";
  CHECK_THAT(decoded(list, std::string(1 << 20, '\2')), Contains("nested more than 200 deep"));
  CHECK_THAT(decoded(R"({"type":"array","items":"null"})", "\x80\x80\x80\x80\x80\x80\x80\x80\x40\0"s),
             Contains("unfolds to more than 256 MiB"));
  CHECK_THAT(decoded(R"({"type":"record","name":"R","fields":[{"name":"n","type":{"type":"array","items":"null"}}]})",
                     "\x80\x80\x80\x80\x80\x80\x80\x80\x40\0"s, R"({"type":"record","name":"R","fields":[]})"),
             Contains("unfolds to more than"));
  CHECK_THAT(decoded(R"({"type":"array","items":"int"})", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s),
             Contains("error: "));
  CHECK_THAT(decoded("\"string\"", "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"s),
             Contains("the bytes end within the value"));
  CHECK_THAT(decoded("\"string\"", "\1"s), Contains("a length is negative"));
  CHECK_THAT(decoded("\"string\"", "\2\xff"s), Contains("not UTF-8"));
  CHECK_THAT(decoded("\"long\"", std::string(11, '\x80')), Contains("more than 10 bytes"));
  CHECK_THAT(decoded("\"int\"", "\x80\x80\x80\x80\x20"s), Contains("an int is out of range"));
  CHECK_THAT(decoded("\"boolean\"", "\2"), Contains("a boolean is a byte 0 or 1"));
  CHECK_THAT(decoded(R"(["null"])", "\2"), Contains("there is no number 1 among 1"));
  CHECK_THAT(decoded("\"int\"", "\2\2"), Contains("1 bytes are left after the value"));
  CHECK(decoded(kOrder, "\x0a") == "error: field 'customer': the bytes end within the value");
}

TEST_CASE("schemas that are none say why") {
  CHECK(schema_error("{") == "the Avro schema is not JSON");
  CHECK_THAT(schema_error("\"strnig\""), Contains("there is no type 'strnig'"));
  CHECK_THAT(schema_error(R"({"type":"record","name":"R","fields":[{"name":"a","type":"R2"}]})"),
             Contains("field 'R.a': there is no type 'R2'"));
  CHECK_THAT(schema_error(R"({"type":"record","name":"R","fields":[{"name":"a","type":"int","default":"x"}]})"),
             Contains("field 'R.a': its default does not fit: a text does not fit int"));
  CHECK_THAT(schema_error(R"({"type":"record","name":"R"})"), Contains("has no list \"fields\""));
  CHECK_THAT(schema_error(R"(["null",["int"]])"), Contains("a union within a union"));
  CHECK_THAT(schema_error(R"(["int","int"])"), Contains("a union with two branches int"));
  CHECK_THAT(schema_error(R"({"type":"enum","name":"E","symbols":[]})"), Contains("no symbols"));
  CHECK_THAT(schema_error(R"([{"type":"fixed","name":"F","size":1},{"type":"fixed","name":"F","size":2}])"),
             Contains("defined twice"));
  std::string deep = "\"int\"";
  for (int i = 0; i < 200; ++i) deep = R"({"type":"array","items":)" + deep + "}";
  CHECK_THAT(schema_error(deep), Contains("nested more than 100 deep"));
  CHECK(schema(" { \"type\" : \"record\", \"name\":\"Z\", \"fields\": [] } ")->text() ==
        R"({"type":"record","name":"Z","fields":[]})");
  CHECK(
      schema(
          R"({"type":"record","name":"a.b.R","fields":[{"name":"x","type":["null","R"]},{"name":"y","type":["null","a.b.R"]}]})")
          ->root()
          .full_name == "a.b.R");
}

TEST_CASE("the serde avro by a file") {
  const auto path = std::filesystem::temp_directory_path() / "kstreamd-avro-test.avsc";
  std::ofstream(path) << kOrder;
  const std::string spec = R"({"avro":{"schema":")" + path.string() + R"("}})";
  auto made = make_serde(spec, find_serde);
  INFO((made ? "" : made.error().text()));
  REQUIRE(made);
  CHECK(find_serde(spec) == *made);
  Arena arena;
  auto bytes = (*made)->write(json_value(R"({"id":9007199254740993,"items":[]})"), arena);
  REQUIRE(bytes);
  auto value = (*made)->read(*bytes, arena);
  REQUIRE(value);
  CHECK(value->type == KST_JSON);
  CHECK(data_of(*value) == R"({"customer":null,"id":9007199254740993,"items":[],"state":"NEW","tags":{}})");
  CHECK_FALSE((*made)->write(json_value("{"), arena));
  CHECK_FALSE((*made)->write(string_value("x"), arena));

  // Another content is another serde.
  std::ofstream(path) << "\"string\"";
  const Serde* text = find_serde(spec);
  REQUIRE(text);
  CHECK(text != *made);
  CHECK(data_of(*text->read("\4ab", arena)) == "ab");
  CHECK(text->read("\4ab", arena)->type == KST_STRING);
  CHECK(*text->write(string_value("ab"), arena) == "\4ab");

  std::ofstream(path) << "{}";
  auto refused = make_serde(spec, find_serde);
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, Contains(path.string()) && Contains("an object without \"type\""));
  std::filesystem::remove(path);
  refused = make_serde(spec, find_serde);
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, Contains("cannot read '" + path.string()));
}

}  // namespace
}  // namespace kstreamd
