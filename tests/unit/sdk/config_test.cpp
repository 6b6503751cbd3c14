#include <kstreamd/sdk/config.h>
#include <kstreamd/sdk/testing.h>

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace kstreamd;
using sdk::Config;

namespace {
std::vector<std::string> lines(const Config& config) {
  std::vector<std::string> out;
  for (const auto& p : config.problems())
    out.push_back(p.pointer + ": " + p.message + (p.hint.empty() ? "" : " (" + p.hint + ")"));
  return out;
}
using Lines = std::vector<std::string>;
}  // namespace

TEST_CASE("a configuration is read by type") {
  const Config config = Config::parse(
      R"({"s":"a\n\u00e9\ud83d\ude00","b":true,"i":-9223372036854775808,"n":1.5e3,"d":"30s","l":["x","y"],"o":{"p":{"q":1}},"z":null})");
  CHECK(config.string("s") == "a\n\xc3\xa9\xf0\x9f\x98\x80");
  CHECK(config.boolean("b"));
  CHECK(config.integer("i") == INT64_MIN);
  CHECK(config.number("n") == 1500);
  CHECK(config.duration_ms("d") == 30'000);
  CHECK(config.string_list("l") == Lines{"x", "y"});
  CHECK(config.object("o").object("p").integer("q") == 1);
  CHECK(config.object("o").text() == R"({"p":{"q":1}})");
  CHECK(config.integer("z", 7) == 7);
  CHECK(config.string("absent", "f") == "f");
  CHECK(config.duration_ms("absent", 5) == 5);
  CHECK(config.list("absent").empty());
  CHECK(config.object("absent").string("x", "y") == "y");
  CHECK(lines(config).empty());
}

TEST_CASE("all problems of a configuration are found in one go, with their places") {
  const Config config = Config::parse(
      R"({"within":"30 s","by":7,"count":1.5,"fields":["a",2],"wihtin":1,"window":{"sise":1},"big":99999999999999999999})");
  config.duration_ms("within");
  config.string("by");
  config.integer("count");
  config.string_list("fields");
  config.integer("big");
  config.boolean("strict");
  config.object("window").string("size", "");
  config.object("absent").string("x");
  CHECK(lines(config) ==
        Lines{"/within: 'within' '30 s' is not a duration (write a number with ms, s, m, h or d, such as 30s)",
              "/by: 'by' must be a string, is a number", "/count: 'count' must be an integer of 64 bits, is 1.5",
              "/fields/1: 'fields/1' must be a string, is a number",
              "/big: 'big' must be an integer of 64 bits, is 99999999999999999999", ": 'strict' is missing",
              "/absent: 'absent/x' is missing", "/wihtin#: unknown key 'wihtin' (did you mean 'within'?)",
              "/window/sise#: unknown key 'sise' (did you mean 'size'?)"});
}

TEST_CASE("text that is no JSON object is refused with the place") {
  CHECK(lines(Config::parse("{\"a\":}")) == Lines{": the configuration is not JSON: a value is missing at byte 6"});
  CHECK(lines(Config::parse("[1]")) ==
        Lines{": the configuration is a list, not an object (write `config: { key: value, ... }`)"});
  for (const char* bad :
       {"{", "{\"a\" 1}", "{\"a\":1,}", "{\"a\":01}", "{\"a\":1}x", "{\"a\":\"\\ud800\"}", "{\"a\":\"\\x\"}",
        "{\"a\":tru}", "{\"a\":1,\"a\":2}", "{\"a\":\"\n\"}", "{\"a\":1e}", "{\"a\":\"\\u12\"}"})
    CHECK(Config::parse(bad).problems().size() == 1);
  CHECK(Config::parse(std::string(100'000, '[')).problems().size() == 1);
  CHECK(Config::parse("").problems().empty());
}
