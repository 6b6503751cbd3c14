// What is wrong with a text, and where.
#include "tests/unit/script/records.h"

using namespace kstreamd;
using namespace kstreamd::script;
using Catch::Contains;

namespace {

std::string problem(const std::string& text, Scope scope = kRecordScope) {
  Engine engine;
  std::vector<Problem> problems;
  const bool compiled = engine.compile(text, problems, scope).has_value();
  std::string out = compiled ? "compiled" : "refused";
  for (const auto& p : problems)
    out += "; " + std::to_string(p.line) + ":" + std::to_string(p.column) + (p.warning ? " warning: " : " ") +
           p.message + (p.hint.empty() ? "" : " (" + p.hint + ")");
  return out;
}

}  // namespace

TEST_CASE("syntax errors have line, column and a hint") {
  CHECK(problem("value ~= nil") == "compiled");
  CHECK(problem("value.x >") == "refused; 1:10 unexpected symbol at the end");
  CHECK(problem("value = 5") == "refused; 1:7 <eof> expected near '=' (to compare, write ==)");
  CHECK(problem("a.b and value != 5") == "refused; 1:15 <eof> expected near '!' (Lua writes 'not x' and '~=')");
  CHECK(problem("value && key") == "refused; 1:8 unexpected symbol near '&' (Lua writes 'and')");
  CHECK(problem("value || key") == "refused; 1:8 unexpected symbol near '|' (Lua writes 'or')");
  CHECK(problem("(value ) )") == "refused; 1:10 <eof> expected near ')'");
  CHECK(problem("{ 'a': 1 }") == "refused; 1:6 '}' expected near ':' (a table is written { name = value })");
  CHECK_THAT(problem("value == 'abc"), Contains("1:10 unfinished string") && Contains("close the text"));
  CHECK(problem("local x = 1\nreturn x + + 2") == "refused; 2:12 unexpected symbol near '+'");
  CHECK_THAT(problem("local x = 1"), Contains("1:1 unexpected symbol near 'local' (statements make a chunk"));
  CHECK_THAT(problem("(function() return 1 end)() + 1"), Contains("begin it with 'return'"));
  CHECK(problem("  ") == "refused; 1:1 the expression is empty (write what it gives, such as value)");
  CHECK_THAT(problem("3x"), Contains("1:1 malformed number near '3x'"));
  CHECK_THAT(problem(std::string("value \0 x", 9)), Contains("refused; 1:"));
}

TEST_CASE("names that mean nothing are found before anything runs") {
  CHECK(problem("vlaue.x > 1") == "refused; 1:1 unknown name 'vlaue' (did you mean 'value'?)");
  CHECK(problem("value.x > 1 and\n  lowr(value)") == "refused; 2:3 unknown name 'lowr' (did you mean 'lower'?)");
  CHECK_THAT(problem("os.time()"), Contains("1:1 unknown name 'os' (expressions have no files"));
  for (const char* name : {"io", "load", "require", "coroutine", "debug", "print", "rawset", "setmetatable", "pcall",
                           "collectgarbage", "_G", "_ENV", "getmetatable", "dofile"})
    CHECK_THAT(problem(std::string(name) + " ~= 1"), Contains("unknown name"));
  CHECK_THAT(problem("value == hello"), Contains("a text goes in quotes"));
  CHECK_THAT(problem("x = 1 return x"), Contains("'x' is assigned, but not declared"));
  CHECK_THAT(problem("lower = 1 return 1"), Contains("'lower' is assigned"));
  CHECK(problem("one and two", kInitScope)
            .find("1:1 unknown name 'one' (a text goes in quotes, a field is value.NAME, "
                  "a variable is declared with local)") != std::string::npos);
  CHECK(problem("one or two").find("1:1 unknown name 'one'") != std::string::npos);
  CHECK(problem("one or two").find("1:8 unknown name 'two'") != std::string::npos);
}

TEST_CASE("what a library does not have is found before anything runs") {
  CHECK(problem("string.uper(value)") == "refused; 1:8 'string' has no 'uper' (did you mean 'upper'?)");
  CHECK(problem("json.parse(value)") == "refused; 1:6 'json' has no 'parse' (it has decode, encode)");
  CHECK_THAT(problem("value.x > 1 and\n  math.random() > 0.5"),
             Contains("refused; 2:8 'math' has no 'random' (it has abs, "));
  CHECK(problem("math.pi + math.maxinteger + #utf8.charpattern") == "compiled");
  CHECK(problem("local string = value; return string.uper") == "compiled");
  CHECK(problem("value.string.uper") == "compiled");

  Engine engine;
  std::vector<Problem> problems;
  CHECK_FALSE(engine.load_script("function roll()\n  return math.random(6)\nend", problems));
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].line == 2);
  CHECK(problems[0].column == 15);
}

TEST_CASE("an expression names what its operator gives it, and is told so") {
  CHECK(problem("timestamp > 1", kTableScope) ==
        "refused; 1:1 unknown name 'timestamp' (this expression sees key, value and window)");
  CHECK(problem("left + right", kRecordScope) ==
        "refused; 1:1 unknown name 'left' (this expression sees key, value, window, timestamp, headers, topic, "
        "partition and offset); 1:8 unknown name 'right' (this expression sees key, value, window, timestamp, headers, "
        "topic, partition and offset)");
  CHECK(problem("value", kMergeScope) ==
        "refused; 1:1 unknown name 'value' (this expression sees key, left and right)");
  CHECK(problem("aggregate", kInitScope) ==
        "refused; 1:1 unknown name 'aggregate' (this expression is evaluated without a record)");
  CHECK(problem("timestamp = 1 return timestamp", kTableScope).find("'timestamp' is assigned, but not declared") !=
        std::string::npos);
  CHECK(problem("aggregate + value + offset + window.start", kAggregateScope) == "compiled");
  CHECK(problem("aggregate - value", kTableAggregateScope) == "compiled");
  CHECK(problem("{ k = key, l = left, r = right, w = window.start }", kJoinScope) == "compiled");
  CHECK(problem("{ n = 0, left = 1, value = null }", kInitScope) == "compiled");
  CHECK(problem("local left = value return left", kTableScope) == "compiled");
}

TEST_CASE("names that mean something are not refused") {
  for (const char* text : {
           "{ first = value, other = { deep = key } }",
           "local a, b <const> = 1, 2 return a + b",
           "local function f(x, ...) return x end return f(1)",
           "for i, it in ipairs(value) do local q = it end return 1",
           "value:upper():len()",
           "goto done ::done:: return 1",
           "local t = {} function t.f(x) return x end function t:g() return self end return t",
           "return --[[ unknown ]] value -- more unknown",
           "[[unknown text]] .. [==[ more ]] ]==]",
           "local lower = lower(value) return lower",
           "0x1p4 + 1e-3 + .5",
           "value[\"a b\"].c",
       })
    CHECK(problem(text) == "compiled");
}

TEST_CASE("a comparison with null is warned of") {
  CHECK_THAT(problem("value.x == null"), Contains("compiled; 1:12 warning: a comparison with null"));
  CHECK_THAT(problem("null ~= value"), Contains("warning"));
  CHECK(problem("{ x = null }") == "compiled");
}

TEST_CASE("scripts define functions, and nothing else") {
  Engine engine;
  std::vector<Problem> problems;
  REQUIRE(engine.load_script("local rate = 2\nfunction twice(x)\n  return x * rate\nend\n", problems));
  auto expression = engine.compile("twice(value)", problems);
  REQUIRE(expression);
  const Record record = make_record(null_value(), int64_value(21));
  engine.set_record(record);
  TestMemory memory;
  CHECK(shown(engine.value(*expression, memory)) == "int64 42");

  CHECK_FALSE(engine.load_script("function f() return valu end", problems));
  CHECK(problems.back().message == "unknown name 'valu'");
  CHECK_FALSE(engine.load_script("function f()\n  retrun 1\nend", problems));
  CHECK(problems.back().line == 2);
  CHECK_FALSE(engine.load_script("function lower(x) return x end", problems));
  CHECK(problems.back().message == "'lower' is one of kstreamd's own names");
  CHECK_FALSE(engine.load_script("function left(x) return x end", problems));
  CHECK(problems.back().message == "'left' is one of kstreamd's own names");
  CHECK_FALSE(engine.load_script("while true do end", problems));
  CHECK_THAT(problems.back().message, Contains("runs too long"));
  CHECK_FALSE(engine.load_script("function f() return value end", problems));
  CHECK(problems.back().hint == "a function gets it as a parameter");

  CHECK_FALSE(engine.load_script("local a = 1\n\nlocal b = a + nil\nfunction g(x) return x end", problems));
  CHECK(problems.back().line == 3);
  CHECK_THAT(problems.back().message, Contains("arithmetic on a nil value"));

  problems.clear();
  CHECK(engine.compile("g(value) + f(value)", problems));  // what a bad script would define is not unknown as well
  REQUIRE(engine.load_script("function half(x)\n  return x.n / 2\nend\n", problems));
  expression = engine.compile("half(value)", problems);
  REQUIRE(expression);
  const Record without = make_record(null_value(), json_value("{}"));
  engine.set_record(without);
  CHECK_THROWS_WITH(
      engine.value(*expression, memory),
      "expression 'half(value)': line 2 of the script: attempt to perform arithmetic on a nil value (field 'n')");

  problems.clear();
  REQUIRE(engine.load_script("function remember(x) seen = x return x end", problems));
  expression = engine.compile("remember(value)", problems);
  REQUIRE(expression);
  CHECK_THROWS_WITH(engine.value(*expression, memory), Contains("'seen' outlives the record"));
  expression = engine.compile("string.upper = 1 return string.upper", problems);
  REQUIRE(expression);
  CHECK_THROWS_WITH(engine.value(*expression, memory), Contains("library 'string' cannot be changed"));
}
