// The variables of tables, aggregations and joins: aggregate, left, right, window, and what `set` does.
#include "kstreamd/sdk/object.h"
#include "kstreamd/sdk/windowed.h"
#include "tests/unit/script/records.h"

using namespace kstreamd;
using namespace kstreamd::script;
using Catch::Contains;

namespace {

struct Total {
  static constexpr const char* kTypeId = "test.total/1";
  int n = 0;
  explicit Total(int count) : n(count) {}
  std::string to_json() const { return R"({"n":)" + std::to_string(n) + "}"; }
};

// An engine without a record: what is set is all there is.
struct Setter {
  Engine engine;
  TestMemory memory;

  Expression compile(const std::string& text, Scope scope) {
    std::vector<Problem> problems;
    const auto out = engine.compile(text, problems, scope);
    if (!out) FAIL(text << ": " << problems.at(0).message);
    return *out;
  }
  Value raw(const std::string& text, Scope scope = kJoinScope) { return engine.value(compile(text, scope), memory); }
  std::string value(const std::string& text, Scope scope = kJoinScope) { return shown(raw(text, scope)); }
};

}  // namespace

TEST_CASE("init is evaluated without any record") {
  Setter set;
  CHECK(set.value("0", kInitScope) == "int64 0");
  CHECK(set.value("{ n = 0, path = '' }", kInitScope) == R"(json {"n":0,"path":""})");
  CHECK(set.value("nil", kInitScope) == "null");
  CHECK(set.value("value == nil and topic == nil and headers == nil and headers.h == nil", kRecordScope) == "bool 1");
  CHECK(set.value("window.start == nil and aggregate == nil", kAggregateScope) == "bool 1");
}

TEST_CASE("an aggregate is set for each evaluation of a record") {
  Asker ask(json_value(R"({"price":5,"x":null})"), string_value("k"));
  const auto add = ask.compile("{ n = aggregate.n + 1, sum = aggregate.sum + value.price }", kAggregateScope);
  ask.engine.set_record(ask.record);
  Value aggregate = json_value(R"({"n":0,"sum":0})");
  for (int i = 0; i < 3; ++i) {
    ask.engine.set(Variable::aggregate, aggregate);
    aggregate = ask.engine.value(add, ask.memory);
  }
  CHECK(shown(aggregate) == R"(json {"n":3,"sum":15})");
  const auto all = ask.compile("key .. timestamp .. aggregate.n .. value.price", kAggregateScope);
  CHECK(shown(ask.engine.value(all, ask.memory)) == "string k025");
  ask.engine.set_record(ask.record);  // which takes the aggregate away
  CHECK(shown(ask.engine.value(ask.compile("aggregate", kAggregateScope), ask.memory)) == "null");
  CHECK(shown(ask.engine.value(ask.compile("aggregate == nil", kAggregateScope), ask.memory)) == "bool 1");
}

TEST_CASE("a variable that is given back is the very value, whichever it is") {
  const std::string bytes("\x00\xff", 2);
  const std::string json = R"({ "b" : 4.00, "a":null })";
  for (const auto& [variable, name] : {std::pair(Variable::aggregate, "aggregate"), std::pair(Variable::left, "left"),
                                       std::pair(Variable::right, "right")}) {
    const Scope scope = kTableAggregateScope | kJoinScope;
    const std::string chosen = std::string("not value and ") + name;
    Setter set;
    for (const Value& v : {bytes_value(bytes), json_value(json), string_value(bytes)}) {
      set.engine.set(variable, v);
      for (const auto& text : {std::string(name), chosen}) {
        const Value out = set.raw(text, scope);
        CHECK(out.type == v.type);
        CHECK(out.u.data == v.u.data);
      }
    }
    set.engine.set(variable, json_value(json));
    CHECK(shown(set.engine.key(set.compile(name, scope), set.memory)) == R"(json {"a":null,"b":4.0})");
    CHECK(set.value(std::string("for k in pairs(") + name + ") do end return " + name, scope) == "json " + json);
    set.engine.set(variable, int32_value(7));
    CHECK(set.value(name, scope) == "int32 7");
    CHECK(set.value(chosen, scope) == "int32 7");
    CHECK(set.value(std::string(name) + " + 1", scope) == "int64 8");
  }
}

TEST_CASE("both sides of a join are looked into where they lie") {
  Setter set;
  set.engine.set(Variable::key, string_value("k"));
  set.engine.set(Variable::left, json_value(R"({"user":"u1","deep":{"x":1},"list":[1,2]})"));
  set.engine.set(Variable::right, json_value(R"({"name":"Ann","address":{"city":"Rome"},"none":null})"));
  CHECK(set.value("key .. left.user .. right.address.city") == "string ku1Rome");
  CHECK(set.value("{ l = left, r = right.address }") ==
        R"(json {"l":{"deep":{"x":1},"list":[1,2],"user":"u1"},"r":{"city":"Rome"}})");
  CHECK(set.value("left.deep.x = 2 right.name = nil return { left.deep, right }") ==
        R"(json [{"x":2},{"address":{"city":"Rome"},"none":null}])");
  CHECK(set.value("{ left.deep.x, right.name }") == R"(json [1,"Ann"])");  // what was written is forgotten
  set.engine.set(Variable::right, null_value());
  CHECK(set.value("right == nil and right.address.city == nil and left.user") == "string u1");
  CHECK(set.value("{ n = left.list[2], user = right }") == R"(json {"n":2})");  // a field of nil is none
  set.engine.set(Variable::right, json_value("null"));
  CHECK(set.value("right == nil") == "bool 1");
  CHECK_THAT(
      [&] {
        try {
          return set.value("left.deep.x + right");
        } catch (const ScriptError& error) {
          return std::string(error.what());
        }
      }(),
      Contains("expression 'left.deep.x + right': attempt to perform arithmetic on a nil value (local 'right')"));
}

TEST_CASE("values that follow each other do not show through") {
  Setter set;
  const auto look = set.compile("left.n .. ':' .. right.n", kJoinScope);
  const auto first = set.compile("left.n", kJoinScope);
  set.engine.set(Variable::right, json_value(R"({"n":1})"));
  for (int i = 0; i < 3; ++i) {
    const std::string text = R"({"n":)" + std::to_string(i) + "}";
    set.engine.set(Variable::left, json_value(text));
    CHECK(shown(set.engine.value(look, set.memory)) == "string " + std::to_string(i) + ":1");
    CHECK(shown(set.engine.value(first, set.memory)) == "int64 " + std::to_string(i));
  }
  set.engine.set(Variable::value, string_value("new"));
  CHECK(set.value("value", kTableScope) == "string new");
  set.engine.set(Variable::value, string_value("newer"));
  CHECK(set.value("value .. ''", kTableScope) == "string newer");
}

TEST_CASE("what a script keeps of an earlier aggregate is noticed") {
  Asker ask(json_value(R"({"v":{"x":1}})"));
  std::vector<Problem> problems;
  REQUIRE(ask.engine.load_script("local kept function first(a) kept = kept or a.in_it return kept.b end", problems));
  const auto expression = ask.compile("first(aggregate) + value.v.x", kAggregateScope);
  const Value aggregate = json_value(R"({"in_it":{"b":1}})");
  ask.engine.set_record(ask.record);
  ask.engine.set(Variable::aggregate, aggregate);
  CHECK(shown(ask.engine.value(expression, ask.memory)) == "int64 2");
  ask.engine.set(Variable::aggregate, aggregate);
  CHECK_THROWS_WITH(ask.engine.value(expression, ask.memory), Contains("earlier record"));
}

TEST_CASE("objects of plugins stay what they are on every side") {
  Setter set;
  for (int i = 1; i < 4; ++i) {
    const auto left = sdk::Object<Total>::make(i), right = sdk::Object<Total>::make(10 * i);
    set.engine.set(Variable::left, left.value());
    set.engine.set(Variable::right, right.value());
    CHECK(set.value("left.n + right.n") == "int64 " + std::to_string(11 * i));
    CHECK(set.raw("right").u.object == right.value().u.object);
    CHECK(set.raw("left.n > 0 and left").u.object == left.value().u.object);
  }
}

TEST_CASE("a windowed key reads as its inner key and its window") {
  TestMemory memory;
  Asker ask(int64_value(3));
  ask.record.key = windowed_value({string_value("ann"), 60'000, 90'000}, memory);
  CHECK(ask.value("key") == "string ann");
  CHECK(ask.key("key") == "string ann");
  CHECK(ask.value("key .. '@' .. window.start .. '-' .. window['end']") == "string ann@60000-90000");
  CHECK(ask.value("window") == R"(json {"end":90000,"start":60000})");
  CHECK(ask.value("{ key = key, from = window.start, value = value }") ==
        R"(json {"from":60000,"key":"ann","value":3})");
  CHECK(ask.value("window.other == nil") == "bool 1");

  // What one expression writes into it, the next does not see.
  const auto write = ask.compile("window.start = 5 return window.start");
  const auto read = ask.compile("window.start");
  ask.engine.set_record(ask.record);
  CHECK(shown(ask.engine.value(write, ask.memory)) == "int64 5");
  CHECK(shown(ask.engine.value(read, ask.memory)) == "int64 60000");

  ask.record.key = windowed_value({json_value(R"({"b":1, "a":2})"), 0, 1}, memory);
  CHECK(ask.value("key.a + window['end']") == "int64 3");
  CHECK(ask.key("key") == R"(json {"b":1, "a":2})");
  for (const Value& key : {null_value(), int32_value(5), int64_value(-1), float64_value(0.5), bool_value(true)}) {
    ask.record.key = windowed_value({key, 1, 2}, memory);
    CHECK(ask.value("key") == shown(key));
    CHECK(ask.value("window.start") == "int64 1");
  }
  ask.record.key = string_value("plain");
  CHECK(ask.value("window == nil and window.start == nil and key") == "string plain");
}

TEST_CASE("setting the key sets the window too") {
  Setter set;
  set.engine.set(Variable::key, windowed_value({string_value("k"), 10, 20}, set.memory));
  CHECK(set.value("key .. window.start") == "string k10");
  set.engine.set(Variable::key, windowed_value({string_value("k"), 20, 30}, set.memory));
  CHECK(set.value("key .. window.start") == "string k20");
  set.engine.set(Variable::key, string_value("k"));
  CHECK(set.value("window == nil") == "bool 1");
}
