// Lua 5.4 expressions over records, as topology files write them.
//
//   Engine engine;
//   std::vector<Problem> problems;
//   auto dear = engine.compile("value.price > 50", problems);
//   engine.set_record(record);
//   if (engine.test(*dear)) ...
//
// The language (variables, absence, JSON, functions) is what docs and README.md of this folder describe. Values keep
// their identity: an expression that gives back its input gives back the very same Value, bytes and type.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "kstreamd/sdk/value.h"

namespace kstreamd::script {

// Something wrong in the text of an expression or script, placed within it.
struct Problem {
  uint32_t line = 1;
  uint32_t column = 1;
  std::string message;
  std::string hint;
  bool warning = false;  // it works, but hardly as meant
};

// An evaluation failed: an error of the record at hand. what() names the expression and the cause.
class ScriptError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What an expression may name. The numbers are the order of the parameters of the compiled function; first come the
// ones that hold a Value.
enum class Variable : uint8_t {
  key,  // of a windowed key the inner one
  value,
  aggregate,
  left,
  right,
  window,  // of a windowed key: window.start and window["end"], ms; else nil
  timestamp,
  headers,
  topic,
  partition,
  offset
};
inline constexpr size_t kValueCount = 5;
inline constexpr size_t kVariableCount = 11;

// Sets of variables, as bits: what the expressions of an operator may name.
using Scope = uint32_t;
constexpr Scope bit(Variable v) { return Scope{1} << static_cast<unsigned>(v); }
inline constexpr Scope kInitScope = 0;  // init
inline constexpr Scope kTableScope = bit(Variable::key) | bit(Variable::value) | bit(Variable::window);
inline constexpr Scope kRecordScope = kTableScope | bit(Variable::timestamp) | bit(Variable::headers) |
                                      bit(Variable::topic) | bit(Variable::partition) | bit(Variable::offset);
inline constexpr Scope kAggregateScope = kRecordScope | bit(Variable::aggregate);      // add, of streams
inline constexpr Scope kTableAggregateScope = kTableScope | bit(Variable::aggregate);  // add and subtract, of tables
inline constexpr Scope kMergeScope = bit(Variable::key) | bit(Variable::left) | bit(Variable::right);
inline constexpr Scope kJoinScope = kMergeScope | bit(Variable::window);
inline constexpr Scope kForeignKeyScope = kTableScope;  // of the left row
inline constexpr Scope kGlobalKeyScope = kRecordScope;  // of the left record

struct Limits {
  size_t memory = size_t{64} << 20;  // bytes of one engine
  int instructions = 10'000'000;     // of the Lua machine, for one evaluation
};

// Where results live: bytes that stay for as long as the caller needs them.
class Memory {
 public:
  virtual ~Memory() = default;
  virtual void* allocate(size_t size) = 0;
};

class Plan;

// A compiled expression: a cheap handle, valid as long as the engine that made it.
class Expression {
 public:
  // Which variables it reads; may name one that the text shadows.
  Scope uses() const { return uses_; }

 private:
  friend class Engine;
  int function_ = 0;              // in the registry
  uint32_t text_ = 0;             // for messages
  Scope uses_ = 0;                // its parameters
  bool bounded_ = false;          // has neither loops nor calls of Lua functions: needs no counting
  std::optional<Variable> same_;  // the text is nothing but this variable
  const Plan* plan_ = nullptr;    // evaluates it without Lua, where it can
};

class State;

struct KeyValue {
  Value key;
  Value value;
};

// A Lua state with the sandbox, and the expressions compiled in it. One per processor instance: used by one thread at a
// time. Life-cycle: construct, load_script*, compile*, then set_record or set, and evaluations, for each record.
//
// Evaluations throw ScriptError. Their results borrow from what was set or live in `memory`. Strings come as
// KST_STRING, integers as KST_INT64, floats as KST_FLOAT64, tables as KST_JSON in canonical form, nil and null as
// KST_NULL.
class Engine {
 public:
  explicit Engine(Limits limits = {});
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Runs a script; the functions that it defines can be called in the expressions compiled afterwards.
  bool load_script(std::string_view text, std::vector<Problem>& problems);
  // Appends what is wrong to `problems`; nothing if one of them is not a warning.
  std::optional<Expression> compile(std::string_view text, std::vector<Problem>& problems, Scope scope = kRecordScope);

  // The record that evaluations see, borrowed until the next call. aggregate, left and right become nil.
  void set_record(const Record& record);
  // Gives key, value, aggregate, left or right another value for the evaluations until the next set_record, which need
  // not have been called at all. Borrows what `value` borrows, until the variable is set again. No change of a table.
  void set(Variable variable, const Value& value);

  // Lua's truth: everything but nil, null and false.
  bool test(const Expression& expression);
  Value value(const Expression& expression, Memory& memory);
  // The same for what becomes a key: JSON is canonical unless it is the variable `key`, so that equal keys are equal
  // bytes.
  Value key(const Expression& expression, Memory& memory);
  // A list; nil gives none.
  void values(const Expression& expression, Memory& memory, std::vector<Value>& out);
  // A list of {key=, value=}; nil gives none.
  void pairs(const Expression& expression, Memory& memory, std::vector<KeyValue>& out);
  // A list of {key=, value=} that becomes headers; values are text or null.
  void headers(const Expression& expression, Memory& memory, std::vector<Header>& out);
  // An integer; nothing for nil.
  std::optional<int64_t> integer(const Expression& expression);
  // For people: text as it is, anything else as JSON.
  std::string text(const Expression& expression);

  // Bytes that Lua holds at the moment.
  size_t memory_used() const;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace kstreamd::script
