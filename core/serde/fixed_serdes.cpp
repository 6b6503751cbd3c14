// Serdes of a fixed number of bytes, big-endian as Kafka's own serializers write them.
#include <bit>
#include <cmath>
#include <limits>
#include <optional>

#include "core/serde/json_scalar.h"
#include "core/serde/misfit.h"
#include "core/serde/serdes.h"
#include "kstreamd/sdk/big_endian.h"

namespace kstreamd {
namespace {

template <typename Number>
std::string_view store(Number number, Arena& arena) {
  auto* to = static_cast<char*>(arena.allocate(sizeof number));
  write_big_endian(to, number);
  return {to, sizeof number};
}

std::string number_hint(const Value& value, const char* name) {
  if (value.type == KST_STRING) return "make a number of it (tonumber), or name the serde string";
  if (value.type == KST_JSON) return "take the number out of it in an expression, or name the serde json";
  if (value.type == KST_NULL) return "it is a JSON null: make it a null value (nil) in an expression";
  return std::string("make a number of it in an expression, or name another serde than ") + name;
}

// A whole number exactly as large, if there is one in 64 bits.
std::optional<int64_t> whole_number(const Value& v) {
  if (is_integer(v)) return v.u.integer;
  if (v.type != KST_FLOAT64) return std::nullopt;
  double d = v.u.real;
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (!(d >= -kLimit && d < kLimit) || std::trunc(d) != d) return std::nullopt;
  return static_cast<int64_t>(d);
}

template <typename Int>
class IntegerSerde final : public Serde {
 public:
  explicit IntegerSerde(std::string name) : name_(std::move(name)) {}
  const std::string& name() const override { return name_; }

  Result<Value> read(std::string_view bytes, Arena&) const override {
    if (bytes.size() != sizeof(Int)) return wrong_size(name_, sizeof(Int), bytes.size());
    const auto number = read_big_endian<Int>(bytes.data());
    if constexpr (sizeof(Int) == 8) return int64_value(number);
    return int32_value(static_cast<int32_t>(number));
  }

  Result<std::string_view> write(const Value& given, Arena& arena) const override {
    Value value = unwrap_json(given, arena);
    auto number = whole_number(value);
    if (!number) {
      if (value.type == KST_FLOAT64)
        return misfit(
            value, name_,
            "it is " + std::to_string(value.u.real) + ": make it whole (// or math.floor), or name the serde float64");
      return misfit(value, name_, number_hint(value, name_.c_str()));
    }
    if (*number < std::numeric_limits<Int>::min() || *number > std::numeric_limits<Int>::max())
      return misfit(value, name_, "it is " + std::to_string(*number) + ", out of range: name the serde int64");
    return store(static_cast<Int>(*number), arena);
  }

 private:
  const std::string name_;
};

template <typename Real, typename Bits>
class FloatSerde final : public Serde {
 public:
  explicit FloatSerde(std::string name) : name_(std::move(name)) {}
  const std::string& name() const override { return name_; }

  Result<Value> read(std::string_view bytes, Arena&) const override {
    if (bytes.size() != sizeof(Real)) return wrong_size(name_, sizeof(Real), bytes.size());
    return float64_value(static_cast<double>(std::bit_cast<Real>(read_big_endian<Bits>(bytes.data()))));
  }

  Result<std::string_view> write(const Value& given, Arena& arena) const override {
    Value value = unwrap_json(given, arena);
    if (is_integer(value)) return write_integer(value, arena);
    if (value.type != KST_FLOAT64) return misfit(value, name_, number_hint(value, name_.c_str()));
    auto real = static_cast<Real>(value.u.real);
    if (std::isinf(real) && !std::isinf(value.u.real))
      return misfit(value, name_, "it is out of range: name the serde float64");
    return store(std::bit_cast<Bits>(real), arena);
  }

 private:
  // Only where the float is exactly as large.
  Result<std::string_view> write_integer(const Value& value, Arena& arena) const {
    auto real = static_cast<Real>(value.u.integer);
    auto back = whole_number(float64_value(static_cast<double>(real)));
    if (!back || *back != value.u.integer)
      return misfit(
          value, name_,
          "it is " + std::to_string(value.u.integer) + ", which no " + name_ + " equals: name the serde int64");
    return store(std::bit_cast<Bits>(real), arena);
  }

  const std::string name_;
};

class BoolSerde final : public Serde {
 public:
  const std::string& name() const override { return name_; }

  Result<Value> read(std::string_view bytes, Arena&) const override {
    if (bytes.size() != 1) return wrong_size(name_, 1, bytes.size());
    if (bytes[0] != 0 && bytes[0] != 1)
      return Error{.message = "bool is a byte 0 or 1, got " + std::to_string(static_cast<uint8_t>(bytes[0])),
                   .hint = "check that the topic was written with the serde bool"};
    return bool_value(bytes[0] == 1);
  }

  Result<std::string_view> write(const Value& given, Arena& arena) const override {
    Value value = unwrap_json(given, arena);
    if (value.type != KST_BOOL)
      return misfit(value, name_, "compare it with something (value ~= 0), or name the serde that it has");
    return value.u.integer ? std::string_view("\1", 1) : std::string_view("\0", 1);
  }

 private:
  const std::string name_ = "bool";
};

}  // namespace

std::vector<const Serde*> fixed_serdes() {
  static const BoolSerde boolean;
  static const IntegerSerde<int16_t> int16("int16");
  static const IntegerSerde<int32_t> int32("int32");
  static const IntegerSerde<int64_t> int64("int64");
  static const FloatSerde<float, uint32_t> float32("float32");
  static const FloatSerde<double, uint64_t> float64("float64");
  return {&boolean, &int16, &int32, &int64, &float32, &float64};
}

}  // namespace kstreamd
