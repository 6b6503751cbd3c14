// Values and records that own what they show, for tests.
#pragma once
#include <kstreamd/sdk/change.h>
#include <kstreamd/sdk/memory.h>
#include <kstreamd/sdk/typed.h>
#include <kstreamd/sdk/value.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kstreamd::sdk::testing {

// A record of values that are borrowed.
inline Record record(const Value& key, const Value& value, int64_t timestamp = 0) {
  return Record{key, value, timestamp, nullptr, nullptr, 0, 0};
}

// A value that owns its bytes, or shares its object.
class OwnedValue {
 public:
  OwnedValue() = default;
  explicit OwnedValue(const Value& value);
  Value get() const;
  kst_type type() const { return value_.type; }
  int64_t integer() const { return value_.u.integer; }
  double real() const { return value_.u.real; }
  // Of a string, bytes or json; of an object its JSON.
  std::string text() const {
    OwnMemory memory;
    return value_.type == KST_OBJECT ? std::string(json_of(value_.u.object, memory)) : data_;
  }
  bool is_null() const { return value_.type == KST_NULL; }
  // As a type of C++; throws when it is none.
  template <typename T>
  T as() const {
    OwnMemory memory;
    return detail::decode<T>(get(), memory, "the value");
  }
  // Big-endian, as the serdes write integers: the order of a store is that of its bytes.
  std::string bytes() const {
    if (has_data(value_) || value_.type == KST_OBJECT) return text();
    const int size = value_.type == KST_NULL ? 0 : value_.type == KST_BOOL ? 1 : value_.type == KST_INT32 ? 4 : 8;
    std::string out;
    for (int i = size - 1; i >= 0; --i)
      out.push_back(static_cast<char>(static_cast<uint64_t>(value_.u.integer) >> (8 * i)));
    return out;
  }

 private:
  Value value_ = null_value();
  std::string data_;
  std::shared_ptr<const kst_object> object_;
  struct OwnedChange;
  std::shared_ptr<const OwnedChange> change_;
};

// An update of a table with its old value.
struct OwnedValue::OwnedChange {
  explicit OwnedChange(const Change& from)
      : now(from.now), before(from.before), change{now.get(), before.get(), from.latest} {}
  Value value() const { return change_value(change); }
  const OwnedValue now, before;
  const Change change;
};

inline OwnedValue::OwnedValue(const Value& value) : value_(value), data_(data_of(value)) {
  if (value.type == KST_WINDOWED) data_.assign(value.u.data, value.size);
  if (is_change(value)) change_ = std::make_shared<OwnedChange>(change_of(value));
  if (value.type != KST_OBJECT) return;
  value.u.object->type->retain(value.u.object);
  object_ = {value.u.object, [](const kst_object* object) { object->type->release(object); }};
}

inline Value OwnedValue::get() const {
  if (change_) return change_->value();
  Value out = value_;
  if (has_data(out) || out.type == KST_WINDOWED) out.u.data = data_.data();
  return out;
}

// For the messages of a test: `null`, `int64 5`, `string abc`.
inline std::ostream& operator<<(std::ostream& out, const OwnedValue& value) {
  out << type_name(value.get());
  if (value.type() == KST_FLOAT64) return out << ' ' << value.real();
  if (value.type() >= KST_STRING) return out << ' ' << value.text();
  return value.is_null() ? out : out << ' ' << value.integer();
}

// A record that owns all it shows. `value` of a header is nullopt for null.
struct OwnedRecord {
  OwnedValue key;
  OwnedValue value;
  int64_t timestamp = 0;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  bool has_origin = false;

  // The last header of a name; nothing when there is none, or a null one.
  std::optional<std::string> header(std::string_view name) const {
    for (auto at = headers.rbegin(); at != headers.rend(); ++at)
      if (at->first == name) return at->second;
    return std::nullopt;
  }
};

inline OwnedRecord own(const Record& r) {
  OwnedRecord out{OwnedValue(r.key), OwnedValue(r.value), r.timestamp, {}, r.origin != nullptr};
  for (const Header& h : Headers(r)) {
    const auto value = value_of(h);
    out.headers.emplace_back(std::string(name_of(h)), value ? std::optional(std::string(*value)) : std::nullopt);
  }
  return out;
}

inline std::ostream& operator<<(std::ostream& out, const OwnedRecord& record) {
  return out << record.key << " -> " << record.value << " @" << record.timestamp;
}

}  // namespace kstreamd::sdk::testing
