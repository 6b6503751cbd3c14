#include "core/serde/json_scalar.h"

#include <simdjson.h>

#include <string>

namespace kstreamd {
namespace {

// A parser keeps buffers as large as its largest text; beyond this they are given back.
constexpr size_t kKeptCapacity = 1 << 20;

simdjson::simdjson_result<simdjson::dom::element> parse(std::string_view text) {
  thread_local simdjson::dom::parser parser;
  if (parser.capacity() > kKeptCapacity && text.size() <= kKeptCapacity) parser = simdjson::dom::parser();
  return parser.parse(text.data(), text.size());
}

}  // namespace

Status check_json(std::string_view text) {
  auto error = parse(text).error();
  if (error == simdjson::SUCCESS) return {};
  if (error == simdjson::EMPTY) return Error{.message = "not JSON: the text is empty"};
  return Error{.message = std::string("not JSON: ") + simdjson::error_message(error)};
}

Value unwrap_json(const Value& value, Arena& arena) {
  if (value.type != KST_JSON) return value;
  auto text = data_of(value);
  auto start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos || text[start] == '{' || text[start] == '[') return value;
  simdjson::dom::element element;
  if (parse(text).get(element) != simdjson::SUCCESS) return value;
  switch (element.type()) {
    case simdjson::dom::element_type::STRING:
      return string_value(arena.copy(element.get_string().value_unsafe()));
    case simdjson::dom::element_type::INT64:
      return int64_value(element.get_int64().value_unsafe());
    case simdjson::dom::element_type::DOUBLE:
      return float64_value(element.get_double().value_unsafe());
    case simdjson::dom::element_type::BOOL:
      return bool_value(element.get_bool().value_unsafe());
    case simdjson::dom::element_type::NULL_VALUE:
      return null_value();
    default:
      return value;
  }
}

}  // namespace kstreamd
