// The serde json: texts pass as they are, other values are written canonically.
#include <simdjson.h>

#include <charconv>
#include <cmath>

#include "core/serde/json_scalar.h"
#include "core/serde/json_writer.h"
#include "core/serde/misfit.h"
#include "core/serde/serdes.h"
#include "kstreamd/sdk/windowed.h"

namespace kstreamd {
namespace {

std::string_view write_integer(int64_t number, Arena& arena) {
  char text[24];
  auto end = std::to_chars(text, text + sizeof text, number).ptr;
  return arena.copy({text, static_cast<size_t>(end - text)});
}

std::string_view write_float(double number, Arena& arena) {
  std::string text;
  append_json_float(text, number);
  return arena.copy(text);
}

std::string_view write_text(std::string_view text, Arena& arena) {
  std::string quoted;
  append_json_text(quoted, text);
  return arena.copy(quoted);
}

class JsonSerde final : public Serde {
 public:
  const std::string& name() const override { return name_; }

  Result<Value> read(std::string_view bytes, Arena&) const override {
    KSTREAMD_TRY(check_json(bytes));
    return json_value(bytes);
  }

  Result<std::string_view> write(const Value& value, Arena& arena) const override {
    switch (value.type) {
      case KST_JSON:
        return data_of(value);
      case KST_BOOL:
        return std::string_view(value.u.integer ? "true" : "false");
      case KST_INT32:
      case KST_INT64:
        return write_integer(value.u.integer, arena);
      case KST_FLOAT64:
        if (!std::isfinite(value.u.real))
          return Error{.message = "JSON has no infinite numbers and no NaN", .hint = "look for a division by zero"};
        return write_float(value.u.real, arena);
      case KST_STRING:
        if (!simdjson::validate_utf8(value.u.data, value.size))
          return Error{.message = "a text that is not UTF-8 cannot be written as JSON", .hint = "name the serde bytes"};
        return write_text(data_of(value), arena);
      case KST_WINDOWED:
        return write_windowed(windowed_of(value), arena);
      default:
        return misfit(value, name_, "name the serde bytes, or make a text of it in an expression");
    }
  }

 private:
  Result<std::string_view> write_windowed(const Windowed& windowed, Arena& arena) const {
    Result<std::string_view> key = std::string_view("null");
    if (!is_null(windowed.key)) key = write(windowed.key, arena);
    if (!key) return key;
    return arena.copy("{\"end\":" + std::to_string(windowed.end) + ",\"key\":" + std::string(*key) +
                      ",\"start\":" + std::to_string(windowed.start) + "}");
  }

  const std::string name_ = "json";
};

}  // namespace

std::vector<const Serde*> json_serdes() {
  static const JsonSerde json;
  return {&json};
}

}  // namespace kstreamd
