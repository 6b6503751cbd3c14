// `headers` of expressions: headers.NAME is the last one of that name as text, headers[i] the i-th as {key=, value=},
// #headers their number.
#include "plugins/script/state.h"

namespace kstreamd::script {
namespace {

constexpr const char* kHeaders = "headers";

struct Headers {
  uint64_t epoch;
};

const Record& record_of(lua_State* L) {
  const auto* headers = static_cast<Headers*>(luaL_checkudata(L, 1, kHeaders));
  const State& state = State::of(L);
  if (headers->epoch != state.record_epoch) luaL_error(L, "these headers belong to an earlier record");
  return *state.record;
}

void push_text(lua_State* L, const Header& header) {
  if (header.value)
    lua_pushlstring(L, static_cast<const char*>(header.value), header.value_size);
  else
    lua_pushnil(L);
}

int headers_index(lua_State* L) {
  const Record& record = record_of(L);
  if (lua_type(L, 2) == LUA_TNUMBER) {
    const lua_Integer index = lua_tointeger(L, 2);
    if (index < 1 || index > static_cast<lua_Integer>(record.header_count)) return 0;
    const Header& header = record.headers[index - 1];
    lua_createtable(L, 0, 2);
    lua_pushlstring(L, header.name, header.name_size);
    lua_setfield(L, -2, "key");
    push_text(L, header);
    lua_setfield(L, -2, "value");
    return 1;
  }
  size_t size = 0;
  const char* name = luaL_checklstring(L, 2, &size);
  for (uint32_t i = record.header_count; i-- > 0;) {
    const Header& header = record.headers[i];
    if (std::string_view(header.name, header.name_size) != std::string_view(name, size)) continue;
    push_text(L, header);
    return 1;
  }
  return 0;
}

int headers_newindex(lua_State* L) {
  return luaL_error(L, "headers cannot be changed here: `map: { headers: ... }` replaces them");
}

int headers_length(lua_State* L) {
  lua_pushinteger(L, record_of(L).header_count);
  return 1;
}

}  // namespace

void open_headers(lua_State* L) {
  luaL_newmetatable(L, kHeaders);
  constexpr luaL_Reg methods[] = {
      {"__index", headers_index}, {"__newindex", headers_newindex}, {"__len", headers_length}, {nullptr, nullptr}};
  luaL_setfuncs(L, methods, 0);
  lua_pop(L, 1);
}

void push_headers(lua_State* L) {
  static_cast<Headers*>(lua_newuserdatauv(L, sizeof(Headers), 0))->epoch = State::of(L).record_epoch;
  luaL_setmetatable(L, kHeaders);
}

}  // namespace kstreamd::script
