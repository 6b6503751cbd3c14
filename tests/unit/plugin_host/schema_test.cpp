// Configurations against the JSON Schema of their plugin: what `validate` says, and where.
#include <catch2/catch.hpp>

#include "core/plugin_host/config_schema.h"
#include "core/spec/spec.h"
#include "tests/unit/plugin_host/fixture.h"

using namespace kstreamd;

namespace {

constexpr const char* kSchema = R"({
  "type": "object",
  "additionalProperties": false,
  "required": ["window"],
  "properties": {
    "window": {"type": "integer", "minimum": 1, "description": "how many records are looked at together"},
    "mode": {"enum": ["fast", "exact"]},
    "share": {"type": "number", "exclusiveMaximum": 1},
    "fields": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}, "uniqueItems": true, "maxItems": 3},
    "limits": {"type": "object", "properties": {"keys": {"$ref": "#/definitions/count"}}, "minProperties": 1},
    "from": {"anyOf": [{"type": "integer"}, {"type": "string", "minLength": 3}]}
  },
  "dependencies": {"share": ["mode"]},
  "definitions": {"count": {"type": "integer", "multipleOf": 10}}
})";

kst_status make(const kst_host*, kst_context*, const char*, size_t, void**) { return KST_OK; }
kst_status process(void*, const kst_record*, size_t, size_t*) { return KST_OK; }
void check(const char*, size_t, void* sink, kst_problem_sink report) {
  const kst_problem problem = {
      sizeof(kst_problem), KST_PROBLEM_WARNING, "/window", 0, 0, "'window' is small", "use 100"};
  report(sink, &problem);
}
const kst_processor_type sampling = {sizeof(kst_processor_type),
                                     "sampling",
                                     "samples",
                                     kSchema,
                                     nullptr,
                                     nullptr,
                                     0,
                                     1,
                                     0,
                                     0,
                                     check,
                                     make,
                                     nullptr,
                                     process,
                                     nullptr,
                                     [](void*) {}};
const kst_processor_type* const types[] = {&sampling, nullptr};
const kst_plugin plugin = {KST_PLUGIN_MAGIC, KST_ABI_MAJOR, KST_ABI_MINOR, sizeof(kst_plugin), "s", "1", types,
                           nullptr};

// What `validate` says of a topology with this config, an indented block of YAML.
std::string validated(const std::string& config) {
  static const PluginHost* host = [] {
    auto* made = new PluginHost;
    REQUIRE(made->add_builtin(&plugin).ok());
    return made;
  }();
  const std::string yaml =
      "kstreamd: 1\nname: t\nnodes:\n  in:\n    source: { topic: a, key: string, value: string }\n"
      "  sample:\n    from: in\n    process: sampling\n    config:\n" +
      config;
  std::string out;
  for (const auto& diagnostic : load_topology_text(yaml, "t.yaml", *host, "").diagnostics)
    out += text(diagnostic) + "\n";
  return out;
}

std::string refusal(const std::string& schema) {
  const auto parsed = ConfigSchema::parse(schema);
  return parsed.ok() ? "" : parsed.error().text();
}

}  // namespace

TEST_CASE("a config that does not fit its schema is shown with line and column") {
  const std::string at = "t.yaml:", node = ": error: node 'sample': ";
  CHECK(validated("      windw: 5\n") ==
        at + "9:5" + node + "'window' is missing\n  hint: how many records are looked at together\n" + at + "10:7" +
            node + "unknown key 'windw'\n  hint: did you mean 'window'?\n");
  CHECK(validated("      window: 5\n      'mode#': fast\n      moder: { a: 1 }\n") ==
        at + "11:7" + node + "unknown key 'mode#'\n  hint: did you mean 'mode'?\n" + at + "12:7" + node +
            "unknown key 'moder'\n  hint: did you mean 'mode'?\n");
  CHECK(validated("      window: 0\n") ==
        at + "10:15" + node +
            "'window' must be at least 1, and is 0\n  hint: how many records are looked at together\n");
  CHECK(validated("      window: soon\n") ==
        at + "10:15" + node +
            "'window' must be a whole number, and is 'soon'\n  hint: how many records "
            "are looked at together\n");
  CHECK(validated("      window: 5\n      mode: exat\n") ==
        at + "11:13" + node + "'mode' must be one of 'fast', 'exact', and is 'exat'\n  hint: did you mean 'exact'?\n");
  CHECK(validated("      window: 5\n      fields:\n        - a\n        - B2\n        - a\n") ==
        at + "13:11" + node + "'fields[1]' must match ^[a-z]+$, and is 'B2'\n" + at + "14:11" + node +
            "'fields[2]' is there twice: 'a'\n  hint: name each once\n");
  CHECK(validated("      window: 5\n      limits: { keys: 15 }\n") ==
        at + "11:23" + node + "'keys' must be a multiple of 10, and is 15\n");
  CHECK(validated("      window: 5\n      limits: {}\n") ==
        at + "11:7" + node + "'limits' must have at least 1 keys, and has 0\n");
  CHECK(validated("      window: 5\n      share: 1.0\n") == at + "11:14" + node +
                                                                "'share' must be below 1, and is 1.0\n" + at + "11:14" +
                                                                node + "'share' needs 'mode' beside it\n");
  CHECK(validated("      window: 5\n      from: ab\n") ==
        at + "11:13" + node + "'from' must have at least 3 characters, and has 2\n");
  CHECK(validated("      window: 5\n      from: [1]\n") ==
        at + "11:7" + node +
            "'from' has none of the allowed forms: either 'from' must be a whole number, and is a list, or 'from' must "
            "be "
            "text, and is a list\n");
}

TEST_CASE("the plugin's own check comes when the schema is satisfied, and may warn") {
  CHECK(validated("      window: 5\n") == "t.yaml:10:15: warning: node 'sample': 'window' is small\n  hint: use 100\n");
}

TEST_CASE("the further keywords of draft 7 hold") {
  const auto problems = [](const std::string& schema, const std::string& config) {
    const auto parsed = ConfigSchema::parse(schema);
    REQUIRE(parsed.ok());
    std::string out;
    for (const auto& problem : parsed.value().check(config)) out += problem.pointer + " " + problem.message + "\n";
    return out;
  };
  CHECK(problems("{}", R"({"a":1})").empty());
  CHECK(problems(R"({"properties":{"a":false}})", R"({"a":1})") == "/a 'a' is not allowed here\n");
  CHECK(problems(R"({"patternProperties":{"^n_":{"type":"number"}},"additionalProperties":{"type":"string"}})",
                 R"({"n_a":1,"b":"x"})")
            .empty());
  CHECK(problems(R"({"patternProperties":{"^n_":{"type":"number"}},"additionalProperties":{"type":"string"}})",
                 R"({"n_a":"x","b":1})") == "/b 'b' must be text, and is 1\n/n_a 'n_a' must be a number, and is 'x'\n");
  CHECK(problems(R"({"propertyNames":{"maxLength":2}})", R"({"abc":1})") ==
        "/abc 'abc' must have at most 2 characters, and has 3\n");
  CHECK(problems(R"({"properties":{"a":{"oneOf":[{"minimum":1},{"maximum":5}]}}})", R"({"a":3})") ==
        "/a 'a' fits several forms of which only one is allowed\n");
  CHECK(problems(R"({"properties":{"a":{"not":{"const":3}}}})", R"({"a":3.0})") == "/a 'a' must not be 3.0\n");
  CHECK(problems(R"({"if":{"properties":{"a":{"const":1}}},"then":{"required":["b"]},"else":{"required":["c"]}})",
                 R"({"a":1})") == " 'b' is missing\n");
  CHECK(problems(R"({"properties":{"a":{"items":[{"type":"string"}],"additionalItems":false}}})", R"({"a":["x",2]})") ==
        "/a/1 'a[1]' is not allowed here\n");
  CHECK(problems(R"({"properties":{"a":{"contains":{"const":1}}}})", R"({"a":[2]})") ==
        "/a 'a' lacks an entry that it must have\n");
  CHECK(problems(R"({"properties":{"a/b~":{"type":"null"}}})", R"({"a/b~":1})") ==
        "/a~1b~0 'a/b~' must be empty, and is 1\n");
  CHECK(problems(R"({"properties":{"a":{"maximum":18446744073709551614}}})", R"({"a":18446744073709551615})") ==
        "/a 'a' must be at most 18446744073709551614, and is 18446744073709551615\n");
  CHECK(
      problems(
          R"({"$ref":"#/definitions/l","definitions":{"l":{"properties":{"l":{"$ref":"#/definitions/l"},"v":{"type":"integer"}}}}})",
          R"({"l":{"l":{"v":"x"}}})") == "/l/l/v 'v' must be a whole number, and is 'x'\n");
}

TEST_CASE("a schema that goes round in circles ends") {
  const auto parsed = ConfigSchema::parse(R"({"anyOf":[{"$ref":"#"},{"$ref":"#"}]})");
  REQUIRE(parsed.ok());
  CHECK_FALSE(parsed.value().check("{}").empty());
}

TEST_CASE("a schema that is none is refused with the place of the fault") {
  CHECK(refusal("[]") == "it is no JSON object (give a JSON Schema, or NULL for any object)");
  CHECK(refusal("{") == "it is no JSON (give a JSON Schema, or NULL for any object)");
  CHECK(refusal(R"({"required":"a"})") == "'/required' is no list of names (draft 7 wants a list)");
  CHECK(refusal(R"({"properties":{"a":{"pattern":"("}}})").find("'/properties/a/pattern' is no regular expression: ") ==
        0);
  CHECK(refusal(R"({"properties":{"a":1}})") == "'/properties/a' is no schema (write a JSON object, true or false)");
  CHECK(refusal(R"({"$ref":"http://example.com/a.json"})") ==
        "'/$ref' names nothing in this schema: \"http://example.com/a.json\" (a reference is '#', or "
        "'#/definitions/NAME' "
        "with that definition in the same schema)");
  CHECK(refusal(R"({"$schema":"https://json-schema.org/draft/2020-12/schema"})") ==
        "'/$schema' is of another draft: \"https://json-schema.org/draft/2020-12/schema\" (kstreamd reads draft 7)");
  CHECK(refusal(R"({"minimum":1,"exclusiveMinimum":true})") ==
        "'/exclusiveMinimum' is no number (draft 7 wants a number here)");
  CHECK(refusal(R"({"items":{"anyOf":[]}})") == "'/items/anyOf' is no list of schemas (name at least one)");
}
