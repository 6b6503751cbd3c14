#include <kstreamd/sdk/plugin.h>
#include <kstreamd/sdk/testing.h>

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace kstreamd;
using sdk::Config;
using sdk::Context;
using sdk::testing::record;
using sdk::testing::TestTask;

namespace {

Record text(std::string_view key, std::string_view value, int64_t timestamp = 0) {
  return record(string_value(key), string_value(value), timestamp);
}

std::vector<std::string> values(const std::vector<sdk::testing::OwnedRecord>& records) {
  std::vector<std::string> out;
  for (const auto& r : records) out.push_back(r.value.text());
  return out;
}

using Texts = std::vector<std::string>;

// Sends each letter of a value on, from memory that it reuses; fails at '!' after what came before it.
class Letters {
 public:
  static constexpr const char* kName = "letters";
  static constexpr const char* kDescription = "one record per letter";
  Letters(Context&, const Config& config) : fatal_(config.boolean("fatal", false)) {}
  void process(const Record& record, Context& context) {
    for (const char c : data_of(record.value)) {
      if (c == '!' && fatal_) throw sdk::FatalError("no more");
      if (c == '!') throw std::runtime_error("a '!' in " + std::string(data_of(record.value)));
      if (c == '?') throw 42;
      std::string letter(20, c);
      Record out = record;
      out.value = string_value(letter);
      context.forward(out);
      letter.assign(20, '#');
    }
  }

 private:
  const bool fatal_;
};

std::string twenty(char c) { return std::string(20, c); }

// Odd and even values to two outputs; swallows whatever the host says.
class Stubborn {
 public:
  static constexpr const char* kName = "stubborn";
  static constexpr const char* kDescription = "swallows exceptions";
  static constexpr const char* kOutputs[] = {"even", "odd"};
  Stubborn(Context&, const Config&) {}
  void process(const Record& record, Context& context) {
    try {
      context.forward(record, record.value.u.integer % 2 != 0 ? 1 : 0);
    } catch (...) {
    }
  }
};

// Puts and counts in one store, batch-wise; values below 0 fail.
class Totals {
 public:
  static constexpr const char* kName = "totals";
  static constexpr const char* kDescription = "sums by key";
  static constexpr sdk::StoreNeed kStores[] = {{"totals"}};
  Totals(Context& context, const Config& config) : store_(context.store(0)), named_(config.boolean("named", true)) {}
  void process(std::span<const Record> records, Context& context) {
    for (size_t i = 0; i < records.size(); ++i) {
      if (named_) context.processing(i);
      const Record& record = records[i];
      if (record.value.u.integer < 0) throw std::invalid_argument("negative");
      const auto before = store_.get(record.key);
      Record out = record;
      out.value = int64_value((before ? before->value.u.integer : 0) + record.value.u.integer);
      store_.put(record.key, out.value, record.timestamp);
      context.forward(out);
    }
  }

 private:
  sdk::RawKeyValueStore store_;
  const bool named_;
};

}  // namespace

TEST_CASE("forwarded records may live in memory that is reused, in batches of any size") {
  for (const bool batch : {false, true}) {
    TestTask<Letters> task;
    if (batch) {
      task.pipe({text("a", "xy"), text("b", "z")});
      CHECK(task.forwards() == std::vector<size_t>{3});
    } else {
      task.pipe({text("a", "xy")});
      task.pipe({text("b", "z")});
      CHECK(task.forwards() == std::vector<size_t>{1, 1, 1});
    }
    CHECK(values(task.output()) == Texts{twenty('x'), twenty('y'), twenty('z')});
    CHECK(task.output()[2].key.text() == "b");
  }
}

TEST_CASE("an exception is an error of its record, what came before it is forwarded and the rest goes on") {
  for (const size_t batch : {1, 2, 5}) {
    TestTask<Letters> task;
    const std::vector<Record> records = {text("1", "a"), text("2", "b!c"), text("3", "d"), text("4", "?"),
                                         text("5", "e")};
    for (size_t i = 0; i < records.size(); i += batch)
      CHECK(task.pipe(std::span(records).subspan(i, std::min(batch, records.size() - i))) == KST_OK);
    CHECK(values(task.output()) == Texts{twenty('a'), twenty('b'), twenty('d'), twenty('e')});
    REQUIRE(task.errors().size() == 2);
    CHECK(task.errors()[0] == "a '!' in b!c");
    CHECK(task.errors()[1] == "the processor threw something that is no std::exception");
  }
}

TEST_CASE("a FatalError is fatal, and forwards nothing any more") {
  TestTask<Letters> task(R"({"fatal": true})");
  CHECK(task.pipe({text("1", "a"), text("2", "!")}) == KST_FATAL);
  CHECK(task.errors() == Texts{"no more"});
  CHECK(task.output().empty());
}

TEST_CASE("a status of the host ends the call, also when the processor swallows it") {
  TestTask<Stubborn> task;
  task.fail_forwards(KST_STOP);
  CHECK(task.pipe({record(null_value(), int64_value(1))}) == KST_STOP);
  CHECK(task.pipe({record(null_value(), int64_value(1)), record(null_value(), int64_value(2))}) == KST_STOP);
  task.fail_forwards(KST_OK);
  CHECK(task.pipe({record(null_value(), int64_value(2))}) == KST_OK);
  CHECK(task.output(0).size() == 1);
  CHECK(task.output(1).empty());
}

TEST_CASE("outputs are forwarded once per batch each, in order") {
  TestTask<Stubborn> task;
  std::vector<Record> records;
  for (int i = 0; i < 10; ++i) records.push_back(record(null_value(), int64_value(i)));
  task.pipe(records);
  CHECK(task.forwards() == std::vector<size_t>{5, 5});
  for (size_t i = 0; i < 5; ++i) {
    CHECK(task.output(0)[i].value.integer() == static_cast<int64_t>(2 * i));
    CHECK(task.output(1)[i].value.integer() == static_cast<int64_t>(2 * i + 1));
  }
}

TEST_CASE("a processor of batches says which record failed") {
  TestTask<Totals> task;
  const auto row = [](int64_t n) { return record(string_value("k"), int64_value(n)); };
  CHECK(task.pipe({row(1), row(2), row(-1), row(4)}) == KST_OK);
  CHECK(task.errors() == Texts{"negative"});
  REQUIRE(task.output().size() == 3);
  CHECK(task.output()[2].value.integer() == 7);
  CHECK(task.stored(0, string_value("k"))->first.integer() == 7);
}

TEST_CASE("a processor of batches that does not say which record failed is stopped") {
  TestTask<Totals> task(R"({"named": false})");
  const auto row = [](int64_t n) { return record(string_value("k"), int64_value(n)); };
  CHECK(task.pipe({row(1), row(-1)}) == KST_FATAL);
  REQUIRE(task.errors().size() == 1);
  CHECK(task.errors()[0] ==
        "a processor of batches failed without saying at which record (Context::processing, RecordError): negative");
  CHECK(task.pipe({row(-1)}) == KST_OK);  // alone, there is no doubt
}

TEST_CASE("a store's status is the record's") {
  TestTask<Totals> task;
  task.fail_stores(KST_RECORD_ERROR);
  CHECK(task.pipe({text("a", "x"), text("b", "x")}) == KST_OK);
  CHECK(task.errors().size() == 2);
  CHECK(task.output().empty());
}
