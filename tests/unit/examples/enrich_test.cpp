#include "plugins/examples/enrich/enrich.h"

#include <kstreamd/sdk/testing.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

using namespace kstreamd;
using sdk::testing::record;
using sdk::testing::TestTask;
using Texts = std::vector<std::string>;

namespace {

// A database in a file of its own.
class File {
 public:
  File() {
    char pattern[] = "/tmp/kstreamd-enrich-XXXXXX";
    folder_ = mkdtemp(pattern);
    REQUIRE(sqlite3_open(path().c_str(), &connection_) == SQLITE_OK);
    run("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, weight REAL, photo BLOB, \"odd\"\"name\" TEXT);"
        "INSERT INTO people VALUES (1,'Ann',1.5,NULL,'x'),(2,'B\"o\nb',NULL,NULL,NULL),(3,'Cy',2,x'00ff',NULL);"
        "CREATE TABLE tags (name TEXT, tag TEXT); CREATE INDEX tags_name ON tags(name);"
        "INSERT INTO tags VALUES ('a','first'),('a','second'),('','empty')");
  }
  ~File() {
    sqlite3_close(connection_);
    std::filesystem::remove_all(folder_);
  }
  std::string path() const { return folder_ + "/people.db"; }
  void run(const char* sql) { REQUIRE(sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr) == SQLITE_OK); }

 private:
  std::string folder_;
  sqlite3* connection_ = nullptr;
};

std::string config(const File& file, const std::string& columns = R"("name","weight")", const std::string& more = "") {
  return R"({"database":")" + file.path() + R"(","table":"people","key":"id","columns":[)" + columns +
         R"(],"into":"who")" + more + "}";
}
std::string tags(const File& file) {
  return R"({"database":")" + file.path() + R"(","table":"tags","key":"name","columns":["tag"],"into":"t"})";
}

Texts values(const sdk::testing::Task& task, const std::vector<sdk::testing::OwnedRecord>& records) {
  for (const auto& error : task.errors()) FAIL_CHECK(error);
  Texts out;
  for (const auto& r : records) out.push_back(r.value.text());
  return out;
}

}  // namespace

TEST_CASE("rows are found by integers and by texts, and added to the object") {
  File file;
  TestTask<enrich::Enrich> task(config(file));
  task.pipe({record(int64_value(1), json_value(R"({"a":1})")), record(string_value("2"), json_value(" { } "))});
  REQUIRE(task.finish());
  // Keys differ, so the order does not count.
  auto out = values(task, task.take_output());
  std::sort(out.begin(), out.end());
  CHECK(out == Texts{R"({ "who":{"name":"B\"o\nb","weight":null}})", R"({"a":1,"who":{"name":"Ann","weight":1.5}})"});
  CHECK(task.metric("enriched_records") == 2);
  CHECK_FALSE(task.observations("enrich_lookup_seconds").empty());
  CHECK(task.close().empty());
}

TEST_CASE("many records are looked up in few batches, in order per key") {
  File file;
  TestTask<enrich::Enrich> task(config(file, R"("name")", R"(,"batch":7)"));
  std::vector<std::string> texts;
  for (int i = 0; i < 2000; ++i) texts.push_back("{\"i\":" + std::to_string(i) + "}");
  std::vector<Record> records;
  for (size_t i = 0; i < texts.size(); ++i)
    records.push_back(record(int64_value(static_cast<int64_t>(i % 4)), json_value(texts[i])));
  for (size_t i = 0; i < records.size(); i += 100) task.pipe(std::span(records).subspan(i, 100));
  REQUIRE(task.finish());
  REQUIRE(task.output().size() == 2000);
  std::vector<int64_t> last(4, -1);
  for (const auto& r : task.output()) {
    const auto key = static_cast<size_t>(r.key.integer());
    const int64_t i = std::stoll(r.value.text().substr(5));
    CHECK(i > last[key]);
    last[key] = i;
    CHECK((r.value.text().find("who") != std::string::npos) == (key != 0));
  }
  CHECK(task.observations("enrich_lookup_seconds").size() >= 2000 / 7);
  CHECK(task.metric("enriched_records") == 2000);
}

TEST_CASE("a record without a row passes, is dropped or is an error, as the config says") {
  File file;
  const Record missing = record(int64_value(99), json_value("{}")), keyless = record(null_value(), json_value("{}"));
  TestTask<enrich::Enrich> pass(config(file));
  pass.pipe({missing, keyless});
  REQUIRE(pass.finish());
  CHECK(values(pass, pass.output()) == Texts{"{}", "{}"});
  TestTask<enrich::Enrich> drop(config(file, R"("name")", R"(,"on_missing":"drop")"));
  drop.pipe({missing, keyless});
  REQUIRE(drop.finish());
  CHECK(drop.output().empty());
  CHECK(drop.dropped("missing") == 2);
  TestTask<enrich::Enrich> fail(config(file, R"("name")", R"(,"on_missing":"fail")"));
  fail.pipe({missing});
  REQUIRE(fail.finish());
  CHECK(fail.errors() == Texts{"the table people has no row of this key"});
}

TEST_CASE("a tombstone passes, and keeps its place behind a record of its key") {
  File file;
  TestTask<enrich::Enrich> task(config(file, R"("name")"));
  task.pipe({record(int64_value(1), json_value("{}")), record(int64_value(1), null_value())});
  REQUIRE(task.finish());
  REQUIRE(task.output().size() == 2);
  CHECK(task.output()[0].value.text() == R"({"who":{"name":"Ann"}})");
  CHECK(task.output()[1].value.is_null());
}

TEST_CASE("values and keys that do not fit are errors of their records alone") {
  File file;
  TestTask<enrich::Enrich> task(config(file));
  task.pipe({record(int64_value(1), json_value("[1]")), record(int64_value(1), json_value("5")),
             record(int64_value(1), json_value("")), record(bool_value(true), json_value("{}")),
             record(int64_value(1), string_value("{}")), record(int64_value(2), json_value("{}"))});
  REQUIRE(task.finish());
  CHECK(task.output().size() == 1);
  auto errors = task.errors();
  std::sort(errors.begin(), errors.end());
  REQUIRE(errors.size() == 5);
  CHECK(errors[0] == "a key of type bool cannot be looked up: let it be a string or an integer");
  CHECK(errors[1] == "the value is a JSON list: only an object can be given a field");
  CHECK(errors[2] == "the value is a JSON scalar: only an object can be given a field");
  CHECK(errors[4].find("the value is a string, this processor takes json: say `value: json`") == 0);
}

TEST_CASE("the first of several rows counts, and odd names are names") {
  File file;
  TestTask<enrich::Enrich> task(tags(file));
  task.pipe({record(string_value("a"), json_value("{}")), record(string_value(""), json_value("{}"))});
  REQUIRE(task.finish());
  auto out = values(task, task.output());
  std::sort(out.begin(), out.end());
  CHECK(out == Texts{R"({"t":{"tag":"empty"}})", R"({"t":{"tag":"first"}})"});
  TestTask<enrich::Enrich> odd(config(file, R"("odd\"name")"));
  odd.pipe({record(int64_value(1), json_value("{}"))});
  REQUIRE(odd.finish());
  CHECK(values(odd, odd.output()) == Texts{R"({"who":{"odd\"name":"x"}})"});
}

TEST_CASE("an error of the database fails the records of its batch, and the next one goes on") {
  File file;
  TestTask<enrich::Enrich> task(config(file, R"("photo")"));
  task.pipe({record(int64_value(3), json_value("{}"))});
  REQUIRE(task.finish());
  REQUIRE(task.errors().size() == 1);
  CHECK(task.errors()[0] == "the database " + file.path() + " could not be read: JSON cannot hold BLOB values");
  task.pipe({record(int64_value(1), json_value("{}"))});
  REQUIRE(task.finish());
  CHECK(task.output()[0].value.text() == R"({"who":{"photo":null}})");
  file.run("DROP TABLE people");
  task.pipe({record(int64_value(1), json_value("{}"))});
  REQUIRE(task.finish());
  CHECK(task.errors().size() == 2);
}

TEST_CASE("changes of the database are seen") {
  File file;
  TestTask<enrich::Enrich> task(config(file, R"("name")"));
  for (const char* name : {"Ann", "Anna"}) {
    file.run((std::string("UPDATE people SET name = '") + name + "' WHERE id = 1").c_str());
    task.pipe({record(int64_value(1), json_value("{}"))});
    REQUIRE(task.finish());
    CHECK(task.take_output()[0].value.text() == std::string(R"({"who":{"name":")") + name + "\"}}");
  }
}

TEST_CASE("the end does not wait for a database that is locked") {
  File file;
  const auto begun = std::chrono::steady_clock::now();
  {
    TestTask<enrich::Enrich> task(config(file, R"("name")", R"(,"batch":1)"));
    file.run("BEGIN EXCLUSIVE");
    for (int i = 0; i < 100; ++i) task.pipe({record(int64_value(1), json_value("{}"))});
    CHECK(task.output().empty());
    const auto left = task.close();
    REQUIRE(left.size() == 1);
    CHECK(left[0].find("still held") != std::string::npos);
  }
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(4));
}

TEST_CASE("what cannot work is told before the first record") {
  File file;
  CHECK_THROWS_WITH(TestTask<enrich::Enrich>(config(file, R"("nosuch")")),
                    "the database " + file.path() + " cannot be asked for these columns: no such column: found.nosuch");
  CHECK_THROWS_WITH(
      TestTask<enrich::Enrich>(R"({"database":"/nowhere/x.db","table":"t","key":"k","columns":["c"],"into":"i"})"),
      "the database /nowhere/x.db cannot be opened: unable to open database file");
  CHECK_THROWS_WITH(TestTask<enrich::Enrich>(R"({"database":"/nowhere/x.db","table":"t","key":"k","columns":[]})"),
                    Catch::Contains("'into' is missing") && Catch::Contains("names no column"));
  const auto problems = sdk::testing::check(
      sdk::processor_type<enrich::Enrich>(),
      R"({"database":"/nowhere/x.db","table":"t","key":"k","columns":["c"],"into":"a\"b","batch":0,"on_missing":"skip"})");
  REQUIRE(problems.size() == 4);
  CHECK(problems[0].message == "'into' is no name of a field");
  CHECK(problems[1].message == "'batch' must be from 1 to 1000");
  CHECK(problems[2].message == "'on_missing' is 'skip'; it must be pass, drop or fail");
  CHECK(problems[3].warning);
  CHECK(problems[3].message == "'database' names a file that is not there: /nowhere/x.db");
}
