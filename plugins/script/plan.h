// The expressions that topologies are full of (fields, arithmetic, comparisons, a new object; math.min, math.max and
// coalesce), evaluated without Lua:
// in a fraction of the time.
//
// A plan gives what Lua gives, or nothing: where a value is not of the kind that the text leads to expect (arithmetic
// on a text, a field of a number), it says so and Lua evaluates the whole expression anew, and makes the error if it is
// one. That is possible because no expression has side effects.
#pragma once
#include <simdjson.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/script/scan.h"
#include "plugins/script/state.h"

namespace kstreamd::script {

// Immutable once made; evaluated by its engine's thread.
class Plan {
 public:
  // Of the words of an expression that Lua compiles and whose variables are `uses`; nullptr when it has more in it than
  // plans know.
  static std::unique_ptr<Plan> make(lua_State* L, const std::vector<Token>& tokens, Scope uses);

  // False: Lua has to do it.
  bool test(State& state, bool& out) const;
  bool value(State& state, Memory& memory, bool as_key, Value& out) const;

 private:
  friend class PlanMaker;

  enum class Kind : uint8_t { nil, null, boolean, integer, real, text, element, document };
  struct Operand {
    Kind kind = Kind::nil;
    uint8_t slot = 0;  // of a document: a whole value, not looked into yet
    union {
      int64_t integer = 0;  // of a boolean too
      double real;
    };
    std::string_view text;
    simdjson::dom::element element;  // an object or list
  };
  enum class Op : uint8_t {
    constant,
    slot,
    timestamp,
    field,
    negative,
    no,
    both,
    either,
    equal,
    unequal,
    less,
    less_equal,
    add,
    subtract,
    multiply,
    divide,
    divide_whole,
    modulo,
    least,
    greatest,
    first_there,  // coalesce
    object
  };
  struct Node {
    Op op = Op::constant;
    uint8_t slot = 0;
    uint16_t left = 0;   // a node
    uint16_t right = 0;  // a node
    Operand constant;
    std::string name;                                      // of a field
    std::vector<std::pair<std::string, uint16_t>> fields;  // of an object, by name: '"name":' and the node
  };

  bool evaluate(State& state, uint16_t at, Operand& out) const;
  bool evaluate_pair(State& state, const Node& node, Operand& out) const;
  static bool read_slot(State& state, uint8_t slot, Operand& out);
  static bool read_field(State& state, const Operand& of, std::string_view name, Operand& out);
  static bool calculate(Op op, const Operand& a, const Operand& b, Operand& out);
  static bool compare(Op op, const Operand& a, const Operand& b, Operand& out);
  static bool append(State& state, const Operand& operand, std::string& out);
  bool append_object(State& state, const Node& node, std::string& out) const;

  Scope uses_ = 0;
  std::vector<std::unique_ptr<std::string>> texts_;  // of constants
  std::vector<Node> nodes_;
  uint16_t root_ = 0;
};

}  // namespace kstreamd::script
