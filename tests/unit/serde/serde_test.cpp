#include "core/serde/serde.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

namespace kstreamd {
namespace {

using namespace std::string_literals;

// What the serde writes; "error: ..." when it refuses.
std::string written(const char* serde, const Value& value) {
  Arena arena;
  auto bytes = find_serde(serde)->write(value, arena);
  return bytes ? std::string(*bytes) : "error: " + bytes.error().text();
}

Value read_value(const char* serde, std::string_view bytes, Arena& arena) {
  auto value = find_serde(serde)->read(bytes, arena);
  INFO(serde << ": " << (value ? "" : value.error().text()));
  REQUIRE(value.ok());
  return *value;
}

std::string read_error(const char* serde, std::string_view bytes) {
  Arena arena;
  auto value = find_serde(serde)->read(bytes, arena);
  return value ? "no error" : value.error().message;
}

bool refuses(const char* serde, const Value& value) {
  Arena arena;
  auto bytes = find_serde(serde)->write(value, arena);
  return !bytes && !bytes.error().message.empty() && !bytes.error().hint.empty();
}

TEST_CASE("serdes are found by name") {
  CHECK(serde_names() == std::vector<std::string>{"string", "bytes", "uuid", "bool", "int16", "int32", "int64",
                                                  "float32", "float64", "json"});
  for (const auto& name : serde_names()) CHECK(find_serde(name)->name() == name);
  CHECK(find_serde("int65") == nullptr);
}

TEST_CASE("integers are big-endian and exact") {
  CHECK(written("int16", int32_value(258)) == "\x01\x02"s);
  CHECK(written("int32", int32_value(-2)) == "\xff\xff\xff\xfe"s);
  CHECK(written("int32", int64_value(256)) == "\x00\x00\x01\x00"s);
  CHECK(written("int64", int64_value(std::numeric_limits<int64_t>::min())) == "\x80\0\0\0\0\0\0\0"s);
  CHECK(written("int64", int64_value(9007199254740993)) == "\x00\x20\0\0\0\0\0\x01"s);  // 2^53 + 1

  Arena arena;
  CHECK(read_value("int16", "\xff\xfe"s, arena).u.integer == -2);
  CHECK(read_value("int32", "\x00\x00\x01\x00"s, arena).u.integer == 256);
  CHECK(read_value("int32", "\x00\x00\x01\x00"s, arena).type == KST_INT32);
  auto least = read_value("int64", "\x80\0\0\0\0\0\0\0"s, arena);
  CHECK(least.type == KST_INT64);
  CHECK(least.u.integer == std::numeric_limits<int64_t>::min());
}

TEST_CASE("a number fits an integer serde when nothing is lost") {
  CHECK(written("int64", float64_value(4.0)) == "\0\0\0\0\0\0\0\x04"s);
  CHECK(refuses("int64", float64_value(4.5)));
  CHECK(refuses("int64", float64_value(9223372036854775808.0)));
  CHECK(refuses("int64", float64_value(std::nan(""))));
  CHECK(refuses("int32", int64_value(3000000000)));
  CHECK(refuses("int16", int32_value(-32769)));
  CHECK(refuses("int64", string_value("7")));
  CHECK(refuses("int64", bool_value(true)));
  CHECK(
      written("int64", string_value("7")) ==
      "error: a string value does not fit the serde int64 (make a number of it (tonumber), or name the serde string)");
}

TEST_CASE("bytes of another length are errors") {
  CHECK(read_error("int64", "ab") == "int64 needs 8 bytes, got 2");
  CHECK(read_error("int32", "") == "int32 needs 4 bytes, got 0");
  CHECK(read_error("int16", "abc") == "int16 needs 2 bytes, got 3");
  CHECK(read_error("float32", "abc") == "float32 needs 4 bytes, got 3");
  CHECK(read_error("float64", "123456789") == "float64 needs 8 bytes, got 9");
  CHECK(read_error("bool", "") == "bool needs 1 byte, got 0");
  CHECK(read_error("bool", "\x02") == "bool is a byte 0 or 1, got 2");
  CHECK(read_error("uuid", "abc") == "uuid needs 36 bytes, got 3");
}

TEST_CASE("floats") {
  CHECK(written("float64", float64_value(-2.25)) == "\xc0\x02\0\0\0\0\0\0"s);
  CHECK(written("float64", float64_value(-0.0)) == "\x80\0\0\0\0\0\0\0"s);
  CHECK(written("float64", int64_value(5)) == "\x40\x14\0\0\0\0\0\0"s);
  CHECK(refuses("float64", int64_value(9007199254740993)));
  CHECK(refuses("float64", int64_value(std::numeric_limits<int64_t>::max())));
  CHECK(written("float32", float64_value(0.5)) == "\x3f\0\0\0"s);
  CHECK(refuses("float32", float64_value(1e300)));
  CHECK(refuses("float64", string_value("1")));
  Arena arena;
  CHECK(read_value("float64", "\x7f\xf0\0\0\0\0\0\0"s, arena).u.real == std::numeric_limits<double>::infinity());
  CHECK(read_value("float32", "\x3f\0\0\0"s, arena).u.real == 0.5);
}

TEST_CASE("bool is one byte") {
  CHECK(written("bool", bool_value(true)) == "\x01"s);
  CHECK(written("bool", bool_value(false)) == "\0"s);
  CHECK(refuses("bool", int64_value(1)));
  Arena arena;
  CHECK(read_value("bool", "\x01", arena).u.integer == 1);
}

TEST_CASE("string borrows what is UTF-8") {
  Arena arena;
  std::string text = "é€😀";
  auto value = read_value("string", text, arena);
  CHECK(value.type == KST_STRING);
  CHECK(value.u.data == text.data());
  auto bytes = find_serde("string")->write(value, arena);
  REQUIRE(bytes.ok());
  CHECK(bytes->data() == text.data());
  CHECK(refuses("string", int64_value(1)));
  CHECK(refuses("string", bool_value(true)));
  CHECK(refuses("string", bytes_value("x")));
}

TEST_CASE("string replaces what is not UTF-8 as Java does") {
  Arena arena;
  auto read = [&](std::string_view bytes) { return std::string(data_of(read_value("string", bytes, arena))); };
  const std::string r = "\xef\xbf\xbd";
  CHECK(read("a\xe9"
             "b") == "a" + r + "b");                              // Latin-1
  CHECK(read("\xc0\x80") == r + r);                               // an overlong zero
  CHECK(read("\xe2\x82") == r);                                   // cut short at the end
  CHECK(read("\xe2\x82z") == r + "z");                            // cut short inside
  CHECK(read("\xed\xa0\x80") == r);                               // a surrogate
  CHECK(read("\xf0\x9f\x98") == r);                               // three of four
  CHECK(read("\xf5\x80\x80\x80") == r + r + r + r);               // beyond Unicode
  CHECK(read("\xe0\x80\x80") == r + r + r);                       // overlong
  CHECK(read("\xf4\x8f\xbf\xbf\x80") == "\xf4\x8f\xbf\xbf" + r);  // U+10FFFF, then a stray one
}

TEST_CASE("bytes take texts, bytes and JSON as they are") {
  CHECK(written("bytes", bytes_value("\x00\xff"s)) == "\x00\xff"s);
  CHECK(written("bytes", string_value("x")) == "x");
  CHECK(written("bytes", json_value("{\"a\": 1}")) == "{\"a\": 1}");
  CHECK(refuses("bytes", int64_value(1)));
  Arena arena;
  CHECK(read_value("bytes", "", arena).type == KST_BYTES);
}

TEST_CASE("uuid is 36 characters in lower case") {
  Arena arena;
  CHECK(data_of(read_value("uuid", "ABCDEF01-0000-0000-0000-00000000000A", arena)) ==
        "abcdef01-0000-0000-0000-00000000000a");
  CHECK(written("uuid", string_value("123E4567-e89b-12d3-a456-426614174000")) ==
        "123e4567-e89b-12d3-a456-426614174000");
  CHECK(refuses("uuid", string_value("123e4567")));
  CHECK(refuses("uuid", int64_value(1)));
  CHECK(read_error("uuid", "123e4567xe89b-12d3-a456-426614174000") != "no error");
}

TEST_CASE("json reads valid texts and keeps their bytes") {
  for (std::string text : {R"({"b":1, "a":[1,2.50,{"x":null}]})", R"("\u0061")", "1", "-1e5", "true", "null", " [ ] ",
                           "18446744073709551615", R"("é")"}) {
    Arena arena;
    auto value = read_value("json", text, arena);
    CHECK(value.type == KST_JSON);
    auto bytes = find_serde("json")->write(value, arena);
    REQUIRE(bytes.ok());
    CHECK(*bytes == text);
    CHECK(bytes->data() == text.data());
  }
}

TEST_CASE("json refuses other texts") {
  for (std::string text : {"", " ", "x", "{\"x\":", "{} {}", "[1,]", "{'a':1}", "nul", "01", "\"\xff\"", "\"a", "[1 2]",
                           "NaN", "\"\n\""}) {
    INFO(text);
    CHECK(read_error("json", text).substr(0, 8) == "not JSON");
  }
  CHECK(read_error("json", std::string(100000, '[')).substr(0, 8) == "not JSON");
}

TEST_CASE("json writes other values canonically") {
  CHECK(written("json", string_value("a\"b\\c/\n\t\x01é")) == R"("a\"b\\c/\n\t\u0001é")");
  CHECK(written("json", string_value("")) == "\"\"");
  CHECK(written("json", int64_value(std::numeric_limits<int64_t>::max())) == "9223372036854775807");
  CHECK(written("json", int32_value(-1)) == "-1");
  CHECK(written("json", bool_value(true)) == "true");
  CHECK(written("json", float64_value(4.0)) == "4.0");
  CHECK(written("json", float64_value(0.0)) == "0.0");
  CHECK(written("json", float64_value(-0.0)) == "-0.0");
  CHECK(written("json", float64_value(0.1)) == "0.1");
  CHECK(written("json", float64_value(0.30000000000000004)) == "0.30000000000000004");
  CHECK(written("json", float64_value(-1234.5)) == "-1234.5");
  CHECK(written("json", float64_value(100000)) == "100000.0");
  CHECK(written("json", float64_value(1e16)) == "1e+16");
  CHECK(written("json", float64_value(1.5e300)) == "1.5e+300");
  CHECK(written("json", float64_value(0.001)) == "0.001");
  CHECK(written("json", float64_value(-1.25e-7)) == "-1.25e-07");
  CHECK(refuses("json", float64_value(std::nan(""))));
  CHECK(refuses("json", bytes_value("x")));
  CHECK(refuses("json", string_value("\xff")));
}

TEST_CASE("every double that json writes reads back as itself") {
  uint64_t bits = 88172645463325252u;
  for (int i = 0; i < 20000; ++i) {
    bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
    double number = 0;
    static_assert(sizeof number == sizeof bits);
    std::memcpy(&number, &bits, sizeof bits);
    if (!std::isfinite(number)) continue;
    auto text = written("json", float64_value(number));
    REQUIRE(std::strtod(text.c_str(), nullptr) == number);
    REQUIRE(text.find_first_of(".e") != std::string::npos);
  }
}

TEST_CASE("a JSON scalar fits where its content does") {
  CHECK(written("string", json_value(R"("\u0061bc")")) == "abc");
  CHECK(written("int64", json_value(" 7 ")) == "\0\0\0\0\0\0\0\x07"s);
  CHECK(written("int64", json_value("4.0")) == "\0\0\0\0\0\0\0\x04"s);
  CHECK(written("float64", json_value("-2.25")) == "\xc0\x02\0\0\0\0\0\0"s);
  CHECK(written("bool", json_value("true")) == "\x01"s);
  CHECK(written("uuid", json_value("\"123e4567-e89b-12d3-a456-426614174000\"")) ==
        "123e4567-e89b-12d3-a456-426614174000");
  CHECK(refuses("string", json_value("7")));
  CHECK(refuses("string", json_value("{}")));
  CHECK(refuses("int64", json_value("\"7\"")));
  CHECK(refuses("int64", json_value("18446744073709551615")));
  CHECK(refuses("int64", json_value("null")));
  CHECK(refuses("int64", json_value("[1]")));
}

}  // namespace
}  // namespace kstreamd
