// {"change": SERDE}: a table's updates in the topics before regrouped aggregations, with Kafka Streams' bytes.
#include "kstreamd/sdk/change.h"

#include <catch2/catch.hpp>
#include <string>

#include "core/serde/objects.h"
#include "core/serde/serde.h"

namespace kstreamd {
namespace {

using namespace std::string_literals;
using Catch::Matchers::Contains;

constexpr const char* kText = R"({"change":"string"})";

std::string written(const char* serde, const Change& change) {
  Arena arena;
  auto bytes = write_value(*find_serde(serde), change_value(change), arena);
  return bytes ? std::string(*bytes) : "error: " + bytes.error().text();
}

// "now(before)", and "old" for what is not the latest.
std::string read(const char* serde, std::string_view bytes) {
  auto shown = [](const Value& v) {
    return is_null(v) ? "-" : is_integer(v) ? std::to_string(v.u.integer) : std::string(data_of(v));
  };
  Arena arena;
  auto value = find_serde(serde)->read(bytes, arena);
  if (!value) return "error: " + value.error().text();
  REQUIRE(is_change(*value));
  const Change& change = change_of(*value);
  return shown(change.now) + "(" + shown(change.before) + ")" + (change.latest ? "" : " old");
}

TEST_CASE("changes are written as Kafka Streams writes them") {
  CHECK(written(kText, {string_value("a1"), null_value()}) == "a1\x01"s);
  CHECK(written(kText, {null_value(), string_value("a22")}) == "a22\0"s);
  CHECK(written(kText, {string_value("a22"), string_value("a1")}) == "\x06"s + "a22a1\x02");
  CHECK(written(kText, {string_value(""), string_value("")}) == "\0\x02"s);
  CHECK(written(R"({"change":"int64"})", {int64_value(7), null_value()}) == "\0\0\0\0\0\0\0\x07\x01"s);
  CHECK_THAT(written(kText, {}), Contains("neither an old nor a new value"));
  CHECK_THAT(written(R"({"change":"int64"})", {string_value("x"), null_value()}), Contains("does not fit"));
  Arena arena;
  CHECK_FALSE(find_serde(kText)->write(string_value("x"), arena).ok());
}

TEST_CASE("changes are read back, whatever the length of the new value") {
  for (size_t size : {0, 1, 63, 64, 8191, 8192, 100'000}) {
    const std::string now(size, 'n');
    CHECK(read(kText, written(kText, {string_value(now), string_value("old")})) == now + "(old)");
    CHECK(read(kText, written(kText, {string_value(now), null_value()})) == now + "(-)");
    CHECK(read(kText, written(kText, {null_value(), string_value(now)})) == "-(" + now + ")");
  }
  CHECK(read(R"({"change":"int64"})", written(R"({"change":"int64"})", {int64_value(-1), int64_value(1)})) == "-1(1)");
}

TEST_CASE("the forms with a version, which Kafka Streams reads too") {
  CHECK(read(kText, "x\0\x03"s) == "-(x) old");
  CHECK(read(kText, "x\x01\x04"s) == "x(-)");
  CHECK(read(kText, "\x02xy\0\x05"s) == "x(y) old");
}

TEST_CASE("what is no change is refused") {
  CHECK_THAT(read(kText, ""), Contains("it is empty"));
  CHECK_THAT(read(kText, "x\x06"s), Contains("its last byte is 6"));
  CHECK_THAT(read(kText, "\x03"s), Contains("too short"));
  CHECK_THAT(read(kText, "\x06xy\x02"s), Contains("length"));                // 3 bytes of 2
  CHECK_THAT(read(kText, "\x01xy\x02"s), Contains("length"));                // negative
  CHECK_THAT(read(kText, "\xff\xff\xff\xff\xff\x02"s), Contains("length"));  // without an end
  CHECK_THAT(read(kText, "\x02"s), Contains("length"));
  CHECK_THAT(read(R"({"change":"int64"})", "abc\x01"s), Contains("int64 needs 8 bytes"));
}

TEST_CASE("the inner serde is any that there is") {
  CHECK(find_serde(R"({"change":"nonsense"})") == nullptr);
  CHECK(find_serde(kText) == find_serde(kText));
  CHECK(find_serde(kText)->name() == kText);
}

}  // namespace
}  // namespace kstreamd
