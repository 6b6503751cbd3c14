#include "plugins/script/plan.h"

#include <cmath>

#include "plugins/script/documents.h"
#include "plugins/script/json_text.h"
#include "plugins/script/results.h"

namespace kstreamd::script {
namespace {

namespace dom = simdjson::dom;

int64_t wrapped(uint64_t v) { return static_cast<int64_t>(v); }

// Lua's //: rounded down.
int64_t divided_whole(int64_t a, int64_t b) {
  if (b == -1) return wrapped(0 - static_cast<uint64_t>(a));
  const int64_t quotient = a / b;
  return (a ^ b) < 0 && a % b != 0 ? quotient - 1 : quotient;
}

// Lua's %: of the sign of b.
int64_t remainder_of(int64_t a, int64_t b) {
  if (b == -1) return 0;
  const int64_t rest = a % b;
  return rest != 0 && (rest ^ b) < 0 ? rest + b : rest;
}

double remainder_of(double a, double b) {
  const double rest = std::fmod(a, b);
  return (rest > 0 && b < 0) || (rest < 0 && b > 0) ? rest + b : rest;
}

constexpr int64_t kExact = int64_t{1} << 53;  // whole numbers up to this one are floats exactly

}  // namespace

bool Plan::read_slot(State& state, uint8_t slot, Operand& out) {
  const Value& v = state.slots[slot].value;
  switch (v.type) {
    case KST_NULL:
      out.kind = Kind::nil;
      return true;
    case KST_BOOL:
      out.kind = Kind::boolean;
      out.integer = v.u.integer != 0;
      return true;
    case KST_INT32:
    case KST_INT64:
      out.kind = Kind::integer;
      out.integer = v.u.integer;
      return true;
    case KST_FLOAT64:
      out.kind = Kind::real;
      out.real = v.u.real;
      return true;
    case KST_STRING:
    case KST_BYTES:
      out.kind = Kind::text;
      out.text = data_of(v);
      return true;
    case KST_JSON: {
      const char first = first_of_json(data_of(v));
      if (first != '{' && first != '[') return false;
      out.kind = Kind::document;
      out.slot = slot;
      return true;
    }
    default:
      return false;
  }
}

bool Plan::read_field(State& state, const Operand& of, std::string_view name, Operand& out) {
  dom::element parent, found;
  if (of.kind == Kind::nil) {
    out.kind = Kind::nil;
    return true;
  }
  if (of.kind == Kind::document) {
    state.documents->slots[of.slot].text = data_of(state.slots[of.slot].value);
    if (find_root(state, of.slot, parent)) return false;
  } else if (of.kind == Kind::element) {
    parent = of.element;
  } else {
    return false;
  }
  if (!parent.is_object() || !find_field(dom::object(parent), name, found)) {
    out.kind = Kind::nil;
    return true;
  }
  switch (found.type()) {
    case dom::element_type::INT64:
      out.kind = Kind::integer;
      out.integer = int64_t(found);
      return true;
    case dom::element_type::UINT64:
      out.kind = Kind::real;
      out.real = static_cast<double>(uint64_t(found));
      return true;
    case dom::element_type::DOUBLE:
      out.kind = Kind::real;
      out.real = double(found);
      return true;
    case dom::element_type::BOOL:
      out.kind = Kind::boolean;
      out.integer = bool(found);
      return true;
    case dom::element_type::NULL_VALUE:
      out.kind = Kind::nil;
      return true;
    case dom::element_type::STRING:
      out.kind = Kind::text;
      out.text = std::string_view(found);
      return true;
    default:
      out.kind = Kind::element;
      out.element = found;
      return true;
  }
}

bool Plan::calculate(Op op, const Operand& a, const Operand& b, Operand& out) {
  if (a.kind == Kind::integer && b.kind == Kind::integer && op != Op::divide) {
    const auto x = static_cast<uint64_t>(a.integer), y = static_cast<uint64_t>(b.integer);
    if ((op == Op::divide_whole || op == Op::modulo) && y == 0) return false;
    out.integer = op == Op::add            ? wrapped(x + y)
                  : op == Op::subtract     ? wrapped(x - y)
                  : op == Op::multiply     ? wrapped(x * y)
                  : op == Op::divide_whole ? divided_whole(a.integer, b.integer)
                                           : remainder_of(a.integer, b.integer);
    out.kind = Kind::integer;
    return true;
  }
  const auto is_number = [](const Operand& o) { return o.kind == Kind::integer || o.kind == Kind::real; };
  if (!is_number(a) || !is_number(b)) return false;
  const double x = a.kind == Kind::real ? a.real : static_cast<double>(a.integer);
  const double y = b.kind == Kind::real ? b.real : static_cast<double>(b.integer);
  out.real = op == Op::add            ? x + y
             : op == Op::subtract     ? x - y
             : op == Op::multiply     ? x * y
             : op == Op::divide       ? x / y
             : op == Op::divide_whole ? std::floor(x / y)
                                      : remainder_of(x, y);
  out.kind = Kind::real;
  return true;
}

bool Plan::compare(Op op, const Operand& a, const Operand& b, Operand& out) {
  const auto answer = [&](bool yes) {
    out.kind = Kind::boolean;
    out.integer = yes;
    return true;
  };
  const auto decide = [&](auto x, auto y) {
    return answer(op == Op::equal ? x == y : op == Op::unequal ? x != y : op == Op::less ? x < y : x <= y);
  };
  const auto is_number = [](const Operand& o) { return o.kind == Kind::integer || o.kind == Kind::real; };
  if (is_number(a) && is_number(b)) {
    if (a.kind == b.kind) return a.kind == Kind::integer ? decide(a.integer, b.integer) : decide(a.real, b.real);
    const int64_t whole = a.kind == Kind::integer ? a.integer : b.integer;
    if (whole < -kExact || whole > kExact) return false;
    return a.kind == Kind::integer ? decide(static_cast<double>(whole), b.real)
                                   : decide(a.real, static_cast<double>(whole));
  }
  if (op == Op::less || op == Op::less_equal || a.kind == Kind::null || b.kind == Kind::null) return false;
  const auto is_json = [](const Operand& o) { return o.kind == Kind::element || o.kind == Kind::document; };
  if (is_json(a) && is_json(b)) return false;  // the same object?
  const bool same = a.kind == b.kind && (a.kind == Kind::nil || (a.kind == Kind::boolean && a.integer == b.integer) ||
                                         (a.kind == Kind::text && a.text == b.text));
  return answer(same == (op == Op::equal));
}

bool Plan::evaluate_pair(State& state, const Node& node, Operand& out) const {
  Operand left, right;
  if (!evaluate(state, node.left, left)) return false;
  if (node.op == Op::both || node.op == Op::either) {
    const bool truth = left.kind != Kind::nil && !(left.kind == Kind::boolean && left.integer == 0);
    if (left.kind == Kind::null) return false;
    if (truth == (node.op == Op::both)) return evaluate(state, node.right, out);
    out = left;
    return true;
  }
  if (!evaluate(state, node.right, right)) return false;
  switch (node.op) {
    case Op::equal:
    case Op::unequal:
    case Op::less:
    case Op::less_equal:
      return compare(node.op, left, right, out);
    case Op::least:
    case Op::greatest: {
      Operand second_wins;
      const bool least = node.op == Op::least;
      if (!compare(Op::less, least ? right : left, least ? left : right, second_wins)) return false;
      out = second_wins.integer ? right : left;
      return true;
    }
    case Op::first_there:
      out = left.kind != Kind::nil && left.kind != Kind::null ? left : right;
      if (out.kind == Kind::null) out.kind = Kind::nil;
      return true;
    default:
      return calculate(node.op, left, right, out);
  }
}

bool Plan::evaluate(State& state, uint16_t at, Operand& out) const {
  const Node& node = nodes_[at];
  switch (node.op) {
    case Op::constant:
      out = node.constant;
      return true;
    case Op::slot:
      return read_slot(state, node.slot, out);
    case Op::timestamp:
      if (!state.record) return false;
      out.kind = Kind::integer;
      out.integer = state.record->timestamp;
      return true;
    case Op::field: {
      Operand of;
      return evaluate(state, node.left, of) && read_field(state, of, node.name, out);
    }
    case Op::negative:
      if (!evaluate(state, node.left, out)) return false;
      if (out.kind == Kind::integer)
        out.integer = wrapped(0 - static_cast<uint64_t>(out.integer));
      else if (out.kind == Kind::real)
        out.real = -out.real;
      else
        return false;
      return true;
    case Op::no:
      if (!evaluate(state, node.left, out) || out.kind == Kind::null) return false;
      out.integer = out.kind == Kind::nil || (out.kind == Kind::boolean && out.integer == 0);
      out.kind = Kind::boolean;
      return true;
    case Op::object:
      return false;
    default:
      return evaluate_pair(state, node, out);
  }
}

bool Plan::append(State& state, const Operand& operand, std::string& out) {
  switch (operand.kind) {
    case Kind::nil:
    case Kind::null:
      out += "null";
      return true;
    case Kind::boolean:
      out += operand.integer ? "true" : "false";
      return true;
    case Kind::integer:
      append_json_integer(operand.integer, out);
      return true;
    case Kind::real:
      return append_json_number(operand.real, out);
    case Kind::text:
      return append_json_text(operand.text, out);
    case Kind::element:
      return append_json_element(operand.element, out);
    case Kind::document: {
      dom::element root;
      state.documents->slots[operand.slot].text = data_of(state.slots[operand.slot].value);
      return !find_root(state, operand.slot, root) && append_json_element(root, out);
    }
  }
  return false;
}

bool Plan::append_object(State& state, const Node& node, std::string& out) const {
  const char* comma = "";
  out += '{';
  for (const auto& [name, value] : node.fields) {
    const bool inner = nodes_[value].op == Op::object;
    Operand field;
    if (!inner) {
      if (!evaluate(state, value, field)) return false;
      if (field.kind == Kind::nil) continue;  // in Lua a field of nil is none
    }
    out += comma;
    comma = ",";
    out += name;
    if (!(inner ? append_object(state, nodes_[value], out) : append(state, field, out))) return false;
  }
  out += '}';
  return true;
}

bool Plan::test(State& state, bool& out) const {
  Operand result;
  if (!evaluate(state, root_, result)) return false;
  out = result.kind != Kind::nil && result.kind != Kind::null && !(result.kind == Kind::boolean && result.integer == 0);
  return true;
}

bool Plan::value(State& state, Memory& memory, bool as_key, Value& out) const {
  const auto made = [&](bool good) {
    if (good) out = json_value(keep(memory, state.buffer));
    return good;
  };
  state.buffer.clear();
  if (nodes_[root_].op == Op::object) return made(append_object(state, nodes_[root_], state.buffer));
  Operand result;
  if (!evaluate(state, root_, result)) return false;
  switch (result.kind) {
    case Kind::nil:
    case Kind::null:
      out = null_value();
      return true;
    case Kind::boolean:
      out = bool_value(result.integer != 0);
      return true;
    case Kind::integer:
      out = integer_result(state, uses_, result.integer);
      return true;
    case Kind::real:
      out = float64_value(result.real);
      return true;
    case Kind::text:
      out = text_result(state, uses_, result.text, memory);
      return true;
    case Kind::document:
      if (result.slot != 0 && as_key) return made(append(state, result, state.buffer));
      out = state.slots[result.slot].value;
      return true;
    case Kind::element:
      return made(append(state, result, state.buffer));
  }
  return false;
}

}  // namespace kstreamd::script
