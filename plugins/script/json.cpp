// JSON in Lua. An object or list of a slot is a userdata, a view, that looks up in simdjson's tape what is asked
// for. Writing to it, or walking over it, gives it a table of its own (its content); from then on that counts. In
// contents, null is the value `null`, so that lists keep their length; views show it as nil.
#include <algorithm>
#include <cstdlib>
#include <new>
#include <span>

#include "plugins/script/documents.h"
#include "plugins/script/json_text.h"

namespace kstreamd::script {
namespace {

namespace dom = simdjson::dom;

constexpr const char* kView = "JSON object";  // the metatable, and what Lua's messages call it
constexpr int kDepth = 1000;
constexpr size_t kNearby = 8;  // items up to this one are looked up by walking the list

struct View {
  uint64_t epoch;  // of the slot it looks into
  dom::element element;
  uint8_t slot;  // kNoSlot: it has none, only content
  bool whole;    // the whole value of the slot
  bool list;
  bool filled;  // the user value holds all content; otherwise, if a table, the views made of fields so far
};

}  // namespace

namespace {

void not_json(lua_State* L, simdjson::error_code error) {
  luaL_error(L, "this is not JSON: %s", simdjson::error_message(error));
}

dom::element parse(lua_State* L, dom::parser& parser, std::string_view text) {
  dom::element root;
  if (const auto error = parser.parse(text.data(), text.size()).get(root)) not_json(L, error);
  return root;
}

View* view_at(lua_State* L, int at) {
  if (lua_type(L, at) != LUA_TUSERDATA || !lua_getmetatable(L, at)) return nullptr;
  const bool is_view = lua_topointer(L, -1) == State::of(L).view_mark;
  lua_pop(L, 1);
  return is_view ? static_cast<View*>(lua_touserdata(L, at)) : nullptr;
}

View* new_view(lua_State* L) {
  auto* view = new (lua_newuserdatauv(L, sizeof(View), 1)) View{};
  lua_rawgeti(L, LUA_REGISTRYINDEX, State::of(L).view_metatable);
  lua_setmetatable(L, -2);
  view->slot = kNoSlot;
  return view;
}

// Pushes what an element is; an object or list as a new view, a null as nil.
void push_element(lua_State* L, const View& parent, dom::element element) {
  switch (element.type()) {
    case dom::element_type::INT64:
      return lua_pushinteger(L, int64_t(element));
    case dom::element_type::UINT64:
      return lua_pushnumber(L, static_cast<double>(uint64_t(element)));
    case dom::element_type::DOUBLE:
      return lua_pushnumber(L, double(element));
    case dom::element_type::BOOL:
      return lua_pushboolean(L, bool(element));
    case dom::element_type::NULL_VALUE:
      return lua_pushnil(L);
    case dom::element_type::STRING: {
      const std::string_view text(element);
      lua_pushlstring(L, text.data(), text.size());
      return;
    }
    default: {
      View* view = new_view(L);
      view->epoch = parent.epoch;
      view->element = element;
      view->slot = parent.slot;
      view->list = element.is_array();
    }
  }
}

// It looks into a value that is still set.
bool at_hand(lua_State* L, const View& view) {
  return view.slot != kNoSlot && view.epoch == State::of(L).slots[view.slot].epoch;
}

// Makes sure that the view's element can be read.
void look(lua_State* L, View& view) {
  State& state = State::of(L);
  if (view.epoch != state.slots[view.slot].epoch)
    luaL_error(L, "this JSON belongs to an earlier record: what a script keeps, it must copy field by field");
  if (!view.whole) return;
  if (const auto error = find_root(state, view.slot, view.element)) not_json(L, error);
}

}  // namespace

void push_json_content(lua_State* L, int at) {
  at = lua_absindex(L, at);
  auto* view = static_cast<View*>(lua_touserdata(L, at));
  const int cache = lua_getiuservalue(L, at, 1);
  if (view->filled) return;
  look(L, *view);
  luaL_checkstack(L, 6, "JSON");
  lua_createtable(L, 0, 0);
  const int content = lua_gettop(L);
  const auto put = [&](dom::element element, auto push_key) {
    push_key();
    lua_pushvalue(L, -1);
    if (cache == LUA_TTABLE && (element.is_object() || element.is_array()) && lua_rawget(L, content - 1) != LUA_TNIL) {
      lua_rawset(L, content);
      return;
    }
    lua_settop(L, content + 1);
    push_element(L, *view, element);
    if (lua_isnil(L, -1)) {
      lua_pop(L, 1);
      push_null(L);
    }
    lua_rawset(L, content);
  };
  if (view->list) {
    lua_Integer index = 0;
    for (const dom::element element : dom::array(view->element)) put(element, [&] { lua_pushinteger(L, ++index); });
  } else {
    for (const auto field : dom::object(view->element))
      put(field.value, [&] { lua_pushlstring(L, field.key.data(), field.key.size()); });
  }
  lua_pushvalue(L, content);
  lua_setiuservalue(L, at, 1);
  lua_replace(L, content - 1);
  view->filled = true;
}

namespace {

void nil_for_null(lua_State* L) {
  if (lua_islightuserdata(L, -1) && is_absent(L, -1)) {
    lua_pop(L, 1);
    lua_pushnil(L);
  }
}

bool find_item(dom::array array, lua_Integer index, dom::element& out) {
  for (const dom::element element : array)
    if (--index == 0) {
      out = element;
      return true;
    }
  return false;
}

// Pushes a field or item whose key is at `key`, without giving the view its content.
void push_found(lua_State* L, int at, View& view, int key) {
  dom::element found;
  bool is_there = false;
  if (view.list) {
    is_there = find_item(dom::array(view.element), lua_tointeger(L, key), found);
  } else if (lua_type(L, key) == LUA_TSTRING) {
    size_t size = 0;
    const char* name = lua_tolstring(L, key, &size);
    is_there = find_field(dom::object(view.element), {name, size}, found);
  }
  if (!is_there) return lua_pushnil(L);
  if (!found.is_object() && !found.is_array()) return push_element(L, view, found);
  // The same object must come the next time: it may be written to, or compared.
  if (lua_getiuservalue(L, at, 1) != LUA_TTABLE) {
    lua_pop(L, 1);
    lua_createtable(L, 0, 1);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, at, 1);
  }
  lua_pushvalue(L, key);
  if (lua_rawget(L, -2) != LUA_TNIL) return;
  lua_pop(L, 1);
  push_element(L, view, found);
  lua_pushvalue(L, key);
  lua_pushvalue(L, -2);
  lua_rawset(L, -4);
}

int view_index(lua_State* L) {
  auto* view = static_cast<View*>(lua_touserdata(L, 1));
  if (view->list && !view->filled) {
    if (lua_type(L, 2) != LUA_TNUMBER) {
      lua_pushnil(L);
      return 1;
    }
    const lua_Integer index = lua_tointeger(L, 2);
    if (index < 1 || index > static_cast<lua_Integer>(kNearby)) push_json_content(L, 1);
  }
  if (view->filled) {
    lua_getiuservalue(L, 1, 1);
    lua_pushvalue(L, 2);
    lua_rawget(L, -2);
    nil_for_null(L);
  } else {
    look(L, *view);
    push_found(L, 1, *view, 2);
  }
  return 1;
}

int view_newindex(lua_State* L) {
  push_json_content(L, 1);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, 3);
  lua_rawset(L, -3);
  const auto* view = static_cast<View*>(lua_touserdata(L, 1));
  if (at_hand(L, *view)) State::of(L).changed |= Scope{1} << view->slot;
  return 0;
}

int view_length(lua_State* L) {
  auto* view = static_cast<View*>(lua_touserdata(L, 1));
  if (!view->list && !view->filled) {
    lua_pushinteger(L, 0);
    return 1;
  }
  push_json_content(L, 1);
  lua_pushinteger(L, static_cast<lua_Integer>(lua_rawlen(L, -1)));
  return 1;
}

int view_text(lua_State* L) {
  std::string out;
  write_json(L, 1, out);
  lua_pushlstring(L, out.data(), out.size());
  return 1;
}

// ---- Writing

[[noreturn]] void bad(lua_State* L, const char* why) {
  luaL_error(L, "%s", why);
  std::abort();  // luaL_error does not return
}

constexpr const char* kNotUtf8 =
    "a text that is not UTF-8 cannot be JSON: cut text with utf8.offset, or write bytes some other way";

void write_text(lua_State* L, std::string_view text, std::string& out) {
  if (!append_json_text(text, out)) bad(L, kNotUtf8);
}

void write_number(lua_State* L, double number, std::string& out) {
  if (!append_json_number(number, out)) bad(L, "JSON has no number for an infinity or a NaN");
}

void write(lua_State* L, int at, std::string& out, int depth);

constexpr const char* kGap =
    "a table with numbers as keys is a list only as 1..n without gaps: write null for an empty "
    "item, or tostring(n) for a name";

bool has_metatable(lua_State* L, int at, const char* name) {
  if (!lua_getmetatable(L, at)) return false;
  luaL_getmetatable(L, name);
  const bool same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same;
}

void write_sequence(lua_State* L, int at, int64_t length, std::string& out, int depth) {
  out += '[';
  for (int64_t i = 1; i <= length; ++i) {
    if (i > 1) out += ',';
    if (lua_rawgeti(L, at, i) == LUA_TNIL) bad(L, kGap);
    write(L, -1, out, depth + 1);
    lua_pop(L, 1);
  }
  out += ']';
}

// A field of a table. Scalars are taken along, so that writing them needs no second look-up. Trivial: many are made.
struct Field {
  const char* name_data;
  const char* text_data;  // of a string
  size_t name_size;
  union {
    size_t text_size;
    int64_t integer;  // of an integer or a boolean
    double real;      // of a float
  };
  int type;
  bool whole;  // a number: an integer

  std::string_view name() const { return {name_data, name_size}; }
};

// The fields of one table; few of them need no memory of their own.
class Fields {
 public:
  Field& add() {
    if (count_ < kFew) return few_[count_++];
    if (many_.empty()) many_.assign(few_, few_ + kFew);
    ++count_;
    return many_.emplace_back();
  }
  std::span<Field> all() { return many_.empty() ? std::span(few_, count_) : std::span(many_); }

 private:
  static constexpr size_t kFew = 8;
  Field few_[kFew];
  size_t count_ = 0;
  std::vector<Field> many_;
};

std::string_view text_at(lua_State* L, int at) {
  size_t size = 0;
  const char* text = lua_tolstring(L, at, &size);
  return {text, size};
}

// Of the key and value on top of the stack.
void take_field(lua_State* L, Field& field) {
  if (lua_isinteger(L, -2)) bad(L, kGap);
  if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "a JSON object cannot have a %s as a name", luaL_typename(L, -2));
  field.name_data = lua_tolstring(L, -2, &field.name_size);
  field.type = lua_type(L, -1);
  if (field.type == LUA_TNUMBER) {
    field.whole = lua_isinteger(L, -1);
    if (field.whole)
      field.integer = lua_tointeger(L, -1);
    else
      field.real = lua_tonumber(L, -1);
  } else if (field.type == LUA_TSTRING) {
    field.text_data = lua_tolstring(L, -1, &field.text_size);
  } else if (field.type == LUA_TBOOLEAN) {
    field.integer = lua_toboolean(L, -1);
  }
}

void write_field(lua_State* L, int at, const Field& field, std::string& out, int depth) {
  switch (field.type) {
    case LUA_TNUMBER:
      return field.whole ? append_json_integer(field.integer, out) : write_number(L, field.real, out);
    case LUA_TSTRING:
      return write_text(L, {field.text_data, field.text_size}, out);
    case LUA_TBOOLEAN:
      out += field.integer ? "true" : "false";
      return;
    default:
      lua_pushlstring(L, field.name_data, field.name_size);
      lua_rawget(L, at);
      write(L, -1, out, depth + 1);
      lua_pop(L, 1);
  }
}

void write_fields(lua_State* L, int at, std::string& out, int depth) {
  Fields fields;
  lua_pushnil(L);
  while (lua_next(L, at)) {
    take_field(L, fields.add());
    lua_pop(L, 1);
  }
  const auto all = fields.all();
  std::sort(all.begin(), all.end(), [](const Field& a, const Field& b) { return a.name() < b.name(); });
  const char* comma = "";
  out += '{';
  for (const Field& field : all) {
    out += comma;
    comma = ",";
    write_text(L, field.name(), out);
    out += ':';
    write_field(L, at, field, out, depth);
  }
  out += '}';
}

void write_table(lua_State* L, int at, bool list, std::string& out, int depth) {
  const int64_t length = sequence_length(L, at);
  if (length > 0 || (length == 0 && list)) return write_sequence(L, at, length, out, depth);
  write_fields(L, at, out, depth);
}

void write_view(lua_State* L, int at, std::string& out, int depth) {
  auto* view = static_cast<View*>(lua_touserdata(L, at));
  if (at_hand(L, *view) && !(State::of(L).changed >> view->slot & 1)) {
    look(L, *view);
    if (!append_json_element(view->element, out)) bad(L, kNotUtf8);
    return;
  }
  push_json_content(L, at);
  write_table(L, lua_gettop(L), view->list, out, depth);
  lua_pop(L, 1);
}

void write(lua_State* L, int at, std::string& out, int depth) {
  if (depth > kDepth) bad(L, "a table is nested too deeply for JSON: does it contain itself?");
  luaL_checkstack(L, 8, "JSON");
  at = lua_absindex(L, at);
  switch (lua_type(L, at)) {
    case LUA_TNIL:
      out += "null";
      return;
    case LUA_TBOOLEAN:
      out += lua_toboolean(L, at) ? "true" : "false";
      return;
    case LUA_TNUMBER:
      if (!lua_isinteger(L, at)) return write_number(L, lua_tonumber(L, at), out);
      return append_json_integer(lua_tointeger(L, at), out);
    case LUA_TSTRING:
      return write_text(L, text_at(L, at), out);
    case LUA_TTABLE:
      return write_table(L, at, has_metatable(L, at, kListMetatable), out, depth);
    default:
      break;
  }
  if (is_absent(L, at))
    out += "null";
  else if (view_at(L, at))
    write_view(L, at, out, depth);
  else
    luaL_error(L, "a %s cannot be JSON", luaL_typename(L, at));
}

// ---- Decoding: views that have nothing but content, and so may live as long as they like

void push_decoded(lua_State* L, dom::element element) {
  luaL_checkstack(L, 6, "JSON");
  if (!element.is_object() && !element.is_array()) {
    const View none{};
    push_element(L, none, element);
    if (lua_isnil(L, -1)) {
      lua_pop(L, 1);
      push_null(L);
    }
    return;
  }
  View* view = new_view(L);
  view->list = element.is_array();
  lua_createtable(L, 0, 0);
  if (view->list) {
    lua_Integer index = 0;
    for (const dom::element item : dom::array(element)) {
      push_decoded(L, item);
      lua_rawseti(L, -2, ++index);
    }
  } else {
    for (const auto field : dom::object(element)) {
      lua_pushlstring(L, field.key.data(), field.key.size());
      push_decoded(L, field.value);
      lua_rawset(L, -3);
    }
  }
  lua_setiuservalue(L, -2, 1);
  view->filled = true;
}

}  // namespace

void open_json(lua_State* L) {
  State::of(L).documents.reset(new Documents);
  luaL_newmetatable(L, kView);
  constexpr luaL_Reg methods[] = {{"__index", view_index},
                                  {"__newindex", view_newindex},
                                  {"__len", view_length},
                                  {"__tostring", view_text},
                                  {nullptr, nullptr}};
  luaL_setfuncs(L, methods, 0);
  State::of(L).view_mark = lua_topointer(L, -1);
  State::of(L).view_metatable = luaL_ref(L, LUA_REGISTRYINDEX);
  luaL_newmetatable(L, kListMetatable);
  lua_pop(L, 1);
}

void push_json(lua_State* L, uint8_t slot, std::string_view text) {
  State& state = State::of(L);
  if (const char first = first_of_json(text); first == '{' || first == '[') {
    state.documents->slots[slot].text = text;
    View* view = new_view(L);
    view->epoch = state.slots[slot].epoch;
    view->slot = slot;
    view->whole = true;
    view->list = first == '[';
    return;
  }
  const View none{};
  push_element(L, none, parse(L, state.documents->decoder, text));
}

uint8_t whole_json(lua_State* L, int at) {
  const View* view = view_at(L, at);
  if (!view || !view->whole || !at_hand(L, *view) || (State::of(L).changed >> view->slot & 1)) return kNoSlot;
  return view->slot;
}

bool is_json_view(lua_State* L, int at) { return view_at(L, at) != nullptr; }

void write_json(lua_State* L, int at, std::string& out) { write(L, at, out, 0); }

void push_field(lua_State* L, int at, const char* name) { lua_getfield(L, at, name); }

int json_encode(lua_State* L) {
  std::string out;
  write_json(L, 1, out);
  lua_pushlstring(L, out.data(), out.size());
  return 1;
}

int json_decode(lua_State* L) {
  size_t size = 0;
  const char* text = luaL_checklstring(L, 1, &size);
  push_decoded(L, parse(L, State::of(L).documents->decoder, {text, size}));
  nil_for_null(L);
  return 1;
}

}  // namespace kstreamd::script
