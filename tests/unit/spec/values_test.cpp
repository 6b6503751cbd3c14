#include "core/spec/values.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/base/substitution.h"

using namespace kstreamd;
using namespace std::chrono_literals;

TEST_CASE("durations") {
  CHECK(parse_duration("0s") == 0ms);
  CHECK(parse_duration("250ms") == 250ms);
  CHECK(parse_duration("30s") == 30'000ms);
  CHECK(parse_duration("5m") == 300'000ms);
  CHECK(parse_duration("2h") == 7'200'000ms);
  CHECK(parse_duration("7d") == 604'800'000ms);
  for (const char* bad : {"", "5", "s", "-5s", "5 s", "5s ", "1.5s", "5w", "99999999999999999999s", "106751991168d"})
    CHECK_FALSE(parse_duration(bad).has_value());
}

TEST_CASE("sizes") {
  CHECK(parse_size("512") == 512u);
  CHECK(parse_size("64KiB") == 65536u);
  CHECK(parse_size("1GiB") == 1073741824u);
  for (const char* bad : {"", "KiB", "1KB", "-1", "1.5GiB", "9999999999TiB"}) CHECK_FALSE(parse_size(bad).has_value());
}

TEST_CASE("substitution of environment and files") {
  setenv("KSTREAMD_TEST_HOST", "broker", 1);
  unsetenv("KSTREAMD_TEST_ABSENT");
  auto path = std::filesystem::temp_directory_path() / "kstreamd-substitution-test";
  std::ofstream(path) << "secret\n";
  CHECK(substitute("${env:KSTREAMD_TEST_HOST}:9092").text == "broker:9092");
  CHECK(substitute("a ${env:KSTREAMD_TEST_ABSENT:-b} ${env:KSTREAMD_TEST_HOST:-c}").text == "a b broker");
  CHECK(substitute("${env:KSTREAMD_TEST_ABSENT:-}").text.empty());
  CHECK(substitute("${file:" + path.string() + "}").text == "secret");
  CHECK(substitute("$ {} ${other} $").text == "$ {} ${other} $");
  CHECK(substitute("${env:KSTREAMD_TEST_ABSENT}").error ==
        "the environment variable 'KSTREAMD_TEST_ABSENT' is not set");
  CHECK_FALSE(substitute("${env:KSTREAMD_TEST_HOST").error.empty());
  CHECK_FALSE(substitute("${file:/nowhere/at/all}").error.empty());
  std::filesystem::remove(path);
}
