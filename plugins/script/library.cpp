// What expressions may call: Lua's libraries without their dangers, and kstreamd's own functions.
#include <cstring>

#include "plugins/script/state.h"

namespace kstreamd::script {
namespace {

constexpr lua_Integer kMoveAtMost = 1'000'000;

int type_of(lua_State* L) {
  luaL_checkany(L, 1);
  if (is_absent(L, 1))
    lua_pushliteral(L, "nil");
  else if (lua_type(L, 1) == LUA_TUSERDATA)
    lua_pushliteral(L, "table");
  else
    lua_pushstring(L, luaL_typename(L, 1));
  return 1;
}

// Lua shows addresses of tables and functions; they would differ from run to run.
int to_string(lua_State* L) {
  luaL_checkany(L, 1);
  if (lua_type(L, 1) == LUA_TTABLE) return json_encode(L);
  if (lua_type(L, 1) == LUA_TLIGHTUSERDATA)
    lua_pushliteral(L, "nil");
  else if (lua_type(L, 1) == LUA_TFUNCTION)
    lua_pushliteral(L, "function");
  else
    luaL_tolstring(L, 1, nullptr);
  return 1;
}

int coalesce(lua_State* L) {
  const int count = lua_gettop(L);
  for (int i = 1; i <= count; ++i) {
    if (is_absent(L, i)) continue;
    lua_pushvalue(L, i);
    return 1;
  }
  lua_pushnil(L);
  return 1;
}

// Calls the function that was wrapped, with the arguments.
int call_wrapped(lua_State* L) {
  const int count = lua_gettop(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, count, LUA_MULTRET);
  return lua_gettop(L);
}

// Lua's repeats an empty text as often as it is told to.
int string_rep(lua_State* L) {
  size_t size = 0, separator_size = 0;
  luaL_checklstring(L, 1, &size);
  luaL_checkinteger(L, 2);
  luaL_optlstring(L, 3, "", &separator_size);
  if (size + separator_size == 0) {
    lua_pushliteral(L, "");
    return 1;
  }
  return call_wrapped(L);
}

int string_format(lua_State* L) {
  const char* format = luaL_checkstring(L, 1);
  for (const char* at = std::strchr(format, '%'); at && at[1]; at = std::strchr(at + 2, '%')) {
    const char* letter = at + 1 + std::strspn(at + 1, "-+ #0123456789.");
    if (*letter == 'p') return luaL_argerror(L, 1, "'%p' shows addresses, which differ from run to run");
  }
  const int count = lua_gettop(L);
  for (int i = 2; i <= count; ++i) {
    if (lua_type(L, i) != LUA_TTABLE && lua_type(L, i) != LUA_TLIGHTUSERDATA) continue;
    lua_pushcfunction(L, to_string);
    lua_pushvalue(L, i);
    lua_call(L, 1, 1);
    lua_replace(L, i);
  }
  return call_wrapped(L);
}

int table_move(lua_State* L) {
  const lua_Integer from = luaL_checkinteger(L, 2), to = luaL_checkinteger(L, 3);
  if (to >= from) {
    if (static_cast<lua_Unsigned>(to) - static_cast<lua_Unsigned>(from) >= kMoveAtMost)
      return luaL_argerror(L, 3, "too many items to move");
    spend(L, to - from + 1);
  }
  return call_wrapped(L);
}

// The length of the list that is the first argument.
lua_Integer list_length(lua_State* L) {
  if (!lua_istable(L, 1) && !is_json_view(L, 1)) luaL_typeerror(L, 1, "table");
  return luaL_len(L, 1);
}

// Counts the items of a list that a function goes over: those from the first to the last one, as arguments name them.
void spend_on_items(lua_State* L, int first, int last) {
  const lua_Integer length = list_length(L);
  const lua_Integer from = luaL_optinteger(L, first, 1), to = luaL_optinteger(L, last, length);
  if (from > 0 && from <= to) spend(L, to - from + 1);
}

int table_insert(lua_State* L) {
  if (lua_gettop(L) == 3) spend_on_items(L, 2, 4);
  return call_wrapped(L);
}

int table_remove(lua_State* L) {
  if (lua_gettop(L) == 2) spend_on_items(L, 2, 3);
  return call_wrapped(L);
}

int table_concat(lua_State* L) {
  spend_on_items(L, 3, 4);
  return call_wrapped(L);
}

int table_unpack(lua_State* L) {
  spend_on_items(L, 2, 3);
  return call_wrapped(L);
}

int table_sort(lua_State* L) {
  constexpr lua_Integer kComparisons = 16;  // of each item
  spend(L, list_length(L) * kComparisons);
  return call_wrapped(L);
}

int refuse_change(lua_State* L) {
  return luaL_error(L, "the library '%s' cannot be changed", lua_tostring(L, lua_upvalueindex(1)));
}

// Replaces the library on top of the stack by a table that reads it and cannot be written.
void protect(lua_State* L, const char* name) {
  lua_createtable(L, 0, 0);
  lua_createtable(L, 0, 2);
  lua_rotate(L, -3, -1);
  lua_setfield(L, -2, "__index");
  lua_pushstring(L, name);
  lua_pushcclosure(L, refuse_change, 1);
  lua_setfield(L, -2, "__newindex");
  lua_setmetatable(L, -2);
}

// Wraps a function of the library on top of the stack.
void wrap(lua_State* L, const char* name, lua_CFunction with) {
  lua_getfield(L, -1, name);
  lua_pushcclosure(L, with, 1);
  lua_setfield(L, -2, name);
}

void remove(lua_State* L, const char* name) {
  lua_pushnil(L);
  lua_setfield(L, -2, name);
}

// Leaves a field of nil and of null nil, not an error.
void let_absence_be_indexed(lua_State* L) {
  lua_createtable(L, 0, 1);
  lua_createtable(L, 0, 0);
  lua_setfield(L, -2, "__index");
  lua_pushnil(L);
  lua_pushvalue(L, -2);
  lua_setmetatable(L, -2);
  lua_pop(L, 1);
  push_null(L);
  lua_pushvalue(L, -2);
  lua_setmetatable(L, -2);
  lua_pop(L, 2);
}

void add_base(lua_State* L, int library) {
  luaL_requiref(L, LUA_GNAME, luaopen_base, 0);
  for (const char* name : {"ipairs", "select", "tonumber"}) {
    lua_getfield(L, -1, name);
    lua_setfield(L, library, name);
  }
  lua_pop(L, 1);
  // What luaopen_base opened must not be found by anything.
  lua_pushglobaltable(L);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_pushnil(L);
    lua_rawset(L, -4);
  }
  lua_pop(L, 1);
}

void add_libraries(lua_State* L, int library) {
  luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 0);
  remove(L, "dump");
  wrap(L, "rep", string_rep);
  wrap(L, "format", string_format);
  add_pattern_functions(L);
  protect(L, "string");
  lua_setfield(L, library, "string");

  luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math, 0);
  remove(L, "random");
  remove(L, "randomseed");
  protect(L, "math");
  lua_setfield(L, library, "math");

  luaL_requiref(L, LUA_TABLIBNAME, luaopen_table, 0);
  wrap(L, "move", table_move);
  wrap(L, "insert", table_insert);
  wrap(L, "remove", table_remove);
  wrap(L, "concat", table_concat);
  wrap(L, "unpack", table_unpack);
  wrap(L, "sort", table_sort);
  protect(L, "table");
  lua_setfield(L, library, "table");

  luaL_requiref(L, LUA_UTF8LIBNAME, luaopen_utf8, 0);
  protect(L, "utf8");
  lua_setfield(L, library, "utf8");

  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, json_encode);
  lua_setfield(L, -2, "encode");
  lua_pushcfunction(L, json_decode);
  lua_setfield(L, -2, "decode");
  protect(L, "json");
  lua_setfield(L, library, "json");
}

}  // namespace

void open_library(lua_State* L) {
  lua_createtable(L, 0, 32);
  const int library = lua_gettop(L);
  add_base(L, library);
  add_libraries(L, library);
  let_absence_be_indexed(L);
  constexpr luaL_Reg functions[] = {{"pairs", json_pairs},   {"next", json_next}, {"type", type_of},
                                    {"tostring", to_string}, {"list", make_list}, {"coalesce", coalesce},
                                    {nullptr, nullptr}};
  luaL_setfuncs(L, functions, 0);
  add_text_functions(L);
  add_time_functions(L);
  push_null(L);
  lua_setfield(L, library, "null");
}

}  // namespace kstreamd::script
