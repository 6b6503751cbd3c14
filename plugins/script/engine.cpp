#include <cmath>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "kstreamd/sdk/windowed.h"
#include "plugins/script/plan.h"
#include "plugins/script/results.h"

namespace kstreamd::script {

// ---- Memory

Allocator::~Allocator() {
  for (void* slab : slabs_) std::free(slab);
}

void* Allocator::take(size_t size) {
  if (size > kLargest) return std::malloc(size);
  Free*& list = free_[(size + kStep - 1) / kStep];
  if (list) {
    Free* block = list;
    list = block->next;
    return block;
  }
  size = (size + kStep - 1) / kStep * kStep;
  if (static_cast<size_t>(slab_end_ - slab_next_) < size) {
    auto* slab = static_cast<char*>(std::malloc(kSlab));
    if (!slab) return nullptr;
    slabs_.push_back(slab);
    slab_next_ = slab;
    slab_end_ = slab + kSlab;
  }
  char* block = slab_next_;
  slab_next_ += size;
  return block;
}

void Allocator::give(void* block, size_t size) {
  if (size > kLargest) return std::free(block);
  Free*& list = free_[(size + kStep - 1) / kStep];
  auto* freed = static_cast<Free*>(block);
  freed->next = list;
  list = freed;
}

void* Allocator::allocate(void* self, void* block, size_t old_size, size_t new_size) {
  auto& a = *static_cast<Allocator*>(self);
  if (!block) old_size = 0;  // it holds the kind of the object then
  if (new_size == 0) {
    if (block) a.give(block, old_size);
    a.used_ -= old_size;
    return nullptr;
  }
  if (new_size > old_size && a.used_ - old_size + new_size > a.limit_) return nullptr;
  void* out = nullptr;
  if (old_size > kLargest && new_size > kLargest) {
    out = std::realloc(block, new_size);
    if (!out) return nullptr;
  } else {
    out = a.take(new_size);
    if (!out) return nullptr;
    if (block) {
      std::memcpy(out, block, old_size < new_size ? old_size : new_size);
      a.give(block, old_size);
    }
  }
  a.used_ = a.used_ - old_size + new_size;
  a.made_ += new_size;
  return out;
}

// ---- Bounds

namespace {

constexpr int kCounted = 1000;         // instructions between two looks
constexpr uint64_t kBytesOfWork = 64;  // filling as many bytes takes about as long as an instruction

// `level`: which of the functions that run is shown as the place.
void spend_at(lua_State* L, int64_t work, int level) {
  State& state = State::of(L);
  if ((state.work_left -= work) >= 0) return;
  luaL_where(L, level);
  lua_pushfstring(L, "stopped after the work of %d instructions: it runs too long", state.limits.instructions);
  lua_concat(L, 2);
  lua_error(L);
}

void count_work(lua_State* L, lua_Debug*) {
  State& state = State::of(L);
  const uint64_t made = state.allocator.made(), before = std::exchange(state.made_before, made);
  spend_at(L, kCounted + static_cast<int64_t>((made - before) / kBytesOfWork), 0);
}

}  // namespace

void spend(lua_State* L, int64_t work) { spend_at(L, work, 1); }

void start_counting(State& state) {
  state.work_left = state.limits.instructions;
  state.made_before = state.allocator.made();
  lua_sethook(state.L, count_work, LUA_MASKCOUNT, kCounted);
}

void stop_counting(State& state) { lua_sethook(state.L, nullptr, 0, 0); }

// ---- Evaluation

namespace {

// Works on the result, which is the only thing on the stack.
using Convert = void (*)(lua_State* L, void* into);

struct Job {
  int function;
  Scope uses;
  Convert convert;
  void* into;
};

// The JSON of a plugin's object, in memory that lives as long as the object is set.
std::string_view text_of_object(lua_State* L, Slot& slot) {
  try {
    return sdk::json_of(slot.value.u.object, slot.object_text);
  } catch (const sdk::RecordError& error) {
    lua_pushstring(L, error.what());
  }
  lua_error(L);
  return {};
}

void push_value(lua_State* L, uint8_t index) {
  Slot& slot = State::of(L).slots[index];
  const Value& v = slot.value;
  switch (v.type) {
    case KST_NULL:
      return lua_pushnil(L);
    case KST_BOOL:
      return lua_pushboolean(L, v.u.integer != 0);
    case KST_INT32:
    case KST_INT64:
      return lua_pushinteger(L, v.u.integer);
    case KST_FLOAT64:
      return lua_pushnumber(L, v.u.real);
    case KST_STRING:
    case KST_BYTES:
      lua_pushlstring(L, v.size ? v.u.data : "", v.size);
      return;
    case KST_JSON:
      return push_json(L, index, data_of(v));
    case KST_OBJECT:
      return push_json(L, index, text_of_object(L, slot));
    default:
      luaL_error(L, "'%s' is a %s, which expressions cannot read", kVariableNames[index], type_name(v));
  }
}

void push_window(lua_State* L, const State& state) {
  if (!state.windowed) return lua_pushnil(L);
  lua_createtable(L, 0, 2);
  lua_pushinteger(L, state.window_start);
  lua_setfield(L, -2, "start");
  lua_pushinteger(L, state.window_end);
  lua_setfield(L, -2, "end");
}

void push_variable(lua_State* L, const State& state, Variable variable) {
  if (static_cast<size_t>(variable) < kValueCount) return push_value(L, static_cast<uint8_t>(variable));
  if (variable == Variable::window) return push_window(L, state);
  if (!state.record) return lua_pushnil(L);
  const Record& record = *state.record;
  switch (variable) {
    case Variable::timestamp:
      return lua_pushinteger(L, record.timestamp);
    case Variable::headers:
      return push_headers(L);
    case Variable::topic:
      if (!record.origin) return lua_pushnil(L);
      lua_pushlstring(L, record.origin->topic, record.origin->topic_size);
      return;
    case Variable::partition:
      return record.origin ? lua_pushinteger(L, record.origin->partition) : lua_pushnil(L);
    case Variable::offset:
      return record.origin ? lua_pushinteger(L, record.origin->offset) : lua_pushnil(L);
    default:
      return lua_pushnil(L);
  }
}

// The C closure that runs a Job. Its upvalues keep the variables of the record, so that each is made once.
int evaluate(lua_State* L) {
  State& state = State::of(L);
  const Job& job = *static_cast<const Job*>(lua_touserdata(L, 1));
  lua_settop(L, 0);
  state.uses = job.uses;
  lua_rawgeti(L, LUA_REGISTRYINDEX, job.function);
  int count = 0;
  for (unsigned i = 0; i < kVariableCount; ++i) {
    const Scope mask = Scope{1} << i;
    if (!(job.uses & mask)) continue;
    if (!(state.pushed & mask)) {
      push_variable(L, state, static_cast<Variable>(i));
      lua_replace(L, lua_upvalueindex(static_cast<int>(i) + 1));
      state.pushed |= mask;
    }
    lua_pushvalue(L, lua_upvalueindex(static_cast<int>(i) + 1));
    ++count;
  }
  lua_call(L, count, 1);
  job.convert(L, job.into);
  return 0;
}

// What a variable that holds a Value has at the moment; nullptr for any other.
const Value* value_of(const State& state, std::optional<Variable> variable) {
  const bool holds = variable && static_cast<size_t>(*variable) < kValueCount;
  return holds ? &state.slots[static_cast<size_t>(*variable)].value : nullptr;
}

Value to_json(lua_State* L, int at, Memory& memory) {
  std::string& buffer = State::of(L).buffer;
  buffer.clear();
  write_json(L, at, buffer);
  return json_value(keep(memory, buffer));
}

Value to_value(lua_State* L, int at, Memory& memory, bool as_key) {
  const State& state = State::of(L);
  switch (lua_type(L, at)) {
    case LUA_TNIL:
      return null_value();
    case LUA_TBOOLEAN:
      return bool_value(lua_toboolean(L, at));
    case LUA_TNUMBER: {
      if (!lua_isinteger(L, at)) return float64_value(lua_tonumber(L, at));
      return integer_result(state, state.uses, lua_tointeger(L, at));
    }
    case LUA_TSTRING: {
      size_t size = 0;
      const char* text = lua_tolstring(L, at, &size);
      if (size > UINT32_MAX) luaL_error(L, "a text of more than 4 GiB");
      return text_result(state, state.uses, {text, size}, memory);
    }
    case LUA_TLIGHTUSERDATA:
      return null_value();
    case LUA_TUSERDATA:
      if (const uint8_t slot = whole_json(L, at); slot == 0 || (slot != kNoSlot && !as_key))
        return state.slots[slot].value;
      return to_json(L, at, memory);
    case LUA_TTABLE:
      return to_json(L, at, memory);
    default:
      luaL_error(L, "gives a %s, which is no value", luaL_typename(L, at));
      return null_value();
  }
}

std::string shorten(std::string_view text) {
  constexpr size_t kLongest = 100;
  std::string out(text.substr(0, kLongest));
  for (char& c : out)
    if (c == '\n' || c == '\r' || c == '\t') c = ' ';
  return text.size() > kLongest ? out + "..." : out;
}

// "expr:1: attempt ..." says the line only where there are several.
std::string readable(std::string_view message) {
  const bool in_script = message.starts_with(kScriptPrefix);
  const std::string_view prefix = in_script ? kScriptPrefix : "expr:";
  if (!message.starts_with(prefix)) return std::string(message);
  message.remove_prefix(prefix.size());
  const size_t colon = message.find(": ");
  if (colon == message.npos) return std::string(message);
  const std::string line(message.substr(0, colon)), what(message.substr(colon + 2));
  if (in_script) return "line " + line + " of the script: " + what;
  return line == "1" ? what : "line " + line + ": " + what;
}

[[noreturn]] void fail(State& state, std::string_view text, int status) {
  std::string message = "out of memory";
  if (status == LUA_ERRMEM) {
    message = "it needs more than " + std::to_string(state.limits.memory >> 20) + " MiB of memory";
  } else if (status == LUA_ERRRUN) {
    size_t size = 0;
    if (const char* said = lua_tolstring(state.L, -1, &size)) message = readable({said, size});
  }
  lua_settop(state.L, 0);
  if (status == LUA_ERRMEM) lua_gc(state.L, LUA_GCCOLLECT);
  throw ScriptError("expression '" + shorten(text) + "': " + message);
}

// Calls convert(L) with the result on the stack.
template <typename F>
void run(State& state, int function, Scope uses, bool bounded, uint32_t text, F&& convert) {
  const Job job{function, uses, [](lua_State* L, void* into) { (*static_cast<std::remove_reference_t<F>*>(into))(L); },
                &convert};
  lua_State* L = state.L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, state.evaluator);
  lua_pushlightuserdata(L, const_cast<Job*>(&job));
  state.work_left = state.limits.instructions;
  if (!bounded) start_counting(state);
  const int status = lua_pcall(L, 1, 0, 0);
  if (!bounded) stop_counting(state);
  state.pushed &= ~(state.changed | bit(Variable::window));  // the next expression sees the record as it came
  state.changed = 0;
  if (status != LUA_OK) fail(state, state.texts[text], status);
}

void take_headers(lua_State* L, Memory& memory, std::vector<Header>& out) {
  const int64_t count = open_list(L, 1, "the headers");
  for (int64_t i = 1; i <= count; ++i) {
    lua_settop(L, 1);
    push_item(L, 1, i);
    push_field(L, 2, "key");
    push_field(L, 2, "value");
    size_t name_size = 0, value_size = 0;
    if (lua_type(L, 3) != LUA_TSTRING)
      luaL_error(L, "header %d has no key: write { key = 'name', value = ... }", (int)i);
    const char* name = lua_tolstring(L, 3, &name_size);
    Header header{keep(memory, {name, name_size}).data(), nullptr, static_cast<uint32_t>(name_size), 0};
    if (!is_absent(L, 4)) {
      const char* value = lua_tolstring(L, 4, &value_size);
      if (!value) luaL_error(L, "the value of header '%s' is no text", name);
      header.value = keep(memory, {value, value_size}).data();
      header.value_size = static_cast<uint32_t>(value_size);
    }
    out.push_back(header);
  }
}

}  // namespace

State::State(Limits l) : limits(l), allocator(l.memory) {
  L = lua_newstate(&Allocator::allocate, &allocator);
  if (!L) throw std::bad_alloc();
  *static_cast<State**>(lua_getextraspace(L)) = this;
  // What lives long is small and what dies young is much: rarely mark, and let the sweep find all dead.
  lua_gc(L, LUA_GCINC, 800, 400, 0);
  lua_pushcfunction(L, [](lua_State* S) {
    State& state = State::of(S);
    open_json(S);
    open_headers(S);
    open_library(S);  // leaves globals
    state.globals = luaL_ref(S, LUA_REGISTRYINDEX);
    for (size_t i = 0; i < kVariableCount; ++i) lua_pushnil(S);
    lua_pushcclosure(S, evaluate, kVariableCount);
    state.evaluator = luaL_ref(S, LUA_REGISTRYINDEX);
    return 0;
  });
  if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
    lua_close(L);
    throw ScriptError("the memory limit of expressions is too small for Lua itself");
  }
}

State::~State() { lua_close(L); }

void State::set(Variable variable, const Value& value) {
  Slot& slot = slots[static_cast<size_t>(variable)];
  if (slot.value.type == KST_OBJECT) slot.object_text.clear();
  slot.value = value;
  slot.epoch = ++epoch;
  pushed &= ~bit(variable);
  if (variable != Variable::key) return;
  windowed = is_windowed(value);
  if (!windowed) return;
  const Windowed key = windowed_of(value);
  slot.value = key.key;
  window_start = key.start;
  window_end = key.end;
}

Engine::Engine(Limits limits) : state_(std::make_unique<State>(limits)) {}
Engine::~Engine() = default;

void Engine::set_record(const Record& record) {
  State& state = *state_;
  state.record = &record;
  state.set(Variable::key, record.key);
  state.set(Variable::value, record.value);
  for (const auto variable : {Variable::aggregate, Variable::left, Variable::right})
    if (!is_null(state.slots[static_cast<size_t>(variable)].value)) state.set(variable, null_value());
  state.record_epoch = state.epoch;
  state.pushed = 0;
}

void Engine::set(Variable variable, const Value& value) { state_->set(variable, value); }

bool Engine::test(const Expression& e) {
  bool out = false;
  if (e.plan_ && e.plan_->test(*state_, out)) return out;
  run(*state_, e.function_, e.uses_, e.bounded_, e.text_,
      [&](lua_State* L) { out = lua_toboolean(L, 1) && !is_absent(L, 1); });
  return out;
}

Value Engine::value(const Expression& e, Memory& memory) {
  if (const Value* same = value_of(*state_, e.same_)) return *same;
  Value out = null_value();
  if (e.plan_ && e.plan_->value(*state_, memory, false, out)) return out;
  run(*state_, e.function_, e.uses_, e.bounded_, e.text_, [&](lua_State* L) { out = to_value(L, 1, memory, false); });
  return out;
}

Value Engine::key(const Expression& e, Memory& memory) {
  if (const Value* same = value_of(*state_, e.same_))
    if (e.same_ == Variable::key || (same->type != KST_JSON && same->type != KST_OBJECT)) return *same;
  Value out = null_value();
  if (e.plan_ && e.plan_->value(*state_, memory, true, out)) return out;
  run(*state_, e.function_, e.uses_, e.bounded_, e.text_, [&](lua_State* L) { out = to_value(L, 1, memory, true); });
  return out;
}

void Engine::values(const Expression& e, Memory& memory, std::vector<Value>& out) {
  run(*state_, e.function_, e.uses_, e.bounded_, e.text_, [&](lua_State* L) {
    const int64_t count = open_list(L, 1, "the result");
    for (int64_t i = 1; i <= count; ++i) {
      lua_settop(L, 1);
      push_item(L, 1, i);
      out.push_back(to_value(L, 2, memory, false));
    }
  });
}

void Engine::pairs(const Expression& e, Memory& memory, std::vector<KeyValue>& out) {
  run(*state_, e.function_, e.uses_, e.bounded_, e.text_, [&](lua_State* L) {
    const int64_t count = open_list(L, 1, "the result");
    for (int64_t i = 1; i <= count; ++i) {
      lua_settop(L, 1);
      push_item(L, 1, i);
      if (!lua_istable(L, 2) && !is_json_view(L, 2))
        luaL_error(L, "item %d of the result is no { key = ..., value = ... }", (int)i);
      push_field(L, 2, "key");
      push_field(L, 2, "value");
      out.push_back({to_value(L, 3, memory, true), to_value(L, 4, memory, false)});
    }
  });
}

void Engine::headers(const Expression& e, Memory& memory, std::vector<Header>& out) {
  if (e.same_ == Variable::headers && state_->record) {
    const Record& record = *state_->record;
    out.insert(out.end(), record.headers, record.headers + record.header_count);
    return;
  }
  run(*state_, e.function_, e.uses_, e.bounded_, e.text_, [&](lua_State* L) { take_headers(L, memory, out); });
}

std::optional<int64_t> Engine::integer(const Expression& e) {
  std::optional<int64_t> out;
  run(*state_, e.function_, e.uses_, e.bounded_, e.text_, [&](lua_State* L) {
    if (is_absent(L, 1)) return;
    int is_integer = 0;
    out = lua_type(L, 1) == LUA_TNUMBER ? lua_tointegerx(L, 1, &is_integer) : 0;
    if (!is_integer) luaL_error(L, "gives %s where an integer is wanted", luaL_tolstring(L, 1, nullptr));
  });
  return out;
}

std::string Engine::text(const Expression& e) {
  std::string out;
  run(*state_, e.function_, e.uses_, e.bounded_, e.text_, [&](lua_State* L) {
    size_t size = 0;
    if (lua_type(L, 1) == LUA_TSTRING) {
      const char* text = lua_tolstring(L, 1, &size);
      out.assign(text, size);
    } else {
      write_json(L, 1, out);
    }
  });
  return out;
}

size_t Engine::memory_used() const { return state_->allocator.used(); }

}  // namespace kstreamd::script
