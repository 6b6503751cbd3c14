// Joins that look into tables: that batches do not show, and what comes of each side's rows.
#include <catch2/catch.hpp>

#include "tests/unit/builtin/changes.h"

using namespace kstreamd;
using namespace kstreamd::builtin::testing;
using kstreamd::sdk::testing::Task;

namespace {

// The type with as many key-value stores as the graph would give it.
const kst_processor_type* with_stores(const std::string& name, uint32_t count) {
  static std::deque<kst_processor_type> types;
  static const kst_store_need needs[] = {{"rows", KST_STORE_KEY_VALUE, 0}, {"rows", KST_STORE_KEY_VALUE, 0}};
  types.push_back(*type(name));
  types.back().stores = needs;
  types.back().store_count = count;
  return &types.back();
}

const std::string pair_value = R"x("value":"(left or '-') .. '+' .. (right or '-')")x";

struct StreamJoin : Task {
  explicit StreamJoin(const std::string& join)
      : Task(with_stores("stream_table_join", 1),
             "{\"type\":\"" + join + "\"," + pair_value + R"(,"view":{"store":0}})") {
    put(0, string_value("a"), string_value("A"), 50);
    put(0, string_value("b"), string_value("B"), 60);
  }
};

// Both tables have a row of "both".
struct TableJoin : Task {
  explicit TableJoin(const std::string& join, const std::string& more = "")
      : Task(with_stores("table_join", 2),
             "{\"type\":\"" + join + "\"," + pair_value + R"(,"left":{"store":0},"right":{"store":1})" + more + "}") {
    put(0, string_value("both"), string_value("l"), 10);
    put(1, string_value("both"), string_value("r"), 20);
  }
};

Record side(uint32_t input, Record record) {
  record.input = input;
  return record;
}

}  // namespace

TEST_CASE("a stream's records find the same in a batch as one by one") {
  for (const std::string join : {"inner", "left"}) {
    INFO(join);
    Updates u;
    const std::vector<Record> records = {u.plain("a", "1", 7),  u.plain(nullptr, "2", 8), u.plain("c", "3", 9),
                                         u.plain("b", nullptr), u.plain("b", "4", 1),     u.plain("a", "5", 2)};
    StreamJoin batch(join), single(join);
    batch.pipe(records);
    for (const Record& record : records) single.pipe({record});
    const std::string out = output(batch);
    CHECK(out == (join == "inner" ? "a=1+A@7 b=4+B@1 a=5+A@2" : "a=1+A@7 -=2+-@8 c=3+-@9 b=4+B@1 a=5+A@2"));
    CHECK(output(single) == out);
    for (const char* reason : {"null_key", "null_value"}) CHECK(batch.dropped(reason) == single.dropped(reason));
    CHECK(batch.dropped("null_value") == 1);
    CHECK(batch.dropped("null_key") == (join == "inner" ? 1 : 0));
  }
}

TEST_CASE("a record whose join fails is skipped, those around it are not") {
  Task task(with_stores("stream_table_join", 1), R"({"type":"left","value":"left + 1","view":{"store":0}})");
  Updates u;
  task.pipe({u.plain("a", "1"), u.plain("b", "x"), u.plain("c", "3")});
  CHECK(output(task) == "a=2@0 c=4@0");
  CHECK(task.errors().size() == 1);
}

TEST_CASE("which rows of two tables make a result alone") {
  struct Case {
    const char* join;
    const char* left;   // of an update of the left side
    const char* right;  // of the right side
  };
  const Case cases[] = {
      {"inner", "", ""}, {"left", "x=v+-@5", ""}, {"right", "", "x=-+v@5"}, {"outer", "x=v+-@5", "x=-+v@5"}};
  for (const auto& [join, left, right] : cases) {
    INFO(join);
    Updates u;
    TableJoin task(join);
    task.pipe({side(0, u.change("x", "v", nullptr, 5))});
    CHECK(output(task) == left);
    task.pipe({side(1, u.change("x", "v", nullptr, 5))});
    CHECK(output(task) == right);
    // With a partner: the later of the two times.
    task.pipe({side(0, u.change("both", "v", nullptr, 5)), side(1, u.change("both", "w", "r", 30))});
    CHECK(output(task) == "both=v+r@20 both=l+w@30");
    // A tombstone takes the result back, or leaves what the other row makes alone.
    task.pipe({side(0, u.change("both", nullptr, "l", 40))});
    CHECK(output(task) == (join == std::string("right") || join == std::string("outer") ? "both=-+r@40" : "both=-@40"));
    // Of what was not there nothing is taken back, unless the other side has a row.
    task.pipe({side(0, u.change("x", nullptr, nullptr, 5)), side(1, u.change("x", nullptr, nullptr, 5))});
    CHECK(output(task).empty());
  }
}

TEST_CASE("a join of tables tells old values where they are wanted, and leaves out what is older than the latest") {
  Updates u;
  TableJoin task("outer", R"(,"changes":true)");
  task.pipe({side(0, u.change("both", "n", "l", 5)), side(0, u.change("x", nullptr, "v", 6)),
             side(1, u.change("both", "old", "r", 1, false)), side(0, u.plain(nullptr, "v"))});
  CHECK(output(task) == "both=n+r(l+r)@20 x=-(v+-)@6");
  CHECK(task.dropped("null_key") == 1);
}
