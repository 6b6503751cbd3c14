// suppress: what its buffer refuses, and what it does when it is full. What it puts out when is in the recorded cases.
#include <catch2/catch.hpp>
#include <string>

#include "internal_host.h"
#include "kstreamd/sdk/change.h"

using namespace kstreamd;
using kstreamd::sdk::testing::record;
using kstreamd::sdk::testing::Task;
using kstreamd::testing::InternalHost;

namespace {

std::string text(const std::vector<sdk::testing::OwnedRecord>& records) {
  std::string out;
  for (const auto& r : records)
    out += r.key.text() + "=" + (is_null(r.value.get()) ? "null" : std::to_string(r.value.integer())) + "@" +
           std::to_string(r.timestamp) + " ";
  return out;
}

}  // namespace

TEST_CASE("held updates go out by time and key, and are found again by new processors") {
  InternalHost host("kstreamd.suppress");
  Task task(host.type(), R"({"time_limit":10})");
  task.pipe({record(string_value("b"), int64_value(1), 5), record(string_value("a"), int64_value(2), 5),
             record(string_value("c"), int64_value(3), 4), record(string_value("b"), int64_value(4), 9)});
  CHECK(task.take_output().empty());
  task.restart();
  task.pipe({record(string_value("d"), null_value(), 15)});
  CHECK(text(task.take_output()) == "c=3@4 a=2@5 b=4@9 ");
  task.restart();
  task.pipe({record(string_value("z"), int64_value(0), 14)});
  CHECK(task.take_output().empty());
  task.pipe({record(string_value("z"), int64_value(0), 25)});
  CHECK(text(task.take_output()) == "z=0@25 d=null@15 ");
}

TEST_CASE("a row that no suppression wrote is refused, however it is cut") {
  InternalHost host("kstreamd.suppress");
  std::string good;
  {
    Task task(host.type(), R"({"time_limit":10})");
    task.pipe({record(string_value("a"), int64_value(2), 5)});
    const auto row = task.stored(0, bytes_value("a"));
    REQUIRE(row);
    good = data_of(row->first.get());
  }
  for (size_t size = 0; size < good.size(); ++size) {
    Task task(host.type(), R"({"time_limit":10})");
    task.put(0, bytes_value("a"), bytes_value(good.substr(0, size)));
    std::string message;
    try {
      task.restart();
    } catch (const std::invalid_argument& refused) {
      message = refused.what();
    }
    CHECK(message.find("was not written by a suppression") != std::string::npos);
  }
}

TEST_CASE("a full buffer that may let nothing go stops the task and says what it holds") {
  InternalHost host("kstreamd.suppress");
  Task task(host.type(), R"({"time_limit":10,"max_records":1,"stop_when_full":true})");
  CHECK(task.pipe({record(string_value("a"), int64_value(2), 5), record(string_value("b"), int64_value(2), 5)}) ==
        KST_FATAL);
}
