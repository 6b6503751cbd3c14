// Expressions that are evaluated without Lua give what Lua gives. A text behind a `local` is left to Lua.
#include <limits>
#include <random>

#include "tests/unit/script/records.h"

using namespace kstreamd;
using namespace kstreamd::script;

namespace {

constexpr Scope kScope = kAggregateScope | kJoinScope;

// What came of an evaluation, errors included, without the text of the expression.
template <typename F>
std::string outcome(F&& evaluate) {
  try {
    return evaluate();
  } catch (const ScriptError& error) {
    const std::string what = error.what();
    return "error " + what.substr(what.rfind("': ") + 3);
  }
}

class Texts {
 public:
  explicit Texts(unsigned seed) : random_(seed) {}

  std::string expression(int depth = 4) {
    if (depth == 0 || pick(5) == 0) return leaf();
    switch (pick(8)) {
      case 0:
        return "(" + expression(depth - 1) + ")";
      case 1:
        return "not " + expression(depth - 1);
      case 2:
        return "- " + expression(depth - 1);
      case 3:
        return one({"math.min(", "math.max(", "coalesce("}) + expression(depth - 1) + ", " + expression(depth - 1) +
               one({")", ", " + leaf() + ")"});
      default:
        return expression(depth - 1) +
               one({" + ", " - ", " * ", " / ", " // ", " % ", " == ", " ~= ", " < ", " <= ", " > ", " >= ", " and ",
                    " or ", " and ", " or "}) +
               expression(depth - 1);
    }
  }
  std::string object(int depth = 3) {
    std::string out = "{ ";
    const int count = static_cast<int>(pick(5));
    for (int i = 0; i < count; ++i)
      out += one({"b", "a", "long_name", "[\"with blank\"]", "n"}) + " = " +
             (depth > 0 && pick(4) == 0 ? object(depth - 1) : expression(2)) + one({", ", "; "});
    return out + "}";
  }
  size_t pick(size_t n) { return random_() % n; }
  std::string one(std::vector<std::string> of) { return of[pick(of.size())]; }

 private:
  std::string leaf() {
    return one({"value",       "key",
                "aggregate",   "left",
                "right",       "timestamp",
                "value.n",     "value.f",
                "value.s",     "value.o.x",
                "value.none",  "value.none.deeper",
                "value.l",     "value[\"n\"]",
                "aggregate.n", "aggregate.o",
                "left.n",      "right.s",
                "0",           "1",
                "-1",          "7",
                "3.5",         "1e300",
                "0x10",        "9223372036854775807",
                "'text'",      "''",
                "\"7\"",       "nil",
                "true",        "false",
                "null",        "value.o.x.y",
                "value.big",   "value.zero"});
  }

  std::mt19937 random_;
};

Value any_value(Texts& random) {
  static const std::string bytes("\x00\xff", 2);
  switch (random.pick(13)) {
    case 0:
      return null_value();
    case 1:
      return bool_value(random.pick(2) == 0);
    case 2:
      return int32_value(7);
    case 3:
      return int64_value(std::numeric_limits<int64_t>::min());
    case 4:
      return int64_value(3);
    case 5:
      return float64_value(-2.5);
    case 6:
      return string_value("text");
    case 7:
      return bytes_value(bytes);
    case 8:
      return json_value("5");
    case 9:
      return json_value(R"( [1,{"x":2}] )");
    case 10:
      return json_value(R"({"n":1,"broken)");
    default:
      return json_value(R"({"n":12,"f":-0.5,"s":"te\u0078t","o":{"x":{"z":1, "y":[true,null]}},"none":null,"l":[1,2],)"
                        R"( "n":13,"big":18446744073709551615,"zero":0})");
  }
}

// Under a sanitizer each takes a hundred times as long.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr unsigned kExpressions = 1000;
#else
constexpr unsigned kExpressions = 10000;
#endif

}  // namespace

TEST_CASE("what is evaluated without Lua is what Lua makes of it") {
  int errors = 0, objects = 0;
  for (unsigned seed = 0; seed < kExpressions; ++seed) {
    Texts random(seed);
    const bool object = random.pick(3) == 0;
    // In brackets, for a text that is nothing but a variable is given back as it is.
    const std::string text = object ? random.object() : "(" + random.expression() + ")";
    std::vector<Problem> problems;
    Engine ours;
    const auto quick = ours.compile(text, problems, kScope),
               lua = ours.compile("local x return " + text, problems, kScope);
    INFO(seed << ": " << text);
    if (!quick) {  // such as a == b == c, which Lua takes, or "- - 1", a comment
      CHECK_FALSE(lua);
      continue;
    }
    REQUIRE(lua);
    TestMemory memory;
    const Record record = make_record(any_value(random), any_value(random), 1700000000000);
    const Value aggregate = any_value(random), left = any_value(random), right = any_value(random);
    const auto set = [&] {
      ours.set_record(record);
      ours.set(Variable::aggregate, aggregate);
      ours.set(Variable::left, left);
      ours.set(Variable::right, right);
    };
    const auto both = [&](auto evaluate) {
      set();
      const std::string by_lua = outcome([&] { return evaluate(*lua); });
      const std::string after_lua = outcome([&] { return evaluate(*quick); });
      set();
      const std::string first = outcome([&] { return evaluate(*quick); });
      CHECK(first == by_lua);
      CHECK(after_lua == by_lua);
      CHECK(outcome([&] { return evaluate(*lua); }) == by_lua);  // it left everything as it was
      errors += by_lua.starts_with("error");
      objects += by_lua.starts_with("json {");
    };
    both([&](const Expression& e) { return shown(ours.value(e, memory)); });
    both([&](const Expression& e) { return shown(ours.key(e, memory)); });
    both([&](const Expression& e) { return std::to_string(ours.test(e)); });
  }
  CHECK(errors > static_cast<int>(kExpressions / 10));
  CHECK(objects > static_cast<int>(kExpressions / 10));
}

TEST_CASE("what passes through a plan is the very value") {
  const std::string bytes("\x00\xff", 2), json = R"({ "b" : 4.00, "a":null })";
  Asker ask(json_value(json), bytes_value(bytes));
  for (const char* text : {"value.b > 1 and value", "value.c or value"}) {
    const auto expression = ask.compile(text);
    ask.engine.set_record(ask.record);
    CHECK(ask.engine.value(expression, ask.memory).u.data == json.data());
    CHECK(shown(ask.engine.key(expression, ask.memory)) == R"(json {"a":null,"b":4.0})");
  }
  const auto key = ask.compile("value.b > 1 and key");
  CHECK(ask.engine.value(key, ask.memory).type == KST_BYTES);
  CHECK(ask.engine.value(key, ask.memory).u.data == bytes.data());
}
