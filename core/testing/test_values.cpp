#include "core/testing/test_values.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/base/base64.h"
#include "core/serde/objects.h"
#include "core/topology/json_text.h"
#include "kstreamd/sdk/windowed.h"

namespace kstreamd {
namespace {

using nlohmann::json;
constexpr double kTolerance = 1e-9;

template <typename T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool only_digits(std::string_view text) {
  if (text.starts_with("-")) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// What a scalar without quotes is when it is not taken as text.
std::optional<Value> typed(const std::string& text) {
  if (text == "true" || text == "false") return bool_value(text == "true");
  if (const auto whole = number<int64_t>(text)) return int64_value(*whole);
  if (only_digits(text)) return json_value(text);  // beyond 64 bits
  if (const auto real = number<double>(text); real && std::isfinite(*real)) return float64_value(*real);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (text == ".inf" || text == "+.inf") return float64_value(infinity);
  if (text == "-.inf") return float64_value(-infinity);
  if (text == ".nan") return float64_value(std::numeric_limits<double>::quiet_NaN());
  return std::nullopt;
}

// Sorted fields, no spaces, shortest numbers: as kstreamd writes JSON. A text that is none stays.
std::string canonical(std::string_view text) {
  const json parsed = json::parse(text, nullptr, false);
  return parsed.is_discarded() ? std::string(text) : parsed.dump(-1, ' ', false, json::error_handler_t::replace);
}

bool same_json(const json& a, const json& b) {
  if (a.is_number() && b.is_number()) {
    if (a.is_number_integer() && b.is_number_integer()) return a == b;
    const double x = a.get<double>(), y = b.get<double>();
    if (std::isnan(x) || std::isnan(y)) return std::isnan(x) && std::isnan(y);
    if (std::isinf(x) || std::isinf(y)) return x == y;
    return std::fabs(x - y) <= kTolerance * std::max(std::fabs(x), std::fabs(y));
  }
  if (a.type() != b.type() || a.size() != b.size()) return false;
  if (a.is_array()) {
    for (size_t i = 0; i < a.size(); ++i)
      if (!same_json(a[i], b[i])) return false;
    return true;
  }
  if (!a.is_object()) return a == b;
  for (auto at = a.begin(), other = b.begin(); at != a.end(); ++at, ++other)
    if (at.key() != other.key() || !same_json(at.value(), other.value())) return false;
  return true;
}

// A value as JSON, to compare by content. Nothing: its bytes are all there is to it.
std::optional<json> json_of(const Value& value) {
  switch (value.type) {
    case KST_NULL:
      return json(nullptr);
    case KST_BOOL:
      return json(value.u.integer != 0);
    case KST_INT32:
    case KST_INT64:
      return json(value.u.integer);
    case KST_FLOAT64:
      return json(value.u.real);
    case KST_STRING:
      return json(std::string(data_of(value)));
    case KST_JSON: {
      json parsed = json::parse(data_of(value), nullptr, false);
      if (parsed.is_discarded()) return std::nullopt;
      return parsed;
    }
    case KST_WINDOWED: {
      const Windowed windowed = windowed_of(value);
      auto key = json_of(windowed.key);
      if (!key) return std::nullopt;
      return json{{"end", windowed.end}, {"key", std::move(*key)}, {"start", windowed.start}};
    }
    default:
      return std::nullopt;
  }
}

std::optional<json> json_of(const Serde& serde, std::string_view bytes, Arena& arena) {
  auto value = serde.read(bytes, arena);
  if (!value) return std::nullopt;
  auto plain = plain_value(*value, false, arena);
  return plain ? json_of(*plain) : std::nullopt;
}

std::string base64_text(std::string_view bytes) { return "{ base64: \"" + base64_encode(bytes) + "\" }"; }

std::string float_text(double value) {
  if (std::isnan(value)) return ".nan";
  if (std::isinf(value)) return value > 0 ? ".inf" : "-.inf";
  return json(value).dump();
}

// What a value may stand for, the likeliest first.
std::vector<Value> readings(const TestValue& value, Arena& arena) {
  switch (value.kind) {
    case TestValue::Kind::null:
      return {null_value()};
    case TestValue::Kind::bytes:
      return {bytes_value(value.text)};
    case TestValue::Kind::json:
      return {json_value(arena.copy(canonical(value.text)))};
    case TestValue::Kind::scalar:
      break;
  }
  if (const auto plain = value.quoted ? std::nullopt : typed(value.text)) return {*plain, string_value(value.text)};
  return {string_value(value.text)};
}

// The same of a windowed key.
std::vector<Value> windowed_readings(const TestValue::Window& window, Arena& arena) {
  std::vector<Value> keys;
  for (const Value& key : readings(*window.key, arena))
    keys.push_back(windowed_value(Windowed{key, window.start, window.end}, arena));
  return keys;
}

// The bounds that a serde reads have to be those that were written: the end may follow from the serde's size.
Status check_window(const TestValue::Window& window, std::string_view bytes, const Serde& serde, Arena& arena) {
  auto back = serde.read(bytes, arena);
  if (!back) return std::move(back).error();
  const int64_t end = windowed_of(*back).end;
  if (end == window.end || end == std::numeric_limits<int64_t>::max()) return {};
  return Error{.message = "a window that starts at " + std::to_string(window.start) + " ends at " +
                          std::to_string(end) + ", not at " + std::to_string(window.end),
               .hint = "the serde's size says so"};
}

std::string windowed_text(const Windowed& windowed, const std::string& key) {
  const bool open = windowed.end == std::numeric_limits<int64_t>::max();  // the serde has no size
  return "{ key: " + key + ", start: " + std::to_string(windowed.start) +
         ", end: " + (open ? "?" : std::to_string(windowed.end)) + " }";
}

// Nothing: its bytes are all there is to show.
std::optional<std::string> shown_value(const Value& value) {
  switch (value.type) {
    case KST_NULL:
      return "null";
    case KST_BOOL:
      return value.u.integer != 0 ? "true" : "false";
    case KST_INT32:
    case KST_INT64:
      return std::to_string(value.u.integer);
    case KST_FLOAT64:
      return float_text(value.u.real);
    case KST_STRING:
      return quote_json(data_of(value));
    case KST_JSON:
      return canonical(data_of(value));
    case KST_WINDOWED: {
      const Windowed windowed = windowed_of(value);
      return windowed_text(windowed, shown_value(windowed.key).value_or(base64_text(data_of(windowed.key))));
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<std::optional<std::string>> bytes_of(const TestValue& value, const Serde& serde) {
  if (value.kind == TestValue::Kind::null) return std::optional<std::string>();
  if (value.kind == TestValue::Kind::bytes) return std::optional(value.text);
  if (serde.windowed() && !value.window)
    return Error{.message = "the keys have windows", .hint = "write key: { key: KEY, start: MS, end: MS }"};
  Arena arena(1024);
  std::optional<Error> refused;
  for (const Value& reading : serde.windowed() ? windowed_readings(*value.window, arena) : readings(value, arena)) {
    auto bytes = serde.write(reading, arena);
    if (bytes) {
      if (serde.windowed()) KSTREAMD_TRY(check_window(*value.window, *bytes, serde, arena));
      return std::optional(std::string(*bytes));
    }
    if (!refused) refused = std::move(bytes).error();
  }
  return std::move(*refused);
}

bool same_value(const Serde& serde, std::optional<std::string_view> a, std::optional<std::string_view> b) {
  if (a.has_value() != b.has_value()) return false;
  if (!a || *a == *b) return true;
  Arena arena(1024);
  const auto x = json_of(serde, *a, arena), y = json_of(serde, *b, arena);
  return x && y && same_json(*x, *y);
}

std::string shown(const Serde& serde, std::optional<std::string_view> bytes, bool past_serde) {
  if (!bytes) return "null";
  if (past_serde) return base64_text(*bytes);
  Arena arena(1024);
  auto value = serde.read(*bytes, arena);
  if (!value) return base64_text(*bytes);
  auto plain = plain_value(*value, false, arena);
  return plain ? shown_value(*plain).value_or(base64_text(*bytes)) : base64_text(*bytes);
}

std::string as_written(const TestValue& value) {
  switch (value.kind) {
    case TestValue::Kind::null:
      return "null";
    case TestValue::Kind::bytes:
      return base64_text(value.text);
    case TestValue::Kind::json:
      return canonical(value.text);
    case TestValue::Kind::scalar:
      return value.quoted || !typed(value.text) ? quote_json(value.text) : value.text;
  }
  return "";
}

}  // namespace kstreamd
