// Variables, results, identity, limits.
#include "tests/unit/script/records.h"

using namespace kstreamd;
using namespace kstreamd::script;
using Catch::Contains;

TEST_CASE("results have Kafka's kinds") {
  Asker ask(string_value("Text"), int32_value(7));
  CHECK(ask.value("1 + 1") == "int64 2");
  CHECK(ask.value("7 / 2") == "float64 3.500000");
  CHECK(ask.value("7 // 2") == "int64 3");
  CHECK(ask.value("9007199254740993 + 0") == "int64 9007199254740993");
  CHECK(ask.value("value .. '!'") == "string Text!");
  CHECK(ask.value("not value") == "bool 0");
  CHECK(ask.value("nil") == "null");
  CHECK(ask.value("null") == "null");
  CHECK(ask.value("{ b = 1, a = 'x' }") == R"(json {"a":"x","b":1})");
  CHECK(ask.value("local x = key return x + 1") == "int64 8");
  CHECK(ask.value("if key > 5 then return 'big' end return 'small'") == "string big");
  CHECK(ask.value("'return' .. ' of the word'") == "string return of the word");
  CHECK_THAT(ask.error("split"), Contains("function, which is no value"));
}

TEST_CASE("what is given back unchanged is the very value") {
  const std::string bytes("\x00\xff\x01", 3);
  Asker ask(bytes_value(bytes), int32_value(-3));
  for (const char* text : {"value", "value and value", "key > 0 and '' or value"}) {
    const auto expression = ask.compile(text);
    ask.engine.set_record(ask.record);
    const Value out = ask.engine.value(expression, ask.memory);
    CHECK(out.type == KST_BYTES);
    CHECK(out.u.data == bytes.data());
  }
  CHECK(ask.value("key") == "int32 -3");
  CHECK(ask.value("key or 0") == "int32 -3");
  CHECK(ask.value("key - 1") == "int64 -4");
  CHECK(ask.key("value") == shown(bytes_value(bytes)));
}

TEST_CASE("JSON that nobody changed passes as the bytes it was, but makes canonical keys") {
  const std::string text = R"({ "b" : 4.00, "a":null })";
  Asker ask(json_value(text), null_value());
  CHECK(ask.value("value") == "json " + text);
  CHECK(ask.value("value.b > 1 and value") == "json " + text);
  CHECK(ask.value("for k in pairs(value) do end return value") == "json " + text);
  CHECK(ask.key("value") == R"(json {"a":null,"b":4.0})");
  Asker keyed(null_value(), json_value(text));
  CHECK(keyed.key("key") == "json " + text);
  CHECK(keyed.key("value or key") == "json " + text);
}

TEST_CASE("all variables of a record") {
  const Origin origin{"orders", nullptr, nullptr, 6, 0, 0, 3, 42};
  const Header headers[] = {{"h", "1", 1, 1}, {"h", "2", 1, 1}, {"none", nullptr, 4, 0}, {"empty", "", 5, 0}};
  Asker ask(string_value("v"), string_value("k"));
  ask.record.timestamp = 1700000000000;
  ask.record.origin = &origin;
  ask.record.headers = headers;
  ask.record.header_count = 4;
  CHECK(ask.value("topic .. partition .. '@' .. offset .. ' ' .. timestamp") == "string orders3@42 1700000000000");
  CHECK(ask.value("headers.h") == "string 2");
  CHECK(ask.value("headers.none") == "null");
  CHECK(ask.value("headers.empty") == "string ");
  CHECK(ask.value("headers.missing == nil and #headers") == "int64 4");
  CHECK(ask.value("headers[1].value .. headers[1].key") == "string 1h");
  ask.record.origin = nullptr;
  CHECK(ask.test("topic == nil and partition == nil and offset == nil"));
}

TEST_CASE("only the variables that an expression names are made") {
  Asker ask;
  CHECK(ask.compile("value ~= nil").uses() == bit(Variable::value));
  CHECK(ask.compile("{ key = 1, timestamp = key }").uses() == bit(Variable::key));
  CHECK(ask.compile("'value'").uses() == 0);
  CHECK(ask.compile("local value = value return value").uses() == bit(Variable::value));
}

TEST_CASE("a record is seen as it came by every expression") {
  Asker ask(json_value(R"({"n":1,"in":{"x":1}})"));
  const auto change = ask.compile("value.n = 2 value.inner = value['in'] value['in'].x = 5 return value");
  const auto look = ask.compile("value.n + value['in'].x");
  ask.engine.set_record(ask.record);
  CHECK(shown(ask.engine.value(change, ask.memory)) == R"(json {"in":{"x":5},"inner":{"x":5},"n":2})");
  CHECK(shown(ask.engine.value(look, ask.memory)) == "int64 2");
}

TEST_CASE("errors of a record say what and where") {
  Asker ask(json_value(R"({"a":{}})"));
  CHECK(ask.error("value.a.b + 1") ==
        "expression 'value.a.b + 1': attempt to perform arithmetic on a nil value (field 'b')");
  CHECK_THAT(ask.error("value + 1"), Contains("arithmetic on a JSON object value (local 'value')"));
  CHECK_THAT(ask.error("local a = 1\nreturn a + value.x"), Contains("line 2: "));
  CHECK_THAT(ask.error("lower(nil)"), Contains("string expected, got nil"));
  // and the engine goes on
  CHECK(ask.value("1") == "int64 1");
}

TEST_CASE("endless work is stopped") {
  Asker ask(null_value(), null_value(), {.memory = 8 << 20, .instructions = 100'000});
  CHECK(ask.error("while true do end return 1") ==
        "expression 'while true do end return 1': stopped after the work of 100000 instructions: it runs too long");
  CHECK_THAT(ask.error("local function f() return f() end return f()"), Contains("runs too long"));
  CHECK_THAT(ask.error("string.rep('x', 1 << 40)"), Contains("too large"));
  CHECK_THAT(ask.error("local t = {} for i = 1, 1e6 do t[i] = {} end return t"), Contains("runs too long"));
  CHECK_THAT(ask.error("string.rep(string.rep('x', 1 << 20), 100)"), Contains("8 MiB of memory"));
  CHECK(ask.value("string.rep('', 1 << 60)") == "string ");
  CHECK_THAT(ask.error("string.find(string.rep('a', 300), '.-.-.-.-.-.-b')"), Contains("too many steps"));
  CHECK_THAT(ask.error("split(string.rep('a', 3000), 'a-a-a-a-a-b')"), Contains("too many steps"));
  CHECK_THAT(ask.error("table.move({}, 1, 1 << 60, 2)"), Contains("too many items"));
  CHECK_THAT(ask.error("local t = {} t.t = t return t"), Contains("nested too deeply"));
  CHECK_THAT(Asker().error("local function f(x) return { f(x) } end return f(1)"), Contains("64 MiB of memory"));
  CHECK(ask.value("1") == "int64 1");
}

TEST_CASE("work that a library does in one instruction counts as much as instructions do") {
  Asker ask(json_value("[1,2,3]"));  // with the limits that topologies have
  CHECK_THAT(ask.error("local s = '' while true do s = s .. 'xxxxxxxxxx' end return s"), Contains("runs too long"));
  CHECK_THAT(ask.error("local t = {} while true do table.insert(t, 1, 0) end return t"), Contains("runs too long"));
  CHECK_THAT(ask.error("local t = {} for i = 1, 1e5 do t[i] = i end while #t > 0 do table.remove(t, 1) end return t"),
             Contains("runs too long"));
  CHECK_THAT(ask.error("local t = {} for i = 1, 1e5 do t[i] = i end while true do table.sort(t) end return t"),
             Contains("runs too long"));
  CHECK_THAT(ask.error("local t = {} for i = 1, 1e5 do t[i] = '' end while true do table.concat(t) end return t"),
             Contains("runs too long"));
  CHECK_THAT(
      ask.error("local t = {} for i = 1, 1e5 do t[i] = i end while true do select('#', table.unpack(t)) end return t"),
      Contains("runs too long"));
  CHECK_THAT(ask.error("local s = string.rep('a', 1e6) while true do lower(s) end return s"),
             Contains("runs too long"));
  CHECK_THAT(ask.error("local s = string.rep('a', 1e6) while true do string.find(s, 'a-b') end return s"),
             Contains("too many steps"));
  Asker small(null_value(), null_value(), {.memory = 8 << 20});
  CHECK_THAT(small.error("local t = {} while true do t[#t + 1] = 'x' .. #t end return t"), Contains("8 MiB of memory"));
  CHECK(ask.value("local t = {} for i = 1, 1e4 do table.insert(t, i) end return #t") == "int64 10000");
  CHECK(ask.value("table.insert(value, 1, 0) return table.concat(value, ',') .. select('#', table.unpack(value))") ==
        "string 0,1,2,34");
  CHECK(ask.value("return table.remove(value) .. table.remove(value, 1) .. #value") == "string 311");
  CHECK_THAT(ask.error("table.insert(nil, 1) return 1"), Contains("table expected, got nil"));
}

TEST_CASE("memory is given back") {
  Asker ask(string_value("The quick brown fox jumps over the lazy dog"));
  const auto expression = ask.compile("split(lower(value), '[^%w]+')");
  std::vector<Value> out;
  for (int i = 0; i < 20000; ++i) {
    out.clear();
    ask.engine.set_record(ask.record);
    TestMemory memory;
    ask.engine.values(expression, memory, out);
  }
  CHECK(out.size() == 9);
  CHECK(ask.engine.memory_used() < (2 << 20));
}

TEST_CASE("what a script keeps of an earlier record is noticed") {
  Asker ask(json_value(R"({"a":{"b":1}})"));
  std::vector<Problem> problems;
  REQUIRE(ask.engine.load_script("local kept function first(v) kept = kept or v.a return kept.b end", problems));
  const auto expression = ask.compile("first(value)");
  ask.engine.set_record(ask.record);
  CHECK(shown(ask.engine.value(expression, ask.memory)) == "int64 1");
  ask.engine.set_record(ask.record);
  CHECK_THROWS_WITH(ask.engine.value(expression, ask.memory), Contains("earlier record"));
}

TEST_CASE("lists of values, pairs and headers") {
  Asker ask(json_value(R"({"items":[{"sku":"x","qty":1},{"qty":5},{"sku":"w"}],"none":[]})"), string_value("k"));
  CHECK(ask.values("{ 1, 'a', null, value.items[1] }") == R"(int64 1 | string a | null | json {"qty":1,"sku":"x"})");
  CHECK(ask.values("value.items") == R"(json {"qty":1,"sku":"x"} | json {"qty":5} | json {"sku":"w"})");
  CHECK(ask.values("value.none") == "");
  CHECK(ask.values("{}") == "");
  CHECK(ask.values("nil") == "");
  CHECK_THROWS_WITH(ask.values("{ 1, nil, 3 }"), Contains("item 2 of a list is nil: write null"));
  CHECK_THROWS_WITH(ask.values("{ a = 1 }"), Contains("is no list"));
  CHECK_THROWS_WITH(ask.values("'text'"), Contains("is a string, not a list"));

  const auto pairs = ask.compile(
      "local out = {} for i, it in ipairs(value.items) do out[i] = { key = it.sku, value = it.qty } end return out");
  ask.engine.set_record(ask.record);
  std::vector<KeyValue> made;
  ask.engine.pairs(pairs, ask.memory, made);
  REQUIRE(made.size() == 3);
  CHECK(shown(made[0].key) + " " + shown(made[0].value) == "string x int64 1");
  CHECK(shown(made[1].key) + " " + shown(made[1].value) == "null int64 5");
  CHECK(shown(made[2].key) + " " + shown(made[2].value) == "string w null");

  std::vector<Header> headers;
  ask.engine.headers(ask.compile("{ { key = 'a', value = key }, { key = 'b' } }"), ask.memory, headers);
  REQUIRE(headers.size() == 2);
  CHECK(std::string(headers[0].name, headers[0].name_size) == "a");
  CHECK(std::string(static_cast<const char*>(headers[0].value), headers[0].value_size) == "k");
  CHECK(headers[1].value == nullptr);
}

TEST_CASE("integers and texts for settings and logs") {
  Asker ask(json_value(R"({"at":5.0,"x":"y"})"));
  ask.engine.set_record(ask.record);
  CHECK(ask.engine.integer(ask.compile("value.at")) == 5);
  CHECK(ask.engine.integer(ask.compile("value.no")) == std::nullopt);
  CHECK_THROWS_WITH(ask.engine.integer(ask.compile("value.x")), Contains("an integer is wanted"));
  CHECK_THROWS_WITH(ask.engine.integer(ask.compile("0.5")), Contains("gives 0.5"));
  CHECK(ask.engine.text(ask.compile("value.x")) == "y");
  CHECK(ask.engine.text(ask.compile("value")) == R"({"at":5.0,"x":"y"})");
  CHECK(ask.engine.text(ask.compile("nil")) == "null");
}
