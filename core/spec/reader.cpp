#include "core/spec/reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/base/substitution.h"
#include "core/spec/values.h"
#include "core/topology/json_text.h"
#include "core/topology/suggest.h"

namespace kstreamd {
namespace {

constexpr size_t max_json = 1 << 20;

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// A YAML number (core schema, decimal) that is a JSON number as it is.
bool is_json_number(std::string_view text) {
  if (!text.empty() && text[0] == '-') text.remove_prefix(1);
  auto exponent = text.find_first_of("eE");
  if (exponent != std::string_view::npos) {
    auto digits = text.substr(exponent + 1);
    if (!digits.empty() && (digits[0] == '+' || digits[0] == '-')) digits.remove_prefix(1);
    if (!all_digits(digits)) return false;
    text = text.substr(0, exponent);
  }
  auto point = text.find('.');
  auto whole = text.substr(0, point);
  if (!all_digits(whole) || (whole.size() > 1 && whole[0] == '0')) return false;
  return point == std::string_view::npos || all_digits(text.substr(point + 1));
}

}  // namespace

const char* kind_name(const YamlNode& value) {
  switch (value.kind) {
    case YamlNode::Kind::null:
      return "empty";
    case YamlNode::Kind::scalar:
      return "text";
    case YamlNode::Kind::list:
      return "a list";
    case YamlNode::Kind::map:
      return "a map";
  }
  return "";
}

void Reader::add(Severity severity, YamlPlace place, std::string message, std::string hint) {
  if (severity == Severity::error) ++errors_;
  diagnostics_.push_back({filename_, place.line, place.column, severity, node_, std::move(message), std::move(hint)});
}

std::optional<std::string> Reader::text(const YamlNode& value, const std::string& name) {
  if (value.kind != YamlNode::Kind::scalar) {
    error(value.place, "'" + name + "' has to be text, and is " + kind_name(value), "write " + name + ": TEXT");
    return std::nullopt;
  }
  auto result = substitute(value.text);
  if (!result.error.empty()) {
    error(value.place, "'" + name + "': " + result.error, result.hint);
    return std::nullopt;
  }
  if (result.text.empty()) {
    error(value.place, "'" + name + "' is empty", "write " + name + ": TEXT");
    return std::nullopt;
  }
  return std::move(result.text);
}

std::optional<std::string> Reader::expression(const YamlNode& value, const std::string& name) {
  if (value.kind != YamlNode::Kind::scalar) {
    error(value.place, "'" + name + "' has to be an expression, and is " + kind_name(value),
          "write it as text in quotes: " + name + ": \"value\"");
    return std::nullopt;
  }
  return text(value, name);
}

std::optional<std::chrono::milliseconds> Reader::duration(const YamlNode& value, const std::string& name) {
  auto word = text(value, name);
  if (!word) return std::nullopt;
  auto result = parse_duration(*word);
  if (!result) error(value.place, "'" + name + "': '" + *word + "' is not a duration", duration_hint);
  return result;
}

std::optional<uint64_t> Reader::size(const YamlNode& value, const std::string& name) {
  auto word = text(value, name);
  if (!word) return std::nullopt;
  auto result = parse_size(*word);
  if (!result) error(value.place, "'" + name + "': '" + *word + "' is not a size", size_hint);
  return result;
}

std::optional<int64_t> Reader::integer(const YamlNode& value, const std::string& name, int64_t least, int64_t most) {
  auto word = text(value, name);
  if (!word) return std::nullopt;
  int64_t result = 0;
  auto [end, failed] = std::from_chars(word->data(), word->data() + word->size(), result);
  if (failed == std::errc{} && end == word->data() + word->size() && result >= least && result <= most) return result;
  error(value.place, "'" + name + "': '" + *word + "' is not a whole number that fits here",
        "write one from " + std::to_string(least) + " to " + std::to_string(most));
  return std::nullopt;
}

std::optional<bool> Reader::boolean(const YamlNode& value, const std::string& name) {
  auto index = choice(value, name, {"true", "false"});
  if (!index) return std::nullopt;
  return *index == 0;
}

std::optional<size_t> Reader::choice(const YamlNode& value, const std::string& name,
                                     const std::vector<std::string>& words) {
  auto word = text(value, name);
  if (!word) return std::nullopt;
  auto at = std::find(words.begin(), words.end(), *word);
  if (at != words.end()) return static_cast<size_t>(at - words.begin());
  error(value.place, "'" + name + "' cannot be '" + *word + "'",
        did_you_mean(*word, words, "use one of " + join_names(words)));
  return std::nullopt;
}

std::optional<std::vector<std::string>> Reader::texts(const YamlNode& value, const std::string& name) {
  std::vector<std::string> result;
  bool good = true;
  auto take = [&](const YamlNode& item) {
    auto word = text(item, name);
    good = good && word.has_value();
    if (word) result.push_back(std::move(*word));
  };
  if (value.kind == YamlNode::Kind::list)
    for (const auto& item : value.items) take(*item);
  else
    take(value);
  if (!good) return std::nullopt;
  return result;
}

std::optional<std::map<std::string, std::string>> Reader::text_map(const YamlNode& value, const std::string& name) {
  std::map<std::string, std::string> result;
  if (value.kind == YamlNode::Kind::null) return result;
  if (value.kind != YamlNode::Kind::map) {
    error(value.place, "'" + name + "' has to be a map, and is " + kind_name(value),
          "write " + name + ": { KEY: VALUE, ... }");
    return std::nullopt;
  }
  duplicates(value);
  bool good = true;
  for (const auto& entry : value.entries) {
    auto word = text(*entry.value, entry.key);
    good = good && word.has_value();
    if (word) result[entry.key] = std::move(*word);
  }
  if (!good) return std::nullopt;
  return result;
}

bool Reader::map(const YamlNode& value, YamlPlace key, const std::string& name, const std::vector<std::string>& known,
                 const std::vector<std::string>& later) {
  if (value.kind == YamlNode::Kind::null) return true;
  if (value.kind != YamlNode::Kind::map) {
    error(key, "'" + name + "' has to be a map, and is " + kind_name(value),
          known.empty() ? "write " + name + ": {}" : "its keys are " + join_names(known));
    return false;
  }
  duplicates(value);
  bool good = true;
  for (const auto& entry : value.entries) {
    if (contains(known, entry.key)) continue;
    good = false;
    if (contains(later, entry.key))
      error(entry.place, "'" + entry.key + "' is not available in this version",
            known.empty() ? "leave it out" : "this version knows " + join_names(known));
    else
      error(entry.place, "unknown key '" + entry.key + "'",
            known.empty() ? "'" + name + "' takes none"
                          : did_you_mean(entry.key, known, "the keys here are " + join_names(known)));
  }
  return good;
}

void Reader::duplicates(const YamlNode& map) {
  for (const auto& duplicate : map.duplicates)
    error(duplicate.place,
          "the key '" + duplicate.key + "' is given twice, first in line " + std::to_string(duplicate.first.line),
          "remove one of the two");
}

std::optional<std::string> Reader::json(const YamlNode& value, const std::string& name) {
  std::string out;
  if (!write_json(value, name, out)) return std::nullopt;
  return out;
}

bool Reader::write_json(const YamlNode& value, const std::string& name, std::string& out) {
  // Aliases can make a short file unfold without end.
  if (out.size() > max_json) {
    error(value.place, "'" + name + "' is larger than 1 MiB", "keep large data in a file of the plugin's own");
    return false;
  }
  switch (value.kind) {
    case YamlNode::Kind::null:
      out += "null";
      return true;
    case YamlNode::Kind::scalar:
      return write_json_scalar(value, name, out);
    case YamlNode::Kind::list:
      out += '[';
      for (const auto& item : value.items) {
        if (out.back() != '[') out += ',';
        if (!write_json(*item, name, out)) return false;
      }
      out += ']';
      return true;
    case YamlNode::Kind::map:
      duplicates(value);
      out += '{';
      for (const auto& entry : value.entries) {
        if (out.back() != '{') out += ',';
        out += quote_json(entry.key) + ':';
        if (!write_json(*entry.value, entry.key, out)) return false;
      }
      out += '}';
      return true;
  }
  return true;
}

bool Reader::write_json_scalar(const YamlNode& value, const std::string& name, std::string& out) {
  auto result = substitute(value.text);
  if (!result.error.empty()) {
    error(value.place, "'" + name + "': " + result.error, result.hint);
    return false;
  }
  const auto& word = result.text;
  bool plain = value.style == YamlNode::Style::plain;
  if (plain && (word == "true" || word == "false" || word == "null"))
    out += word;
  else if (plain && is_json_number(word))
    out += word;
  else
    out += quote_json(word);
  return true;
}

}  // namespace kstreamd
