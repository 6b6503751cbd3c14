#include "plugins/examples/mask/mask.h"

#include <kstreamd/sdk/testing.h>

#include <catch2/catch.hpp>

using namespace kstreamd;
using sdk::testing::record;
using sdk::testing::TestTask;

namespace {

std::string masked(const Value& value, const char* config = "{}") {
  TestTask<mask::Mask> task(config);
  task.pipe({record(string_value("k"), value)});
  REQUIRE(task.errors().empty());
  REQUIRE(task.output().size() == 1);
  CHECK(task.output()[0].value.type() == value.type);
  return task.output()[0].value.text();
}

}  // namespace

TEST_CASE("card numbers in a text are masked but for their last digits") {
  CHECK(masked(string_value("paid with 4111 1111 1111 1111.")) == "paid with **** **** **** 1111.");
  CHECK(masked(string_value("5500-0000-0000-0004")) == "****-****-****-0004");
  CHECK(masked(string_value("4111111111111111 4111111111111111")).size() == 33);
  CHECK(masked(string_value("378282246310005"), R"({"keep_last":0})") == "***************");
}

TEST_CASE("other digits stay") {
  for (const char* text :
       {"4111 1111 1111 1112", "41111111111111111111111", "order 1234567", "", "4111  1111  1111  1111"})
    CHECK(masked(string_value(text)) == text);
  CHECK(masked(string_value("4111111111111111"), R"({"card_numbers":false,"fields":["x"]})") == "4111111111111111");
}

TEST_CASE("named fields of a JSON value are masked whole, at any depth") {
  const char* config = R"({"fields":["password","owner"]})";
  CHECK(masked(json_value(R"({"password":"a\"b","n":1,"x":[{"password" : 12.5e3, "ok":true}]})"), config) ==
        R"({"password":"***","n":1,"x":[{"password" : "***", "ok":true}]})");
  CHECK(masked(json_value(R"({"owner":{"name":"Ann","tags":["x",7,null]},"after":"seen"})"), config) ==
        R"({"owner":{"name":"***","tags":["***","***",null]},"after":"seen"})");
  CHECK(masked(json_value(R"({"password":null,"after":"seen"})"), config) == R"({"password":null,"after":"seen"})");
  CHECK(masked(json_value(R"({"card":"4111111111111111","number":4111111111111111})"), config) ==
        R"({"card":"************1111","number":4111111111111111})");
}

TEST_CASE("values that are no text pass, and broken JSON is an error of its record") {
  TestTask<mask::Mask> task;
  task.pipe({record(null_value(), int64_value(4111111111111111)), record(null_value(), null_value()),
             record(null_value(), json_value(R"({"a":"b)")), record(null_value(), string_value("x"))});
  CHECK(task.output().size() == 3);
  CHECK(task.errors() == std::vector<std::string>{"the value is no JSON: a string has no end"});
}

TEST_CASE("a configuration that masks nothing, or not soundly, is refused") {
  const auto problems =
      sdk::testing::check(sdk::processor_type<mask::Mask>(), R"({"card_numbers":false,"keep_last":9,"feilds":["x"]})");
  REQUIRE(problems.size() == 3);
  CHECK(problems[0].message == "'keep_last' must be from 0 to 6");
  CHECK(problems[1].message == "nothing is to be masked");
  CHECK(problems[2].pointer == "/feilds#");
  CHECK_THROWS_WITH(TestTask<mask::Mask>(R"({"feilds":["x"]})"), "unknown key 'feilds' (did you mean 'fields'?)");
}
