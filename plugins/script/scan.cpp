#include "plugins/script/scan.h"

#include <algorithm>
#include <set>

namespace kstreamd::script {
namespace {

constexpr std::string_view kKeywords[] = {"and",      "break",  "do",   "else", "elseif", "end",  "false", "for",
                                          "function", "goto",   "if",   "in",   "local",  "nil",  "not",   "or",
                                          "repeat",   "return", "then", "true", "until",  "while"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::vector<Token> run() {
    while (skip_blank()) {
      const size_t begin = at_;
      const uint32_t line = line_, column = static_cast<uint32_t>(begin - line_start_ + 1);
      const TokenKind kind = next();
      out_.push_back({kind, text_.substr(begin, at_ - begin), line, column});
    }
    return std::move(out_);
  }

 private:
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void step() {
    if (text_[at_++] == '\n') {
      ++line_;
      line_start_ = at_;
    }
  }

  // False at the end of the text.
  bool skip_blank() {
    while (at_ < text_.size()) {
      if (is_space(peek())) {
        step();
      } else if (peek() == '-' && peek(1) == '-') {
        at_ += 2;
        if (!(peek() == '[' && long_bracket()))
          while (at_ < text_.size() && peek() != '\n') ++at_;
      } else {
        return true;
      }
    }
    return false;
  }

  TokenKind next() {
    const char c = peek();
    if (is_letter(c)) {
      const size_t begin = at_;
      while (is_letter(peek()) || is_digit(peek())) ++at_;
      const auto word = text_.substr(begin, at_ - begin);
      return std::find(std::begin(kKeywords), std::end(kKeywords), word) != std::end(kKeywords) ? TokenKind::keyword
                                                                                                : TokenKind::name;
    }
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if (c == '"' || c == '\'') return quoted(c);
    if (c == '[' && long_bracket()) return TokenKind::string;
    return symbol();
  }

  TokenKind number() {
    const bool hex = peek() == '0' && (peek(1) | 32) == 'x';
    while (is_digit(peek()) || is_letter(peek()) || peek() == '.' ||
           ((peek() == '+' || peek() == '-') && (text_[at_ - 1] | 32) == (hex ? 'p' : 'e')))
      ++at_;
    return TokenKind::number;
  }

  TokenKind quoted(char quote) {
    ++at_;
    while (at_ < text_.size() && peek() != quote && peek() != '\n') {
      if (peek() == '\\' && at_ + 1 < text_.size()) ++at_;
      step();
    }
    if (peek() != quote) return TokenKind::broken;
    ++at_;
    return TokenKind::string;
  }

  // Moves over [[...]] or [=[...]=]; false, and stays, when there is none.
  bool long_bracket() {
    size_t level = 0;
    while (peek(1 + level) == '=') ++level;
    if (peek(1 + level) != '[') return false;
    const std::string close = "]" + std::string(level, '=') + "]";
    const size_t end = text_.find(close, at_ + level + 2);
    const size_t stop = end == text_.npos ? text_.size() : end + close.size();
    while (at_ < stop) step();
    return true;
  }

  TokenKind symbol() {
    static constexpr std::string_view kLong[] = {"...", "<<", ">>", "//", "==", "~=", "<=", ">=", "::", ".."};
    for (const auto s : kLong)
      if (text_.substr(at_, s.size()) == s) {
        at_ += s.size();
        return TokenKind::symbol;
      }
    const bool known = std::string_view("+-*/%^#&~|<>=(){}[];:,.").find(peek()) != std::string_view::npos;
    ++at_;
    return known ? TokenKind::symbol : TokenKind::broken;
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t line_start_ = 0;
  uint32_t line_ = 1;
  std::vector<Token> out_;
};

class NameFinder {
 public:
  explicit NameFinder(const std::vector<Token>& tokens) : tokens_(tokens) {}

  Names run() {
    for (at_ = 0; at_ < tokens_.size(); ++at_) {
      const Token& token = tokens_[at_];
      if (token.kind == TokenKind::keyword)
        keyword(token.text);
      else if (token.kind == TokenKind::name)
        name(token);
      else if (token.text == "{" || token.text == "(" || token.text == "[")
        brackets_.push_back(token.text[0]);
      else if ((token.text == "}" || token.text == ")" || token.text == "]") && !brackets_.empty())
        brackets_.pop_back();
    }
    const auto declared = [&](const Token& token) { return declared_.count(token.text) != 0; };
    names_.free = names_.used;
    std::erase_if(names_.free, declared);
    std::erase_if(names_.made, declared);
    return std::move(names_);
  }

 private:
  std::string_view text(size_t at) const {
    return at < tokens_.size() && tokens_[at].kind != TokenKind::string ? tokens_[at].text : std::string_view();
  }
  bool is_name(size_t at) const { return at < tokens_.size() && tokens_[at].kind == TokenKind::name; }

  void keyword(std::string_view word) {
    if (word == "return") names_.has_return = true;
    if (word == "for" || word == "while" || word == "repeat" || word == "goto" || word == "function")
      names_.has_loop = true;
    if (word == "for" || (word == "local" && text(at_ + 1) != "function")) declare_list(at_ + 1);
    if (word == "goto") ++at_;  // the label
    if (word == "function") function();
  }

  void declare_list(size_t at) {
    while (is_name(at)) {
      declared_.insert(tokens_[at++].text);
      if (text(at) == "<") at += 3;  // an attribute: <const>
      if (text(at) != ",") return;
      ++at;
    }
  }

  void function() {
    size_t at = at_ + 1;
    if (is_name(at)) {
      const bool local = at_ > 0 && text(at_ - 1) == "local";
      if (local)
        declared_.insert(tokens_[at].text);
      else if (text(at + 1) == "(")
        names_.made.push_back(tokens_[at]);
      else
        names_.used.push_back(tokens_[at]);  // function NAME.field(): NAME must exist
      for (++at; text(at) == "." || text(at) == ":"; at += 2)
        if (text(at) == ":") declared_.insert("self");
    }
    if (text(at) != "(") return;
    declare_list(at + 1);
    at_ = at - 1;
  }

  void name(const Token& token) {
    const auto before = at_ > 0 ? text(at_ - 1) : std::string_view();
    const auto after = text(at_ + 1);
    if (before == "." || before == ":") return;   // a field
    if (before == "::" && after == "::") return;  // a label
    if (before == "<" && after == ">" && (token.text == "const" || token.text == "close")) return;
    const bool in_table = !brackets_.empty() && brackets_.back() == '{';
    if (in_table && after == "=" && (before == "{" || before == "," || before == ";")) return;
    (after == "=" && !in_table ? names_.made : names_.used).push_back(token);
  }

  const std::vector<Token>& tokens_;
  size_t at_ = 0;
  std::vector<char> brackets_;
  std::set<std::string_view> declared_;
  Names names_;
};

}  // namespace

std::vector<Token> scan(std::string_view text) { return Scanner(text).run(); }

Names find_names(const std::vector<Token>& tokens) { return NameFinder(tokens).run(); }

Token place(std::string_view text, size_t at) {
  Token out{TokenKind::symbol, {}, 1, 1};
  for (size_t i = 0; i < at && i < text.size(); ++i) {
    out.column = text[i] == '\n' ? 1 : out.column + 1;
    out.line += text[i] == '\n';
  }
  return out;
}

}  // namespace kstreamd::script
