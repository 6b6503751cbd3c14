#include "daemon/record_text.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/arena.h"
#include "core/base/base64.h"
#include "core/serde/objects.h"
#include "daemon/json_text.h"

namespace kstreamd {
namespace {

using nlohmann::json;

Error not_a(const Serde& serde, std::string_view text, const std::string& hint) {
  std::string shown;
  append_json_string(shown, text.substr(0, 60));
  return {Recovery::stop_topology, shown + (text.size() > 60 ? "..." : "") + " is not a " + serde.name(), hint};
}

bool is_integer_serde(const std::string& name) { return name == "int16" || name == "int32" || name == "int64"; }
bool is_float_serde(const std::string& name) { return name == "float32" || name == "float64"; }

template <typename T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<Value> value_of_text(const Serde& serde, std::string_view text) {
  const std::string& name = serde.name();
  if (is_integer_serde(name)) {
    const auto value = number<int64_t>(text);
    if (!value) return not_a(serde, text, "write an integer");
    if (name == "int32") {
      if (*value < INT32_MIN || *value > INT32_MAX) return not_a(serde, text, "it does not fit into 32 bits");
      return int32_value(static_cast<int32_t>(*value));
    }
    return int64_value(*value);
  }
  if (is_float_serde(name)) {
    const auto value = number<double>(text);
    if (!value) return not_a(serde, text, "write a number");
    return float64_value(*value);
  }
  if (name == "bool") {
    if (text != "true" && text != "false") return not_a(serde, text, "write true or false");
    return bool_value(text == "true");
  }
  if (name == "json") {
    if (!json::accept(text)) return not_a(serde, text, "write one JSON value, or choose the serde string");
    return json_value(text);
  }
  if (name == "bytes") return bytes_value(text);
  return string_value(text);
}

// A piece of JSON as the value that is most like it; objects and lists as JSON. `held` owns what a text needs.
Value value_of_json(const json& parsed, std::string_view text, std::string& held) {
  if (parsed.is_string()) {
    held = parsed.get<std::string>();
    return string_value(held);
  }
  if (parsed.is_boolean()) return bool_value(parsed.get<bool>());
  if (parsed.is_number_integer() && number<int64_t>(text)) return int64_value(*number<int64_t>(text));
  if (parsed.is_number()) return float64_value(parsed.get<double>());
  return json_value(text);
}

// Whether its values may be of any type: serdes of plugins, and those with arguments.
bool takes_any(const Serde& serde) { return serde.of_plugin() || is_serde_spec(serde.name()); }

Result<std::string> bytes_of_any(const Serde& serde, std::string_view text) {
  Arena arena(1024);
  const json parsed = json::parse(text, nullptr, false);
  if (!parsed.is_discarded() && !parsed.is_null()) {
    std::string held;
    if (auto bytes = serde.write(value_of_json(parsed, text, held), arena)) return std::string(*bytes);
  }
  auto bytes = serde.write(string_value(text), arena);
  if (!bytes) return std::move(bytes).error();
  return std::string(*bytes);
}

void append_float(std::string& out, double value) {
  char digits[40];
  const auto [end, failed] = std::to_chars(digits, digits + sizeof digits, value);
  const std::string_view text(digits, static_cast<size_t>(end - digits));
  out += text;
  if (text.find_first_of(".en") == std::string_view::npos) out += ".0";  // a whole float stays a float
}

// JSON on one line, as it is where it has no line breaks. False: it is not JSON.
bool append_json_line(std::string& out, std::string_view text) {
  if (text.find_first_of("\n\r") == std::string_view::npos) {
    if (!json::accept(text)) return false;
    out += text;
    return true;
  }
  const json parsed = json::parse(text, nullptr, false);
  if (parsed.is_discarded()) return false;
  out += parsed.dump(-1, ' ', false, json::error_handler_t::replace);
  return true;
}

// Appends a value as text (strings as they are) or as JSON (strings quoted). False: it cannot be shown as that.
bool append_value(std::string& out, const Value& value, bool as_json) {
  switch (value.type) {
    case KST_NULL:
      out += "null";
      return true;
    case KST_BOOL:
      out += value.u.integer != 0 ? "true" : "false";
      return true;
    case KST_INT32:
    case KST_INT64:
      out += std::to_string(value.u.integer);
      return true;
    case KST_FLOAT64:
      if (std::isfinite(value.u.real) || !as_json) {
        append_float(out, value.u.real);
      } else {
        out += std::isnan(value.u.real) ? "\"NaN\"" : value.u.real > 0 ? "\"Infinity\"" : "\"-Infinity\"";
      }
      return true;
    case KST_STRING:
      if (as_json && !valid_utf8(data_of(value))) return false;
      if (as_json)
        append_json_string(out, data_of(value));
      else
        out += data_of(value);
      return true;
    case KST_JSON:
      return append_json_line(out, data_of(value));
    case KST_BYTES:
      if (as_json)
        append_json_bytes(out, data_of(value));
      else
        out += data_of(value);
      return true;
    default:
      return false;
  }
}

// What bytes say; an object of a plugin, or a windowed key, as its JSON.
Result<Value> shown_value(const Serde& serde, std::string_view bytes, Arena& arena) {
  auto value = serde.read(bytes, arena);
  if (!value) return value;
  if (value->type != KST_WINDOWED) return plain_value(*value, false, arena);
  auto text = find_serde("json")->write(*value, arena);
  if (!text) return std::move(text).error();
  return json_value(*text);
}

}  // namespace

Result<const Serde*> serde_named(const std::string& name, const ProcessorCatalog* catalog) {
  if (is_serde_spec(name))
    return make_serde(name,
                      [&](std::string_view inner) { return catalog ? catalog->serde(inner) : find_serde(inner); });
  if (const Serde* serde = catalog ? catalog->serde(name) : find_serde(name)) return serde;
  std::string names;
  for (const auto& known : serde_names()) names += (names.empty() ? "" : ", ") + known;
  if (catalog) {
    for (const auto& info : catalog->serdes())
      if (info.plugin != "builtin") names += ", " + info.name;
  } else {
    names += "; those of plugins need --plugins DIR";
  }
  return Error{Recovery::stop_topology, "unknown serde '" + name + "'", "one of " + names};
}

Result<std::string> bytes_of_text(const Serde& serde, std::string_view text) {
  if (takes_any(serde)) return bytes_of_any(serde, text);
  auto value = value_of_text(serde, text);
  if (!value) return std::move(value).error();
  Arena arena(1024);
  auto bytes = serde.write(*value, arena);
  if (!bytes) return std::move(bytes).error();
  return std::string(*bytes);
}

Result<std::optional<std::string>> bytes_of_json(const Serde& serde, std::string_view text) {
  const json parsed = json::parse(text, nullptr, false);
  if (parsed.is_discarded()) return not_a(serde, text, "it is no JSON at all");
  if (parsed.is_null()) return std::optional<std::string>();
  if (parsed.is_object() && parsed.size() == 1 && parsed.contains("base64") && parsed["base64"].is_string()) {
    auto bytes = base64_decode(parsed["base64"].get_ref<const std::string&>());
    if (!bytes) return not_a(serde, text, "base64 must be of the standard alphabet, padded with =");
    return bytes;
  }
  const std::string& name = serde.name();
  Value value = null_value();
  std::string held;
  if (name == "json") {
    held = text;
    value = json_value(held);
  } else if (takes_any(serde)) {
    value = value_of_json(parsed, text, held);
  } else if (parsed.is_string()) {
    held = parsed.get<std::string>();
    value = name == "bytes" ? bytes_value(held) : string_value(held);
  } else if (parsed.is_boolean()) {
    value = bool_value(parsed.get<bool>());
  } else if (parsed.is_number()) {
    // Through its text, so that an integer never passes a double.
    if (!is_integer_serde(name) && !is_float_serde(name)) return not_a(serde, text, "the serde takes no number");
    auto number = value_of_text(serde, text);
    if (!number) return std::move(number).error();
    value = *number;
  } else {
    return not_a(serde, text, "objects and lists need the serde json");
  }
  Arena arena(1024);
  auto bytes = serde.write(value, arena);
  if (!bytes) return std::move(bytes).error();
  return std::optional<std::string>(*bytes);
}

bool append_json_of_bytes(std::string& out, const Serde& serde, std::optional<std::string_view> bytes) {
  if (!bytes) {
    out += "null";
    return true;
  }
  Arena arena(1024);
  auto value = shown_value(serde, *bytes, arena);
  const size_t before = out.size();
  if (value && append_value(out, *value, true)) return true;
  out.resize(before);
  append_json_bytes(out, *bytes);
  return false;
}

bool append_text_of_bytes(std::string& out, const Serde& serde, std::string_view bytes) {
  Arena arena(1024);
  auto value = shown_value(serde, bytes, arena);
  const size_t before = out.size();
  if (value && append_value(out, *value, false)) return true;
  out.resize(before);
  out += bytes;
  return false;
}

bool append_json_of_record(std::string& out, const FetchedRecord& record, const Serde& key, const Serde& value) {
  const Origin& origin = record.origin;
  const auto of = [](const void* data, std::string_view bytes) {
    return data == nullptr ? std::nullopt : std::optional(bytes);
  };
  out += "{\"topic\":";
  append_json_string(out, {origin.topic, origin.topic_size});
  out += ",\"partition\":" + std::to_string(origin.partition) + ",\"offset\":" + std::to_string(origin.offset) +
         ",\"timestamp\":" + std::to_string(record.timestamp) + ",\"key\":";
  bool fits = append_json_of_bytes(out, key, of(origin.raw_key, raw_key(origin)));
  out += ",\"value\":";
  fits = append_json_of_bytes(out, value, of(origin.raw_value, raw_value(origin))) && fits;
  out += ",\"headers\":[";
  for (uint32_t i = 0; i < record.header_count; ++i) {
    const Header& header = record.headers[i];
    if (i > 0) out += ',';
    out += "{\"key\":";
    append_json_string(out, {header.name, header.name_size});
    out += ",\"value\":";
    const std::string_view bytes(static_cast<const char*>(header.value), header.value_size);
    if (header.value == nullptr)
      out += "null";
    else if (valid_utf8(bytes))
      append_json_string(out, bytes);
    else
      append_json_bytes(out, bytes);
    out += '}';
  }
  out += "]}";
  return fits;
}

}  // namespace kstreamd
