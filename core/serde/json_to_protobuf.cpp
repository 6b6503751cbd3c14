#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "core/base/base64.h"
#include "core/serde/field_path.h"
#include "core/serde/json_word.h"
#include "core/serde/protobuf_codec.h"

namespace kstreamd {
namespace {

namespace pb = google::protobuf;
using Field = pb::FieldDescriptor;
using nlohmann::json;

constexpr int kMaxDepth = 100;

// A whole number of the type exactly as large, if there is one. A text is one in the keys of maps only.
template <typename Int>
std::optional<Int> whole(const json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<uint64_t>();
    if (number > static_cast<uint64_t>(std::numeric_limits<Int>::max())) return std::nullopt;
    return static_cast<Int>(number);
  }
  if (value.is_number_integer()) {
    const auto number = value.get<int64_t>();
    if constexpr (std::is_unsigned_v<Int>) return number < 0 ? std::nullopt : std::optional(static_cast<Int>(number));
    if (number < static_cast<int64_t>(std::numeric_limits<Int>::min()) ||
        number > static_cast<int64_t>(std::numeric_limits<Int>::max()))
      return std::nullopt;
    return static_cast<Int>(number);
  }
  if (!value.is_number_float()) return std::nullopt;
  const auto real = value.get<double>();
  // Beyond 2^53 a float does not say which integer it means.
  constexpr double kExact = 9007199254740992.0;
  if (!(real >= -kExact && real <= kExact) || std::trunc(real) != real) return std::nullopt;
  return whole<Int>(json(static_cast<int64_t>(real)));
}

std::optional<double> real_number(const json& value) {
  if (value.is_number_float()) return value.get<double>();
  if (const auto number = value.is_number() ? whole<int64_t>(value) : std::nullopt)
    if (whole<int64_t>(json(static_cast<double>(*number))) == number) return static_cast<double>(*number);
  if (value == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (value == "Infinity") return std::numeric_limits<double>::infinity();
  if (value == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

class ProtobufWriting {
 public:
  Status run(const json& from, pb::Message& to) {
    if (message(from, to, 0)) return {};
    return failure_.error("make it fit in an expression, or change the schema");
  }

 private:
  bool message(const json& from, pb::Message& to, int depth) {
    if (depth > kMaxDepth) return failure_.fail("values are nested more than " + std::to_string(kMaxDepth) + " deep");
    const auto& type = *to.GetDescriptor();
    if (type.file()->package() == "google.protobuf") return googles(from, to);
    if (!from.is_object()) return failure_.fail(json_word(from) + " does not fit message " + type.name());
    for (auto item = from.begin(); item != from.end(); ++item) {
      const Field* field = type.FindFieldByName(item.key());
      if (!field) {
        failure_.fail("the schema's message " + type.name() + " has no such field");
        return failure_.within(item.key());
      }
      if (item->is_null() && !takes_null(*field)) continue;
      if (const auto* oneof = field->real_containing_oneof(); oneof && to.GetReflection()->HasOneof(to, oneof)) {
        failure_.fail("another field of the oneof " + oneof->name() + " is there too");
        return failure_.within(item.key());
      }
      if (!set(*item, to, *field, depth)) return failure_.within(item.key());
    }
    if (std::vector<std::string> missing; !to.IsInitialized()) {
      to.FindInitializationErrors(&missing);
      failure_.fail("it is missing, and required");
      return failure_.within(missing.empty() ? "" : missing[0]);
    }
    return true;
  }

  // google.protobuf.Value has a null of its own.
  static bool takes_null(const Field& field) {
    return field.cpp_type() == Field::CPPTYPE_MESSAGE && field.message_type()->full_name() == "google.protobuf.Value";
  }

  bool googles(const json& from, pb::Message& to) {
    const auto status = pb::util::JsonStringToMessage(from.dump(), &to);
    if (status.ok()) return true;
    return failure_.fail(json_word(from) + " does not fit " + to.GetDescriptor()->full_name() + " (" +
                         std::string(status.message()) + ")");
  }

  bool set(const json& from, pb::Message& to, const Field& field, int depth) {
    if (field.is_map()) return map(from, to, field, depth);
    if (!field.is_repeated()) return value(from, to, field, depth);
    if (!from.is_array() && !(from.is_object() && from.empty()))
      return failure_.fail(json_word(from) + " does not fit a list");
    size_t index = 0;
    for (const auto& item : from) {
      if (!value(item, to, field, depth)) return failure_.at(index);
      ++index;
    }
    return true;
  }

  bool map(const json& from, pb::Message& to, const Field& field, int depth) {
    if (!from.is_object()) return failure_.fail(json_word(from) + " does not fit a map");
    const Field &key = *field.message_type()->map_key(), &content = *field.message_type()->map_value();
    for (auto item = from.begin(); item != from.end(); ++item) {
      pb::Message& entry = *to.GetReflection()->AddMessage(&to, &field);
      if (!value(key_of(item.key(), key), entry, key, depth) || !value(item.value(), entry, content, depth))
        return failure_.within(item.key());
    }
    return true;
  }

  // JSON's keys are texts; Protobuf's may be numbers.
  static json key_of(const std::string& text, const Field& key) {
    if (key.cpp_type() == Field::CPPTYPE_STRING) return text;
    if (key.cpp_type() == Field::CPPTYPE_BOOL && (text == "true" || text == "false")) return text == "true";
    const json number = json::parse(text, nullptr, false);
    return number.is_number_integer() ? number : json(text);
  }

  bool misfit(const json& from, const Field& field) {
    const std::string type =
        field.cpp_type() == Field::CPPTYPE_ENUM ? "enum " + field.enum_type()->name() : field.type_name();
    return failure_.fail(json_word(from) + " does not fit " + type);
  }

  // Sets a field, or adds to a repeated one.
  bool value(const json& from, pb::Message& to, const Field& field, int depth) {
    const auto& reflection = *to.GetReflection();
    const bool one = !field.is_repeated();
    switch (field.cpp_type()) {
      case Field::CPPTYPE_INT32:
        return put(whole<int32_t>(from), from, to, field, &pb::Reflection::SetInt32, &pb::Reflection::AddInt32);
      case Field::CPPTYPE_INT64:
        return put(whole<int64_t>(from), from, to, field, &pb::Reflection::SetInt64, &pb::Reflection::AddInt64);
      case Field::CPPTYPE_UINT32:
        return put(whole<uint32_t>(from), from, to, field, &pb::Reflection::SetUInt32, &pb::Reflection::AddUInt32);
      case Field::CPPTYPE_UINT64:
        return put(whole<uint64_t>(from), from, to, field, &pb::Reflection::SetUInt64, &pb::Reflection::AddUInt64);
      case Field::CPPTYPE_DOUBLE:
        return put(real_number(from), from, to, field, &pb::Reflection::SetDouble, &pb::Reflection::AddDouble);
      case Field::CPPTYPE_FLOAT:
        return real32(from, to, field);
      case Field::CPPTYPE_BOOL:
        return put(from.is_boolean() ? std::optional(from.get<bool>()) : std::nullopt, from, to, field,
                   &pb::Reflection::SetBool, &pb::Reflection::AddBool);
      case Field::CPPTYPE_ENUM:
        return put(symbol(from, field), from, to, field, &pb::Reflection::SetEnumValue, &pb::Reflection::AddEnumValue);
      case Field::CPPTYPE_STRING:
        return text(from, to, field);
      case Field::CPPTYPE_MESSAGE:
        return message(from, one ? *reflection.MutableMessage(&to, &field) : *reflection.AddMessage(&to, &field),
                       depth + 1);
    }
    return false;
  }

  template <typename T>
  bool put(const std::optional<T>& content, const json& from, pb::Message& to, const Field& field,
           void (pb::Reflection::*set)(pb::Message*, const Field*, T) const,
           void (pb::Reflection::*add)(pb::Message*, const Field*, T) const) {
    if (!content) return misfit(from, field);
    (to.GetReflection()->*(field.is_repeated() ? add : set))(&to, &field, *content);
    return true;
  }

  bool real32(const json& from, pb::Message& to, const Field& field) {
    const auto real = real_number(from);
    std::optional<float> narrow;
    if (real && (std::isinf(*real) || !std::isinf(static_cast<float>(*real)))) narrow = static_cast<float>(*real);
    return put(narrow, from, to, field, &pb::Reflection::SetFloat, &pb::Reflection::AddFloat);
  }

  static std::optional<int> symbol(const json& from, const Field& field) {
    if (from.is_string()) {
      const auto* known = field.enum_type()->FindValueByName(from.get<std::string>());
      return known ? std::optional(known->number()) : std::nullopt;
    }
    return whole<int32_t>(from);
  }

  bool text(const json& from, pb::Message& to, const Field& field) {
    if (!from.is_string()) return misfit(from, field);
    std::string content = from.get<std::string>();
    if (field.type() == Field::TYPE_BYTES) {
      auto bytes = base64_decode(content);
      if (!bytes) return failure_.fail("a text that is no base64 does not fit bytes");
      content = std::move(*bytes);
    }
    const auto& reflection = *to.GetReflection();
    if (field.is_repeated())
      reflection.AddString(&to, &field, std::move(content));
    else
      reflection.SetString(&to, &field, std::move(content));
    return true;
  }

  FieldFailure failure_;
};

}  // namespace

Status json_to_protobuf(const json& value, pb::Message& message) { return ProtobufWriting().run(value, message); }

}  // namespace kstreamd
