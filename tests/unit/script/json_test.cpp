// JSON in expressions: reading, absence, writing.
#include <cmath>
#include <stdexcept>
#include <string>

#include "core/serde/serde.h"
#include "kstreamd/sdk/object.h"
#include "plugins/script/json_text.h"
#include "tests/unit/script/records.h"

using namespace kstreamd;
using namespace kstreamd::script;
using Catch::Contains;

namespace {

struct Order {
  static constexpr const char* kTypeId = "test.order/1";
  int count = 0;
  explicit Order(int n) : count(n) {}
  std::string to_json() const {
    if (count < 0) throw std::domain_error("a negative count");
    return R"({"n":)" + std::to_string(count) + R"(,"a":[1,2]})";
  }
};

}  // namespace

TEST_CASE("fields, lists and what is absent") {
  Asker ask(
      json_value(R"({"list":[1,2,null,4],"a":{"b":"deep","c":null},"max":9223372036854775807,"f":4.0,)"
                 R"("empty":[],"object":{},"yes":true,"big":18446744073709551615,"long":[1,2,3,4,5,6,7,8,9,10]})"));
  CHECK(ask.value("value.a.b") == "string deep");
  CHECK(ask.value("value.a.c == nil and value.a.d == nil and value.x.y.z == nil") == "bool 1");
  CHECK(ask.value("value.list[1] + value.list[4]") == "int64 5");
  CHECK(ask.value("#value.list") == "int64 4");
  CHECK(ask.value("value.list[3] == nil and value.list[5] == nil and value.list[0] == nil") == "bool 1");
  CHECK(ask.value("local n = 0 for _ in ipairs(value.list) do n = n + 1 end return n") == "int64 2");
  CHECK(ask.value("local n = 0 for _ in pairs(value.list) do n = n + 1 end return n") == "int64 3");
  CHECK(ask.value("local s = '' for k in pairs(value.a) do s = s .. k end return s") == "string b");
  CHECK(ask.value("value.max") == "int64 9223372036854775807");
  CHECK(ask.value("math.type(value.f) .. math.type(value.list[1])") == "string floatinteger");
  CHECK(ask.value("math.type(value.big)") == "string float");
  CHECK(ask.value("value.long[10] + #value.long") == "int64 20");
  CHECK(ask.value("type(value) .. type(value.list) .. type(value.a.c)") == "string tabletablenil");
  CHECK(ask.value("value.a == value.a") == "bool 1");
  CHECK(ask.value("value.yes") == "bool 1");
  CHECK(ask.value("next(value.object) == nil and next(value.empty) == nil and next(value.a) == 'b'") == "bool 1");
  CHECK(ask.value("table.concat(value.long, ',', 8)") == "string 8,9,10");
  CHECK(ask.value("select('#', table.unpack(value.long))") == "int64 10");
  CHECK(ask.value("coalesce(value.a.c, null, value.x, 7)") == "int64 7");
}

TEST_CASE("scalars are themselves") {
  CHECK(Asker(json_value(" 5 ")).value("value + 1") == "int64 6");
  CHECK(Asker(json_value("\"a\\u00e9\"")).value("value .. ''") == "string a\xc3\xa9");
  CHECK(Asker(json_value("null")).value("value == nil") == "bool 1");
  CHECK(Asker(json_value("null")).value("value") == "json null");
  CHECK(Asker(json_value("true")).value("not value") == "bool 0");
  CHECK_THAT(Asker(json_value("{\"x\":")).error("value.x"), Contains("this is not JSON"));
}

TEST_CASE("what is written is canonical") {
  Asker ask(json_value(R"({"z":1,"a":[],"n":null,"f":4.0,"e":"\u00e9\/\n","o":{"y":2,"x":1.50}})"));
  CHECK(ask.value("{ v = value }") ==
        "json {\"v\":{\"a\":[],\"e\":\"\xc3\xa9/\\n\",\"f\":4.0,\"n\":null,"
        "\"o\":{\"x\":1.5,\"y\":2},\"z\":1}}");
  CHECK(ask.value("{ f = value.f, g = 4.0 // 1, h = 4 // 1, i = 1e300, j = 0.1, k = -0.0, l = 1e15, m = 123456.75 }") ==
        R"(json {"f":4.0,"g":4.0,"h":4,"i":1e+300,"j":0.1,"k":-0.0,"l":1e+15,"m":123456.75})");
  CHECK(ask.value("{ a = value.a, b = {}, c = list(), d = list(1, nil, 3), e = { null }, f = null }") ==
        R"(json {"a":[],"b":{},"c":[],"d":[1,null,3],"e":[null],"f":null})");
  CHECK(ask.value("{ min = math.mininteger }") == R"(json {"min":-9223372036854775808})");
  CHECK_THAT(ask.error("{ 1, nil, 3 }"), Contains("without gaps"));
  CHECK_THAT(ask.error("{ [5] = 1 }"), Contains("tostring"));
  CHECK_THAT(ask.error("{ 1, a = 2 }"), Contains("a list only as 1..n"));
  CHECK_THAT(ask.error("{ x = 1 / 0 }"), Contains("infinity"));
  CHECK_THAT(ask.error("{ x = '\\xff' }"), Contains("not UTF-8"));
  CHECK_THAT(ask.error("{ x = lower }"), Contains("function cannot be JSON"));
}

TEST_CASE("writing into a value") {
  Asker ask(json_value(R"({"n":null,"items":[1,2],"o":{"k":null}})"));
  CHECK(ask.value("value.x = 1 value.n2 = value.n return value") ==
        R"(json {"items":[1,2],"n":null,"o":{"k":null},"x":1})");
  CHECK(ask.value("table.insert(value.items, 3) return value.items") == "json [1,2,3]");
  CHECK(ask.value("table.insert(value.items, 3) return value") == R"(json {"items":[1,2,3],"n":null,"o":{"k":null}})");
  CHECK(ask.value("table.remove(value.items) table.remove(value.items) return value.items") == "json []");
  CHECK(ask.value("value.o = nil value.items = null return value") == R"(json {"items":null,"n":null})");
  CHECK(ask.value("value.o.k = { 1 } return { value.o, value.o.k == nil }") == R"(json [{"k":[1]},false])");
  CHECK(ask.value("table.sort(value.items, function(a, b) return a > b end) return value.items") == "json [2,1]");
}

TEST_CASE("encode and decode") {
  Asker ask(string_value(R"({"b":[1,null],"a":{}})"));
  CHECK(ask.value("json.decode(value)") == R"(json {"a":{},"b":[1,null]})");
  CHECK(ask.value("json.decode(value).b[2] == nil and #json.decode(value).b") == "int64 2");
  CHECK(ask.value("json.encode({ 1, 'x' })") == R"(string [1,"x"])");
  CHECK(ask.value("json.encode(nil) .. json.encode(json.decode('null'))") == "string nullnull");
  CHECK(ask.value("json.decode('7')") == "int64 7");
  CHECK_THAT(ask.error("json.decode('{')"), Contains("this is not JSON"));
  CHECK_THAT(ask.error("json.decode(string.rep('[', 5000))"), Contains("this is not JSON"));
  CHECK(ask.value("tostring({ a = 1 }) .. tostring(json.decode(value).b)") == R"(string {"a":1}[1,null])");
}

TEST_CASE("an object of a plugin reads as its JSON, and stays what it is while nothing is changed") {
  const auto order = sdk::Object<Order>::make(7);
  Asker asker(order.value(), string_value("k"));
  CHECK(asker.value("value.n + value.a[2]") == "int64 9");
  CHECK(asker.key("value") == R"(json {"a":[1,2],"n":7})");
  CHECK(asker.value("{ inside = value }") == R"(json {"inside":{"a":[1,2],"n":7}})");
  for (const char* same : {"value", "value.n > 0 and value or nil"}) {
    const auto expression = asker.compile(same);
    asker.engine.set_record(asker.record);
    const Value out = asker.engine.value(expression, asker.memory);
    CHECK(out.type == KST_OBJECT);
    CHECK(out.u.object == order.value().u.object);
  }
  const auto other = sdk::Object<Order>::make(8);
  asker.record.value = other.value();
  CHECK(asker.value("value.n") == "int64 8");
  const auto bad = sdk::Object<Order>::make(-1);
  asker.record.value = bad.value();
  CHECK_THAT(asker.error("value.n"),
             Catch::Contains("an object of type 'test.order/1' cannot be turned into JSON: a negative count"));
}

TEST_CASE("the last of equal names counts, read or written") {
  Asker ask(json_value(R"({"a":1,"a":2,"o":{"x":1},"o":{"x":2}})"));
  CHECK(ask.value("value.a + value.o.x") == "int64 4");
  CHECK(ask.value("{ value }") == R"(json [{"a":2,"o":{"x":2}}])");
  CHECK(ask.value("value.b = 1 return value") == R"(json {"a":2,"b":1,"o":{"x":2}})");
}

TEST_CASE("floats are written as the serde json writes them") {
  const Serde* serde = find_serde("json");
  REQUIRE(serde);
  Arena arena;
  for (const double number :
       {0.0,   -0.0,   1.0,  4.0,  0.1,  1.5,     100000.0, 123456789012345.0,      1e15,   1e16, 1e17, 1e21, 1e22,
        1e300, 5e-324, 1e-3, 1e-4, 1e-5, 1.25e-7, -2.5e10,  1.7976931348623157e308, 3.14159}) {
    std::string ours;
    REQUIRE(append_json_number(number, ours));
    auto theirs = serde->write(float64_value(number), arena);
    REQUIRE(theirs);
    CHECK(ours == std::string(*theirs));
  }
  std::string ours;
  CHECK_FALSE(append_json_number(NAN, ours));
  CHECK(ours.empty());
}

TEST_CASE("texts are written as the serde json writes them") {
  const Serde* serde = find_serde("json");
  Arena arena;
  std::string all;
  for (int c = 0; c < 128; ++c) all += static_cast<char>(c);
  all += "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
  std::string ours;
  REQUIRE(append_json_text(all, ours));
  CHECK(ours == std::string(*serde->write(string_value(all), arena)));
  for (const char* bad : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\xe2\x82", "\xe0\x80\x80"}) {
    std::string out;
    CHECK_FALSE(append_json_text(bad, out));
    CHECK(out.empty());
  }
}
