// The serde json: texts pass as they are, other values are written canonically.
#include <simdjson.h>

#include <charconv>
#include <cmath>
#include <cstring>

#include "core/serde/json_scalar.h"
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

// The shortest digits that read back as the same double, and always as a float: 4.0, 0.1, 1e+16.
std::string_view write_float(double number, Arena& arena) {
  constexpr int kMinPoint = -4;  // beyond these the exponent is written
  constexpr int kMaxPoint = 15;
  char scientific[32];
  auto end =
      std::to_chars(scientific, scientific + sizeof scientific, std::fabs(number), std::chars_format::scientific).ptr;
  std::string_view given(scientific, static_cast<size_t>(end - scientific));
  size_t e = given.find('e');
  std::string digits(1, given[0]);
  if (e > 2) digits += given.substr(2, e - 2);
  int exponent = 0;
  std::from_chars(given.data() + e + (given[e + 1] == '+' ? 2 : 1), end, exponent);
  int count = static_cast<int>(digits.size());
  int point = exponent + 1;  // how many digits stand before it

  std::string text = std::signbit(number) ? "-" : "";
  if (count <= point && point <= kMaxPoint) {
    text += digits + std::string(static_cast<size_t>(point - count), '0') + ".0";
  } else if (point > 0 && point <= kMaxPoint) {
    text += digits.substr(0, static_cast<size_t>(point)) + "." + digits.substr(static_cast<size_t>(point));
  } else if (point > kMinPoint && point <= 0) {
    text += "0." + std::string(static_cast<size_t>(-point), '0') + digits;
  } else {
    text += digits.substr(0, 1);
    if (count > 1) text += "." + digits.substr(1);
    text += given.substr(e);
  }
  return arena.copy(text);
}

std::string_view write_text(std::string_view text, Arena& arena) {
  static constexpr char kHex[] = "0123456789abcdef";
  auto* const start = static_cast<char*>(arena.allocate(text.size() * 6 + 2));
  char* to = start;
  *to++ = '"';
  for (char c : text) {
    static constexpr std::string_view kShort = "\"\\\b\f\n\r\t";
    static constexpr std::string_view kLetters = "\"\\bfnrt";
    size_t which = static_cast<uint8_t>(c) < 0x20 || c == '"' || c == '\\' ? kShort.find(c) : std::string_view::npos;
    if (which != std::string_view::npos) {
      *to++ = '\\';
      *to++ = kLetters[which];
    } else if (static_cast<uint8_t>(c) < 0x20) {
      std::memcpy(to, "\\u00", 4);
      to[4] = kHex[c >> 4];
      to[5] = kHex[c & 15];
      to += 6;
    } else {
      *to++ = c;
    }
  }
  *to++ = '"';
  return {start, static_cast<size_t>(to - start)};
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
