#include "mask.h"

#include <algorithm>

namespace mask {

using kstreamd::data_of;
using kstreamd::Record;
using kstreamd::sdk::Context;

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr size_t kFewestDigits = 13, kMostDigits = 19;

// The check digit of card numbers (Luhn).
bool is_valid(std::string_view digits) {
  int sum = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    int d = digits[digits.size() - 1 - i] - '0';
    if (i % 2 == 1) d = d > 4 ? 2 * d - 9 : 2 * d;
    sum += d;
  }
  return sum % 10 == 0;
}

// The end of the JSON string that begins at text[at] (a quote): past its closing quote.
size_t string_end(std::string_view text, size_t at) {
  for (size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      return i + 1;
  }
  throw kstreamd::sdk::RecordError("the value is no JSON: a string has no end");
}

}  // namespace

void Mask::process(const Record& record, Context& context) {
  if (record.value.type != KST_STRING && record.value.type != KST_JSON) return context.forward(record);
  const std::string_view text = data_of(record.value);
  out_.clear();
  if (record.value.type == KST_JSON)
    mask_json(text);
  else
    mask_text(text);
  if (out_ == text) return context.forward(record);
  Record masked = record;
  masked.value.u.data = out_.data();
  masked.value.size = static_cast<uint32_t>(out_.size());
  context.forward(masked);
}

void Mask::mask_text(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const bool starts = options_.card_numbers && is_digit(text[at]) && (at == 0 || !is_digit(text[at - 1]));
    if (const size_t length = starts ? mask_card(text, at) : 0) {
      at += length;
    } else {
      out_.push_back(text[at++]);
    }
  }
}

// Digits in groups, with single blanks or dashes between them. Gives the length of the card number that begins at
// text[at], having written it masked; 0: there is none, and nothing was written.
size_t Mask::mask_card(std::string_view text, size_t at) {
  std::string digits;
  size_t end = at;
  for (size_t i = at; i < text.size(); ++i) {
    if (is_digit(text[i])) {
      digits.push_back(text[i]);
      end = i + 1;
    } else if ((text[i] != ' ' && text[i] != '-') || end != i) {
      break;
    }
  }
  if (digits.size() < kFewestDigits || digits.size() > kMostDigits || !is_valid(digits)) return 0;
  size_t left = digits.size();
  for (const char c : text.substr(at, end - at)) {
    out_.push_back(is_digit(c) && left > options_.keep_last ? '*' : c);
    if (is_digit(c)) --left;
  }
  return end - at;
}

// Walks the tokens: strings are searched for card numbers; in a named field everything but true, false and null becomes
// "***". Numbers outside such fields stay: a number that must be a string afterwards would change the record's type.
void Mask::mask_json(std::string_view json) {
  int depth = 0;
  int masked_depth = -1;   // inside a named field whose object or list was opened at this depth
  bool mask_next = false;  // the next value belongs to a named field
  for (size_t at = 0; at < json.size();) {
    const char c = json[at];
    const bool masking = masked_depth >= 0 || mask_next;
    if (c == '"') {
      const size_t end = string_end(json, at);
      const std::string_view content = json.substr(at + 1, end - at - 2);
      const size_t after = json.find_first_not_of(" \t\r\n", end);
      if (after != json.npos && json[after] == ':') {
        out_.append(json.substr(at, after + 1 - at));
        mask_next = is_masked_field(content);
        at = after + 1;
        continue;
      }
      out_.push_back('"');
      if (masking)
        out_.append("***");
      else
        mask_text(content);
      out_.push_back('"');
      mask_next = false;
      at = end;
    } else if (masking && (c == '-' || is_digit(c))) {
      out_.append("\"***\"");
      at = std::min(json.find_first_of(",]} \t\r\n", at), json.size());
      mask_next = false;
    } else {
      if (c == '{' || c == '[') {
        if (mask_next && masked_depth < 0) masked_depth = depth;
        ++depth;
        mask_next = false;
      } else if (c == '}' || c == ']') {
        if (--depth == masked_depth) masked_depth = -1;
      } else if (c == ',') {
        mask_next = false;
      }
      out_.push_back(c);
      ++at;
    }
  }
}

bool Mask::is_masked_field(std::string_view name) const {
  return std::find(options_.fields.begin(), options_.fields.end(), name) != options_.fields.end();
}

}  // namespace mask

KSTREAMD_PLUGIN("mask", "1.0.0", mask::Mask);
