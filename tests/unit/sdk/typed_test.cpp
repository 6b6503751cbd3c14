// Typed processors: what fits goes in as its type, what does not is an error of its record with a hint.
#include <kstreamd/sdk/plugin.h>
#include <kstreamd/sdk/testing.h>

#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <vector>

using namespace kstreamd;
using sdk::Config;
using sdk::Context;
using sdk::Typed;
using sdk::testing::record;
using sdk::testing::TestTask;
using Texts = std::vector<std::string>;

namespace {

// What every processor here has.
struct Named {
  static constexpr const char* kName = "named";
  static constexpr const char* kDescription = "for tests";
  Named(Context&, const Config&) {}
};

struct AddOne : Named {
  using Named::Named;
  void process(const Typed<std::string_view, int64_t>& record, Context& context) {
    context.forward(record.with_value(record.value + 1));
  }
};

// Says the same of a batch; values below 0 fail.
struct AddOneToAll : Named {
  using Named::Named;
  void process(std::span<const Typed<std::string_view, int64_t>> records, Context& context) {
    sizes.push_back(records.size());
    for (size_t i = 0; i < records.size(); ++i) {
      context.processing(i);
      if (records[i].value < 0) throw std::domain_error("negative");
      context.forward(records[i].with_value(records[i].value + 1));
    }
  }
  static inline std::vector<size_t> sizes;
};

// Passes a value of each type through: what goes in comes out the same.
template <typename T>
struct Through : Named {
  using Named::Named;
  void process(const Typed<std::optional<std::string>, T>& record, Context& context) { context.forward(record); }
};
template <typename T>
sdk::testing::OwnedValue through(const Value& value) {
  TestTask<Through<T>> task;
  task.pipe({record(null_value(), value), record(null_value(), value)});
  for (const auto& error : task.errors()) FAIL(error);
  REQUIRE(task.output().size() == 2);
  CHECK(task.output()[0].key.is_null());
  return task.output()[1].value;
}
template <typename T>
std::string refusal(const Value& value) {
  TestTask<Through<T>> task;
  task.pipe({record(null_value(), value)});
  CHECK(task.output().empty());
  return task.errors().empty() ? "nothing refused it" : task.errors()[0];
}

// New records of all parts, from memory that goes away.
struct Renew : Named {
  using Named::Named;
  void process(const Typed<int32_t, sdk::Json>& record, Context& context) {
    std::string text = "n";
    text += std::to_string(record.key);
    context.forward(record.with_key(text).with_value("literal").with_timestamp(record.timestamp + 1));
    text = "changed";
    context.forward(Typed{sdk::Bytes{text}, nullptr, 9});
    text.assign(7, '#');
    auto& memory = context.memory();
    context.forward(record.with_header("seen", context.copy("yes"), memory).without_header("drop", memory));
  }
};

}  // namespace

namespace acme {
struct Point {
  int x = 0;
  int y = 0;
};
}  // namespace acme

template <>
struct kstreamd::sdk::Codec<acme::Point> {
  static constexpr const char* kTakes = "a point as text";
  static bool accepts(const Value& value) { return value.type == KST_STRING; }
  static acme::Point read(const Value& value, Memory&) {
    const std::string text(data_of(value));
    acme::Point point;
    if (std::sscanf(text.c_str(), "%d,%d", &point.x, &point.y) != 2) throw std::runtime_error("no point: " + text);
    return point;
  }
  static Value write(const acme::Point& point, Memory& memory) {
    return string_value(memory.copy(std::to_string(point.x) + "," + std::to_string(point.y)));
  }
};

namespace {
struct Mirror : Named {
  using Named::Named;
  void process(const Typed<acme::Point, Value>& record, Context& context) {
    context.forward(record.with_key(acme::Point{record.key.y, record.key.x}));
  }
};
}  // namespace

TEST_CASE("a typed processor is given types of C++ and gives them") {
  TestTask<AddOne> task;
  CHECK(task.pipe("k", int64_t{41}, 7) == KST_OK);
  const auto out = task.read<std::string_view, int64_t>();
  CHECK(out.key == "k");
  CHECK(out.value == 42);
  CHECK(out.timestamp == 7);
  CHECK_THROWS_WITH((task.read<std::string_view, int64_t>()), "no record is left in output 0");
  CHECK(task.close().empty());
}

TEST_CASE("what does not fit the types is an error of its record with a hint, the others go on") {
  for (const size_t batch : {1, 2, 5}) {
    TestTask<AddOne> one;
    TestTask<AddOneToAll> all;
    const std::vector<Record> records = {
        record(string_value("a"), int64_value(1)), record(string_value("b"), json_value("{}")),
        record(int64_value(3), int64_value(3)), record(string_value("d"), null_value()),
        record(string_value("e"), int32_value(5))};
    for (size_t i = 0; i < records.size(); i += batch) {
      const auto part = std::span(records).subspan(i, std::min(batch, records.size() - i));
      CHECK(one.pipe(part) == KST_OK);
      CHECK(all.pipe(part) == KST_OK);
    }
    for (sdk::testing::Task* task : std::initializer_list<sdk::testing::Task*>{&one, &all}) {
      REQUIRE(task->output().size() == 2);
      CHECK(task->output()[0].value.integer() == 2);
      CHECK(task->output()[1].value.integer() == 6);
      CHECK(
          task->errors() ==
          Texts{"the value is a json, this processor takes int64: say `value: int64` at the source or store that it "
                "comes from, or convert it before this node",
                "the key is an int64, this processor takes string: say `key: string` at the source or store that it "
                "comes from, or convert it before this node",
                "the value is null, this processor takes int64 and no nulls: filter them out before this node, or let "
                "the processor take a std::optional"});
    }
  }
}

TEST_CASE("a typed batch comes at once, and says which record failed") {
  AddOneToAll::sizes.clear();
  TestTask<AddOneToAll> task;
  const auto row = [](int64_t n) { return record(string_value("k"), int64_value(n)); };
  CHECK(task.pipe({row(1), row(2), row(-1), row(4)}) == KST_OK);
  CHECK(AddOneToAll::sizes == std::vector<size_t>{4, 1});
  CHECK(task.errors() == Texts{"negative"});
  CHECK(task.output().size() == 3);
}

TEST_CASE("every type passes through as it is") {
  CHECK(through<std::string_view>(string_value("s")).text() == "s");
  CHECK(through<std::string>(string_value("a longer string than fits inside")).text().size() == 32);
  CHECK(through<bool>(bool_value(true)).as<bool>());
  CHECK(through<int32_t>(int32_value(-5)).as<int32_t>() == -5);
  CHECK(through<int32_t>(int64_value(7)).type() == KST_INT32);
  CHECK(through<int64_t>(int64_value(INT64_MIN)).integer() == INT64_MIN);
  CHECK(through<double>(float64_value(0.1)).real() == 0.1);
  CHECK(through<double>(int64_value(3)).real() == 3.0);
  CHECK(through<sdk::Bytes>(bytes_value({"\0x", 2})).text() == std::string("\0x", 2));
  CHECK(through<sdk::Json>(json_value("[1]")).text() == "[1]");
  CHECK(through<Value>(json_value("[1]")).type() == KST_JSON);
  CHECK(through<Value>(null_value()).is_null());
  CHECK(through<std::optional<int64_t>>(null_value()).is_null());
  CHECK(through<std::optional<int64_t>>(int64_value(1)).integer() == 1);
}

TEST_CASE("numbers that would lose something are refused") {
  CHECK(refusal<int32_t>(int64_value(int64_t{1} << 31)) ==
        "2147483648 does not fit into int32, which this processor takes");
  CHECK(refusal<double>(int64_value((int64_t{1} << 53) + 1)) ==
        "9007199254740993 is no exact float64, which this processor takes: convert it before this node");
  CHECK(refusal<int64_t>(float64_value(1)).find("the value is a float64, this processor takes int64") == 0);
  CHECK(refusal<bool>(int64_value(1)).find("the value is an int64, this processor takes bool") == 0);
}

TEST_CASE("records are made anew from parts, and from nothing") {
  const Header headers[] = {{"drop", "1", 4, 1}, {"stay", "2", 4, 1}, {"drop", nullptr, 4, 0}};
  for (const bool batch : {false, true}) {
    TestTask<Renew> task;
    Record in = record(int32_value(5), json_value("{}"), 3);
    in.headers = headers;
    in.header_count = 3;
    CHECK((batch ? task.pipe({in, in}) : task.pipe({in})) == KST_OK);
    REQUIRE(task.output().size() == (batch ? 6 : 3));
    const auto& renewed = task.output()[0];
    CHECK(renewed.key.text() == "n5");
    CHECK(renewed.value.text() == "literal");
    CHECK(renewed.timestamp == 4);
    CHECK(renewed.headers.size() == 3);
    const auto& made = task.output()[1];
    CHECK(made.key.type() == KST_BYTES);
    CHECK(made.key.text() == "changed");
    CHECK(made.value.is_null());
    CHECK(made.timestamp == 9);
    CHECK(made.has_origin);
    const auto& last = task.output()[2];
    REQUIRE(last.headers.size() == 2);
    CHECK(last.headers[0].first == "stay");
    CHECK(last.header("seen") == "yes");
    CHECK_FALSE(last.header("drop"));
  }
}

TEST_CASE("headers are found by name, the last one counts") {
  const Header list[] = {{"a", "1", 1, 1}, {"a", "22", 1, 2}, {"n", nullptr, 1, 0}};
  const sdk::Headers headers(list, 3);
  CHECK(headers.get("a") == "22");
  CHECK(headers.find("n") != nullptr);
  CHECK_FALSE(headers.get("n"));
  CHECK(headers.find("b") == nullptr);
  CHECK(sdk::Headers().empty());
}

TEST_CASE("a type of the author's own is read and written by its codec") {
  TestTask<Mirror> task;
  CHECK(task.pipe("1,2", nullptr) == KST_OK);
  CHECK(task.pipe("1;2", nullptr) == KST_OK);
  CHECK(task.pipe(int64_t{1}, nullptr) == KST_OK);
  REQUIRE(task.output().size() == 1);
  CHECK(task.output()[0].key.text() == "2,1");
  CHECK(task.errors() == Texts{"no point: 1;2", "the key is an int64, this processor takes a point as text"});
}
