#include <catch2/catch.hpp>

#include "core/testing/test_values.h"

using namespace kstreamd;
using Catch::Matchers::Contains;

namespace {

const Serde& serde(const char* name) { return *find_serde(name); }

TestValue scalar(const std::string& text, bool quoted = false) {
  TestValue value;
  value.kind = TestValue::Kind::scalar;
  value.text = text;
  value.quoted = quoted;
  return value;
}

std::string bytes(const TestValue& value, const char* name) {
  auto result = bytes_of(value, serde(name));
  if (!result) return "error: " + result.error().message;
  return result->value_or("(null)");
}

bool same(const char* name, const TestValue& a, const TestValue& b) {
  const auto x = bytes_of(a, serde(name)), y = bytes_of(b, serde(name));
  REQUIRE(x);
  REQUIRE(y);
  return same_value(serde(name), *x, *y);
}

}  // namespace

TEST_CASE("what a scalar is depends on the serde") {
  CHECK(bytes(scalar("5"), "string") == "5");
  CHECK(bytes(scalar("005"), "string") == "005");
  CHECK(bytes(scalar("5"), "json") == "5");
  CHECK(bytes(scalar("5", true), "json") == "\"5\"");
  CHECK(bytes(scalar("true"), "json") == "true");
  CHECK(bytes(scalar("true"), "string") == "true");
  CHECK(bytes(scalar("4.0"), "json") == "4.0");
  CHECK(bytes(scalar("123456789012345678901234567890"), "json") == "123456789012345678901234567890");
  CHECK(bytes(scalar("text"), "bytes") == "text");
  CHECK(bytes(scalar("3"), "int32") == std::string("\0\0\0\3", 4));
  CHECK(bytes(scalar("3.0"), "int32") == std::string("\0\0\0\3", 4));
  CHECK(bytes(scalar("9223372036854775807"), "int64") == "\x7f\xff\xff\xff\xff\xff\xff\xff");
  CHECK_THAT(bytes(scalar("3", true), "int32"), Contains("error: a string value does not fit"));
  CHECK_THAT(bytes(scalar("3.5"), "int64"), Contains("error: "));
  CHECK_THAT(bytes(scalar("3000000000"), "int32"), Contains("error: "));
}

TEST_CASE("lists and maps are written canonically") {
  TestValue value;
  value.kind = TestValue::Kind::json;
  value.text = R"({"b":1,"a":[1.50,null,9007199254740993]})";
  CHECK(bytes(value, "json") == R"({"a":[1.5,null,9007199254740993],"b":1})");
  CHECK_THAT(bytes(value, "int64"), Contains("error: "));
}

TEST_CASE("numbers compare by value") {
  CHECK(same("json", scalar("4"), scalar("4.0")));
  CHECK(same("json", scalar("0.1"), scalar("0.10000000001")));
  CHECK_FALSE(same("json", scalar("0.1"), scalar("0.1000001")));
  CHECK_FALSE(same("json", scalar("9007199254740993"), scalar("9007199254740992")));
  CHECK_FALSE(same("json", scalar("5"), scalar("5", true)));
  CHECK(same("float64", scalar(".nan"), scalar(".nan")));
  CHECK(same("float64", scalar(".inf"), scalar(".inf")));
  CHECK_FALSE(same("float64", scalar(".inf"), scalar("-.inf")));
  CHECK(same("float32", scalar("0.1"), scalar("0.1")));
  CHECK_FALSE(same("string", scalar("4"), scalar("4.0")));
  CHECK_FALSE(same_value(serde("string"), std::nullopt, ""));
  CHECK_FALSE(same_value(serde("int64"), "abc", "abd"));  // neither is an int64
}

TEST_CASE("values are shown as a test file would have them") {
  CHECK(shown(serde("string"), "a\"b") == "\"a\\\"b\"");
  CHECK(shown(serde("int32"), std::string("\0\0\0\3", 4)) == "3");
  CHECK(shown(serde("int32"), "ab") == "{ base64: \"YWI=\" }");
  CHECK(shown(serde("json"), "{\"b\": 1, \"a\":2}") == "{\"a\":2,\"b\":1}");
  CHECK(shown(serde("bytes"), std::nullopt) == "null");
  CHECK(shown(serde("string"), "a", true) == "{ base64: \"YQ==\" }");
}
