// Typed and raw stores of all three kinds, against the fakes of testing.h.
#include <kstreamd/sdk/plugin.h>
#include <kstreamd/sdk/testing.h>

#include <catch2/catch.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

using namespace kstreamd;
using sdk::Config;
using sdk::Context;
using sdk::Order;
using sdk::Typed;
using sdk::testing::record;
using sdk::testing::TestTask;
using Texts = std::vector<std::string>;

namespace {

// Does with its stores what the test says.
class Storekeeper {
 public:
  static constexpr const char* kName = "storekeeper";
  static constexpr const char* kDescription = "for tests";
  static constexpr sdk::StoreNeed kStores[] = {{"numbers"},
                                               {"windows", sdk::StoreKind::window},
                                               {"sessions", sdk::StoreKind::session},
                                               {"prices", sdk::StoreKind::versioned}};
  using Numbers = sdk::KeyValueStore<std::string, int64_t>;
  using Windows = sdk::WindowStore<std::string_view, std::string_view>;
  using Sessions = sdk::SessionStore<std::string_view, sdk::Json>;
  using Prices = sdk::VersionedStore<std::string_view, int64_t>;

  Storekeeper(Context& context, const Config&)
      : numbers(context.store<std::string, int64_t>(0)),
        windows(context.window_store<std::string_view, std::string_view>(1)),
        sessions(context.session_store<std::string_view, sdk::Json>(2)),
        prices(context.versioned_store<std::string_view, int64_t>(3)) {}
  void process(const Record&, Context&) { job(*this); }

  Numbers numbers;
  Windows windows;
  Sessions sessions;
  Prices prices;
  static inline std::function<void(Storekeeper&)> job;
};

struct TooEarly {
  static constexpr const char* kName = "too_early";
  static constexpr const char* kDescription = "for tests";
  static constexpr sdk::StoreNeed kStores[] = {{"numbers"}};
  TooEarly(Context& context, const Config&) { context.store(0).get(string_value("k")); }
  void process(const Record&, Context&) {}
};

struct Fixture {
  TestTask<Storekeeper> task{
      "{}", {.stores = {{1, {.size = 10, .retention = 100}}, {2, {.retention = 100}}, {3, {.retention = 100}}}}};
  void run(std::function<void(Storekeeper&)> job) {
    Storekeeper::job = std::move(job);
    task.pipe({record(null_value(), null_value())});
  }
  void run_well(std::function<void(Storekeeper&)> job) {
    run(std::move(job));
    for (const auto& error : task.errors()) FAIL(error);
  }
};

}  // namespace

TEST_CASE("a key-value store is used by types") {
  Fixture f;
  f.run_well([](Storekeeper& k) {
    CHECK_FALSE(k.numbers.get("a"));
    k.numbers.put("a", 1, 10);
    CHECK(k.numbers.get("a") == 1);
    CHECK(k.numbers.get_stamped("a")->timestamp == 10);
    CHECK(k.numbers.put_if_absent("a", 9, 11) == 1);
    CHECK_FALSE(k.numbers.put_if_absent("b", 2, 12));
    CHECK(k.numbers.get("b") == 2);
    const sdk::StoreRow<std::string, int64_t> more[] = {{"ba", 3, 13}, {"c", 4, 14}, {"c", 5, 15}};
    k.numbers.put_many(more);
    const std::string keys[] = {"c", "none", "ba"};
    CHECK(k.numbers.get_many(keys) == std::vector<std::optional<int64_t>>{5, std::nullopt, 3});
    CHECK(k.numbers.erase("c") == 5);
    CHECK_FALSE(k.numbers.erase("c"));
    CHECK(k.numbers.approximate_rows() == 3);
  });
  CHECK(f.task.stored(0, string_value("ba"))->first.integer() == 3);
}

TEST_CASE("a key-value store is scanned by range, prefix and in reverse") {
  Fixture f;
  f.run_well([](Storekeeper& k) {
    for (const char* key : {"a", "b", "ba", "bb", "c"}) k.numbers.put(key, 1, 0);
    Texts seen;
    const auto note = [&](const sdk::StoreRow<std::string, int64_t>& row) { seen.push_back(row.key); };
    k.numbers.range("b", "bb", note);
    CHECK(seen == Texts{"b", "ba", "bb"});
    seen.clear();
    k.numbers.range(std::nullopt, "b", note, Order::descending);
    CHECK(seen == Texts{"b", "a"});
    seen.clear();
    k.numbers.prefix("b", [&](const auto& row) {
      seen.push_back(row.key);
      return seen.size() < 2;
    });
    CHECK(seen == Texts{"b", "ba"});
    seen.clear();
    k.numbers.all(note, Order::descending);
    CHECK(seen == Texts{"c", "bb", "ba", "b", "a"});
    const kst_key_range ranges[] = {{string_value("c"), null_value()}, {string_value("a"), string_value("a")}};
    std::vector<size_t> found_by;
    k.numbers.raw().ranges(ranges, [&](size_t range, const sdk::Row&) { found_by.push_back(range); });
    CHECK(found_by == std::vector<size_t>{0, 1});
  });
}

TEST_CASE("an exception in a scan's visitor, or a row of another type, is the record's error") {
  Fixture f;
  f.task.put(0, string_value("a"), int64_value(1));
  f.task.put(0, string_value("b"), string_value("text"));
  f.run([](Storekeeper& k) { k.numbers.all([](const auto&) { throw std::runtime_error("enough"); }); });
  f.run([](Storekeeper& k) { k.numbers.get("b"); });
  f.run([](Storekeeper& k) { k.numbers.all([](const auto&) {}); });
  f.run([](Storekeeper& k) { k.numbers.raw().put(null_value(), int64_value(1), 0); });
  REQUIRE(f.task.errors().size() == 4);
  CHECK(f.task.errors()[0] == "enough");
  CHECK(f.task.errors()[1] ==
        "the value of a row in store 0 is a string, this processor takes int64: say `value: int64` at the source or "
        "store that it comes from, or convert it before this node");
  CHECK(f.task.errors()[2] == f.task.errors()[1]);
  CHECK(f.task.errors()[3] == "a store has no row with a null key");
}

TEST_CASE("a store that is written during its scan, is of another kind or is used too early stops the processor") {
  const auto status = [](std::function<void(Storekeeper&)> job) {
    TestTask<Storekeeper> task;
    Storekeeper::job = std::move(job);
    task.put(0, string_value("a"), int64_value(1));
    CHECK(task.pipe({record(null_value(), null_value())}) == KST_FATAL);
    return task.errors().at(0);
  };
  CHECK(status([](Storekeeper& k) { k.numbers.all([&](const auto& row) { k.numbers.put(row.key, 2, 0); }); }) ==
        "a store must not be written during a scan of it");
  CHECK_THROWS_WITH(TestTask<TooEarly>(),
                    "stores cannot be used in the constructor: they are restored when init(Context&) is called");
}

TEST_CASE("a window store keeps rows by key and start, for its retention") {
  Fixture f;
  f.run_well([](Storekeeper& k) {
    k.windows.put("a", 0, "one", 5);
    k.windows.put("a", 10, "two", 12);
    k.windows.put("b", 10, "three", 0);
    CHECK(k.windows.get("a", 10) == "two");
    CHECK_FALSE(k.windows.get("a", 20));
    Texts seen;
    const auto note = [&](const sdk::WindowRow<std::string_view, std::string_view>& row) {
      seen.push_back(std::string(row.key) + std::to_string(row.start) + "-" + std::to_string(row.end) + "@" +
                     std::to_string(row.timestamp));
    };
    k.windows.fetch("a", 0, 10, note, Order::descending);
    CHECK(seen == Texts{"a10-20@12", "a0-10@5"});
    seen.clear();
    k.windows.range(std::nullopt, std::nullopt, 10, 99, note);
    CHECK(seen == Texts{"a10-20@12", "b10-20@10"});
    k.windows.erase("b", 10);
    CHECK_FALSE(k.windows.get("b", 10));
    k.windows.put("c", 100, "late", 0);
    CHECK_FALSE(k.windows.get("a", 0));
    CHECK(k.windows.get("a", 10) == "two");
    k.windows.put("a", 0, "too late", 0);
  });
  CHECK(f.task.rows(1) == 2);
  CHECK(f.task.store(1).expired() == 1);
  CHECK(f.task.stored_window(1, string_value("c"), 100)->second == 100);
}

TEST_CASE("windows with duplicates are never overwritten") {
  TestTask<Storekeeper> task("{}", {.stores = {{1, {.duplicates = true}}}});
  Storekeeper::job = [](Storekeeper& k) {
    k.windows.put("a", 0, "one", 0);
    k.windows.put("a", 0, "two", 0);
    k.windows.erase("a", 0);
    CHECK(k.windows.get("a", 0) == "one");
    size_t count = 0;
    k.windows.fetch("a", 0, 0, [&](const auto&) { ++count; });
    CHECK(count == 2);
  };
  CHECK(task.pipe({record(null_value(), null_value())}) == KST_OK);
}

TEST_CASE("a versioned store knows what was valid when") {
  Fixture f;
  f.run_well([](Storekeeper& k) {
    CHECK(k.prices.put("a", 1, 10) == sdk::kLatest);
    CHECK(k.prices.put("a", 3, 30) == sdk::kLatest);
    CHECK(k.prices.put("a", 2, 20) == 30);
    CHECK(k.prices.put("ab", 7, 15) == sdk::kLatest);
    CHECK(k.prices.get("a")->value == 3);
    CHECK(k.prices.get("a", 25)->value == 2);
    CHECK(k.prices.get("a", 25)->to == 30);
    CHECK_FALSE(k.prices.get("a", 9));
    CHECK(k.prices.erase("a", 24)->from == 20);
    CHECK_FALSE(k.prices.get("a", 25));
    Texts seen;
    const auto note = [&](const sdk::Version<int64_t>& version) {
      seen.push_back(std::to_string(version.value) + "@" + std::to_string(version.from) + "-" +
                     std::to_string(version.to));
    };
    k.prices.history("a", 15, 29, note);
    CHECK(seen == Texts{"1@10-20", "2@20-24"});
    seen.clear();
    k.prices.history(
        "a", 0, 29, [&](const auto& version) { return note(version), false; }, Order::descending);
    CHECK(seen == Texts{"2@20-24"});
    CHECK(k.prices.put("b", 1, 131) == sdk::kLatest);
    CHECK_FALSE(k.prices.put("b", 2, 30));
    CHECK_FALSE(k.prices.get("a", 29));
    CHECK(k.prices.get("ab", 29)->value == 7);
    CHECK_FALSE(k.prices.erase("ab", 20));
  });
  CHECK(f.task.store(3).expired() == 2);
  CHECK(f.task.stored_version(3, string_value("a"))->first.integer() == 3);
  CHECK_FALSE(f.task.stored_version(3, string_value("a"), 9));
  f.run([](Storekeeper& k) { k.prices.put("a", 1, -1); });
  CHECK(f.task.errors().size() == 1);
}

TEST_CASE("a session store finds sessions by where they end and start") {
  Fixture f;
  f.run_well([](Storekeeper& k) {
    k.sessions.put("a", 0, 5, sdk::Json{"1"});
    k.sessions.put("a", 10, 20, sdk::Json{"2"}, 20);
    k.sessions.put("b", 3, 30, sdk::Json{"3"});
    CHECK(k.sessions.get("a", 10, 20)->text == "2");
    CHECK_FALSE(k.sessions.get("a", 10, 21));
    Texts seen;
    const auto note = [&](const sdk::SessionRow<std::string_view, sdk::Json>& row) {
      seen.push_back(std::string(row.key) + std::to_string(row.start) + "-" + std::to_string(row.end));
    };
    k.sessions.find("a", 5, 10, note);
    CHECK(seen == Texts{"a0-5", "a10-20"});
    seen.clear();
    k.sessions.range(std::nullopt, std::nullopt, 6, 9, note, Order::descending);
    CHECK(seen == Texts{"b3-30"});
    k.sessions.erase("a", 0, 5);
    CHECK_FALSE(k.sessions.get("a", 0, 5));
  });
  CHECK(f.task.stored_session(2, string_value("b"), 3, 30)->first.text() == "3");
  f.run([](Storekeeper& k) { k.sessions.put("a", 7, 6, sdk::Json{"0"}); });
  CHECK(f.task.errors().size() == 1);
}
