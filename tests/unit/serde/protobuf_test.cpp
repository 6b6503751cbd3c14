#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/descriptor.pb.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "core/serde/protobuf_codec.h"
#include "core/serde/protobuf_schema.h"
#include "core/serde/serde.h"

namespace kstreamd {
namespace {

using namespace std::string_literals;
using Catch::Matchers::Contains;
using nlohmann::json;

constexpr const char* kAll = R"(syntax = "proto3";
package test;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto";
enum Color { RED = 0; BLUE = 5; }
message All {
  int32 i32 = 1; int64 i64 = 2; uint32 u32 = 3; uint64 u64 = 4; sint64 s64 = 5; fixed64 f64 = 6;
  float real = 7; double wide = 8; bool flag = 9; string text = 10; bytes raw = 11; Color color = 12;
  repeated int64 list = 13; map<string, int64> named = 14; map<int32, All> nested = 15;
  optional int64 maybe = 16; All child = 17;
  oneof which { string left = 18; int32 right = 19; }
  google.protobuf.Timestamp at = 20; google.protobuf.Int64Value wrapped = 21; google.protobuf.Value any = 22;
  map<bool, string> flags = 23; repeated Color colors = 24;
})";

struct Bed {
  Bed(const std::string& text = kAll, const std::string& message = "") {
    auto parsed = ProtobufSchema::parse(text, std::vector<std::pair<std::string, std::string>>{});
    INFO((parsed ? "" : parsed.error().text()));
    REQUIRE(parsed);
    schema = *parsed;
    auto found = schema->message(message);
    REQUIRE(found);
    type = *found;
  }
  std::string bytes(const std::string& value) const {
    const auto made = schema->make(*type);
    auto done = json_to_protobuf(json::parse(value), *made);
    return done ? made->SerializeAsString() : "error: " + done.error().message;
  }
  std::string text(const std::string& bytes) const {
    const auto made = schema->make(*type);
    if (!made->ParseFromString(bytes)) return "unreadable";
    std::string out;
    auto done = protobuf_to_json(*made, out);
    return done ? out : "error: " + done.error().message;
  }
  // The fields of what comes back that were in the value.
  std::string around(const std::string& value) const {
    const auto written = bytes(value);
    if (written.starts_with("error: ")) return written;
    const json back = json::parse(text(written)), given = json::parse(value);
    json kept = json::object();
    for (auto item = given.begin(); item != given.end(); ++item)
      if (back.contains(item.key())) kept[item.key()] = back[item.key()];
    return kept.dump();
  }
  std::shared_ptr<const ProtobufSchema> schema;
  const google::protobuf::Descriptor* type = nullptr;
};

TEST_CASE("protobuf: values come back, integers exact and floats shortest") {
  const Bed bed;
  CHECK(bed.bytes(R"({"i32":150})") == "\x08\x96\x01"s);
  CHECK(bed.text("\x08\x96\x01"s).find(R"("i32":150)") != std::string::npos);
  for (const auto* value : {R"({"i64":9223372036854775807})",
                            R"({"i64":-9223372036854775808})",
                            R"({"i64":9007199254740993})",
                            R"({"u64":18446744073709551615})",
                            R"({"s64":-1})",
                            R"({"f64":18446744073709551615})",
                            R"({"u32":4294967295})",
                            R"({"i32":-2147483648})",
                            R"({"real":0.1})",
                            R"({"wide":0.1})",
                            R"({"wide":4.0})",
                            R"({"wide":1e+300})",
                            R"({"wide":"NaN"})",
                            R"({"real":"-Infinity"})",
                            R"({"flag":true})",
                            R"({"text":"é\"\n"})",
                            R"({"raw":"AP8="})",
                            R"({"color":"BLUE"})",
                            R"({"color":17})",
                            R"({"colors":["RED","BLUE"]})",
                            R"({"list":[1,9007199254740993]})",
                            R"({"named":{"a":1,"b":2}})",
                            R"({"flags":{"true":"x"}})",
                            R"({"maybe":0})",
                            R"({"left":"x"})",
                            R"({"right":0})",
                            R"({"at":"2023-11-14T22:13:20Z"})",
                            R"({"wrapped":9007199254740993})",
                            R"({"any":{"a":[1.5,null,"x"]}})"}) {
    INFO(value);
    CHECK(bed.around(value) == value);
  }
  CHECK(bed.around(R"({"wide":4})") == R"({"wide":4.0})");
  CHECK(bed.around(R"({"i64":4.0})") == R"({"i64":4})");
  CHECK(bed.around(R"({"nested":{"7":{"i32":5}},"child":{"child":{"text":"x"}}})").find(R"("i32":5)") !=
        std::string::npos);
}

TEST_CASE("protobuf: fields that know whether they are set are there when they are, others always") {
  const Bed bed(
      "syntax = \"proto3\"; message M { int32 b = 1; optional int32 a = 2; M m = 3; repeated int32 l = 4; "
      "map<string,int32> n = 5; oneof o { int32 x = 6; int32 y = 7; } }");
  CHECK(bed.text("") == R"({"b":0,"l":[],"n":{}})");
  CHECK(bed.text(bed.bytes(R"({"a":0,"y":0})")) == R"({"a":0,"b":0,"l":[],"n":{},"y":0})");
  CHECK(bed.bytes(R"({"a":null,"m":null,"l":{},"b":0})").empty());
  const Bed old("syntax = \"proto2\"; message M { required int32 id = 1; optional int32 a = 2 [default = 5]; }");
  CHECK(old.text(old.bytes(R"({"id":1})")) == R"({"id":1})");
  CHECK(old.bytes("{}") == "error: field 'id': it is missing, and required");
}

TEST_CASE("protobuf: what does not fit is refused, by the name of the field") {
  const Bed bed;
  CHECK(bed.bytes(R"({"i32":2147483648})") == "error: field 'i32': 2147483648 does not fit int32");
  CHECK(bed.bytes(R"({"u64":-1})") == "error: field 'u64': -1 does not fit uint64");
  CHECK(bed.bytes(R"({"i64":"5"})") == "error: field 'i64': a text does not fit int64");
  CHECK(bed.bytes(R"({"i64":4.5})") == "error: field 'i64': 4.5 does not fit int64");
  CHECK(bed.bytes(R"({"child":{"list":[1,"x"]}})") == "error: field 'child.list[1]': a text does not fit int64");
  CHECK(bed.bytes(R"({"nested":{"7":{"text":5}}})") == "error: field 'nested.7.text': 5 does not fit string");
  CHECK(bed.bytes(R"({"nested":{"x":{}}})") == "error: field 'nested.x': a text does not fit int32");
  CHECK(bed.bytes(R"({"txet":"x"})") == "error: field 'txet': the schema's message All has no such field");
  CHECK(bed.bytes(R"({"left":"x","right":1})") ==
        "error: field 'right': another field of the oneof which is there too");
  CHECK(bed.bytes(R"({"color":"GREEN"})") == "error: field 'color': a text does not fit enum Color");
  CHECK(bed.bytes(R"({"raw":"?"})") == "error: field 'raw': a text that is no base64 does not fit bytes");
  CHECK(bed.bytes(R"({"real":1e300})") == "error: field 'real': 1e+300 does not fit float");
  CHECK_THAT(bed.bytes(R"({"at":"yesterday"})"),
             Contains("error: field 'at': a text does not fit google.protobuf.Timestamp"));
  CHECK(bed.bytes("[]") == "error: a list does not fit message All");
}

TEST_CASE("protobuf: bytes that mean harm end in an error, or another value") {
  const Bed bed;
  CHECK(bed.text("\x08") == "unreadable");
  CHECK(bed.text("\x52\x02\xff\xff"s) == "unreadable");
  std::string deep;
  for (int i = 0; i < 1000; ++i) {
    std::string size;
    for (size_t n = deep.size();; n >>= 7) {
      size += static_cast<char>((n & 0x7f) | (n >= 0x80 ? 0x80 : 0));
      if (n < 0x80) break;
    }
    deep = "\x8a\x01" + size + deep;
  }
  CHECK(bed.text(deep) == "unreadable");
  std::mt19937 random(1);
  const auto good =
      bed.bytes(R"({"text":"abc","named":{"a":1},"child":{"raw":"AAAA"},"at":"2023-11-14T22:13:20Z","list":[1,2]})");
  for (int i = 0; i < 2000; ++i) {
    std::string damaged = good;
    for (int n = 0; n < 3; ++n) damaged[random() % damaged.size()] = static_cast<char>(random());
    const auto text = bed.text(damaged);
    if (text != "unreadable" && !text.starts_with("error: ")) CHECK(json::accept(text));
  }
}

TEST_CASE("the serde protobuf by a .proto file, and by a descriptor set") {
  const auto folder = std::filesystem::temp_directory_path() / ("kstreamd-protobuf-test-" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  const auto file = [&](const std::string& name, const std::string& content) {
    std::ofstream(folder / name, std::ios::binary) << content;
    return (folder / name).string();
  };
  const auto make = [&](const std::string& path, const std::string& more = "") {
    return make_serde(R"({"protobuf":{"schema":")" + path + "\"" + more + "}}", find_serde);
  };
  file("item.proto", "syntax = \"proto3\"; package shop; message Item { string sku = 1; }");
  const auto proto = file("order.proto",
                          "syntax = \"proto3\"; package shop; import \"item.proto\"; message Order { int64 id = 1; "
                          "Item item = 2; } message Other {}");
  Arena arena;
  const auto check = [&](const Result<const Serde*>& made) {
    INFO((made ? "" : made.error().text()));
    REQUIRE(made);
    auto bytes = (*made)->write(json_value(R"({"id":9007199254740993,"item":{"sku":"a"}})"), arena);
    REQUIRE(bytes);
    auto value = (*made)->read(*bytes, arena);
    REQUIRE(value);
    CHECK(data_of(*value) == R"({"id":9007199254740993,"item":{"sku":"a"}})");
  };
  check(make(proto));
  check(make(proto, R"(,"message":"shop.Order")"));
  check(make(proto, R"(,"message":"Order")"));
  auto refused = make(proto, R"(,"message":"Odrer")");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text() == "the schema has no message 'Odrer' (its messages are shop.Order, shop.Other)");

  google::protobuf::FileDescriptorSet set;
  google::protobuf::compiler::DiskSourceTree tree;
  tree.MapPath("", folder.string());
  google::protobuf::compiler::Importer importer(&tree, nullptr);
  const auto* order = importer.Import("order.proto");
  REQUIRE(order);
  order->dependency(0)->CopyTo(set.add_file());
  order->CopyTo(set.add_file());
  check(make(file("order.pb", set.SerializeAsString())));

  CHECK_THAT(make(file("bad.proto", "syntax = \"proto3\";\nmessage M { strnig a = 1; }")).error().message,
             Contains("not a Protobuf schema: bad.proto") && Contains("strnig"));
  CHECK_THAT(make(file("worse.proto", "message {")).error().message, Contains("worse.proto:1:"));
  CHECK_THAT(make(file("lost.proto", "syntax = \"proto3\"; import \"nowhere.proto\"; message M {}")).error().message,
             Contains("nowhere.proto"));
  CHECK_THAT(make(file("none.proto", "syntax = \"proto3\";")).error().message, Contains("has no message"));
  CHECK_THAT(make(file("bad.pb", "text")).error().message, Contains("is no descriptor set"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace kstreamd
