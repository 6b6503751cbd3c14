#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <random>

#include "core/base/base64.h"
#include "daemon/json_text.h"
#include "daemon/log_setup.h"
#include "daemon/record_text.h"

namespace kstreamd {
namespace {

const Serde& serde(const std::string& name) {
  auto found = serde_named(name);
  REQUIRE(found);
  return **found;
}

// What `consume --output json` shows of what `produce` was given.
std::string json_round_trip(const std::string& name, const std::string& text) {
  auto bytes = bytes_of_text(serde(name), text);
  if (!bytes) return "refused";
  std::string out;
  append_json_of_bytes(out, serde(name), *bytes);
  return out;
}

TEST_CASE("text becomes bytes and JSON again, by serde") {
  CHECK(json_round_trip("string", "a\"b\n\x01") == R"("a\"b\n\u0001")");
  CHECK(json_round_trip("int64", "9223372036854775807") == "9223372036854775807");
  CHECK(json_round_trip("int64", "9223372036854775808") == "refused");
  CHECK(json_round_trip("int64", "1.5") == "refused");
  CHECK(json_round_trip("int64", "") == "refused");
  CHECK(json_round_trip("int32", "-5") == "-5");
  CHECK(json_round_trip("int32", "2147483648") == "refused");
  CHECK(json_round_trip("float64", "4") == "4.0");
  CHECK(json_round_trip("float64", "0.1") == "0.1");
  CHECK(json_round_trip("float64", "x") == "refused");
  CHECK(json_round_trip("json", R"({"a":[1,2.0,null]})") == R"({"a":[1,2.0,null]})");
  CHECK(json_round_trip("json", "{") == "refused");
  CHECK(json_round_trip("bytes", "\xff\x00") == R"({"base64":"/w=="})");
}

TEST_CASE("serdes with arguments are named by their JSON") {
  const std::string windowed = R"({"time_windowed":"string","size":10})";
  CHECK(json_round_trip(windowed, R"({"start":5,"end":15,"key":"a"})") == R"({"end":15,"key":"a","start":5})");
  CHECK(json_round_trip(windowed, "a") == "refused");
  CHECK(serde_named(R"({"time_windowed":"strnig"})").error().message == "unknown serde 'strnig' within time_windowed");
}

TEST_CASE("bytes that do not fit a serde are shown, and said") {
  std::string out;
  CHECK_FALSE(append_json_of_bytes(out, serde("int64"), "abc"));
  CHECK(out == R"({"base64":"YWJj"})");
  out.clear();
  CHECK(append_json_of_bytes(out, serde("string"), "\xff"));  // as Kafka's StringDeserializer reads it
  CHECK(out == "\"\xef\xbf\xbd\"");
  out.clear();
  CHECK(append_json_of_bytes(out, serde("string"), std::nullopt));
  CHECK(out == "null");
  out.clear();
  CHECK_FALSE(append_text_of_bytes(out, serde("int64"), "abc"));
  CHECK(out == "abc");
}

TEST_CASE("JSON becomes bytes, by serde") {
  const auto bytes = [](const std::string& name, const std::string& json) {
    auto result = bytes_of_json(serde(name), json);
    return !result ? "refused" : result->value_or("null");
  };
  CHECK(bytes("string", R"("a")") == "a");
  CHECK(bytes("string", "null") == "null");
  CHECK(bytes("string", "1") == "refused");
  CHECK(bytes("string", "{}") == "refused");
  CHECK(bytes("int64", "258") == std::string("\0\0\0\0\0\0\1\2", 8));
  CHECK(bytes("int64", R"("258")") == "refused");
  CHECK(bytes("int64", R"({"base64":"YWJj"})") == "abc");
  CHECK(bytes("int64", R"({"base64":"???"})") == "refused");
  CHECK(bytes("json", R"({"b":1})") == R"({"b":1})");
  CHECK(bytes("string", "nonsense") == "refused");
}

TEST_CASE("a record is one JSON object on one line") {
  const std::string key = "k", value = "v\n";
  const Header headers[] = {{"h", "x", 1, 1}, {"null", nullptr, 4, 0}, {"raw", "\xff", 3, 1}};
  FetchedRecord record;
  record.origin.topic = "t";
  record.origin.topic_size = 1;
  record.origin.raw_key = key.data();
  record.origin.raw_key_size = 1;
  record.origin.raw_value = value.data();
  record.origin.raw_value_size = 2;
  record.origin.partition = 3;
  record.origin.offset = 42;
  record.timestamp = 1234;
  record.headers = headers;
  record.header_count = 3;
  std::string line;
  CHECK(append_json_of_record(line, record, serde("string"), serde("string")));
  CHECK(line ==
        R"({"topic":"t","partition":3,"offset":42,"timestamp":1234,"key":"k","value":"v\n",)"
        R"("headers":[{"key":"h","value":"x"},{"key":"null","value":null},{"key":"raw","value":{"base64":"/w=="}}]})");
}

TEST_CASE("any bytes make valid JSON and come back from base64") {
  std::mt19937 random(7);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes(random() % 12, '\0');
    for (auto& c : bytes) c = static_cast<char>(random() % 3 ? random() % 256 : 0xc0 + random() % 0x40);
    std::string out;
    append_json_string(out, bytes);
    const auto parsed = nlohmann::json::parse(out, nullptr, false);
    REQUIRE(parsed.is_string());
    std::string quoted;
    append_json_string(quoted, parsed.get<std::string>());
    CHECK(quoted == out);
    CHECK(valid_utf8(bytes) == (parsed.get<std::string>() == bytes));
    CHECK(base64_decode(base64_encode(bytes)) == bytes);
  }
  for (const auto* wrong : {"a", "ab", "abc", "ab=c", "====", "a===", "ab!d"}) {
    INFO(wrong);
    CHECK_FALSE(base64_decode(wrong));
  }
}

TEST_CASE("log lines") {
  CHECK(format_log_line(LogFormat::text, 1, LogLevel::info, "task restored", {{"task", "in-0"}, {"why", "a b\n"}}) ==
        R"(1970-01-01T00:00:00.001Z info  task restored task=in-0 why="a b\n")");
  CHECK(format_log_line(LogFormat::text, 0, LogLevel::error, "two\nlines", {}) ==
        "1970-01-01T00:00:00.000Z error two lines");
  const auto line = nlohmann::json::parse(
      format_log_line(LogFormat::json, 1'700'000'000'000, LogLevel::warn, "m\"", {{"n", 5}, {"q", "\xff"}}));
  CHECK(line["time"] == "2023-11-14T22:13:20.000Z");
  CHECK(line["level"] == "warn");
  CHECK(line["message"] == "m\"");
  CHECK(line["n"] == "5");
}

}  // namespace
}  // namespace kstreamd
