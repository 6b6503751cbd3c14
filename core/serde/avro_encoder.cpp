#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "core/base/base64.h"
#include "core/serde/avro_codec.h"
#include "core/serde/field_path.h"
#include "core/serde/json_word.h"

namespace kstreamd {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 200;
constexpr size_t kMaxSteps = 16 << 20;  // values tried; unions within unions may ask for many

// A whole number exactly as large, if there is one in 64 bits.
std::optional<int64_t> whole(const json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<uint64_t>();
    if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
    return static_cast<int64_t>(number);
  }
  if (value.is_number_integer()) return value.get<int64_t>();
  if (!value.is_number_float()) return std::nullopt;
  const auto real = value.get<double>();
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (!(real >= -kLimit && real < kLimit) || std::trunc(real) != real) return std::nullopt;
  return static_cast<int64_t>(real);
}

std::optional<double> not_finite(const json& value) {
  if (value == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (value == "Infinity") return std::numeric_limits<double>::infinity();
  if (value == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

// Whether a value of JSON is of the type by its looks.
bool looks_like(const AvroType& type, const json& value) {
  switch (type.kind) {
    case AvroKind::null:
      return value.is_null();
    case AvroKind::boolean:
      return value.is_boolean();
    case AvroKind::int32:
    case AvroKind::int64:
      return value.is_number_integer();
    case AvroKind::float32:
    case AvroKind::float64:
      return value.is_number_float();
    case AvroKind::string:
    case AvroKind::enumeration:
      return value.is_string();
    case AvroKind::array:
      return value.is_array();
    case AvroKind::map:
    case AvroKind::record:
      return value.is_object();
    default:
      return false;
  }
}

// One value on its way into bytes.
class AvroWriting {
 public:
  // `latin1`: bytes are texts of one character per byte, as in a schema's defaults, and not base64.
  AvroWriting(std::string& out, bool latin1) : out_(out), latin1_(latin1) {}

  Status run(const AvroType& type, const json& from) {
    if (value(type, from, 0)) return {};
    return failure_.error("make it fit in an expression, or change the schema");
  }

 private:
  bool value(const AvroType& type, const json& from, int depth) {
    if (depth > kMaxDepth) return failure_.fail("values are nested more than " + std::to_string(kMaxDepth) + " deep");
    if (++steps_ > kMaxSteps) return failure_.fail("the value is too large, or fits no branch of many unions");
    switch (type.kind) {
      case AvroKind::null:
        return from.is_null() || misfit(type, from);
      case AvroKind::boolean:
        if (!from.is_boolean()) return misfit(type, from);
        out_ += from.get<bool>() ? '\1' : '\0';
        return true;
      case AvroKind::int32:
      case AvroKind::int64:
        return whole_number(type, from);
      case AvroKind::float32:
      case AvroKind::float64:
        return real_number(type, from);
      case AvroKind::string:
        if (!from.is_string()) return misfit(type, from);
        return sized(from.get_ref<const std::string&>());
      case AvroKind::bytes:
      case AvroKind::fixed:
        return bytes(type, from);
      case AvroKind::enumeration:
        return symbol(type, from);
      case AvroKind::array:
        return list(type, from, depth);
      case AvroKind::map:
        return map(type, from, depth);
      case AvroKind::record:
        return record(type, from, depth);
      case AvroKind::one_of:
        return one_of(type, from, depth);
    }
    return false;
  }

  bool misfit(const AvroType& type, const json& from) {
    return failure_.fail(json_word(from) + " does not fit " + avro_type_name(type));
  }

  void integer(int64_t number) {
    auto bits = static_cast<uint64_t>(number) << 1 ^ static_cast<uint64_t>(number >> 63);
    for (; bits >= 0x80; bits >>= 7) out_ += static_cast<char>(bits | 0x80);
    out_ += static_cast<char>(bits);
  }

  bool sized(std::string_view text) {
    integer(static_cast<int64_t>(text.size()));
    out_ += text;
    return true;
  }

  template <typename Bits>
  void little_endian(Bits bits) {
    for (size_t i = 0; i < sizeof(Bits); ++i) out_ += static_cast<char>(bits >> (8 * i));
  }

  bool whole_number(const AvroType& type, const json& from) {
    const auto number = whole(from);
    if (!number || (type.kind == AvroKind::int32 && *number != static_cast<int32_t>(*number)))
      return misfit(type, from);
    integer(*number);
    return true;
  }

  // Integers only where a float is exactly as large; a float is rounded to 32 bits where these are asked for.
  bool real_number(const AvroType& type, const json& from) {
    const bool narrow = type.kind == AvroKind::float32;
    std::optional<double> real = not_finite(from);
    if (from.is_number_float()) real = from.get<double>();
    if (const auto number = from.is_number_integer() ? whole(from) : std::nullopt) {
      const double candidate = narrow ? static_cast<float>(*number) : static_cast<double>(*number);
      if (whole(json(candidate)) == number) real = candidate;
    }
    if (!real || (narrow && std::isfinite(*real) && std::isinf(static_cast<float>(*real)))) return misfit(type, from);
    if (narrow)
      little_endian(std::bit_cast<uint32_t>(static_cast<float>(*real)));
    else
      little_endian(std::bit_cast<uint64_t>(*real));
    return true;
  }

  bool bytes(const AvroType& type, const json& from) {
    if (!from.is_string()) return misfit(type, from);
    const auto& text = from.get_ref<const std::string&>();
    const auto decoded = latin1_ ? from_latin1(text) : base64_decode(text);
    if (!decoded) return failure_.fail("a text that is no base64 does not fit " + avro_type_name(type));
    if (type.kind == AvroKind::bytes) return sized(*decoded);
    if (decoded->size() != type.size)
      return failure_.fail(std::to_string(decoded->size()) + " bytes do not fit " + avro_type_name(type) + " of " +
                           std::to_string(type.size));
    out_ += *decoded;
    return true;
  }

  static std::optional<std::string> from_latin1(std::string_view text) {
    std::string bytes;
    for (size_t i = 0; i < text.size(); ++i) {
      const auto first = static_cast<uint8_t>(text[i]);
      if (first < 0x80)
        bytes += text[i];
      else if ((first == 0xc2 || first == 0xc3) && i + 1 < text.size())
        bytes += static_cast<char>((first & 3) << 6 | (static_cast<uint8_t>(text[++i]) & 0x3f));
      else
        return std::nullopt;
    }
    return bytes;
  }

  bool symbol(const AvroType& type, const json& from) {
    if (!from.is_string()) return misfit(type, from);
    const auto found = std::find(type.symbols.begin(), type.symbols.end(), from.get_ref<const std::string&>());
    if (found == type.symbols.end())
      return failure_.fail("'" + from.get<std::string>() + "' is no symbol of " + avro_type_name(type));
    integer(found - type.symbols.begin());
    return true;
  }

  // An empty object is an empty list where one is asked for.
  bool list(const AvroType& type, const json& from, int depth) {
    if (!from.is_array() && !(from.is_object() && from.empty())) return misfit(type, from);
    if (!from.empty()) integer(static_cast<int64_t>(from.size()));
    size_t index = 0;
    for (const auto& item : from) {
      if (!value(*type.items, item, depth + 1)) return failure_.at(index);
      ++index;
    }
    out_ += '\0';
    return true;
  }

  bool map(const AvroType& type, const json& from, int depth) {
    if (!from.is_object()) return misfit(type, from);
    if (!from.empty()) integer(static_cast<int64_t>(from.size()));
    for (auto item = from.begin(); item != from.end(); ++item) {
      sized(item.key());
      if (!value(*type.items, item.value(), depth + 1)) return failure_.within(item.key());
    }
    out_ += '\0';
    return true;
  }

  bool record(const AvroType& type, const json& from, int depth) {
    if (!from.is_object()) return misfit(type, from);
    static const json absent;
    size_t used = 0;
    for (const auto& field : type.fields) {
      const auto found = from.find(field.name);
      used += found != from.end();
      if (found != from.end()) {
        if (!value(*field.type, *found, depth + 1)) return failure_.within(field.name);
      } else if (field.default_json) {
        // As the decoder writes it: bytes are base64 there.
        AvroWriting written(out_, false);
        if (!written.value(*field.type, json::parse(*field.default_json), depth + 1))
          return failure_.within(field.name);
      } else if (!value(*field.type, absent, depth + 1)) {
        failure_ = {};
        failure_.fail("it is missing, and the schema gives it no default");
        return failure_.within(field.name);
      }
    }
    return used == from.size() || unknown_field(type, from);
  }

  bool unknown_field(const AvroType& type, const json& from) {
    for (auto item = from.begin(); item != from.end(); ++item) {
      const bool known = std::any_of(type.fields.begin(), type.fields.end(),
                                     [&](const AvroField& field) { return field.name == item.key(); });
      if (known) continue;
      failure_.fail("the schema's " + avro_type_name(type) + " has no such field");
      return failure_.within(item.key());
    }
    return false;
  }

  // The first branch that a value looks like and fits, else the first that it fits.
  bool one_of(const AvroType& type, const json& from, int depth) {
    const size_t start = out_.size();
    std::optional<FieldFailure> nearest;  // of what looked right, which tells most
    for (const bool by_looks : {true, false}) {
      for (size_t i = 0; i < type.branches.size(); ++i) {
        if (looks_like(*type.branches[i], from) != by_looks) continue;
        integer(static_cast<int64_t>(i));
        if (value(*type.branches[i], from, depth + 1)) return true;
        if (by_looks && !nearest) nearest = failure_;
        failure_ = {};
        out_.resize(start);
      }
    }
    if (nearest) {
      failure_ = std::move(*nearest);
      return false;
    }
    std::string names;
    for (const auto* branch : type.branches) names += (names.empty() ? "" : ", ") + avro_type_name(*branch);
    return failure_.fail(json_word(from) + " fits no branch of the union [" + names + "]");
  }

  std::string& out_;
  const bool latin1_;
  FieldFailure failure_;
  size_t steps_ = 0;
};

}  // namespace

Status avro_encode(const AvroType& type, const json& value, std::string& out) {
  return AvroWriting(out, false).run(type, value);
}

Result<std::string> avro_default(const AvroType& type, const json& value) {
  std::string bytes;
  KSTREAMD_TRY(AvroWriting(bytes, true).run(type, value));
  std::string text;
  KSTREAMD_TRY(AvroDecoder(type, type).decode(bytes, text));
  return text;
}

}  // namespace kstreamd
