#include "plugins/script/pattern.h"

#include <algorithm>
#include <cctype>
#include <cstring>

namespace kstreamd::script {
namespace {

bool in_letter_class(unsigned char c, char letter) {
  bool in = false;
  switch (letter | 32) {
    case 'a':
      in = std::isalpha(c);
      break;
    case 'c':
      in = std::iscntrl(c);
      break;
    case 'd':
      in = std::isdigit(c);
      break;
    case 'g':
      in = std::isgraph(c);
      break;
    case 'l':
      in = std::islower(c);
      break;
    case 'p':
      in = std::ispunct(c);
      break;
    case 's':
      in = std::isspace(c);
      break;
    case 'u':
      in = std::isupper(c);
      break;
    case 'w':
      in = std::isalnum(c);
      break;
    case 'x':
      in = std::isxdigit(c);
      break;
    default:
      return c == static_cast<unsigned char>(letter);
  }
  return in != (letter >= 'A' && letter <= 'Z');
}

// p is on '[', last on the ']' that closes it.
bool in_set(unsigned char c, const char* p, const char* last) {
  bool inside = true;
  if (p[1] == '^') {
    inside = false;
    ++p;
  }
  while (++p < last) {
    if (*p == '%') {
      ++p;
      if (in_letter_class(c, *p)) return inside;
    } else if (p[1] == '-' && p + 2 < last) {
      if (static_cast<unsigned char>(*p) <= c && c <= static_cast<unsigned char>(p[2])) return inside;
      p += 2;
    } else if (static_cast<unsigned char>(*p) == c) {
      return inside;
    }
  }
  return !inside;
}

bool in_single(unsigned char c, const char* p, const char* end_of_class) {
  switch (*p) {
    case '.':
      return true;
    case '%':
      return in_letter_class(c, p[1]);
    case '[':
      return in_set(c, p, end_of_class - 1);
    default:
      return static_cast<unsigned char>(*p) == c;
  }
}

// Where the single-character class at p ends, or nullptr if it never does.
const char* end_of_single(const char* p, const char* end) {
  const char first = *p++;
  if (first == '%') return p < end ? p + 1 : nullptr;
  if (first != '[') return p;
  if (p < end && *p == '^') ++p;
  do {  // a ']' that comes first is a member
    if (p == end) return nullptr;
    if (*p++ == '%') {
      if (p == end) return nullptr;
      ++p;
    }
  } while (p == end || *p != ']');
  return p + 1;
}

}  // namespace

bool read_byte_set(std::string_view pattern, ByteSet& out) {
  const char* p = pattern.data();
  const char* const end = p + pattern.size();
  if (pattern.empty() || std::strchr("^$()*+-?", *p)) return false;
  if (*p == '%' && pattern.size() > 1 && std::strchr("bf0123456789", p[1])) return false;
  const char* rest = end_of_single(p, end);
  if (!rest || !(rest == end || (rest + 1 == end && *rest == '+'))) return false;
  out.repeated = rest != end;
  for (unsigned c = 0; c < 256; ++c) out.has[c] = in_single(static_cast<unsigned char>(c), p, rest);
  return true;
}

Matcher::Matcher(lua_State* L, std::string_view text, std::string_view pattern)
    : L_(L),
      text_(text.data()),
      text_end_(text.data() + text.size()),
      pattern_(pattern.data()),
      pattern_end_(pattern.data() + pattern.size()),
      steps_left_(State::of(L).work_left) {
  if (!pattern.empty() && pattern[0] == '^') {
    anchored_ = true;
    ++pattern_;
  }
}

bool Matcher::find(size_t start, size_t& from, size_t& to) {
  for (const char* at = text_ + start; at <= text_end_; ++at) {
    level_ = 0;
    depth_ = 0;
    if (const char* end = match(at, pattern_)) {
      found_from_ = at;
      found_to_ = end;
      from = static_cast<size_t>(at - text_);
      to = static_cast<size_t>(end - text_);
      return true;
    }
    if (anchored_) break;
  }
  return false;
}

void Matcher::step() {
  if (--steps_left_ < 0) luaL_error(L_, "a pattern takes too many steps on this text");
}

const char* Matcher::class_end(const char* p) const {
  const char* end = end_of_single(p, pattern_end_);
  if (!end) luaL_error(L_, *p == '%' ? "malformed pattern (ends with '%%')" : "malformed pattern (missing ']')");
  return end;
}

bool Matcher::matches_one(const char* at, const char* p, const char* end_of_class) {
  step();
  return at < text_end_ && in_single(static_cast<unsigned char>(*at), p, end_of_class);
}

const char* Matcher::match(const char* at, const char* p) {
  if (++depth_ > kDepth) luaL_error(L_, "pattern too complex");
  const char* result = nullptr;
  for (;;) {
    if (p == pattern_end_) {
      result = at;
      break;
    }
    if (*p == '(') {
      result =
          p + 1 < pattern_end_ && p[1] == ')' ? open_capture(at, p + 2, kPosition) : open_capture(at, p + 1, kOpen);
      break;
    }
    if (*p == ')') {
      result = close_capture(at, p + 1);
      break;
    }
    if (*p == '$' && p + 1 == pattern_end_) {
      result = at == text_end_ ? at : nullptr;
      break;
    }
    bool again = false;
    const char *next_at = at, *next_p = p;
    result = match_default(at, p, again, next_at, next_p);
    if (!again) break;
    at = next_at;
    p = next_p;
  }
  --depth_;
  return result;
}

// Everything but captures and ends. With `again` the match goes on at next_at with next_p.
const char* Matcher::match_default(const char* at, const char* p, bool& again, const char*& next_at,
                                   const char*& next_p) {
  if (*p == '%' && p + 1 < pattern_end_) {
    if (p[1] == 'b' || (p[1] >= '0' && p[1] <= '9')) {
      next_at = p[1] == 'b' ? match_balance(at, p + 2) : match_back_reference(at, p[1]);
      next_p = p + (p[1] == 'b' ? 4 : 2);
      again = next_at != nullptr;
      return nullptr;
    }
    if (p[1] == 'f') {
      p += 2;
      if (p >= pattern_end_ || *p != '[') luaL_error(L_, "missing '[' after '%%f' in pattern");
      const char* end = class_end(p);
      const auto before = static_cast<unsigned char>(at == text_ ? '\0' : at[-1]);
      const auto here = static_cast<unsigned char>(at == text_end_ ? '\0' : *at);
      again = !in_set(before, p, end - 1) && in_set(here, p, end - 1);
      next_p = end;
      return nullptr;
    }
  }
  const char* end = class_end(p);
  const char suffix = end < pattern_end_ ? *end : '\0';
  if (suffix == '*') return match_longest(at, p, end);
  if (suffix == '-') return match_shortest(at, p, end);
  const bool one = matches_one(at, p, end);
  if (suffix == '+') return one ? match_longest(at + 1, p, end) : nullptr;
  if (suffix == '?') {
    if (one)
      if (const char* result = match(at + 1, end + 1)) return result;
    again = true;
    next_p = end + 1;
    return nullptr;
  }
  again = one;
  next_at = at + 1;
  next_p = end;
  return nullptr;
}

const char* Matcher::match_balance(const char* at, const char* p) {
  if (p + 1 >= pattern_end_) luaL_error(L_, "malformed pattern (missing arguments to '%%b')");
  if (at >= text_end_ || *at != *p) return nullptr;
  int open = 1;
  for (const char* s = at + 1; s < text_end_; ++s) {
    step();
    if (*s == p[1]) {
      if (--open == 0) return s + 1;
    } else if (*s == *p) {
      ++open;
    }
  }
  return nullptr;
}

const char* Matcher::match_longest(const char* at, const char* p, const char* end_of_class) {
  ptrdiff_t count = 0;
  while (matches_one(at + count, p, end_of_class)) ++count;
  for (; count >= 0; --count) {
    step();
    if (const char* result = match(at + count, end_of_class + 1)) return result;
  }
  return nullptr;
}

const char* Matcher::match_shortest(const char* at, const char* p, const char* end_of_class) {
  for (;;) {
    if (const char* result = match(at, end_of_class + 1)) return result;
    if (!matches_one(at, p, end_of_class)) return nullptr;
    ++at;
  }
}

const char* Matcher::open_capture(const char* at, const char* p, ptrdiff_t size) {
  if (level_ >= kCaptures) luaL_error(L_, "too many captures");
  captures_[level_++] = {at, size};
  const char* result = match(at, p);
  if (!result) --level_;
  return result;
}

const char* Matcher::close_capture(const char* at, const char* p) {
  int open = level_ - 1;
  while (open >= 0 && captures_[open].size != kOpen) --open;
  if (open < 0) luaL_error(L_, "invalid pattern capture");
  captures_[open].size = at - captures_[open].begin;
  const char* result = match(at, p);
  if (!result) captures_[open].size = kOpen;
  return result;
}

const char* Matcher::match_back_reference(const char* at, char digit) {
  const int i = digit - '1';
  if (i < 0 || i >= level_ || captures_[i].size == kOpen) luaL_error(L_, "invalid capture index %%%d", i + 1);
  const auto size = static_cast<size_t>(std::max<ptrdiff_t>(captures_[i].size, 0));
  if (static_cast<size_t>(text_end_ - at) < size || std::memcmp(captures_[i].begin, at, size) != 0) return nullptr;
  return at + size;
}

void Matcher::push_capture(int i) const {
  if (i >= level_) {
    if (i != 0) luaL_error(L_, "invalid capture index %%%d", i + 1);
    lua_pushlstring(L_, found_from_, static_cast<size_t>(found_to_ - found_from_));
    return;
  }
  const Capture& capture = captures_[i];
  if (capture.size == kOpen) luaL_error(L_, "unfinished capture");
  if (capture.size == kPosition)
    lua_pushinteger(L_, capture.begin - text_ + 1);
  else
    lua_pushlstring(L_, capture.begin, static_cast<size_t>(capture.size));
}

int Matcher::push_captures(bool whole_if_none) const {
  const int count = level_ == 0 && whole_if_none ? 1 : level_;
  luaL_checkstack(L_, count, "too many captures");
  for (int i = 0; i < count; ++i) push_capture(i);
  return count;
}

// ---- string.find, match, gmatch, gsub

namespace {

std::string_view check_text(lua_State* L, int at) {
  size_t size = 0;
  const char* text = luaL_checklstring(L, at, &size);
  return {text, size};
}

// Where a search begins, from 0; past the end of the text when there is nowhere.
size_t start_of(lua_State* L, int at, size_t size) {
  const lua_Integer start = luaL_optinteger(L, at, 1);
  if (start > 0) return static_cast<size_t>(start) - 1;
  if (start == 0 || start < -static_cast<lua_Integer>(size)) return 0;
  return size - static_cast<size_t>(-start);
}

int find_or_match(lua_State* L, bool find) {
  const auto text = check_text(L, 1), pattern = check_text(L, 2);
  const size_t start = start_of(L, 3, text.size());
  if (start > text.size()) {
    lua_pushnil(L);
    return 1;
  }
  if (find && (lua_toboolean(L, 4) || pattern.find_first_of("^$*+?.([%-") == pattern.npos)) {
    const size_t at = text.find(pattern, start);
    if (at == text.npos) {
      lua_pushnil(L);
      return 1;
    }
    lua_pushinteger(L, static_cast<lua_Integer>(at + 1));
    lua_pushinteger(L, static_cast<lua_Integer>(at + pattern.size()));
    return 2;
  }
  Matcher matcher(L, text, pattern);
  size_t from = 0, to = 0;
  if (!matcher.find(start, from, to)) {
    lua_pushnil(L);
    return 1;
  }
  if (!find) return matcher.push_captures(true);
  lua_pushinteger(L, static_cast<lua_Integer>(from + 1));
  lua_pushinteger(L, static_cast<lua_Integer>(to));
  return matcher.push_captures(false) + 2;
}

int string_find(lua_State* L) { return find_or_match(L, true); }
int string_match(lua_State* L) { return find_or_match(L, false); }

int gmatch_next(lua_State* L) {  // upvalues: text, pattern, where to go on, where the last match ended (or -1)
  const auto text = check_text(L, lua_upvalueindex(1)), pattern = check_text(L, lua_upvalueindex(2));
  auto start = static_cast<size_t>(lua_tointeger(L, lua_upvalueindex(3)));
  const lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
  Matcher matcher(L, text, pattern);
  size_t from = 0, to = 0;
  for (; start <= text.size() && matcher.find(start, from, to); start = from + 1) {
    if (static_cast<lua_Integer>(to) == last) continue;
    lua_pushinteger(L, static_cast<lua_Integer>(to));
    lua_pushvalue(L, -1);
    lua_replace(L, lua_upvalueindex(3));
    lua_replace(L, lua_upvalueindex(4));
    return matcher.push_captures(true);
  }
  return 0;
}

int string_gmatch(lua_State* L) {
  const auto text = check_text(L, 1);
  check_text(L, 2);
  const size_t start = start_of(L, 3, text.size());
  lua_settop(L, 2);
  lua_pushinteger(L, static_cast<lua_Integer>(std::min(start, text.size() + 1)));
  lua_pushinteger(L, -1);
  lua_pushcclosure(L, gmatch_next, 4);
  return 1;
}

void add_template(lua_State* L, const Matcher& matcher, std::string_view with, std::string_view whole,
                  luaL_Buffer& out) {
  for (size_t i = 0; i < with.size(); ++i) {
    if (with[i] != '%') {
      luaL_addchar(&out, with[i]);
      continue;
    }
    const char c = ++i < with.size() ? with[i] : '\0';
    if (c == '%') {
      luaL_addchar(&out, '%');
    } else if (c == '0') {
      luaL_addlstring(&out, whole.data(), whole.size());
    } else if (c >= '1' && c <= '9') {
      matcher.push_capture(c - '1');
      luaL_tolstring(L, -1, nullptr);
      lua_remove(L, -2);
      luaL_addvalue(&out);
    } else {
      luaL_error(L, "invalid use of '%%' in replacement string");
    }
  }
}

// Adds what stands for a match; false when the match stays as it is.
bool add_replacement(lua_State* L, const Matcher& matcher, std::string_view whole, luaL_Buffer& out) {
  const int type = lua_type(L, 3);
  if (type == LUA_TSTRING || type == LUA_TNUMBER) {
    add_template(L, matcher, check_text(L, 3), whole, out);
    return true;
  }
  if (type == LUA_TFUNCTION) {
    lua_pushvalue(L, 3);
    lua_call(L, matcher.push_captures(true), 1);
  } else {
    matcher.push_capture(0);
    lua_gettable(L, 3);
  }
  if (is_absent(L, -1) || (lua_isboolean(L, -1) && !lua_toboolean(L, -1))) {
    lua_pop(L, 1);
    luaL_addlstring(&out, whole.data(), whole.size());
    return false;
  }
  if (!lua_isstring(L, -1)) luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
  luaL_addvalue(&out);
  return true;
}

int string_gsub(lua_State* L) {
  const auto text = check_text(L, 1), pattern = check_text(L, 2);
  const int type = lua_type(L, 3);
  if (type != LUA_TNUMBER && type != LUA_TSTRING && type != LUA_TFUNCTION && type != LUA_TTABLE && !is_json_view(L, 3))
    return luaL_typeerror(L, 3, "string/function/table");
  const lua_Integer most = luaL_optinteger(L, 4, static_cast<lua_Integer>(text.size()) + 1);
  const bool anchored = !pattern.empty() && pattern[0] == '^';
  Matcher matcher(L, text, pattern);
  luaL_Buffer out;
  luaL_buffinit(L, &out);
  size_t at = 0;
  lua_Integer last = -1, count = 0;  // where the last match ended
  size_t from = 0, to = 0;
  size_t search = 0;
  while (count < most && search <= text.size() && matcher.find(search, from, to)) {
    if (static_cast<lua_Integer>(to) == last) {
      search = from + 1;
      continue;
    }
    luaL_addlstring(&out, text.data() + at, from - at);
    add_replacement(L, matcher, text.substr(from, to - from), out);
    ++count;
    at = search = to;
    last = static_cast<lua_Integer>(to);
    if (anchored) break;
  }
  luaL_addlstring(&out, text.data() + std::min(at, text.size()), text.size() - std::min(at, text.size()));
  luaL_pushresult(&out);
  lua_pushinteger(L, count);
  return 2;
}

}  // namespace

void add_pattern_functions(lua_State* L) {
  constexpr luaL_Reg functions[] = {{"find", string_find},
                                    {"match", string_match},
                                    {"gmatch", string_gmatch},
                                    {"gsub", string_gsub},
                                    {nullptr, nullptr}};
  luaL_setfuncs(L, functions, 0);
}

}  // namespace kstreamd::script
