// Tables, JSON objects and lists one by one: pairs, next, and lists as results.
#include <algorithm>
#include <vector>

#include "plugins/script/state.h"

namespace kstreamd::script {
namespace {

// Replaces what is at `at`, a table or view, by the table that holds its fields.
void open_table(lua_State* L, int at, const char* function) {
  if (is_json_view(L, at)) {
    push_json_content(L, at);
    lua_replace(L, at);
  }
  if (!lua_istable(L, at)) luaL_error(L, "%s wants a table, got %s", function, luaL_typename(L, at));
}

int next_item(lua_State* L) {  // of a sequence: upvalues are the table and the last index
  lua_Integer index = lua_tointeger(L, lua_upvalueindex(2));
  const auto length = static_cast<lua_Integer>(lua_rawlen(L, lua_upvalueindex(1)));
  while (++index <= length) {
    lua_pushinteger(L, index);
    lua_rawgeti(L, lua_upvalueindex(1), index);
    if (!is_absent(L, -1)) {
      lua_pushinteger(L, index);
      lua_replace(L, lua_upvalueindex(2));
      return 2;
    }
    lua_pop(L, 2);
  }
  lua_pushnil(L);
  return 1;
}

int next_named(lua_State* L) {  // upvalues: the table, its keys in order, the last index
  lua_Integer index = lua_tointeger(L, lua_upvalueindex(3));
  while (lua_rawgeti(L, lua_upvalueindex(2), ++index) != LUA_TNIL) {
    lua_pushvalue(L, -1);
    lua_rawget(L, lua_upvalueindex(1));
    if (!is_absent(L, -1)) {
      lua_pushinteger(L, index);
      lua_replace(L, lua_upvalueindex(3));
      return 2;
    }
    lua_pop(L, 2);
  }
  return 1;
}

// Pushes a list of the table's keys: numbers in order, then names in order.
void push_sorted_keys(lua_State* L, int at) {
  std::vector<std::pair<lua_Number, lua_Integer>> numbers;  // a number, and where it stands in the list
  std::vector<std::pair<std::string_view, lua_Integer>> names;
  lua_createtable(L, 0, 0);
  const int keys = lua_gettop(L);
  lua_Integer count = 0;
  std::vector<lua_Integer> others;
  lua_pushnil(L);
  while (lua_next(L, at)) {
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_rawseti(L, keys, ++count);
    if (lua_type(L, -1) == LUA_TNUMBER) {
      numbers.emplace_back(lua_tonumber(L, -1), count);
    } else if (lua_type(L, -1) == LUA_TSTRING) {
      size_t size = 0;
      const char* name = lua_tolstring(L, -1, &size);
      names.emplace_back(std::string_view(name, size), count);
    } else {
      others.push_back(count);
    }
  }
  std::sort(numbers.begin(), numbers.end());
  std::sort(names.begin(), names.end());
  lua_createtable(L, static_cast<int>(count), 0);
  lua_Integer to = 0;
  const auto add = [&](lua_Integer from) {
    lua_rawgeti(L, keys, from);
    lua_rawseti(L, -2, ++to);
  };
  for (const auto& [number, from] : numbers) add(from);
  for (const auto& [name, from] : names) add(from);
  for (const auto from : others) add(from);
  lua_remove(L, keys);
}

}  // namespace

int64_t sequence_length(lua_State* L, int at) {
  const auto length = static_cast<int64_t>(lua_rawlen(L, at));
  if (length > 0) {  // most sequences lie in the array part, which comes first
    lua_pushinteger(L, length);
    if (!lua_next(L, at)) return length;
    lua_pop(L, 2);
  }
  lua_pushnil(L);
  while (lua_next(L, at)) {
    lua_pop(L, 1);
    if (!lua_isinteger(L, -1) || lua_tointeger(L, -1) < 1 || lua_tointeger(L, -1) > length) {
      lua_pop(L, 1);
      return -1;
    }
  }
  return length;
}

int64_t open_list(lua_State* L, int at, const char* what) {
  if (is_absent(L, at)) return 0;
  if (lua_type(L, at) == LUA_TUSERDATA && is_json_view(L, at)) {
    push_json_content(L, at);
    lua_replace(L, at);
  }
  if (!lua_istable(L, at)) luaL_error(L, "%s is a %s, not a list", what, luaL_typename(L, at));
  const int64_t length = sequence_length(L, at);
  if (length < 0) luaL_error(L, "%s is no list 1..n: write { item, ... }", what);
  return length;
}

void push_item(lua_State* L, int at, int64_t index) {
  if (lua_rawgeti(L, at, index) == LUA_TNIL)
    luaL_error(L, "item %d of a list is nil: write null for an empty item", static_cast<int>(index));
}

int make_list(lua_State* L) {
  const int count = lua_gettop(L);
  lua_createtable(L, count, 0);
  luaL_setmetatable(L, kListMetatable);
  lua_insert(L, 1);
  for (int i = count; i >= 1; --i) {
    if (lua_isnil(L, -1)) {
      lua_pop(L, 1);
      push_null(L);
    }
    lua_rawseti(L, 1, i);
  }
  return 1;
}

int json_pairs(lua_State* L) {
  luaL_checkany(L, 1);
  open_table(L, 1, "pairs");
  lua_settop(L, 1);
  const int64_t length = sequence_length(L, 1);
  if (length > 0) {
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_item, 2);
    return 1;
  }
  push_sorted_keys(L, 1);
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, next_named, 3);
  return 1;
}

int json_next(lua_State* L) {
  luaL_checkany(L, 1);
  open_table(L, 1, "next");
  lua_settop(L, 2);
  while (lua_next(L, 1)) {
    if (!is_absent(L, -1)) return 2;
    lua_pop(L, 1);
  }
  lua_pushnil(L);
  return 1;
}

}  // namespace kstreamd::script
