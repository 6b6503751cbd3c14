// Between the values of records and the types of C++. A typed processor or store may use
//
//   std::string_view   string        borrowed: valid until the call into the processor returns
//   std::string        string        a copy
//   bool               bool
//   int32_t, int64_t   int32, int64  an int64 that fits is taken as int32_t too
//   double             float64       integers of up to 53 bits are taken too
//   sdk::Bytes         bytes         borrowed
//   sdk::Json          json          its text, borrowed; an object of somebody's own type as its JSON
//   sdk::Object<T>     object        see object.h
//   kstreamd::Value    anything, null too
//   std::optional<T>   null, or a T
//
// and types of the author's own:
//
//   template <>
//   struct kstreamd::sdk::Codec<acme::Price> {
//     static constexpr const char* kTakes = "json";                         // for messages: "this takes json"
//     static bool accepts(const Value& value) { return value.type == KST_JSON; }
//     static acme::Price read(const Value& value, Memory& memory);          // whatever it throws is the record's error
//     static Value write(const acme::Price& price, Memory& memory);         // may borrow from the price, or the memory
//   };
#pragma once
#include <kstreamd/sdk/errors.h>
#include <kstreamd/sdk/memory.h>
#include <kstreamd/sdk/object.h>
#include <kstreamd/sdk/value.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace kstreamd::sdk {

// Bytes that are no text. Borrowed, as a string_view is.
struct Bytes {
  std::string_view data;
  bool operator==(const Bytes&) const = default;
};

// A JSON text; it is not looked into. Borrowed, as a string_view is.
struct Json {
  std::string_view text;
  bool operator==(const Json&) const = default;
};

// Not defined: a type without a codec cannot be a key or value.
template <typename T>
struct Codec;

template <typename T>
concept Coded = requires(const kstreamd::Value& value, Memory& memory, const T& typed) {
  { Codec<T>::accepts(value) } -> std::convertible_to<bool>;
  { Codec<T>::read(value, memory) } -> std::convertible_to<T>;
  { Codec<T>::write(typed, memory) } -> std::convertible_to<kstreamd::Value>;
  std::string_view(Codec<T>::kTakes);
};

namespace detail {

template <typename T>
inline constexpr bool is_optional = false;
template <typename T>
inline constexpr bool is_optional<std::optional<T>> = true;

// What T becomes as part of a record: a literal is a string_view.
template <typename T>
using Plain =
    std::conditional_t<std::is_convertible_v<T, const char*> && !std::is_same_v<std::decay_t<T>, std::nullptr_t>,
                       std::string_view, std::decay_t<T>>;

template <typename T>
constexpr void require_codec() {
  static_assert(Coded<T>,
                "this type cannot be a key or value: use std::string_view, std::string, bool, int32_t, int64_t, "
                "double, sdk::Bytes, sdk::Json, sdk::Object<T>, std::optional of these or kstreamd::Value, or "
                "specialize kstreamd::sdk::Codec for it (kTakes, accepts, read, write: see sdk/codec.h)");
}

inline std::string article(std::string_view noun) {
  return (std::string_view("aeiou").find(noun.empty() ? 'x' : noun[0]) != std::string_view::npos ? "an " : "a ") +
         std::string(noun);
}

// What is wrong with a value that T does not accept. `what` is "the key", "the value", "the value of a row in store 0".
template <typename T>
[[noreturn]] void refuse(const kstreamd::Value& value, std::string_view what) {
  const std::string takes = Codec<T>::kTakes;
  std::string message = std::string(what) + " is " + (is_null(value) ? "null" : article(type_name(value))) +
                        ", this processor takes " + takes;
  if (is_null(value)) {
    message += " and no nulls: filter them out before this node, or let the processor take a std::optional";
  } else if constexpr (requires { Codec<T>::kSerde; }) {
    message += std::string(": say `") + (what.starts_with("the key") ? "key" : "value") + ": " + Codec<T>::kSerde +
               "` at the source or store that it comes from, or convert it before this node";
  }
  throw RecordError(message);
}

// A value as a T. Throws RecordError with a hint when it is none.
template <typename T>
T decode(const kstreamd::Value& value, Memory& memory, std::string_view what) {
  require_codec<T>();
  if (!Codec<T>::accepts(value)) [[unlikely]]
    refuse<T>(value, what);
  return Codec<T>::read(value, memory);
}

template <typename T>
kstreamd::Value encode(const T& typed, Memory& memory) {
  require_codec<T>();
  return Codec<T>::write(typed, memory);
}

}  // namespace detail

template <>
struct Codec<kstreamd::Value> {
  static constexpr const char* kTakes = "anything";
  static bool accepts(const kstreamd::Value&) { return true; }
  static kstreamd::Value read(const kstreamd::Value& value, Memory&) { return value; }
  static kstreamd::Value write(const kstreamd::Value& value, Memory&) { return value; }
};

// For tombstones: record.with_value(nullptr).
template <>
struct Codec<std::nullptr_t> {
  static constexpr const char* kTakes = "null";
  static bool accepts(const kstreamd::Value& value) { return is_null(value); }
  static std::nullptr_t read(const kstreamd::Value&, Memory&) { return nullptr; }
  static kstreamd::Value write(std::nullptr_t, Memory&) { return null_value(); }
};

template <>
struct Codec<std::string_view> {
  static constexpr const char* kTakes = "string";
  static constexpr const char* kSerde = "string";
  static bool accepts(const kstreamd::Value& value) { return value.type == KST_STRING; }
  static std::string_view read(const kstreamd::Value& value, Memory&) { return data_of(value); }
  static kstreamd::Value write(std::string_view text, Memory&) { return string_value(text); }
};

template <>
struct Codec<std::string> : Codec<std::string_view> {
  static std::string read(const kstreamd::Value& value, Memory&) { return std::string(data_of(value)); }
  static kstreamd::Value write(const std::string& text, Memory&) { return string_value(text); }
};

template <>
struct Codec<Bytes> {
  static constexpr const char* kTakes = "bytes";
  static constexpr const char* kSerde = "bytes";
  static bool accepts(const kstreamd::Value& value) { return value.type == KST_BYTES; }
  static Bytes read(const kstreamd::Value& value, Memory&) { return {data_of(value)}; }
  static kstreamd::Value write(const Bytes& bytes, Memory&) { return bytes_value(bytes.data); }
};

template <>
struct Codec<Json> {
  static constexpr const char* kTakes = "json";
  static constexpr const char* kSerde = "json";
  static bool accepts(const kstreamd::Value& value) { return value.type == KST_JSON || value.type == KST_OBJECT; }
  static Json read(const kstreamd::Value& value, Memory& memory) {
    return {value.type == KST_OBJECT ? json_of(value.u.object, memory) : data_of(value)};
  }
  static kstreamd::Value write(const Json& json, Memory&) { return json_value(json.text); }
};

template <>
struct Codec<bool> {
  static constexpr const char* kTakes = "bool";
  static constexpr const char* kSerde = "json";
  static bool accepts(const kstreamd::Value& value) { return value.type == KST_BOOL; }
  static bool read(const kstreamd::Value& value, Memory&) { return value.u.integer != 0; }
  static kstreamd::Value write(bool v, Memory&) { return bool_value(v); }
};

template <>
struct Codec<int64_t> {
  static constexpr const char* kTakes = "int64";
  static constexpr const char* kSerde = "int64";
  static bool accepts(const kstreamd::Value& value) { return is_integer(value); }
  static int64_t read(const kstreamd::Value& value, Memory&) { return value.u.integer; }
  static kstreamd::Value write(int64_t v, Memory&) { return int64_value(v); }
};

template <>
struct Codec<int32_t> {
  static constexpr const char* kTakes = "int32";
  static constexpr const char* kSerde = "int32";
  static bool accepts(const kstreamd::Value& value) { return is_integer(value); }
  static int32_t read(const kstreamd::Value& value, Memory&) {
    const int64_t v = value.u.integer;
    if (v < std::numeric_limits<int32_t>::min() || v > std::numeric_limits<int32_t>::max())
      throw RecordError(std::to_string(v) + " does not fit into int32, which this processor takes");
    return static_cast<int32_t>(v);
  }
  static kstreamd::Value write(int32_t v, Memory&) { return int32_value(v); }
};

template <>
struct Codec<double> {
  static constexpr const char* kTakes = "float64";
  static constexpr const char* kSerde = "double";
  static bool accepts(const kstreamd::Value& value) { return value.type == KST_FLOAT64 || is_integer(value); }
  static double read(const kstreamd::Value& value, Memory&) {
    constexpr int64_t exact = int64_t{1} << 53;
    if (value.type == KST_FLOAT64) return value.u.real;
    if (value.u.integer < -exact || value.u.integer > exact)
      throw RecordError(std::to_string(value.u.integer) +
                        " is no exact float64, which this processor takes: convert it before this node");
    return static_cast<double>(value.u.integer);
  }
  static kstreamd::Value write(double v, Memory&) { return float64_value(v); }
};

template <typename T>
struct Codec<Object<T>> {
  static constexpr const char* kTakes = T::kTypeId;
  static bool accepts(const kstreamd::Value& value) { return Object<T>::is(value); }
  static Object<T> read(const kstreamd::Value& value, Memory&) { return Object<T>::share(value); }
  static kstreamd::Value write(const Object<T>& object, Memory&) { return object.value(); }
};

template <typename T>
struct Codec<std::optional<T>> : Codec<T> {
  static bool accepts(const kstreamd::Value& value) { return is_null(value) || Codec<T>::accepts(value); }
  static std::optional<T> read(const kstreamd::Value& value, Memory& memory) {
    if (is_null(value)) return std::nullopt;
    return Codec<T>::read(value, memory);
  }
  static kstreamd::Value write(const std::optional<T>& typed, Memory& memory) {
    return typed ? Codec<T>::write(*typed, memory) : null_value();
  }
};

}  // namespace kstreamd::sdk
