#include "plugins/script/json_text.h"

#include <charconv>
#include <cmath>
#include <cstdint>

namespace kstreamd::script {
namespace {

// The length of the UTF-8 sequence at `at`, 0 if there is none.
size_t sequence(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() - at < size) return 0;
  for (size_t i = 1; i < size; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f)) return 0;
  if ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) return 0;
  return size;
}

void append_escape(char c, std::string& out) {
  static constexpr std::string_view plain = "\"\\\b\f\n\r\t", letters = "\"\\bfnrt";
  out += '\\';
  if (const size_t i = plain.find(c); i != plain.npos) {
    out += letters[i];
    return;
  }
  static constexpr char hex[] = "0123456789abcdef";
  out += "u00";
  out += hex[static_cast<unsigned char>(c) >> 4];
  out += hex[c & 15];
}

}  // namespace

bool append_json_text(std::string_view text, std::string& out) {
  const size_t start = out.size();
  out += '"';
  size_t plain = 0;  // where the run of characters begins that go as they are
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x80) {
      const size_t size = sequence(text, i);
      if (size == 0) {
        out.resize(start);
        return false;
      }
      i += size;
    } else if (c < 0x20 || c == '"' || c == '\\') {
      out.append(text, plain, i - plain);
      append_escape(text[i], out);
      plain = ++i;
    } else {
      ++i;
    }
  }
  out.append(text, plain);
  out += '"';
  return true;
}

bool append_json_number(double number, std::string& out) {
  if (!std::isfinite(number)) return false;
  constexpr int kMinPoint = -4, kMaxPoint = 15;  // beyond these the exponent is written
  char scientific[32];                           // d.ddde+xx: the shortest digits
  const auto end =
      std::to_chars(scientific, scientific + sizeof scientific, std::fabs(number), std::chars_format::scientific).ptr;
  const std::string_view given(scientific, static_cast<size_t>(end - scientific));
  const size_t e = given.find('e');
  int exponent = 0;
  std::from_chars(given.data() + e + (given[e + 1] == '+' ? 2 : 1), end, exponent);
  const int point = exponent + 1;  // how many digits stand before it
  const std::string_view first = given.substr(0, 1), rest = e > 2 ? given.substr(2, e - 2) : std::string_view();
  const int count = 1 + static_cast<int>(rest.size());

  if (std::signbit(number)) out += '-';
  if (point <= kMinPoint || point > kMaxPoint) {
    out += given;
  } else if (point <= 0) {
    out += "0.";
    out.append(static_cast<size_t>(-point), '0').append(first).append(rest);
  } else if (count <= point) {
    out.append(first).append(rest).append(static_cast<size_t>(point - count), '0').append(".0");
  } else {
    const auto whole = static_cast<size_t>(point - 1);
    out.append(first).append(rest.substr(0, whole)).append(".").append(rest.substr(whole));
  }
  return true;
}

}  // namespace kstreamd::script
