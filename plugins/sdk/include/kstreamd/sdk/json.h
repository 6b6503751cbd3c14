// A small reader for the JSON of configurations. Not for records: it favours messages over speed.
#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kstreamd::sdk::json {

enum class Kind { null, boolean, number, string, list, object };

inline const char* kind_name(Kind kind) {
  static constexpr const char* names[] = {"null", "a boolean", "a number", "a string", "a list", "an object"};
  return names[static_cast<int>(kind)];
}

// A value with what is in it. `raw` is borrowed from the text that was parsed.
struct Node {
  Kind kind = Kind::null;
  bool boolean = false;
  std::string text;  // of a string: decoded; of a number: as written
  std::vector<std::pair<std::string, Node>> members;
  std::vector<Node> elements;
  std::string_view raw;

  // What a reader has looked at, so that the rest can be named as unknown.
  mutable bool used = false;
  mutable std::vector<std::string> asked;

  const Node* find(std::string_view key) const {
    for (const auto& [name, node] : members)
      if (name == key) return &node;
    return nullptr;
  }
};

inline std::string_view text_of(const Node& node) {
  if (!node.raw.empty()) return node.raw;
  return node.kind == Kind::list ? "[]" : node.kind == Kind::object ? "{}" : "null";
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  bool parse(Node& out, std::string& error) {
    bool ok = value(out, 0);
    if (ok) {
      space();
      if (at_ != text_.size()) ok = fail("something follows the value");
    }
    if (!ok) error = error_ + " at byte " + std::to_string(at_ + 1);
    return ok;
  }

 private:
  static constexpr int kMaxDepth = 100;

  bool value(Node& out, int depth) {
    if (depth > kMaxDepth) return fail("nested too deeply");
    space();
    const size_t begin = at_;
    if (at_ == text_.size()) return fail("the text ends too early");
    bool ok = true;
    switch (text_[at_]) {
      case '{':
        ok = object(out, depth);
        break;
      case '[':
        ok = list(out, depth);
        break;
      case '"':
        out.kind = Kind::string;
        ok = string(out.text);
        break;
      default:
        ok = scalar(out);
    }
    out.raw = text_.substr(begin, at_ - begin);
    return ok;
  }

  bool object(Node& out, int depth) {
    out.kind = Kind::object;
    ++at_;
    if (accept('}')) return true;
    do {
      space();
      std::string key;
      if (at_ == text_.size() || text_[at_] != '"') return fail("a key in double quotes is missing");
      if (!string(key)) return false;
      if (!accept(':')) return fail("':' is missing after a key");
      if (out.find(key)) return fail("the key '" + key + "' is there twice");
      out.members.emplace_back(std::move(key), Node{});
      if (!value(out.members.back().second, depth + 1)) return false;
    } while (accept(','));
    return accept('}') || fail("',' or '}' is missing");
  }

  bool list(Node& out, int depth) {
    out.kind = Kind::list;
    ++at_;
    if (accept(']')) return true;
    do {
      out.elements.emplace_back();
      if (!value(out.elements.back(), depth + 1)) return false;
    } while (accept(','));
    return accept(']') || fail("',' or ']' is missing");
  }

  bool scalar(Node& out) {
    const size_t begin = at_;
    while (at_ < text_.size() && (is_word(text_[at_]) || text_[at_] == '-' || text_[at_] == '+' || text_[at_] == '.'))
      ++at_;
    const std::string_view word = text_.substr(begin, at_ - begin);
    if (word == "true" || word == "false") {
      out.kind = Kind::boolean;
      out.boolean = word == "true";
      return true;
    }
    if (word == "null") return true;
    if (is_number(word)) {
      out.kind = Kind::number;
      out.text = std::string(word);
      return true;
    }
    at_ = begin;
    return fail("a value is missing");
  }

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  static bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
  static size_t digits(std::string_view s, size_t from) {
    size_t at = from;
    while (at < s.size() && is_digit(s[at])) ++at;
    return at - from;
  }
  static bool is_number(std::string_view s) {
    size_t at = !s.empty() && s[0] == '-' ? 1 : 0;
    const size_t whole = digits(s, at);
    if (whole == 0 || (whole > 1 && s[at] == '0')) return false;
    at += whole;
    if (at < s.size() && s[at] == '.') {
      const size_t fraction = digits(s, at + 1);
      if (fraction == 0) return false;
      at += 1 + fraction;
    }
    if (at < s.size() && (s[at] == 'e' || s[at] == 'E')) {
      ++at;
      if (at < s.size() && (s[at] == '+' || s[at] == '-')) ++at;
      const size_t exponent = digits(s, at);
      if (exponent == 0) return false;
      at += exponent;
    }
    return at == s.size();
  }

  bool string(std::string& out) {
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return true;
      }
      if (static_cast<unsigned char>(c) < 0x20) return fail("a control character stands in a string");
      if (c != '\\') {
        out.push_back(c);
        continue;
      }
      if (++at_ == text_.size()) break;
      if (!escaped(out)) return false;
    }
    return fail("a string has no end");
  }

  // at_ is on the character after the backslash, and stays on the last one of the escape.
  bool escaped(std::string& out) {
    static constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
    if (const size_t i = from.find(text_[at_]); i != from.npos) {
      out.push_back(to[i]);
      return true;
    }
    if (text_[at_] != 'u') return fail("an unknown escape");
    uint32_t code = 0;
    if (!hex4(code)) return false;
    if (code >= 0xd800 && code < 0xdc00 && text_.substr(at_ + 1, 2) == "\\u") {
      uint32_t low = 0;
      at_ += 2;
      if (!hex4(low)) return false;
      if (low < 0xdc00 || low > 0xdfff) return fail("half of a surrogate pair");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xd800 && code <= 0xdfff) {
      return fail("half of a surrogate pair");
    }
    append_utf8(out, code);
    return true;
  }

  bool hex4(uint32_t& code) {
    for (int i = 0; i < 4; ++i) {
      static constexpr std::string_view hex = "0123456789abcdef";
      if (++at_ >= text_.size()) return fail("a string has no end");
      const char c = static_cast<char>(text_[at_] >= 'A' && text_[at_] <= 'F' ? text_[at_] + 32 : text_[at_]);
      const size_t digit = hex.find(c);
      if (digit == hex.npos) return fail("\\u takes four hexadecimal digits");
      code = code * 16 + static_cast<uint32_t>(digit);
    }
    return true;
  }

  static void append_utf8(std::string& out, uint32_t code) {
    const auto put = [&](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (code < 0x80) return put(code);
    if (code < 0x800) {
      put(0xc0 | code >> 6);
    } else {
      if (code < 0x10000) {
        put(0xe0 | code >> 12);
      } else {
        put(0xf0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3f));
      }
      put(0x80 | (code >> 6 & 0x3f));
    }
    put(0x80 | (code & 0x3f));
  }

  void space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
  }
  bool accept(char c) {
    space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool fail(std::string why) {
    if (error_.empty()) error_ = std::move(why);
    return false;
  }

  std::string_view text_;
  size_t at_ = 0;
  std::string error_;
};

// `out` borrows from `text`. On false `error` says what is wrong and at which byte.
inline bool parse(std::string_view text, Node& out, std::string& error) { return Parser(text).parse(out, error); }

// A part of a JSON pointer.
inline std::string escape(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out.push_back(c);
  }
  return out;
}

inline size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

// A hint for a key that is not one of `known`.
inline std::string suggest(const std::string& key, const std::vector<std::string>& known) {
  if (known.empty()) return "this takes no keys";
  const auto nearest = std::min_element(known.begin(), known.end(), [&](const auto& a, const auto& b) {
    return edit_distance(key, a) < edit_distance(key, b);
  });
  if (edit_distance(key, *nearest) <= std::max<size_t>(1, key.size() / 3)) return "did you mean '" + *nearest + "'?";
  std::string out = "known keys: ";
  for (size_t i = 0; i < known.size(); ++i) out += (i ? ", " : "") + known[i];
  return out;
}

}  // namespace kstreamd::sdk::json
