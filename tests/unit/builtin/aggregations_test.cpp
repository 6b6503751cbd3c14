// Aggregations without windows: nulls, timestamps, deletions, and what regrouped tables subtract and add.
#include <catch2/catch.hpp>

#include "tests/unit/builtin/changes.h"

using namespace kstreamd;
using namespace kstreamd::builtin::testing;
using kstreamd::sdk::testing::check;
using kstreamd::sdk::testing::Task;

namespace {

// What a store has of a key: "value@timestamp", "-" without a row.
std::string stored(Task& task, const char* key) {
  const auto row = task.stored(0, string_value(key));
  return row ? shown(row->first.get()) + "@" + std::to_string(row->second) : "-";
}

}  // namespace

TEST_CASE("reduce begins with the first value, and never goes back in time") {
  Updates u;
  Task task(type("reduce"), R"({"add":"aggregate .. value"})");
  task.pipe({u.plain("a", "1", 5), u.plain("a", "2", 3), u.plain("b", "9", 4), u.plain("a", "3", 8)});
  CHECK(output(task) == "a=1@5 a=12@5 b=9@4 a=123@8");
  CHECK(stored(task, "a") == "123@8");
  task.pipe({u.plain(nullptr, "1"), u.plain("a", nullptr)});
  CHECK(output(task).empty());
  CHECK(task.dropped("null_key") == 1);
  CHECK(task.dropped("null_value") == 1);
}

TEST_CASE("an aggregate that becomes null is deleted, and begins anew") {
  Updates u;
  const std::string config = R"x({"init":"'i'","add":"return value ~= 'x' and aggregate .. value or nil")x";
  Task task(type("aggregate"), config + "}");
  task.pipe({u.plain("a", "1", 10), u.plain("a", "2", 5)});
  CHECK(output(task) == "a=i1@10 a=i12@10");
  task.pipe({u.plain("a", "x", 4)});
  CHECK(output(task) == "a=-@10");
  CHECK(stored(task, "a") == "-");
  task.pipe({u.plain("a", "x", 3), u.plain("a", "3", 2)});
  CHECK(output(task) == "a=-@3 a=i3@2");

  // Where it waits for the commit its deletion is as old as the record.
  Task commits(type("aggregate"), config + R"(,"per_commit":true,"changes":true})");
  commits.pipe({u.plain("a", "1", 10), u.plain("a", "x", 4)});
  CHECK(output(commits) == "a=i1(-)@10 a=-(i1)@4");
}

TEST_CASE("cogroup adds by input") {
  Updates u;
  Task task(type("cogroup"), R"({"init":"''","add":["aggregate .. 'a' .. value","aggregate .. 'b' .. key"]})");
  auto second = u.plain("k", "2", 2);
  second.input = 1;
  task.pipe({u.plain("k", "1", 1), second, u.plain("k", "3", 3)});
  CHECK(output(task) == "k=a1@1 k=a1bk@2 k=a1bka3@3");
}

TEST_CASE("changes carry what there was, null before the first") {
  Updates u;
  Task reduce(type("reduce"), R"({"add":"aggregate .. value","changes":true})");
  reduce.pipe({u.plain("a", "1"), u.plain("a", "2")});
  CHECK(output(reduce) == "a=1(-)@0 a=12(1)@0");
  Task count(type("count"), R"({"changes":true})");
  count.pipe({u.plain("a", "1"), u.plain("b", "1"), u.plain("a", "2")});
  count.pipe({u.plain("a", "2", 3)});
  CHECK(output(count) == "a=1(-)@0 b=1(-)@0 a=2(1)@0 a=3(2)@3");
}

TEST_CASE("a record on which an expression fails leaves the aggregate as it was") {
  Updates u;
  Task task(type("reduce"), R"({"add":"aggregate + value"})");
  task.pipe({u.plain("a", "1"), u.plain("a", "x"), u.plain("a", "2")});
  CHECK(output(task) == "a=1@0 a=3@0");
  CHECK(task.errors().size() == 1);
}

TEST_CASE("a regrouped aggregate subtracts the old value, then adds the new one") {
  Updates u;
  Task task(type("table_aggregate"),
            R"({"init":"''","add":"aggregate .. '+' .. value","subtract":"aggregate .. '-' .. value","changes":true})");
  task.pipe({u.change("g", "1", nullptr, 5), u.change("g", "2", "1", 4), u.change("g", nullptr, "2", 9)});
  CHECK(output(task) == "g=+1(-)@5 g=+1-1+2(+1)@5 g=+1-1+2-2(+1-1+2)@9");
  // subtract is not asked about a group that is not there; the tombstone goes out all the same.
  task.pipe({u.change("none", nullptr, "1", 3), u.change("late", "2", "1", 2)});
  CHECK(output(task) == "none=-(-)@3 late=+2(-)@2");
  CHECK(stored(task, "none") == "-");
}

TEST_CASE("a regrouped reduce begins with the first value, also where subtract gave nothing") {
  Updates u;
  Task task(type("table_reduce"),
            R"({"add":"aggregate .. value","subtract":"return value ~= 'x' and aggregate or nil"})");
  task.pipe({u.change("g", "x", nullptr, 5), u.change("g", "b", "x", 3), u.change("g", nullptr, "b", 2)});
  CHECK(output(task) == "g=x@5 g=b@5 g=b@5");
}

TEST_CASE("a regrouped count goes down as well as up, and stays at 0") {
  Updates u;
  Task task(type("table_count"), "{}");
  task.pipe({u.change("g", "1", nullptr, 1), u.change("g", "1", nullptr, 2), u.change("g", "2", "1", 1)});
  CHECK(output(task) == "g=1@1 g=2@2 g=2@2");
  task.pipe({u.change("g", nullptr, "2", 3), u.change("g", nullptr, "1", 3), u.change("h", nullptr, "1", 4)});
  CHECK(output(task) == "g=1@3 g=0@3 h=-@4");
}

TEST_CASE("configurations of aggregations are checked") {
  CHECK(check(type("aggregate"), R"({"init":"0","add":"aggregate + value.n + offset"})").empty());
  CHECK(check(type("aggregate"), R"({"init":"value","add":"aggregate"})").at(0).pointer == "/init");
  CHECK(check(type("aggregate"), R"({"add":"aggregate"})").size() == 1);
  CHECK(check(type("table_reduce"), R"({"add":"aggregate + offset","subtract":"("})").size() == 2);
  CHECK(check(type("cogroup"), R"({"init":"0","add":["aggregate","("]})").at(0).pointer == "/add/1");
}
