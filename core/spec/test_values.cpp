// Keys and values of test files.
#include <charconv>

#include "core/base/base64.h"
#include "core/spec/test_reader.h"
#include "core/topology/json_text.h"

namespace kstreamd {
namespace {

constexpr size_t max_json = 1 << 20;

// What a plain scalar is in JSON: the number itself where it is one. YAML's other spellings of numbers stay texts.
bool is_json_word(std::string_view text) {
  if (text == "true" || text == "false") return true;
  std::string_view digits = text;
  if (digits.starts_with("-")) digits.remove_prefix(1);
  if (digits.empty() || digits[0] < '0' || digits[0] > '9') return false;
  if (digits.size() > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9') return false;
  if (digits.ends_with(".")) return false;
  if (const auto point = digits.find('.'); point != std::string_view::npos)
    if (digits[point + 1] < '0' || digits[point + 1] > '9') return false;
  double ignored = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), ignored);
  return end == text.data() + text.size() && failed != std::errc::invalid_argument;
}

// Any tree as JSON; values of tests are data, so that nothing like ${...} is replaced in them.
bool append_json(const YamlNode& value, const std::string& name, Reader& reader, std::string& out) {
  if (out.size() > max_json) {
    reader.error(value.place, "'" + name + "' is larger than 1 MiB", "aliases that hold aliases unfold fast");
    return false;
  }
  switch (value.kind) {
    case YamlNode::Kind::null:
      out += "null";
      break;
    case YamlNode::Kind::scalar:
      out += value.style == YamlNode::Style::plain && is_json_word(value.text) ? value.text : quote_json(value.text);
      break;
    case YamlNode::Kind::list:
      out += '[';
      for (const auto& item : value.items) {
        if (out.back() != '[') out += ',';
        if (!append_json(*item, name, reader, out)) return false;
      }
      out += ']';
      break;
    case YamlNode::Kind::map:
      reader.duplicates(value);
      out += '{';
      for (const auto& entry : value.entries) {
        if (out.back() != '{') out += ',';
        out += quote_json(entry.key) + ':';
        if (!append_json(*entry.value, entry.key, reader, out)) return false;
      }
      out += '}';
  }
  return true;
}

std::optional<int64_t> whole(const YamlNode& value) {
  int64_t number = 0;
  const char* end = value.text.data() + value.text.size();
  const auto parsed = std::from_chars(value.text.data(), end, number);
  if (value.kind != YamlNode::Kind::scalar || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

std::optional<TestValue::Window> window_of(const YamlNode& value, const std::string& name, Reader& reader) {
  const auto *key = value.find("key"), *start = value.find("start"), *end = value.find("end");
  if (value.entries.size() != 3 || !key || !start || !end) return std::nullopt;
  const auto from = whole(*start->value), to = whole(*end->value);
  if (!from || !to) return std::nullopt;
  auto inner = read_test_value(*key->value, name, reader);
  if (!inner) return std::nullopt;
  return TestValue::Window{std::make_shared<const TestValue>(std::move(*inner)), *from, *to};
}

}  // namespace

std::optional<TestValue> read_test_value(const YamlNode& value, const std::string& name, Reader& reader) {
  TestValue result;
  result.place = place_of(value);
  if (value.kind == YamlNode::Kind::null) return result;
  if (value.kind == YamlNode::Kind::scalar) {
    result.kind = TestValue::Kind::scalar;
    result.text = value.text;
    result.quoted = value.style != YamlNode::Style::plain;
    return result;
  }
  const auto* base64 = value.kind == YamlNode::Kind::map ? value.find("base64") : nullptr;
  if (base64 != nullptr && value.entries.size() == 1 && base64->value->kind != YamlNode::Kind::map) {
    auto bytes = base64_decode(base64->value->text);
    if (!bytes || base64->value->kind == YamlNode::Kind::list) {
      reader.error(base64->value->place, "'" + name + "': what stands at base64 is no base64",
                   "write the bytes in the standard alphabet, padded with =");
      return std::nullopt;
    }
    result.kind = TestValue::Kind::bytes;
    result.text = std::move(*bytes);
    return result;
  }
  result.kind = TestValue::Kind::json;
  if (!append_json(value, name, reader, result.text)) return std::nullopt;
  if (value.kind == YamlNode::Kind::map) result.window = window_of(value, name, reader);
  return result;
}

}  // namespace kstreamd
