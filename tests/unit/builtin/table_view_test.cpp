// Views: what a join finds in a table, whoever keeps its rows.
#include "plugins/builtin/table_view.h"

#include <kstreamd/sdk/windowed.h>

#include <catch2/catch.hpp>

#include "tests/unit/builtin/changes.h"

using namespace kstreamd;
using namespace kstreamd::builtin::testing;
using kstreamd::builtin::Stamped;
using kstreamd::builtin::TableView;
using kstreamd::sdk::testing::Task;

namespace {

// Looks up what records name; a value that is an integer says as of when.
struct Looker {
  static constexpr const char* kName = "looker";
  static constexpr const char* kDescription = "looks keys up";
  static constexpr sdk::StoreNeed kStores[] = {{"rows"},
                                               {"rows"},
                                               {"windows", sdk::StoreKind::window},
                                               {"sessions", sdk::StoreKind::session},
                                               {"versions", sdk::StoreKind::versioned}};
  Looker(sdk::Context& context, const sdk::Config& config) : view(context, config, "view") {}
  void process(const Record& record, sdk::Context& context) {
    const Stamped found =
        is_integer(record.value) ? view.get(record.key, record.value.u.integer) : view.get(record.key);
    Record out = record;
    out.value = found.value;
    out.timestamp = found.timestamp;
    context.forward_borrowed(out);
  }
  TableView view;
};

Task looker(const std::string& view) { return Task(sdk::processor_type<Looker>(), R"({"view":)" + view + "}"); }

std::string found(Task& task, const char* key) {
  task.pipe({sdk::testing::record(string_value(key), null_value())});
  return output(task);
}

}  // namespace

TEST_CASE("a view of rows") {
  auto task = looker(R"({"store":1})");
  task.put(1, string_value("a"), string_value("x"), 7);
  CHECK(found(task, "a") == "a=x@7");
  CHECK(found(task, "b") == "b=-@0");
}

TEST_CASE("filters and maps on the way are asked about what is there") {
  auto task = looker(R"({"map_values":"value .. key","of":{"filter_not":"value == 'no'","of":{"filter":"value ~= 'x'",)"
                     R"("of":{"store":0}}}})");
  task.put(0, string_value("a"), string_value("v"), 7);
  task.put(0, string_value("b"), string_value("x"), 7);
  task.put(0, string_value("c"), string_value("no"), 7);
  CHECK(found(task, "a") == "a=va@7");
  for (const char* gone : {"b", "c", "d"}) CHECK(found(task, gone) == std::string(gone) + "=-@0");
  CHECK(task.errors().empty());
}

TEST_CASE("a view of a join has its results, with the later of the two times") {
  for (const auto& [type, both, left, right] :
       {std::tuple{"inner", "lr@8", "-@0", "-@0"}, std::tuple{"left", "lr@8", "l.@9", "-@0"},
        std::tuple{"right", "lr@8", "-@0", ".r@9"}, std::tuple{"outer", "lr@8", "l.@9", ".r@9"}}) {
    INFO(type);
    auto task = looker(R"x({"join":")x" + std::string(type) +
                       R"x(","value":"(left or '.') .. (right or '.')","left":{"store":0},"right":{"store":1}})x");
    task.put(0, string_value("both"), string_value("l"), 7);
    task.put(1, string_value("both"), string_value("r"), 8);
    task.put(0, string_value("left"), string_value("l"), 9);
    task.put(1, string_value("right"), string_value("r"), 9);
    CHECK(found(task, "both") == std::string("both=") + both);
    CHECK(found(task, "left") == std::string("left=") + left);
    CHECK(found(task, "right") == std::string("right=") + right);
    CHECK(found(task, "none") == "none=-@0");
  }
}

TEST_CASE("windowed keys are looked up in their windows") {
  sdk::OwnMemory memory;
  const Value window = windowed_value(Windowed{string_value("k"), 10, 20}, memory);
  const Value other = windowed_value(Windowed{string_value("k"), 20, 30}, memory);
  auto task = looker(R"({"filter":"window.start == 10","of":{"store":2,"kind":"window"}})");
  task.store(2).put({"k", 10}, string_value("k"), string_value("w"), 15);
  task.store(2).put({"k", 20}, string_value("k"), string_value("w"), 25);
  task.pipe({sdk::testing::record(window, null_value()), sdk::testing::record(other, null_value())});
  auto out = task.take_output();
  CHECK(shown(out[0].value.get()) == "w");
  CHECK(out[0].timestamp == 15);
  CHECK(out[1].value.is_null());

  auto sessions = looker(R"({"store":3,"kind":"session"})");
  sessions.store(3).put({"k", 20, 10}, string_value("k"), string_value("s"), 0);
  sessions.pipe({sdk::testing::record(window, null_value()), sdk::testing::record(other, null_value())});
  out = sessions.take_output();
  CHECK(shown(out[0].value.get()) == "s");
  CHECK(out[0].timestamp == 20);
  CHECK(out[1].value.is_null());
}

TEST_CASE("a versioned table is looked into as of a time, through filters too") {
  auto task = looker(R"({"filter":"value ~= 'x'","of":{"store":4,"kind":"versioned"}})");
  task.store(4).put_version("k", string_value("k"), string_value("1"), 10);
  task.store(4).put_version("k", string_value("k"), string_value("2"), 20);
  for (const auto& [as_of, expected] :
       {std::pair{9, "-"}, std::pair{10, "1"}, std::pair{19, "1"}, std::pair{25, "2"}}) {
    task.pipe({sdk::testing::record(string_value("k"), int64_value(as_of))});
    CHECK(shown(task.take_output()[0].value.get()) == expected);
  }
  CHECK(found(task, "k") == "k=2@20");
}
