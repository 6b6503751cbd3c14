// count: one record at a time and in batches must be the same.
#include <catch2/catch.hpp>
#include <random>
#include <string>

#include "kstreamd/sdk/testing.h"
#include "plugins/builtin/builtin.h"

using namespace kstreamd;
using kstreamd::sdk::testing::record;
using kstreamd::sdk::testing::Task;

namespace {

const kst_processor_type* count_type() {
  for (auto at = builtin_plugin()->processors; *at; ++at)
    if (std::string((*at)->name) == "kstreamd.count") return *at;
  return nullptr;
}

std::string all_of(const std::vector<sdk::testing::OwnedRecord>& records) {
  std::string out;
  for (const auto& r : records) {
    const std::string key = has_data(r.key.get()) ? r.key.text() : std::to_string(r.key.integer());
    out += key + "=" + std::to_string(r.value.integer()) + "@" + std::to_string(r.timestamp) + " ";
  }
  return out;
}

}  // namespace

TEST_CASE("count keeps count and greatest timestamp of each key") {
  Task task(count_type(), "{}");
  const Header header{"h", "x", 1, 1};
  Record with_header = record(string_value("a"), string_value("1"), 5);
  with_header.headers = &header;
  with_header.header_count = 1;
  task.pipe({with_header, record(string_value("b"), string_value("1"), 7),
             record(string_value("a"), string_value(""), 3), record(string_value("a"), string_value("z"), 9)});
  CHECK(task.output()[0].headers.size() == 1);
  CHECK(task.output()[1].headers.empty());
  CHECK(task.output()[0].value.type() == KST_INT64);
  CHECK(all_of(task.take_output()) == "a=1@5 b=1@7 a=2@5 a=3@9 ");
  task.pipe({record(string_value("a"), string_value("1"), 8)});
  CHECK(all_of(task.take_output()) == "a=4@9 ");
  const auto stored = task.stored(0, string_value("a"));
  REQUIRE(stored);
  CHECK(stored->first.integer() == 4);
  CHECK(stored->second == 9);
}

TEST_CASE("null keys and values are dropped, and counted as such") {
  Task task(count_type(), "{}");
  task.pipe({record(null_value(), string_value("x")), record(string_value("a"), null_value()),
             record(string_value("a"), string_value("x")), record(null_value(), null_value())});
  CHECK(all_of(task.take_output()) == "a=1@0 ");
  CHECK(task.dropped("null_key") == 2);
  CHECK(task.dropped("null_value") == 1);
  task.pipe({record(null_value(), string_value("x"))});
  CHECK(task.dropped("null_key") == 3);
  task.pipe({record(null_value(), string_value("x")), record(null_value(), string_value("x"))});
  CHECK(task.output().empty());
}

TEST_CASE("batches of any size count alike") {
  std::mt19937 random(7);
  for (const bool integers : {false, true}) {
    std::vector<std::string> names;
    for (int i = 0; i < 40; ++i) names.push_back("key" + std::to_string(i));
    std::vector<Record> records;
    for (int i = 0; i < 2500; ++i) {
      const auto pick = random() % 40;
      Value key = integers ? int32_value(static_cast<int32_t>(pick) - 20) : string_value(names[pick]);
      if (random() % 20 == 0) key = null_value();
      const Value value = random() % 20 == 0 ? null_value() : string_value("v");
      records.push_back(record(key, value, static_cast<int64_t>(random() % 1000)));
    }
    Task singly(count_type(), "{}");
    for (const auto& r : records) singly.pipe({r});
    const std::string expected = all_of(singly.take_output());
    for (const size_t size : {2u, 7u, 100u, 2500u}) {
      Task task(count_type(), "{}");
      const std::span<const Record> all(records);
      for (size_t at = 0; at < all.size(); at += size) task.pipe(all.subspan(at, std::min(size, all.size() - at)));
      CHECK(all_of(task.take_output()) == expected);
      CHECK(task.dropped("null_key") == singly.dropped("null_key"));
      CHECK(task.dropped("null_value") == singly.dropped("null_value"));
      CHECK(task.rows(0) == singly.rows(0));
    }
  }
}

TEST_CASE("a store that holds no counts is an error of the record") {
  Task task(count_type(), "{}");
  task.put(0, string_value("a"), string_value("text"));
  task.pipe({record(string_value("b"), string_value("x")), record(string_value("a"), string_value("x")),
             record(string_value("b"), string_value("x"))});
  CHECK(all_of(task.take_output()) == "b=1@0 b=2@0 ");
  REQUIRE(task.errors().size() == 1);
  CHECK_THAT(task.errors()[0], Catch::Contains("must be int64"));
}

TEST_CASE("what the host answers is passed on") {
  Task task(count_type(), "{}");
  task.fail_stores(KST_STOP);
  CHECK(task.pipe({record(string_value("a"), string_value("x")), record(string_value("b"), string_value("x"))}) ==
        KST_STOP);
  task.fail_stores(KST_OK);
  task.fail_forwards(KST_STOP);
  CHECK(task.pipe({record(string_value("a"), string_value("x")), record(string_value("b"), string_value("x"))}) ==
        KST_STOP);
}
