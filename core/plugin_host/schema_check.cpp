#include "core/plugin_host/schema_check.h"

#include <algorithm>
#include <array>
#include <regex>
#include <string_view>

#include "core/topology/suggest.h"

namespace kstreamd {
namespace {

using nlohmann::json;

constexpr size_t kMostNesting = 100;

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}
bool is_schema(const json& value) { return value.is_object() || value.is_boolean(); }
bool is_count(const json& value) { return value.is_number_unsigned(); }
bool is_texts(const json& value) {
  return value.is_array() && std::all_of(value.begin(), value.end(), [](const json& v) { return v.is_string(); });
}

class SchemaChecker {
 public:
  explicit SchemaChecker(const json& root) : root_(root) {}

  Status check(const json& schema, const std::string& pointer, size_t depth) {
    if (schema.is_boolean()) return {};
    if (!schema.is_object()) return wrong(pointer, "is no schema", "write a JSON object, true or false");
    if (depth > kMostNesting) return wrong(pointer, "is nested too deeply", "use definitions and $ref");
    for (const auto& [keyword, value] : schema.items())
      KSTREAMD_TRY(check_keyword(keyword, value, pointer + "/" + keyword, depth));
    return {};
  }

 private:
  static Error wrong(const std::string& pointer, const std::string& what, const std::string& hint) {
    return Error{Recovery::stop_topology, (pointer.empty() ? "it" : "'" + pointer + "'") + " " + what, hint};
  }

  Status check_keyword(const std::string& keyword, const json& value, const std::string& pointer, size_t depth) {
    if (is_one_of(keyword, {"additionalItems", "additionalProperties", "contains", "propertyNames", "if", "then",
                            "else", "not"}))
      return check(value, pointer, depth + 1);
    if (keyword == "items") return value.is_array() ? each(value, pointer, depth) : check(value, pointer, depth + 1);
    if (is_one_of(keyword, {"allOf", "anyOf", "oneOf"})) {
      if (!value.is_array() || value.empty()) return wrong(pointer, "is no list of schemas", "name at least one");
      return each(value, pointer, depth);
    }
    if (is_one_of(keyword, {"properties", "patternProperties", "definitions", "$defs", "dependencies"}))
      return check_map(keyword, value, pointer, depth);
    if (is_one_of(keyword, {"maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties"}))
      return is_count(value) ? Status() : wrong(pointer, "is no number from 0", "write a whole number");
    if (is_one_of(keyword, {"maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum"}))
      return value.is_number() ? Status() : wrong(pointer, "is no number", "draft 7 wants a number here");
    return check_simple(keyword, value, pointer);
  }

  Status check_simple(const std::string& keyword, const json& value, const std::string& pointer) {
    if (keyword == "type") return check_type(value, pointer);
    if (keyword == "enum" && (!value.is_array() || value.empty()))
      return wrong(pointer, "is no list of values", "name at least one");
    if (keyword == "required" && !is_texts(value)) return wrong(pointer, "is no list of names", "draft 7 wants a list");
    if (keyword == "uniqueItems" && !value.is_boolean()) return wrong(pointer, "is neither true nor false", "");
    if (keyword == "multipleOf" && !(value.is_number() && value.get<double>() > 0))
      return wrong(pointer, "is no number above 0", "");
    if (keyword == "pattern")
      return value.is_string() ? check_pattern(value, pointer) : wrong(pointer, "is no text", "");
    if (keyword == "$ref") {
      if (!value.is_string() || !resolve_reference(root_, value.get<std::string>()))
        return wrong(pointer, "names nothing in this schema: " + value.dump(),
                     "a reference is '#', or '#/definitions/NAME' with that definition in the same schema");
    }
    if (keyword == "$schema") {
      const std::string text = value.is_string() ? value.get<std::string>() : "";
      if (text.find("draft-07") == text.npos && text.find("draft-06") == text.npos)
        return wrong(pointer, "is of another draft: " + value.dump(), "kstreamd reads draft 7");
    }
    return {};
  }

  Status check_type(const json& value, const std::string& pointer) {
    static const std::vector<std::string> types = {"array", "boolean", "integer", "null", "number", "object", "string"};
    const json list = value.is_array() ? value : json::array({value});
    if (list.empty()) return wrong(pointer, "is an empty list", "name at least one type");
    for (const auto& type : list) {
      if (type.is_string() && std::find(types.begin(), types.end(), type) != types.end()) continue;
      return wrong(pointer, "names no type of JSON: " + type.dump(),
                   did_you_mean(type.is_string() ? type.get<std::string>() : "", types, "one of " + join_names(types)));
    }
    return {};
  }

  Status check_pattern(const std::string& pattern, const std::string& pointer) {
    try {
      const std::regex compiled(pattern, std::regex::ECMAScript);
      return {};
    } catch (const std::regex_error& error) {
      return wrong(pointer, std::string("is no regular expression: ") + error.what(), "patterns are ECMAScript's");
    }
  }

  Status each(const json& list, const std::string& pointer, size_t depth) {
    for (size_t i = 0; i < list.size(); ++i) KSTREAMD_TRY(check(list[i], pointer + "/" + std::to_string(i), depth + 1));
    return {};
  }

  Status check_map(const std::string& keyword, const json& map, const std::string& pointer, size_t depth) {
    if (!map.is_object()) return wrong(pointer, "is no JSON object", "write a schema for each name");
    for (const auto& [name, value] : map.items()) {
      const std::string here = pointer + "/" + name;
      if (keyword == "patternProperties") KSTREAMD_TRY(check_pattern(name, here));
      if (keyword == "dependencies" && is_texts(value)) continue;
      if (!is_schema(value)) return wrong(here, "is no schema", "write a JSON object, true or false");
      KSTREAMD_TRY(check(value, here, depth + 1));
    }
    return {};
  }

  const json& root_;
};

}  // namespace

const json* resolve_reference(const json& root, const std::string& reference) {
  if (reference == "#") return &root;
  if (reference.compare(0, 2, "#/") != 0) return nullptr;
  try {
    const json& found = root.at(json::json_pointer(reference.substr(1)));
    return is_schema(found) ? &found : nullptr;
  } catch (const json::exception&) {
    return nullptr;
  }
}

Status check_schema(const json& schema) {
  if (!schema.is_object())
    return Error{Recovery::stop_topology, "it is no JSON object", "give a JSON Schema, or NULL for any object"};
  return SchemaChecker(schema).check(schema, "", 0);
}

}  // namespace kstreamd
