// What the parts of the script library share: the Lua state with its allocator, and the record at hand. Internal.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <lua.hpp>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kstreamd/sdk/memory.h"
#include "kstreamd/sdk/value.h"
#include "plugins/script/expression.h"

namespace kstreamd::script {

// Blocks of up to 256 bytes come from free lists, which is what makes short-lived Lua values cheap; all is counted.
class Allocator {
 public:
  explicit Allocator(size_t limit) : limit_(limit) {}
  ~Allocator();
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;

  // A lua_Alloc.
  static void* allocate(void* self, void* block, size_t old_size, size_t new_size);
  size_t used() const { return used_; }
  uint64_t made() const { return made_; }  // bytes given out in all

 private:
  static constexpr size_t kStep = 16, kLargest = 256, kSlab = 16 * 1024;
  struct Free {
    Free* next;
  };
  void* take(size_t size);
  void give(void* block, size_t size);

  const size_t limit_;
  size_t used_ = 0;
  uint64_t made_ = 0;
  std::array<Free*, kLargest / kStep + 1> free_{};
  std::vector<void*> slabs_;
  char* slab_next_ = nullptr;
  char* slab_end_ = nullptr;
};

// The parsed documents of the record's JSON values, defined in json.cpp.
struct Documents;
struct DeleteDocuments {
  void operator()(Documents* documents) const;
};

// Patterns of split that are one class of characters, as tables.
struct ByteSet {
  bool has[256];
  bool repeated;  // the class is followed by '+'
};

// A variable that holds a Value, by its number. Its JSON is looked into where it lies.
struct Slot {
  Value value = null_value();
  uint64_t epoch = 0;          // in which it was set
  sdk::OwnMemory object_text;  // its JSON, where it is an object of a plugin
};

inline constexpr const char* kVariableNames[kVariableCount] = {
    "key", "value", "aggregate", "left", "right", "window", "timestamp", "headers", "topic", "partition", "offset"};

// One engine's state. Used by one thread at a time.
class State {
 public:
  explicit State(Limits limits);
  ~State();

  static State& of(lua_State* L) { return **static_cast<State**>(lua_getextraspace(L)); }

  const Limits limits;
  Allocator allocator;
  lua_State* L = nullptr;
  int evaluator = 0;    // a C closure in the registry, its upvalues are the variables of the record at hand
  int globals = 0;      // the table of names that expressions may use besides the variables
  int environment = 0;  // of expressions: empty, and refuses every access
  int script_environment = 0;
  bool loading = false;                              // a script: it may define names
  std::set<std::string, std::less<>> library_names;  // globals that are no script's; empty before the first compile
  std::vector<std::string> texts;                    // of expressions, for messages
  std::vector<std::unique_ptr<Plan>> plans;          // of the expressions that have one

  // Of the record at hand.
  const Record* record = nullptr;  // of which only what is no Slot is read; nullptr: none was set
  uint64_t record_epoch = 0;
  std::array<Slot, kValueCount> slots;
  bool windowed = false;  // its key
  int64_t window_start = 0;
  int64_t window_end = 0;
  uint64_t epoch = 0;  // counts what is set, so that what outlives it is noticed
  Scope uses = 0;      // the variables of the expression that Lua evaluates
  Scope pushed = 0;    // which variables the evaluator's upvalues hold
  Scope changed = 0;   // which of them an evaluation has written into
  std::unique_ptr<Documents, DeleteDocuments> documents;

  void set(Variable variable, const Value& value);

  // What the evaluation at hand may still do, in instructions: counted only where there are loops or functions, but for
  // the steps of patterns.
  int64_t work_left = 0;
  uint64_t made_before = 0;  // bytes already counted as work

  int view_metatable = 0;           // of JSON views, in the registry
  const void* view_mark = nullptr;  // by which a view is known: the metatable's address

  std::string buffer;  // for texts being made
  std::unordered_map<std::string, std::unique_ptr<ByteSet>> byte_sets;
};

// Counts work that a library function does at once. Raises an error when the evaluation has done enough.
void spend(lua_State* L, int64_t work);
void start_counting(State& state);
void stop_counting(State& state);

// The value `null` of expressions: absence that can stand in a table.
inline void push_null(lua_State* L) { lua_pushlightuserdata(L, nullptr); }
inline bool is_absent(lua_State* L, int at) {
  return lua_isnoneornil(L, at) || (lua_islightuserdata(L, at) && lua_touserdata(L, at) == nullptr);
}

constexpr std::string_view kScriptPrefix = "script:";  // of what Lua says of a script: then comes the line

// ---- json.cpp: JSON objects and lists are userdata that behave as tables and look up what is asked for

constexpr uint8_t kNoSlot = 255;

// Registers the metatables.
void open_json(lua_State* L);
// Pushes a JSON value of the slot.
void push_json(lua_State* L, uint8_t slot, std::string_view text);
// The slot whose whole, unchanged value this is; kNoSlot when it is none.
uint8_t whole_json(lua_State* L, int at);
// Appends canonical JSON.
void write_json(lua_State* L, int at, std::string& out);
bool is_json_view(lua_State* L, int at);
// Gives the view at `at` its content, if it has none yet, and pushes it: a plain table, with null as null.
void push_json_content(lua_State* L, int at);
// A field of a table or JSON object.
void push_field(lua_State* L, int at, const char* name);
int json_encode(lua_State* L);
int json_decode(lua_State* L);

// ---- walk.cpp

constexpr const char* kListMetatable = "kstreamd list";  // of tables that are lists even when empty

// The plain table at `at` has nothing but keys in 1..n: its n; items in between may be nil. -1: it is something else.
int64_t sequence_length(lua_State* L, int at);
// Makes a plain table of the list at `at` (an absolute index), and gives its length: 0 for nil, an error about `what`
// if it is no list. Items come with null as null; a nil among them is an error.
int64_t open_list(lua_State* L, int at, const char* what);
void push_item(lua_State* L, int at, int64_t index);
int make_list(lua_State* L);
int json_pairs(lua_State* L);
int json_next(lua_State* L);

// ---- headers.cpp
void open_headers(lua_State* L);
void push_headers(lua_State* L);

// ---- library.cpp, text.cpp, pattern.cpp, time_functions.cpp
// Leaves the table of all functions and libraries on the stack.
void open_library(lua_State* L);
void add_text_functions(lua_State* L);     // to the table on top of the stack
void add_pattern_functions(lua_State* L);  // to the string library on top of the stack
void add_time_functions(lua_State* L);     // to the table on top of the stack

}  // namespace kstreamd::script
