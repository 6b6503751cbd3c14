// Serdes of texts and plain bytes.
#include <simdjson.h>

#include <algorithm>

#include "core/serde/json_scalar.h"
#include "core/serde/misfit.h"
#include "core/serde/serdes.h"

namespace kstreamd {
namespace {

bool is_continuation(uint8_t byte) { return (byte & 0xc0) == 0x80; }

// How many bytes at the start of `text` are one character, or (valid = false) one faulty sequence that Java's decoder
// replaces by a single U+FFFD.
size_t sequence_length(std::string_view text, bool& valid) {
  auto at = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
  uint8_t first = at(0);
  valid = true;
  if (first < 0x80) return 1;
  size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  bool bad_lead = first < 0xc2 || first > 0xf4;
  bool bad_second = !is_continuation(at(1)) || (first == 0xe0 && at(1) < 0xa0) || (first == 0xf0 && at(1) < 0x90) ||
                    (first == 0xf4 && at(1) > 0x8f);
  valid = false;
  if (bad_lead || bad_second) return 1;
  for (size_t i = 2; i < length; ++i)
    if (!is_continuation(at(i))) return i;
  valid = !(first == 0xed && at(1) >= 0xa0);  // a surrogate
  return length;
}

std::string_view replace_faulty(std::string_view bytes, Arena& arena) {
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";
  auto* text = static_cast<char*>(arena.allocate(bytes.size() * kReplacement.size()));
  size_t size = 0;
  while (!bytes.empty()) {
    bool valid = false;
    size_t length = sequence_length(bytes, valid);
    std::string_view part = valid ? bytes.substr(0, length) : kReplacement;
    std::copy(part.begin(), part.end(), text + size);
    size += part.size();
    bytes.remove_prefix(length);
  }
  return {text, size};
}

std::string text_hint(const Value& value) {
  if (value.type == KST_BYTES) return "name the serde bytes";
  if (value.type == KST_JSON) return "name the serde json, or make a text of it with json.encode";
  if (value.type == KST_NULL) return "it is a JSON null: make it a null value (nil) in an expression";
  return std::string("make a text of it (tostring), or name the serde ") + type_name(value);
}

class StringSerde final : public Serde {
 public:
  const std::string& name() const override { return name_; }

  Result<Value> read(std::string_view bytes, Arena& arena) const override {
    if (simdjson::validate_utf8(bytes.data(), bytes.size())) return string_value(bytes);
    return string_value(replace_faulty(bytes, arena));
  }

  Result<std::string_view> write(const Value& given, Arena& arena) const override {
    Value value = unwrap_json(given, arena);
    if (value.type != KST_STRING) return misfit(value, name_, text_hint(value));
    return data_of(value);
  }

 private:
  const std::string name_ = "string";
};

class BytesSerde final : public Serde {
 public:
  const std::string& name() const override { return name_; }
  Result<Value> read(std::string_view bytes, Arena&) const override { return bytes_value(bytes); }

  Result<std::string_view> write(const Value& value, Arena&) const override {
    if (!has_data(value)) return misfit(value, name_, std::string("name the serde ") + type_name(value));
    return data_of(value);
  }

 private:
  const std::string name_ = "bytes";
};

// A uuid in its usual 36 characters; letters become small, as Java's UUID writes them.
class UuidSerde final : public Serde {
 public:
  const std::string& name() const override { return name_; }

  Result<Value> read(std::string_view bytes, Arena& arena) const override {
    if (bytes.size() != 36) return wrong_size(name_, 36, bytes.size());
    if (!is_uuid(bytes))
      return Error{.message = "not a uuid: 36 bytes of another form than 123e4567-e89b-12d3-a456-426614174000",
                   .hint = "check that the topic was written with the serde uuid"};
    return string_value(lower(bytes, arena));
  }

  Result<std::string_view> write(const Value& given, Arena& arena) const override {
    Value value = unwrap_json(given, arena);
    if (value.type != KST_STRING || !is_uuid(data_of(value)))
      return misfit(value, name_, "a uuid is a text such as 123e4567-e89b-12d3-a456-426614174000");
    return lower(data_of(value), arena);
  }

 private:
  static bool is_uuid(std::string_view text) {
    if (text.size() != 36) return false;
    for (size_t i = 0; i < text.size(); ++i) {
      bool dash = i == 8 || i == 13 || i == 18 || i == 23;
      char c = text[i];
      bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
      if (dash ? c != '-' : !digit) return false;
    }
    return true;
  }

  static std::string_view lower(std::string_view text, Arena& arena) {
    auto capital = [](char c) { return c >= 'A' && c <= 'F'; };
    if (std::none_of(text.begin(), text.end(), capital)) return text;
    auto* to = static_cast<char*>(arena.allocate(text.size()));
    std::transform(text.begin(), text.end(), to, [&](char c) { return capital(c) ? static_cast<char>(c + 32) : c; });
    return {to, text.size()};
  }

  const std::string name_ = "uuid";
};

}  // namespace

std::vector<const Serde*> text_serdes() {
  static const StringSerde string;
  static const BytesSerde bytes;
  static const UuidSerde uuid;
  return {&string, &bytes, &uuid};
}

}  // namespace kstreamd
