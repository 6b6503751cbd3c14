// Making and reading kst_value in C++. Used by the engine as well as by plugins: there is one value type.
#pragma once
#include <kstreamd/abi/record.h>

#include <cstdint>
#include <string_view>

namespace kstreamd {

using Value = kst_value;
using Record = kst_record;
using Header = kst_header;
using Origin = kst_origin;

inline Value null_value() { return Value{KST_NULL, 0, {.integer = 0}}; }
inline Value bool_value(bool v) { return Value{KST_BOOL, 0, {.integer = v ? 1 : 0}}; }
inline Value int32_value(int32_t v) { return Value{KST_INT32, 0, {.integer = v}}; }
inline Value int64_value(int64_t v) { return Value{KST_INT64, 0, {.integer = v}}; }
inline Value float64_value(double v) { return Value{KST_FLOAT64, 0, {.real = v}}; }

// The text is borrowed: it must outlive the value.
inline Value string_value(std::string_view v) {
  return Value{KST_STRING, static_cast<uint32_t>(v.size()), {.data = v.data()}};
}
inline Value bytes_value(std::string_view v) {
  return Value{KST_BYTES, static_cast<uint32_t>(v.size()), {.data = v.data()}};
}
inline Value json_value(std::string_view text) {
  return Value{KST_JSON, static_cast<uint32_t>(text.size()), {.data = text.data()}};
}

// Borrowed too.
inline Value object_value(const kst_object* object) { return Value{KST_OBJECT, 0, {.object = object}}; }

inline bool is_null(const Value& v) { return v.type == KST_NULL; }
inline bool is_integer(const Value& v) { return v.type == KST_INT64 || v.type == KST_INT32; }
inline bool has_data(const Value& v) { return v.type >= KST_STRING && v.type <= KST_JSON; }

// The bytes of a string, bytes or json value; empty for any other.
inline std::string_view data_of(const Value& v) {
  return has_data(v) ? std::string_view(v.u.data, v.size) : std::string_view();
}

// "null", "bool", "int32", ...: for messages.
inline const char* type_name(const Value& v) {
  static constexpr const char* names[] = {"null",  "bool", "int32",  "int64",        "float64", "string",
                                          "bytes", "json", "object", "windowed key", "change"};
  return v.type < sizeof names / sizeof *names ? names[v.type] : "opaque";
}

}  // namespace kstreamd
