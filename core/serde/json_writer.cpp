#include "core/serde/json_writer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace kstreamd {
namespace {

template <typename Real>
void append_float(std::string& out, Real number) {
  constexpr int kMinPoint = -4;  // beyond these the exponent is written
  constexpr int kMaxPoint = 15;
  if (!std::isfinite(number)) {
    out += std::isnan(number) ? "\"NaN\"" : number > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    return;
  }
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

  if (std::signbit(number)) out += '-';
  if (count <= point && point <= kMaxPoint) {
    out += digits + std::string(static_cast<size_t>(point - count), '0') + ".0";
  } else if (point > 0 && point <= kMaxPoint) {
    out += digits.substr(0, static_cast<size_t>(point)) + "." + digits.substr(static_cast<size_t>(point));
  } else if (point > kMinPoint && point <= 0) {
    out += "0." + std::string(static_cast<size_t>(-point), '0') + digits;
  } else {
    out += digits.substr(0, 1);
    if (count > 1) out += "." + digits.substr(1);
    out += given.substr(e);
  }
}

}  // namespace

void append_json_float(std::string& out, double number) { append_float(out, number); }
void append_json_float(std::string& out, float number) { append_float(out, number); }

void append_json_text(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  static constexpr std::string_view kShort = "\"\\\b\f\n\r\t";
  static constexpr std::string_view kLetters = "\"\\bfnrt";
  out += '"';
  for (char c : text) {
    size_t which = static_cast<uint8_t>(c) < 0x20 || c == '"' || c == '\\' ? kShort.find(c) : std::string_view::npos;
    if (which != std::string_view::npos) {
      out += '\\';
      out += kLetters[which];
    } else if (static_cast<uint8_t>(c) < 0x20) {
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

void JsonObjectWriter::field(std::string_view name) {
  if (!fields_.empty()) {
    out_ += ',';
    sorted_ = sorted_ && fields_.back().name < name;
  }
  fields_.push_back({std::string(name), out_.size()});
  append_json_text(out_, name);
  out_ += ':';
}

void JsonObjectWriter::close() {
  if (!sorted_) sort();
  out_ += '}';
}

void JsonObjectWriter::sort() {
  const auto text_of = [this](size_t i) {
    const size_t end = i + 1 < fields_.size() ? fields_[i + 1].begin - 1 : out_.size();
    return std::string_view(out_).substr(fields_[i].begin, end - fields_[i].begin);
  };
  std::vector<size_t> order(fields_.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [this](size_t a, size_t b) {
    const int compared = fields_[a].name.compare(fields_[b].name);
    return compared != 0 ? compared < 0 : a > b;
  });
  std::string sorted = "{";
  for (size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && fields_[order[i]].name == fields_[order[i - 1]].name) continue;
    if (sorted.size() > 1) sorted += ',';
    sorted += text_of(order[i]);
  }
  out_.replace(start_, std::string::npos, sorted);
}

}  // namespace kstreamd
