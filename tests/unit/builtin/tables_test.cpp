// Operators of tables: which updates go on, with which old values.
#include <catch2/catch.hpp>

#include "tests/unit/builtin/changes.h"

using namespace kstreamd;
using namespace kstreamd::builtin::testing;
using kstreamd::sdk::testing::check;
using kstreamd::sdk::testing::Task;

TEST_CASE("a table forwards every update, and keeps its rows where it has to") {
  Updates u;
  Task plain(type("table"), "{}");
  plain.pipe({u.plain("a", "1", 5), u.plain(nullptr, "2", 6), u.plain("b", nullptr, 7), u.plain("a", "3", 1)});
  CHECK(output(plain) == "a=1@5 b=-@7 a=3@1");
  CHECK(plain.dropped("null_key") == 1);
}

TEST_CASE("a table's changes have what there was before") {
  Updates u;
  const sdk::testing::TaskOptions options;
  Task task(type("table_filter"), R"({"expr":"value ~= 'x'","stored":false,"changes":true})", options);
  task.pipe({u.change("a", "1", nullptr), u.change("a", "x", "1"), u.change("a", "x", "x"), u.change("b", nullptr, "x"),
             u.change("a", "2", "x"), u.change("a", nullptr, "2")});
  CHECK(output(task) == "a=1(-)@0 a=-(1)@0 a=2(-)@0 a=-(2)@0");
}

TEST_CASE("a filter that knows no old values sends a tombstone for all it refuses, and does not ask about them") {
  Updates u;
  Task task(type("table_filter"), R"({"expr":"value < 'b'"})");
  task.pipe({u.plain("1", "a", 3), u.plain("2", "b"), u.plain("3", nullptr), u.change("4", "c", "a")});
  CHECK(output(task) == "1=a@3 2=-@0 3=-@0 4=-@0");
  CHECK(task.errors().empty());
  Task refused(type("table_filter_not"), R"({"expr":"value < 'b'"})");
  refused.pipe({u.plain("1", "a"), u.plain("2", "b")});
  CHECK(output(refused) == "1=-@0 2=b@0");
}

TEST_CASE("a filter below versions passes what is older, and tombstones of what never passed") {
  Updates u;
  Task task(type("table_filter"), R"({"expr":"value < 'b'","changes":true,"of_versions":true})");
  task.pipe({u.change("a", "z", nullptr, 1), u.change("a", "a", "z", 0, false)});
  CHECK(output(task) == "a=-(-)@1 a=a(-)!@0");
}

TEST_CASE("map_values makes new and old values, and leaves tombstones alone") {
  Updates u;
  Task task(type("table_map_values"), R"({"expr":"value .. '!'","changes":true})");
  task.pipe({u.change("a", "1", nullptr), u.change("a", "2", "1", 9), u.change("a", nullptr, "2")});
  CHECK(output(task) == "a=1!(-)@0 a=2!(1!)@9 a=-(2!)@0");
  Task plain(type("table_map_values"), R"({"expr":"value .. key"})");
  plain.pipe({u.change("a", "1", "0"), u.plain("a", "2"), u.plain("a", nullptr)});
  CHECK(output(plain) == "a=1a@0 a=2a@0 a=-@0");
}

TEST_CASE("an update that fails is skipped, those before and after it are not") {
  Updates u;
  Task task(type("table_map_values"), R"({"expr":"value + 0","changes":true})");
  task.pipe({u.change("a", "1", nullptr), u.change("a", "x", "1"), u.change("a", "3", "1")});
  CHECK(output(task) == "a=1(-)@0 a=3(1)@0");
  CHECK(task.errors().size() == 1);
}

TEST_CASE("group_by sends a row that stays in its group once, else the old one first") {
  Updates u;
  Task task(type("table_group_by"), R"x({"key":"string.sub(value, 1, 1)","value":"string.sub(value, 2)"})x");
  task.pipe({u.change("k", "a1", nullptr, 1), u.change("k", "a2", "a1", 2), u.change("k", "b3", "a2", 3),
             u.change("k", nullptr, "b3", 4), u.change("k", nullptr, nullptr, 5)});
  CHECK(output(task) == "a=1(-)@1 a=2(1)@2 a=-(2)@3 b=3(-)@3 b=-(3)@4");

  Task keyed(type("table_group_by"), R"({"expr":"'all'"})");
  keyed.pipe({u.change("k", "a", "b"), u.change("k", "late", "b", 1, false)});
  CHECK(output(keyed) == "all=a(b)@0");
}

TEST_CASE("a side whose new key or value is null belongs to no group") {
  Updates u;
  Task task(type("table_group_by"),
            R"({"key":"value ~= 'nokey' and 'g' or nil","value":"value ~= 'novalue' and value or nil"})");
  task.pipe({u.change("k", "a", "nokey"), u.change("k", "nokey", "a"), u.change("k", "novalue", "a"),
             u.change("k", "nokey", "novalue")});
  CHECK(output(task) == "g=a(-)@0 g=-(a)@0 g=-(a)@0");
}

TEST_CASE("group keys are equal by what they say") {
  Updates u;
  Task task(type("table_group_by"), R"x({"key":"{ b = 1, a = value.g }","value":"value.v"})x");
  task.pipe({u.change_of_values(string_value("k"), json_value(R"({"g":1,"v":2})"), json_value(R"({"v":3,"g":1})"))});
  CHECK(output(task) == R"({"a":1,"b":1}=2(3)@0)");
}

TEST_CASE("configurations of tables are checked") {
  CHECK(check(type("table"), R"({"stored":true,"changes":true})").empty());
  CHECK(check(type("table"), R"({"stored":1})").size() == 1);
  CHECK(check(type("table_filter"), R"({"expr":"value >"})").at(0).pointer == "/expr");
  CHECK(check(type("table_filter"), R"({"expr":"headers.a"})").size() == 1);  // tables have none
  CHECK(check(type("table_group_by"), R"({"key":"value","value":"topic"})").at(0).pointer == "/value");
}
