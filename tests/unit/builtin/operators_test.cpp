// The stateless operators, through the ABI.
#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "kstreamd/sdk/testing.h"
#include "plugins/builtin/builtin.h"

using namespace kstreamd;
using Catch::Contains;
using kstreamd::sdk::testing::record;
using kstreamd::sdk::testing::Task;

namespace {

const kst_processor_type* type(const std::string& name) {
  for (auto at = builtin_plugin()->processors; *at; ++at)
    if ((*at)->name == "kstreamd." + name) return *at;
  FAIL("no operator " << name);
  return nullptr;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out + "\"";
}

std::string expr(const std::string& text) { return R"({"expr":)" + quoted(text) + "}"; }

std::string shown(const sdk::testing::OwnedValue& v) {
  if (v.is_null()) return "null";
  if (has_data(v.get())) return v.text();
  return v.type() == KST_FLOAT64 ? std::to_string(v.real()) : std::to_string(v.integer());
}

// "key=value@timestamp ..." of what came out.
std::string output(Task& task, uint32_t index = 0) {
  std::string out;
  for (const auto& r : task.take_output(index))
    out += (out.empty() ? "" : " ") + shown(r.key) + "=" + shown(r.value) + "@" + std::to_string(r.timestamp);
  return out;
}

Record text_record(const char* key, const char* value, int64_t timestamp = 0) {
  return record(key ? string_value(key) : null_value(), value ? string_value(value) : null_value(), timestamp);
}

}  // namespace

TEST_CASE("the plugin describes its operators") {
  const kst_plugin* plugin = builtin_plugin();
  CHECK(plugin->magic == KST_PLUGIN_MAGIC);
  CHECK(plugin->abi_major == KST_ABI_MAJOR);
  std::set<std::string> names;
  for (auto at = plugin->processors; *at; ++at) {
    names.insert((*at)->name);
    CHECK((*at)->description != nullptr);
    CHECK((*at)->config_schema != nullptr);
  }
  for (const char* name : {"filter", "merge", "count", "reduce", "table", "table_filter_not", "table_count"})
    CHECK(names.count(std::string("kstreamd.") + name) == 1);
  CHECK(type("count")->store_count == 1);
}

TEST_CASE("filter and filter_not") {
  Task filter(type("filter"), expr("value ~= nil and value ~= 'b'"));
  filter.pipe({text_record("1", "a", 5), text_record("2", "b"), text_record("3", nullptr), text_record(nullptr, "c")});
  CHECK(output(filter) == "1=a@5 null=c@0");
  CHECK(filter.forwards() == std::vector<size_t>{2});

  Task filter_not(type("filter_not"), expr("value == 'b'"));
  filter_not.pipe({text_record("1", "a"), text_record("2", "b"), text_record("3", nullptr)});
  CHECK(output(filter_not) == "1=a@0 3=null@0");
}

TEST_CASE("map replaces what it is given") {
  Task task(type("map"), R"({"key":"value.user","value":"if value.drop then return nil end return { was = key }"})");
  task.pipe({record(string_value("k"), json_value(R"({"user":"u1"})"), 10),
             record(null_value(), json_value(R"({"user":"u2"})"), 9), record(string_value("k"), json_value("{}"), 11),
             record(string_value("k"), json_value(R"({"user":"u","drop":true})"), 12)});
  CHECK(output(task) == R"(u1={"was":"k"}@10 u2={}@9 null={"was":"k"}@11 u=null@12)");

  Task times(type("map"), R"({"timestamp":"value.at"})");
  times.pipe({record(null_value(), json_value(R"({"at":5})"), 1), record(null_value(), json_value(R"({"at":-5})"), 1),
              record(null_value(), json_value("{}"), 1)});
  CHECK(output(times) == R"(null={"at":5}@5)");
  CHECK(times.dropped("timestamp") == 2);

  Task headers(type("map"), R"({"headers":"{ { key = 'a', value = value }, { key = 'n' }, headers[1] }"})");
  const Header given[] = {{"old", "x", 3, 1}};
  Record in = text_record("k", "v");
  in.headers = given;
  in.header_count = 1;
  headers.pipe({in});
  const auto out = headers.take_output();
  REQUIRE(out.size() == 1);
  REQUIRE(out[0].headers.size() == 3);
  CHECK(out[0].headers[0] == std::pair<std::string, std::optional<std::string>>("a", "v"));
  CHECK(out[0].headers[1] == std::pair<std::string, std::optional<std::string>>("n", std::nullopt));
  CHECK(out[0].headers[2] == std::pair<std::string, std::optional<std::string>>("old", "x"));
}

TEST_CASE("map_values, select_key and the flat ones") {
  Task values(type("map_values"), expr("value and value * 2"));
  values.pipe({record(int32_value(1), int64_value(21), 3), record(int32_value(2), null_value(), 4)});
  CHECK(output(values) == "1=42@3 2=null@4");

  Task keys(type("select_key"), expr("value and value.user"));
  keys.pipe({record(int64_value(1), json_value(R"({"user":"u"})")), record(int64_value(1), json_value("{}")),
             record(int64_value(1), null_value())});
  CHECK(output(keys) == R"(u={"user":"u"}@0 null={}@0 null=null@0)");

  Task words(type("flat_map_values"), expr("value == nil and {} or split(lower(value), '[^%w]+')"));
  words.pipe({text_record("a", "Hello hello, WORLD", 7), text_record("b", nullptr), text_record(nullptr, "one", 1)});
  CHECK(output(words) == "a=hello@7 a=hello@7 a=world@7 null=one@1");
  CHECK(words.forwards().size() == 1);

  Task items(type("flat_map"), expr("local out = {} for i, it in ipairs(value.items) do "
                                    "out[i] = { key = it.sku, value = it.qty } end return out"));
  items.pipe({record(string_value("b"), json_value(R"({"items":[{"sku":"x","qty":1},{"qty":5},{"sku":"w"}]})"), 9),
              record(string_value("b"), json_value(R"({"items":[]})"), 9)});
  CHECK(output(items) == "x=1@9 null=5@9 w=null@9");
}

TEST_CASE("branch takes the first that fits") {
  Task task(type("branch"), R"({"branches":[{"name":"large","expr":"value ~= nil and value >= 100"},)"
                            R"({"name":"medium","expr":"value ~= nil and value >= 10"},{"name":"rest"}]})");
  task.pipe({record(null_value(), int64_value(100), 1), record(null_value(), int64_value(10), 2),
             record(null_value(), int64_value(9), 3), record(null_value(), null_value(), 4)});
  CHECK(output(task, 0) == "null=100@1");
  CHECK(output(task, 1) == "null=10@2");
  CHECK(output(task, 2) == "null=9@3 null=null@4");

  Task no_rest(type("branch"), R"({"branches":[{"name":"a","expr":"value == 1"}]})");
  no_rest.pipe({record(null_value(), int64_value(2)), record(null_value(), int64_value(1))});
  CHECK(output(no_rest, 0) == "null=1@0");
}

TEST_CASE("peek logs and passes on, merge and to_stream pass on") {
  Task peek(type("peek"), R"({"log":"key .. '=' .. value"})");
  peek.pipe({text_record("k", "v"), text_record("k", nullptr), text_record("l", "w")});
  CHECK(output(peek) == "k=v@0 l=w@0");
  CHECK(peek.log_lines() == std::vector<std::string>{"k=v", "l=w"});
  CHECK(peek.errors().size() == 1);

  for (const char* name : {"merge", "to_stream"}) {
    Task task(type(name), "{}");
    task.pipe({text_record("k", "v", 1), text_record(nullptr, nullptr, 2)});
    CHECK(output(task) == "k=v@1 null=null@2");
  }
}

TEST_CASE("a record that fails stops nothing that came before it") {
  Task task(type("map_values"), expr("value + 1"));
  task.pipe({record(null_value(), int64_value(1)), record(null_value(), string_value("x")),
             record(null_value(), int64_value(3)), record(null_value(), null_value())});
  CHECK(output(task) == "null=2@0 null=4@0");
  REQUIRE(task.errors().size() == 2);
  CHECK_THAT(task.errors()[0],
             Contains("expression 'value + 1': ") && Contains("attempt to add a 'string' with a 'number'"));

  Task flat(type("flat_map_values"), expr("{ 1, value + 1 }"));
  flat.pipe({record(null_value(), int64_value(1)), record(null_value(), null_value())});
  CHECK(output(flat) == "null=1@0 null=2@0");
}

TEST_CASE("results outlive the batch's evaluations") {
  Task task(type("map_values"), expr("upper(value)"));
  std::vector<std::string> texts;
  std::vector<Record> records;
  std::string expected;
  for (int i = 0; i < 3000; ++i) texts.push_back("text number " + std::to_string(i) + " that is not short at all");
  for (const auto& text : texts) records.push_back(record(null_value(), string_value(text)));
  task.pipe(records);
  const auto out = task.take_output();
  REQUIRE(out.size() == 3000);
  for (int i = 0; i < 3000; ++i)
    REQUIRE(out[static_cast<size_t>(i)].value.text() ==
            "TEXT NUMBER " + std::to_string(i) + " THAT IS NOT SHORT AT ALL");
}

TEST_CASE("every mistake of a configuration is found, and placed") {
  using sdk::testing::check;
  auto problems = check(type("filter"), expr("value.x > and 1"));
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].pointer == "/expr");
  CHECK(problems[0].line == 1);
  CHECK(problems[0].column == 11);
  CHECK(problems[0].message == "unexpected symbol near 'and'");

  problems = check(type("filter"), expr("value.x == null"));
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].warning);
  CHECK(problems[0].column == 12);
  CHECK(problems[0].message == "a comparison with null is never true");

  problems = check(type("map"), R"({"key":"vlaue","value":"1 +","timestamp":3})");
  REQUIRE(problems.size() == 3);
  CHECK(problems[0].pointer == "/key");
  CHECK(problems[0].hint == "did you mean 'value'?");
  CHECK(problems[1].pointer == "/value");
  CHECK(problems[2].pointer == "/timestamp");

  problems = check(type("branch"), R"({"branches":[{"name":"a","expr":"value"},{"name":"b","expr":"("}]})");
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].pointer == "/branches/1/expr");

  CHECK(check(type("filter"), "{}").at(0).message == "'expr' is missing");
  CHECK(check(type("filter"), R"({"expr":"value","exrp":1})").at(0).pointer == "/exrp#");
  CHECK(check(type("map"), "{}").at(0).message == "a map changes nothing");
  CHECK(check(type("select_key"), expr("value")).empty());
  CHECK(check(type("table_filter"), R"({"expr":"timestamp > 1","changes":true})").size() == 1);
  CHECK(check(type("filter"), R"x({"expr":"big(value)","script":"function big(x) return x > 5 end"})x").empty());
  CHECK(check(type("filter"), R"({"expr":"value","script":"function ("})").at(0).pointer == "/script");
  CHECK_THROWS_WITH(Task(type("filter"), expr("value +")), Contains("unexpected symbol"));
}
