#include "plugins/examples/dedup/dedup.h"

#include <kstreamd/sdk/testing.h>

#include <catch2/catch.hpp>

using namespace kstreamd;
using sdk::testing::record;
using sdk::testing::TestTask;

namespace {

Record event(std::string_view key, std::string_view value, int64_t timestamp) {
  return record(string_value(key), string_value(value), timestamp);
}

}  // namespace

TEST_CASE("what was seen within the time is dropped and counted, in the same batch and in a later one") {
  TestTask<dedup::Dedup> task(R"({"within":"10s"})");
  task.pipe({event("a", "x", 1000), event("a", "x", 1001), event("b", "x", 1002), event("a", "y", 1003)});
  task.pipe({event("a", "x", 11'000), event("a", "x", 11'001), event("a", "x", 11'002)});
  REQUIRE(task.output().size() == 4);
  CHECK(task.output()[3].timestamp == 11'001);
  CHECK(task.dropped("duplicate") == 3);
}

TEST_CASE("the parts of a content are kept apart") {
  TestTask<dedup::Dedup> task(R"({"within":"10s"})");
  task.pipe({event("ab", "c", 0), event("a", "bc", 0), record(null_value(), string_value("1")),
             record(null_value(), int64_value(1)), record(null_value(), int32_value(1)),
             record(string_value(""), null_value()), record(null_value(), string_value(""))});
  CHECK(task.output().size() == 7);
}

TEST_CASE("an older record is compared too, and does not hide what is known") {
  TestTask<dedup::Dedup> task(R"({"within":"10s"})");
  task.pipe({event("a", "x", 100'000), event("a", "x", 95'000), event("a", "x", 80'000), event("a", "x", 101'000)});
  CHECK(task.output().size() == 2);
  CHECK(task.dropped("duplicate") == 2);
}

TEST_CASE("key, value or a header may be compared instead") {
  const auto passed = [](const char* config, std::initializer_list<Record> records) {
    TestTask<dedup::Dedup> task(config);
    task.pipe(records);
    return task.output().size();
  };
  CHECK(passed(R"({"within":"1s","by":"key"})", {event("a", "x", 0), event("a", "y", 0), event("b", "x", 0)}) == 2);
  CHECK(passed(R"({"within":"1s","by":"value"})", {event("a", "x", 0), event("a", "y", 0), event("b", "x", 0)}) == 2);
  const Header one{"id", "1", 2, 1}, two{"id", "2", 2, 1};
  Record first = event("a", "x", 0), again = event("b", "y", 0), other = event("a", "x", 0);
  first.headers = again.headers = &one;
  other.headers = &two;
  first.header_count = again.header_count = other.header_count = 1;
  CHECK(passed(R"({"within":"1s","by":"header","header":"id"})",
               {first, again, other, event("no", "header", 0), event("no", "header", 0)}) == 4);
}

TEST_CASE("old rows are erased, so that the store does not grow for ever") {
  TestTask<dedup::Dedup> task(R"({"within":"1s","grace":"1s"})");
  std::vector<std::string> keys;
  for (int i = 0; i < 2000; ++i) keys.push_back(std::to_string(i));
  for (int i = 0; i < 2000; ++i) task.pipe({event(keys[static_cast<size_t>(i)], "x", i * 10)});
  CHECK(task.output().size() == 2000);
  CHECK(task.rows(0) < 2 * 230);  // 200 contents lie within the last 2 s
  CHECK(task.rows(0) >= 2 * 200);
  task.pipe({event(keys[1999], "x", 19'990)});
  CHECK(task.dropped("duplicate") == 1);
}

TEST_CASE("a wrong configuration is explained") {
  const auto problems =
      sdk::testing::check(sdk::processor_type<dedup::Dedup>(), R"({"within":"ten","by":"colour","header":"h"})");
  REQUIRE(problems.size() == 3);
  CHECK(problems[0].pointer == "/within");
  CHECK(problems[1].message == "'by' is 'colour'; it must be content, key, value or header");
  CHECK(problems[2].message == "'header' means nothing without `by: header`");
  CHECK_THROWS_WITH(TestTask<dedup::Dedup>("{}"), "'within' is missing");
}
