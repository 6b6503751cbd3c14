#include "core/plugin_host/config_schema.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <regex>

#include "core/plugin_host/schema_check.h"
#include "core/topology/suggest.h"

namespace kstreamd {

struct ConfigSchema::Impl {
  nlohmann::json root;
};

namespace {

using nlohmann::json;
using Problems = std::vector<ConfigProblem>;

constexpr size_t kMostDepth = 200;
constexpr size_t kMostSteps = 100'000;  // schemas applied: one that refers to itself must come to an end
constexpr size_t kMostMatched = 4096;   // bytes of a text that is held against a pattern: std::regex recurses
constexpr size_t kMostShown = 60;       // bytes of a value in a message

std::string escaped(std::string name) {
  for (size_t at = 0; (at = name.find_first_of("~/", at)) != name.npos; at += 2)
    name.replace(at, 1, name[at] == '~' ? "~0" : "~1");
  return name;
}

// How a message calls the value at a pointer: 'size', 'keys[2]', or the config as a whole.
std::string called(const std::string& pointer) {
  if (pointer.empty()) return "the config";
  size_t slash = pointer.rfind('/');
  std::string last = pointer.substr(slash + 1), index;
  if (slash > 0 && last.find_first_not_of("0123456789") == last.npos) {
    index = "[" + last + "]";
    const size_t before = pointer.rfind('/', slash - 1);
    last = pointer.substr(before + 1, slash - before - 1);
  }
  for (size_t at = 0; (at = last.find('~', at)) != last.npos; ++at)
    last.replace(at, 2, last.compare(at, 2, "~1") == 0 ? "/" : "~");
  return "'" + last + index + "'";
}

std::string shown(const json& value) {
  if (value.is_object()) return "a map";
  if (value.is_array()) return "a list";
  if (value.is_null()) return "empty";
  std::string text = value.is_string() ? "'" + value.get<std::string>() + "'" : value.dump();
  if (text.size() <= kMostShown) return text;
  size_t end = kMostShown;
  while (end > 0 && (text[end] & 0xc0) == 0x80) --end;  // not within a character
  return text.substr(0, end) + "...";
}

std::string list_of(const json& values) {
  std::string text;
  for (const auto& value : values) text += (text.empty() ? "" : ", ") + shown(value);
  return text;
}

bool is_integer_number(const json& value) {
  if (value.is_number_integer()) return true;
  return value.is_number_float() && std::isfinite(value.get<double>()) &&
         value.get<double>() == std::floor(value.get<double>());
}

bool has_type(const json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "null") return value.is_null();
  if (type == "integer") return is_integer_number(value);
  return value.is_number();
}

std::string type_text(const std::string& type) {
  if (type == "object") return "a map";
  if (type == "array") return "a list";
  if (type == "string") return "text";
  if (type == "boolean") return "true or false";
  if (type == "null") return "empty";
  return type == "integer" ? "a whole number" : "a number";
}

long double number_of(const json& value) {
  if (value.is_number_unsigned()) return static_cast<long double>(value.get<uint64_t>());
  if (value.is_number_integer()) return static_cast<long double>(value.get<int64_t>());
  return static_cast<long double>(value.get<double>());
}

// JSON's equality: 1 and 1.0 are the same number.
bool equal(const json& a, const json& b) { return a == b; }

size_t characters(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

bool matches(const std::string& text, const std::string& pattern) {
  try {
    return std::regex_search(text, std::regex(pattern, std::regex::ECMAScript));
  } catch (const std::regex_error&) {
    return false;  // too much work for the library: not shown to match
  }
}

// Holds one configuration against a schema.
class ConfigChecker {
 public:
  explicit ConfigChecker(const json& root) : root_(root) {}

  Problems check(const json& schema, const json& value, const std::string& pointer) const {
    Problems problems;
    check(schema, value, pointer, problems, 0);
    return problems;
  }

 private:
  static void add(Problems& problems, const json& schema, const std::string& pointer, const std::string& what,
                  std::string hint = {}) {
    if (hint.empty() && schema.is_object() && schema.contains("description") && schema["description"].is_string())
      hint = schema["description"];
    problems.push_back({false, pointer, 0, 0, called(pointer) + " " + what, std::move(hint)});
  }

  void check(const json& schema, const json& value, const std::string& pointer, Problems& problems,
             size_t depth) const {
    if (depth > kMostDepth || ++steps_ > kMostSteps)
      return add(problems, schema, pointer, "cannot be checked: the plugin's config_schema goes round in circles");
    if (schema.is_boolean()) {
      if (!schema.get<bool>()) add(problems, schema, pointer, "is not allowed here");
      return;
    }
    if (schema.contains("$ref"))  // in draft 7 its neighbours do not count
      return check(*resolve_reference(root_, schema["$ref"]), value, pointer, problems, depth + 1);
    if (!check_type(schema, value, pointer, problems)) return;
    check_values(schema, value, pointer, problems);
    if (value.is_number()) check_number(schema, value, pointer, problems);
    if (value.is_string()) check_text(schema, value, pointer, problems);
    if (value.is_array()) check_list(schema, value, pointer, problems, depth);
    if (value.is_object()) check_map(schema, value, pointer, problems, depth);
    check_forms(schema, value, pointer, problems, depth);
  }

  static bool check_type(const json& schema, const json& value, const std::string& pointer, Problems& problems) {
    const auto found = schema.find("type");
    if (found == schema.end()) return true;
    const json types = found->is_array() ? *found : json::array({*found});
    std::string names;
    for (const auto& type : types) {
      if (has_type(value, type)) return true;
      names += (names.empty() ? "" : " or ") + type_text(type);
    }
    add(problems, schema, pointer, "must be " + names + ", and is " + shown(value));
    return false;
  }

  static void check_values(const json& schema, const json& value, const std::string& pointer, Problems& problems) {
    if (const auto found = schema.find("const"); found != schema.end() && !equal(*found, value))
      add(problems, schema, pointer, "must be " + shown(*found) + ", and is " + shown(value));
    const auto found = schema.find("enum");
    if (found == schema.end()) return;
    if (std::any_of(found->begin(), found->end(), [&](const json& v) { return equal(v, value); })) return;
    std::vector<std::string> texts;
    for (const auto& allowed : *found)
      if (allowed.is_string()) texts.push_back(allowed);
    add(problems, schema, pointer, "must be one of " + list_of(*found) + ", and is " + shown(value),
        value.is_string() ? did_you_mean(value.get<std::string>(), texts, "") : "");
  }

  static void check_number(const json& schema, const json& value, const std::string& pointer, Problems& problems) {
    const long double number = number_of(value);
    const auto bound = [&](const char* keyword, const char* words, auto holds) {
      const auto found = schema.find(keyword);
      if (found != schema.end() && !holds(number, number_of(*found)))
        add(problems, schema, pointer,
            std::string("must be ") + words + " " + found->dump() + ", and is " + shown(value));
    };
    bound("minimum", "at least", [](auto a, auto b) { return a >= b; });
    bound("maximum", "at most", [](auto a, auto b) { return a <= b; });
    bound("exclusiveMinimum", "above", [](auto a, auto b) { return a > b; });
    bound("exclusiveMaximum", "below", [](auto a, auto b) { return a < b; });
    bound("multipleOf", "a multiple of", [](auto a, auto b) {
      const auto times = a / b;
      return std::fabs(times - std::round(times)) < 1e-9L * std::max(1.0L, std::fabs(times));
    });
  }

  static void check_text(const json& schema, const json& value, const std::string& pointer, Problems& problems) {
    const std::string& text = value.get_ref<const std::string&>();
    check_count(schema, {"minLength", "maxLength"}, characters(text), "characters", pointer, problems);
    const auto found = schema.find("pattern");
    if (found == schema.end()) return;
    if (text.size() > kMostMatched)
      add(problems, schema, pointer, "is too long to be held against a pattern");
    else if (!matches(text, *found))
      add(problems, schema, pointer, "must match " + found->get<std::string>() + ", and is " + shown(value));
  }

  static void check_count(const json& schema, std::pair<const char*, const char*> keywords, size_t count,
                          const char* what, const std::string& pointer, Problems& problems) {
    const std::string has = std::string(" ") + what + ", and has " + std::to_string(count);
    if (const auto least = schema.find(keywords.first); least != schema.end() && count < least->get<uint64_t>())
      add(problems, schema, pointer, "must have at least " + least->dump() + has);
    if (const auto most = schema.find(keywords.second); most != schema.end() && count > most->get<uint64_t>())
      add(problems, schema, pointer, "must have at most " + most->dump() + has);
  }

  void check_list(const json& schema, const json& list, const std::string& pointer, Problems& problems,
                  size_t depth) const {
    check_count(schema, {"minItems", "maxItems"}, list.size(), "entries", pointer, problems);
    const auto at = [&](size_t i) { return pointer + "/" + std::to_string(i); };
    const auto items = schema.find("items");
    const auto further = schema.find("additionalItems");
    for (size_t i = 0; items != schema.end() && i < list.size(); ++i) {
      if (!items->is_array())
        check(*items, list[i], at(i), problems, depth + 1);
      else if (i < items->size())
        check((*items)[i], list[i], at(i), problems, depth + 1);
      else if (further != schema.end())
        check(*further, list[i], at(i), problems, depth + 1);
    }
    if (schema.value("uniqueItems", false))
      for (size_t i = 1; i < list.size(); ++i)
        if (std::any_of(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(i),
                        [&](const json& other) { return equal(other, list[i]); }))
          add(problems, schema, at(i), "is there twice: " + shown(list[i]), "name each once");
    const auto wanted = schema.find("contains");
    if (wanted != schema.end() &&
        std::none_of(list.begin(), list.end(), [&](const json& v) { return fits(*wanted, v, depth); }))
      add(problems, schema, pointer, "lacks an entry that it must have");
  }

  void check_map(const json& schema, const json& map, const std::string& pointer, Problems& problems,
                 size_t depth) const {
    check_count(schema, {"minProperties", "maxProperties"}, map.size(), "keys", pointer, problems);
    for (const auto& [name, value] : map.items()) check_key(schema, name, value, pointer, problems, depth);
    const auto properties = schema.find("properties");
    if (const auto required = schema.find("required"); required != schema.end())
      for (const auto& name : *required) {
        if (map.contains(name.get_ref<const std::string&>())) continue;
        const bool known = properties != schema.end() && properties->contains(name.get_ref<const std::string&>());
        const json& part = known ? (*properties)[name.get_ref<const std::string&>()] : schema;
        add(problems, part, pointer, "", "");
        problems.back().message = "'" + name.get<std::string>() + "' is missing";
      }
    const auto dependencies = schema.find("dependencies");
    if (dependencies == schema.end()) return;
    for (const auto& [name, needs] : dependencies->items()) {
      if (!map.contains(name)) continue;
      if (!needs.is_array()) {
        check(needs, map, pointer, problems, depth + 1);
        continue;
      }
      for (const auto& other : needs)
        if (!map.contains(other.get_ref<const std::string&>()))
          add(problems, schema, pointer + "/" + escaped(name), "needs '" + other.get<std::string>() + "' beside it");
    }
  }

  void check_key(const json& schema, const std::string& name, const json& value, const std::string& pointer,
                 Problems& problems, size_t depth) const {
    const std::string here = pointer + "/" + escaped(name);
    if (const auto names = schema.find("propertyNames"); names != schema.end())
      check(*names, name, here, problems, depth + 1);
    bool known = false;
    std::vector<std::string> keys;
    if (const auto properties = schema.find("properties"); properties != schema.end()) {
      for (const auto& property : properties->items()) keys.push_back(property.key());
      if (const auto found = properties->find(name); found != properties->end()) {
        known = true;
        check(*found, value, here, problems, depth + 1);
      }
    }
    if (const auto patterns = schema.find("patternProperties"); patterns != schema.end())
      for (const auto& [pattern, part] : patterns->items())
        if (name.size() <= kMostMatched && matches(name, pattern)) {
          known = true;
          check(part, value, here, problems, depth + 1);
        }
    const auto others = schema.find("additionalProperties");
    if (known || others == schema.end()) return;
    if (*others != json(false)) return check(*others, value, here, problems, depth + 1);
    problems.push_back({false, here + "#", 0, 0, "unknown key '" + name + "'",
                        did_you_mean(name, keys, keys.empty() ? "remove it" : "the keys are " + join_names(keys))});
  }

  bool fits(const json& schema, const json& value, size_t depth) const {
    Problems problems;
    check(schema, value, "", problems, depth + 1);
    return problems.empty();
  }

  // allOf, anyOf, oneOf, not, if.
  void check_forms(const json& schema, const json& value, const std::string& pointer, Problems& problems,
                   size_t depth) const {
    if (const auto all = schema.find("allOf"); all != schema.end())
      for (const auto& part : *all) check(part, value, pointer, problems, depth + 1);
    if (const auto any = schema.find("anyOf"); any != schema.end())
      check_choice(schema, *any, false, value, pointer, problems, depth);
    if (const auto one = schema.find("oneOf"); one != schema.end())
      check_choice(schema, *one, true, value, pointer, problems, depth);
    if (const auto no = schema.find("not"); no != schema.end() && fits(*no, value, depth))
      add(problems, schema, pointer, "must not be " + shown(value));
    if (const auto condition = schema.find("if"); condition != schema.end()) {
      const auto branch = schema.find(fits(*condition, value, depth) ? "then" : "else");
      if (branch != schema.end()) check(*branch, value, pointer, problems, depth + 1);
    }
  }

  void check_choice(const json& schema, const json& forms, bool exactly_one, const json& value,
                    const std::string& pointer, Problems& problems, size_t depth) const {
    size_t fitting = 0;
    std::vector<Problems> near;  // of the forms that at least have the right type
    std::string reasons;
    for (const auto& form : forms) {
      Problems found;
      check(form, value, pointer, found, depth + 1);
      if (found.empty()) {
        ++fitting;
        continue;
      }
      reasons += (reasons.empty() ? "either " : ", or ") + found[0].message;
      Problems types;
      const json& target = form.is_object() && form.contains("$ref") ? *resolve_reference(root_, form["$ref"]) : form;
      if (target.is_object() && check_type(target, value, pointer, types)) near.push_back(std::move(found));
    }
    if (fitting == 1 || (fitting > 1 && !exactly_one)) return;
    if (fitting > 1) return add(problems, schema, pointer, "fits several forms of which only one is allowed");
    if (near.size() == 1)
      problems.insert(problems.end(), near[0].begin(), near[0].end());
    else
      add(problems, schema, pointer, "has none of the allowed forms: " + reasons);
  }

  const json& root_;
  mutable size_t steps_ = 0;
};

}  // namespace

Result<ConfigSchema> ConfigSchema::parse(std::string_view text) {
  json root = json::parse(text, nullptr, false);
  if (root.is_discarded())
    return Error{Recovery::stop_topology, "it is no JSON", "give a JSON Schema, or NULL for any object"};
  KSTREAMD_TRY(check_schema(root));
  return ConfigSchema(std::make_shared<const Impl>(Impl{std::move(root)}));
}

std::vector<ConfigProblem> ConfigSchema::check(std::string_view config_json) const {
  const json config = json::parse(config_json, nullptr, false);
  if (!config.is_object()) return {{false, "", 0, 0, "the config must be a map", ""}};
  return ConfigChecker(impl_->root).check(impl_->root, config, "");
}

}  // namespace kstreamd
