// Functions on text: lower, upper, trim, hash, split.
#include <cstring>

#include "kstreamd/sdk/murmur2.h"
#include "plugins/script/pattern.h"
#include "plugins/script/state.h"

namespace kstreamd::script {
namespace {

constexpr size_t kByteSets = 256;  // patterns remembered; beyond, all are forgotten

std::string_view check_text(lua_State* L, int at) {
  size_t size = 0;
  const char* text = luaL_checklstring(L, at, &size);
  return {text, size};
}

template <char from, char to>
int change_case(lua_State* L) {
  const auto text = check_text(L, 1);
  luaL_Buffer buffer;
  char* out = luaL_buffinitsize(L, &buffer, text.size());
  constexpr char flip = 'a' - 'A';
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    out[i] = static_cast<char>(c ^ (c >= from && c <= to ? flip : 0));
  }
  luaL_pushresultsize(&buffer, text.size());
  return 1;
}

int trim(lua_State* L) {
  const auto text = check_text(L, 1);
  constexpr std::string_view blank = " \t\n\v\f\r";
  const size_t first = text.find_first_not_of(blank);
  if (first == text.npos) {
    lua_pushliteral(L, "");
    return 1;
  }
  const size_t last = text.find_last_not_of(blank);
  lua_pushlstring(L, text.data() + first, last + 1 - first);
  return 1;
}

int hash(lua_State* L) {
  lua_pushinteger(L, murmur2(check_text(L, 1)));
  return 1;
}

// The table of a pattern that is one class of characters, with or without '+'; nullptr for any other.
const ByteSet* byte_set_of(State& state, std::string_view pattern) {
  if (const auto found = state.byte_sets.find(std::string(pattern)); found != state.byte_sets.end())
    return found->second.get();
  if (state.byte_sets.size() >= kByteSets) state.byte_sets.clear();
  auto set = std::make_unique<ByteSet>();
  if (!read_byte_set(pattern, *set)) set.reset();
  return (state.byte_sets[std::string(pattern)] = std::move(set)).get();
}

void split_by_set(lua_State* L, std::string_view text, const ByteSet& set) {
  const char* at = text.data();
  const char* const end = at + text.size();
  lua_Integer count = 0;
  for (;;) {
    const char* part = at;
    while (at < end && !set.has[static_cast<unsigned char>(*at)]) ++at;
    lua_pushlstring(L, part, static_cast<size_t>(at - part));
    lua_rawseti(L, -2, ++count);
    if (at == end) return;
    ++at;
    if (set.repeated)
      while (at < end && set.has[static_cast<unsigned char>(*at)]) ++at;
  }
}

void split_by_pattern(lua_State* L, std::string_view text, std::string_view pattern) {
  Matcher matcher(L, text, pattern);
  lua_Integer count = 0;
  size_t part = 0;
  for (size_t at = 0; at <= text.size();) {
    size_t from = 0, to = 0;
    if (!matcher.find(at, from, to)) break;
    if (to == from) {  // nothing was matched: nothing divides here
      at = to + 1;
      continue;
    }
    lua_pushlstring(L, text.data() + part, from - part);
    lua_rawseti(L, -2, ++count);
    part = at = to;
  }
  lua_pushlstring(L, text.data() + part, text.size() - part);
  lua_rawseti(L, -2, ++count);
}

int split(lua_State* L) {
  const auto text = check_text(L, 1);
  const auto pattern = check_text(L, 2);
  if (pattern.empty()) return luaL_argerror(L, 2, "an empty pattern divides nothing");
  const ByteSet* set = byte_set_of(State::of(L), pattern);
  lua_createtable(L, static_cast<int>(text.size() / 8) + 1, 0);
  if (set)
    split_by_set(L, text, *set);
  else
    split_by_pattern(L, text, pattern);
  return 1;
}

}  // namespace

void add_text_functions(lua_State* L) {
  constexpr luaL_Reg functions[] = {{"lower", change_case<'A', 'Z'>},
                                    {"upper", change_case<'a', 'z'>},
                                    {"trim", trim},
                                    {"hash", hash},
                                    {"split", split},
                                    {nullptr, nullptr}};
  luaL_setfuncs(L, functions, 0);
}

}  // namespace kstreamd::script
