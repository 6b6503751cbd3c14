#include "core/serde/json_word.h"

#include <cmath>

#include "core/base/base64.h"
#include "core/base/utf8.h"
#include "core/serde/misfit.h"

namespace kstreamd {

using nlohmann::json;

Result<json> json_of_value(const Value& value, std::string_view kind) {
  switch (value.type) {
    case KST_NULL:
      return json();
    case KST_BOOL:
      return json(value.u.integer != 0);
    case KST_INT32:
    case KST_INT64:
      return json(value.u.integer);
    case KST_FLOAT64:
      if (std::isfinite(value.u.real)) return json(value.u.real);
      return json(std::isnan(value.u.real) ? "NaN" : value.u.real > 0 ? "Infinity" : "-Infinity");
    case KST_STRING:
      if (!valid_utf8(data_of(value))) return misfit(value, kind, "the text is not UTF-8");
      return json(std::string(data_of(value)));
    case KST_BYTES:
      return json(base64_encode(data_of(value)));
    case KST_JSON: {
      json parsed = json::parse(data_of(value), nullptr, false);
      if (parsed.is_discarded()) return misfit(value, kind, "it is no JSON text");
      return parsed;
    }
    default:
      return misfit(value, kind, "make an object of it in an expression");
  }
}

std::string json_word(const json& value) {
  if (value.is_string()) return "a text";
  if (value.is_array()) return "a list";
  if (value.is_object()) return "an object";
  return value.dump();
}

}  // namespace kstreamd
