// The words of a Lua text: enough to know which names it uses and where, without a parser. Used to place and explain
// errors, and to pass an expression only what it needs.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kstreamd::script {

enum class TokenKind { name, keyword, string, number, symbol, broken };

struct Token {
  TokenKind kind;
  std::string_view text;  // of the scanned text
  uint32_t line;
  uint32_t column;  // in bytes, from 1
};

// Never fails: what is no Lua becomes `broken` tokens.
std::vector<Token> scan(std::string_view text);

// What a text says about names. Scopes are not followed: a name declared anywhere counts as declared everywhere, so
// that nothing right is ever refused; the few misuses that slip through fail when they run.
struct Names {
  std::vector<Token> used;  // every use of a name that is no field, in order
  std::vector<Token> free;  // those that the text does not declare
  std::vector<Token> made;  // names that get a value without being declared: `function NAME`, `NAME = ...`
  bool has_return = false;
  bool has_loop = false;  // or anything else that can run without end: a function, a goto
};
Names find_names(const std::vector<Token>& tokens);

// The line and column of a byte of the text.
Token place(std::string_view text, size_t at);

}  // namespace kstreamd::script
