// From the words of an expression to its plan. Lua has compiled the text already, so that it is known to be right; here
// is only seen whether it is one that plans can evaluate.
#include <algorithm>

#include "plugins/script/json_text.h"
#include "plugins/script/plan.h"

namespace kstreamd::script {

class PlanMaker {
 public:
  PlanMaker(lua_State* L, const std::vector<Token>& tokens, Scope uses)
      : L_(L), tokens_(tokens), plan_(std::make_unique<Plan>()) {
    plan_->uses_ = uses;
  }

  std::unique_ptr<Plan> run() {
    if (tokens_.size() > kMostTokens) return nullptr;
    if (is("return")) ++at_;
    plan_->root_ = is("{") ? object() : expression(0);
    if (is(";")) ++at_;
    return failed_ || at_ != tokens_.size() ? nullptr : std::move(plan_);
  }

 private:
  using Op = Plan::Op;
  using Kind = Plan::Kind;
  static constexpr size_t kMostTokens = 400;
  static constexpr int kUnary = 11;

  struct Binary {
    std::string_view sign;
    int priority;
    Op op;
    bool swapped;  // a > b is b < a
  };

  // The word at hand, when it is a keyword or sign.
  bool is(std::string_view word) const {
    return at_ < tokens_.size() && tokens_[at_].text == word && tokens_[at_].kind != TokenKind::string;
  }
  bool take(std::string_view word) {
    if (!is(word)) return false;
    ++at_;
    return true;
  }
  uint16_t fail() {
    failed_ = true;
    return 0;
  }

  uint16_t add(Plan::Node node) {
    plan_->nodes_.push_back(std::move(node));
    return static_cast<uint16_t>(plan_->nodes_.size() - 1);
  }
  uint16_t add(Op op, uint16_t left, uint16_t right = 0) {
    Plan::Node node;
    node.op = op;
    node.left = left;
    node.right = right;
    return add(std::move(node));
  }
  uint16_t add_constant(Kind kind, int64_t integer = 0) {
    Plan::Node node;
    node.constant.kind = kind;
    node.constant.integer = integer;
    return add(std::move(node));
  }

  const Binary* binary() const {
    static constexpr Binary kAll[] = {{"or", 1, Op::either, false},
                                      {"and", 2, Op::both, false},
                                      {"==", 3, Op::equal, false},
                                      {"~=", 3, Op::unequal, false},
                                      {"<", 3, Op::less, false},
                                      {"<=", 3, Op::less_equal, false},
                                      {">", 3, Op::less, true},
                                      {">=", 3, Op::less_equal, true},
                                      {"+", 9, Op::add, false},
                                      {"-", 9, Op::subtract, false},
                                      {"*", 10, Op::multiply, false},
                                      {"/", 10, Op::divide, false},
                                      {"//", 10, Op::divide_whole, false},
                                      {"%", 10, Op::modulo, false}};
    for (const Binary& b : kAll)
      if (is(b.sign)) return &b;
    return nullptr;
  }

  // What binds more strongly than `limit`.
  uint16_t expression(int limit) {
    uint16_t left = take("not") ? add(Op::no, expression(kUnary))
                    : take("-") ? add(Op::negative, expression(kUnary))
                                : primary();
    for (const Binary* b = binary(); !failed_ && b && b->priority > limit; b = binary()) {
      ++at_;
      const uint16_t right = expression(b->priority);
      left = b->swapped ? add(b->op, right, left) : add(b->op, left, right);
    }
    return left;
  }

  uint16_t primary() {
    if (at_ >= tokens_.size()) return fail();
    uint16_t out = 0;
    if (take("(")) {
      out = expression(0);
      if (!take(")")) return fail();
    } else {
      out = word();
    }
    while (!failed_ && (is(".") || is("["))) out = field(out);
    return out;
  }

  uint16_t word() {
    const Token& token = tokens_[at_++];
    if (token.kind == TokenKind::number) return number(token.text);
    if (token.kind == TokenKind::string) return text(token.text);
    if (token.text == "nil") return add_constant(Kind::nil);
    if (token.text == "true" || token.text == "false") return add_constant(Kind::boolean, token.text == "true");
    if (token.kind != TokenKind::name) return fail();
    if (token.text == "null") return add_constant(Kind::null);
    if (token.text == "coalesce") return call(Op::first_there);
    if (token.text == "math" && take("."))
      return take("min") ? call(Op::least) : take("max") ? call(Op::greatest) : fail();
    for (uint8_t i = 0; i < kVariableCount; ++i) {
      if (token.text != kVariableNames[i] || !(plan_->uses_ >> i & 1)) continue;
      Plan::Node node;
      node.op = static_cast<Variable>(i) == Variable::timestamp ? Op::timestamp : Op::slot;
      node.slot = i;
      return node.op == Op::slot && i >= kValueCount ? fail() : add(std::move(node));
    }
    return fail();
  }

  // A function of two or more arguments, of which each is taken together with what came of those before.
  uint16_t call(Op op) {
    if (!take("(")) return fail();
    uint16_t out = expression(0);
    if (!is(",")) return fail();
    while (!failed_ && take(",")) out = add(op, out, expression(0));
    return take(")") ? out : fail();
  }

  uint16_t number(std::string_view text) {
    if (lua_stringtonumber(L_, std::string(text).c_str()) == 0) return fail();
    Plan::Node node;
    node.constant.kind = lua_isinteger(L_, -1) ? Kind::integer : Kind::real;
    if (node.constant.kind == Kind::integer)
      node.constant.integer = lua_tointeger(L_, -1);
    else
      node.constant.real = lua_tonumber(L_, -1);
    lua_pop(L_, 1);
    return add(std::move(node));
  }

  // The content of a text in simple quotes; false: it has more to it.
  static bool unquoted(std::string_view text, std::string& out) {
    if (text.size() < 2 || text.front() == '[' || text.find('\\') != text.npos) return false;
    out = text.substr(1, text.size() - 2);
    return true;
  }

  uint16_t text(std::string_view quoted) {
    auto content = std::make_unique<std::string>();
    if (!unquoted(quoted, *content)) return fail();
    Plan::Node node;
    node.constant.kind = Kind::text;
    node.constant.text = *content;
    plan_->texts_.push_back(std::move(content));
    return add(std::move(node));
  }

  uint16_t field(uint16_t of) {
    Plan::Node node;
    node.op = Op::field;
    node.left = of;
    if (take(".")) {
      node.name = tokens_[at_++].text;  // Lua compiled it: here is a name
      return add(std::move(node));
    }
    ++at_;
    const Token& token = tokens_[at_++];
    if (token.kind != TokenKind::string || !unquoted(token.text, node.name) || !take("]")) return fail();
    return add(std::move(node));
  }

  // { NAME = EXPRESSION, ["NAME"] = OBJECT, ... }
  uint16_t object() {
    ++at_;
    Plan::Node node;
    node.op = Op::object;
    std::vector<std::pair<std::string, uint16_t>> fields;
    while (!failed_ && !is("}")) {
      std::string name;
      if (take("[")) {
        if (at_ >= tokens_.size() || tokens_[at_].kind != TokenKind::string || !unquoted(tokens_[at_++].text, name) ||
            !take("]"))
          return fail();
      } else if (at_ < tokens_.size() && tokens_[at_].kind == TokenKind::name) {
        name = tokens_[at_++].text;
      } else {
        return fail();
      }
      if (!take("=")) return fail();
      fields.emplace_back(std::move(name), is("{") ? object() : expression(0));
      if (!take(",") && !take(";") && !is("}")) return fail();
    }
    if (!take("}")) return fail();
    std::sort(fields.begin(), fields.end());
    for (size_t i = 0; i < fields.size(); ++i) {
      std::string name;
      if ((i > 0 && fields[i].first == fields[i - 1].first) || !append_json_text(fields[i].first, name)) return fail();
      node.fields.emplace_back(name + ":", fields[i].second);
    }
    return add(std::move(node));
  }

  lua_State* const L_;
  const std::vector<Token>& tokens_;
  std::unique_ptr<Plan> plan_;
  size_t at_ = 0;
  bool failed_ = false;
};

std::unique_ptr<Plan> Plan::make(lua_State* L, const std::vector<Token>& tokens, Scope uses) {
  return PlanMaker(L, tokens, uses).run();
}

}  // namespace kstreamd::script
