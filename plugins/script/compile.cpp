// From text to a function: what is wrong is said with line, column and a hint.
//
// An expression becomes the body of a Lua function whose parameters are the variables it uses and whose upvalues are
// the functions it calls, all constants: nothing is looked up by name when it runs, and nothing can be assigned that
// another expression would see.
#include <algorithm>
#include <cctype>
#include <set>

#include "kstreamd/sdk/json.h"
#include "plugins/script/plan.h"

namespace kstreamd::script {
namespace {

constexpr const char* kChunkName = "=expr";

std::optional<Variable> variable_of(std::string_view name) {
  for (size_t i = 0; i < kVariableCount; ++i)
    if (name == kVariableNames[i]) return static_cast<Variable>(i);
  return std::nullopt;
}

// "key, value and window".
std::string names_in(Scope scope) {
  std::string out;
  for (size_t i = 0; i < kVariableCount; ++i) {
    if (!(scope >> i & 1)) continue;
    const bool last = scope >> i == 1;
    out.append(out.empty() ? "" : last ? " and " : ", ").append(kVariableNames[i]);
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n\v\f";
  const size_t first = text.find_first_not_of(blank);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(blank) + 1 - first);
}

// What Lua says about a text, without running it.
struct SyntaxError {
  uint32_t line = 0;    // 0: there is none
  std::string message;  // without "near"
  std::string near;     // the word at which it noticed; empty: it did not say
};

SyntaxError check_syntax(lua_State* L, const std::string& text) {
  SyntaxError out;
  if (luaL_loadbufferx(L, text.data(), text.size(), kChunkName, "t") != LUA_OK) {
    size_t size = 0;
    const char* said = lua_tolstring(L, -1, &size);
    std::string_view message = said ? std::string_view(said, size) : "this is no Lua";
    out.line = 1;
    if (message.substr(0, 5) == "expr:") {
      message.remove_prefix(5);
      out.line = static_cast<uint32_t>(std::strtoul(message.data(), nullptr, 10));
      message.remove_prefix(std::min(message.size(), message.find(": ") + 2));
    }
    const size_t near = message.rfind(" near ");
    out.message = std::string(message.substr(0, near));
    if (near != message.npos) {
      auto word = message.substr(near + 6);
      if (word.size() > 2 && word.front() == '\'' && word.back() == '\'') word = word.substr(1, word.size() - 2);
      out.near = std::string(word);
    }
  }
  lua_pop(L, 1);
  return out;
}

// "did you mean 'x'?"; empty where no candidate is like the name.
template <typename Names>
std::string did_you_mean(std::string_view name, const Names& candidates) {
  std::string hint;
  size_t nearest = name.size() < 4 ? 2 : 3;  // this far is no likeness any more
  for (const auto& candidate : candidates)
    if (const size_t distance = sdk::json::edit_distance(name, candidate); distance < nearest) {
      nearest = distance;
      hint = "did you mean '" + candidate + "'?";
    }
  return hint;
}

// Compiles one text, and explains what fails.
class Checker {
 public:
  Checker(State& state, std::string_view text, bool script)
      : state_(state), text_(text), tokens_(scan(text)), names_(find_names(tokens_)), script_(script) {
    chunk_ = script || names_.has_return;
  }

  const Names& names() const { return names_; }
  const std::vector<Token>& tokens() const { return tokens_; }
  bool chunk() const { return chunk_; }
  std::vector<Problem> problems;

  bool syntax() {
    const SyntaxError error = check_syntax(state_.L, source(text_));
    if (error.line == 0) return true;
    const Token at = locate(error);
    Problem problem{at.line, at.column, error.message, hint(error), false};
    if (error.near == "<eof>")
      problem.message += error.message.starts_with("unfinished string") ? "" : " at the end";
    else if (!error.near.empty())
      problem.message += " near '" + error.near + "'";
    problems.push_back(std::move(problem));
    return false;
  }

  // A name that nothing has given a meaning. `known` are all that have one, those of the scope included.
  void unknown(const Token& token, const std::set<std::string, std::less<>>& known, Scope scope) {
    std::string hint = did_you_mean(token.text, known);
    static constexpr std::string_view kBanned[] = {"io", "os", "load", "require", "dofile", "debug", "coroutine"};
    if (hint.empty() && std::find(std::begin(kBanned), std::end(kBanned), token.text) != std::end(kBanned))
      hint = "expressions have no files, processes, clocks or loading of code";
    if (variable_of(token.text))
      hint = script_      ? "a function gets it as a parameter"
             : scope == 0 ? "this expression is evaluated without a record"
                          : "this expression sees " + names_in(scope);
    if (hint.empty()) hint = "a text goes in quotes, a field is value.NAME, a variable is declared with local";
    problems.push_back({token.line, token.column, "unknown name '" + std::string(token.text) + "'", hint, false});
  }

  // What a library does not have: math.random.
  void check_libraries() {
    for (const auto& library : names_.free) {
      const auto at = std::find_if(tokens_.begin(), tokens_.end(),
                                   [&](const Token& token) { return token.text.data() == library.text.data(); });
      if (tokens_.end() - at < 3 || at[1].text != "." || at[1].kind != TokenKind::symbol) continue;
      const auto functions = functions_of(std::string(library.text));
      const std::string name(at[2].text);
      if (functions.empty() || std::find(functions.begin(), functions.end(), name) != functions.end()) continue;
      std::string hint = did_you_mean(name, functions);
      if (hint.empty())
        for (const auto& function : functions) hint += (hint.empty() ? "it has " : ", ") + function;
      problems.push_back({at[2].line, at[2].column, "'" + std::string(library.text) + "' has no '" + name + "'",
                          std::move(hint), false});
    }
  }

  // `globals` are the names that mean something besides the variables of the scope.
  void check_names(std::set<std::string, std::less<>> globals, Scope scope) {
    for (size_t i = 0; i < kVariableCount; ++i)
      if (scope >> i & 1) globals.insert(kVariableNames[i]);
    for (const auto& token : names_.free)
      if (!globals.count(token.text)) unknown(token, globals, scope);
    for (const auto& token : names_.made) {
      if (const auto variable = variable_of(token.text); variable && (scope & bit(*variable))) continue;
      const std::string name(token.text);
      problems.push_back({token.line, token.column, "'" + name + "' is assigned, but not declared",
                          "write local " + name + " = ...", false});
    }
    check_libraries();
    warn_of_null();
  }

 private:
  // In the order of the alphabet; empty: it is no library.
  std::vector<std::string> functions_of(const std::string& library) const {
    std::vector<std::string> out;
    lua_State* L = state_.L;
    const int top = lua_gettop(L);
    if (state_.library_names.count(library)) {
      lua_rawgeti(L, LUA_REGISTRYINDEX, state_.globals);
      if (lua_getfield(L, -1, library.c_str()) == LUA_TTABLE && luaL_getmetafield(L, -1, "__index") == LUA_TTABLE)
        for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) out.emplace_back(lua_tostring(L, -2));
    }
    lua_settop(L, top);
    std::sort(out.begin(), out.end());
    return out;
  }

  void warn_of_null() {
    for (size_t i = 0; i < tokens_.size(); ++i) {
      if (tokens_[i].text != "null" || tokens_[i].kind != TokenKind::name) continue;
      const auto compares = [&](size_t j) {
        return j < tokens_.size() && (tokens_[j].text == "==" || tokens_[j].text == "~=");
      };
      if ((i > 0 && compares(i - 1)) || compares(i + 1))
        problems.push_back({tokens_[i].line, tokens_[i].column, "a comparison with null is never true",
                            "absence reads as nil: compare with nil", true});
    }
  }

  std::string source(std::string_view text) const { return (chunk_ ? "" : "return ") + std::string(text); }

  // Lua says the line and the word. Of several such words it is the first at which the text, cut off after it, fails
  // for another reason than that it ends.
  Token locate(const SyntaxError& error) const {
    if (error.message.starts_with("unfinished string"))
      for (const auto& token : tokens_)
        if (token.kind == TokenKind::broken && token.line == error.line) return token;
    const auto last = trimmed(text_);
    if (error.near == "<eof>") return place(text_, static_cast<size_t>(last.data() + last.size() - text_.data()));
    const Token* first = nullptr;
    for (const auto& token : tokens_) {
      if (token.line != error.line || !error.near.starts_with(token.text)) continue;
      if (!first) first = &token;
      const size_t size = static_cast<size_t>(token.text.data() + token.text.size() - text_.data());
      const SyntaxError cut = check_syntax(state_.L, source(text_.substr(0, size)));
      if (cut.line == error.line && cut.near == error.near) return token;
    }
    if (first) return *first;
    for (const auto& token : tokens_)
      if (token.line == error.line && (token.kind == TokenKind::broken || error.near.empty())) return token;
    return {TokenKind::broken, {}, error.line, 1};
  }

  std::string hint(const SyntaxError& error) const {
    const auto& near = error.near;
    if (near == "=" && !chunk_) return "to compare, write ==";
    if (near.starts_with("!")) return "Lua writes 'not x' and '~='";
    if (near == "&") return "Lua writes 'and'";
    if (near == "|") return "Lua writes 'or'";
    if (near == "?") return "Lua writes 'condition and a or b'";
    if (near == ":" || near == "::") return "a table is written { name = value }";
    if (error.message.starts_with("unfinished string")) return "close the text with the quote that opened it";
    if (script_) return "";
    if (chunk_ && check_syntax(state_.L, "return " + std::string(text_)).line == 0)
      return "with the word return this is a chunk of statements: begin it with 'return'";
    static constexpr std::string_view kStatements[] = {"local", "if", "for", "while", "repeat", "do", "function"};
    if (!chunk_ && !tokens_.empty() &&
        std::find(std::begin(kStatements), std::end(kStatements), tokens_[0].text) != std::end(kStatements))
      return "statements make a chunk, which says 'return' what it gives";
    return "";
  }

  State& state_;
  std::string_view text_;
  std::vector<Token> tokens_;
  Names names_;
  bool script_;
  bool chunk_;
};

std::set<std::string, std::less<>> global_names(const State& state) {
  std::set<std::string, std::less<>> out;
  lua_State* L = state.L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, state.globals);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pop(L, 1);
    out.insert(lua_tostring(L, -1));
  }
  lua_pop(L, 1);
  return out;
}

bool worked(const std::vector<Problem>& problems) {
  return std::all_of(problems.begin(), problems.end(), [](const Problem& p) { return p.warning; });
}

// ---- Environments

int refuse_name(lua_State* L) {
  return luaL_error(L, "unknown name '%s': a variable is declared with local", luaL_tolstring(L, 2, nullptr));
}

int define_name(lua_State* L) {
  State& state = State::of(L);
  const char* name = luaL_checkstring(L, 2);
  if (!state.loading) return luaL_error(L, "'%s' outlives the record: declare it with local", name);
  lua_rawgeti(L, LUA_REGISTRYINDEX, state.globals);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, 3);
  lua_rawset(L, -3);
  return 0;
}

void make_environments(State& state) {
  lua_State* L = state.L;
  lua_createtable(L, 0, 0);
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, refuse_name);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, refuse_name);
  lua_setfield(L, -2, "__newindex");
  lua_setmetatable(L, -2);
  state.environment = luaL_ref(L, LUA_REGISTRYINDEX);

  lua_createtable(L, 0, 0);
  lua_createtable(L, 0, 2);
  lua_rawgeti(L, LUA_REGISTRYINDEX, state.globals);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, define_name);
  lua_setfield(L, -2, "__newindex");
  lua_setmetatable(L, -2);
  state.script_environment = luaL_ref(L, LUA_REGISTRYINDEX);
}

// Gives the function on top of the stack its environment.
void set_environment(lua_State* L, int environment) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, environment);
  if (!lua_setupvalue(L, -2, 1)) lua_pop(L, 1);
}

std::string joined(const std::vector<std::string_view>& names, const char* suffix) {
  std::string out;
  for (const auto name : names) out.append(out.empty() ? "" : ",").append(name).append(suffix);
  return out;
}

// Pushes the function that the text is the body of, or what is wrong with it, and gives Lua's status.
int push_function(State& state, std::string_view text, bool chunk, Scope uses,
                  const std::vector<std::string_view>& constants) {
  lua_State* L = state.L;
  std::vector<std::string_view> parameters;
  for (size_t i = 0; i < kVariableCount; ++i)
    if (uses >> i & 1) parameters.push_back(kVariableNames[i]);
  std::string source;
  if (!constants.empty()) source = "local " + joined(constants, " <const>") + " = ... ";
  source += "return function(" + joined(parameters, "") + ") " + (chunk ? "" : "return ");
  source.append(text).append("\nend");
  const int status = luaL_loadbufferx(L, source.data(), source.size(), kChunkName, "t");
  if (status != LUA_OK) return status;
  set_environment(L, state.environment);
  lua_rawgeti(L, LUA_REGISTRYINDEX, state.globals);
  lua_insert(L, 1);
  for (const auto name : constants) {
    lua_pushlstring(L, name.data(), name.size());
    lua_rawget(L, 1);
  }
  return lua_pcall(L, static_cast<int>(constants.size()), 1, 0);
}

}  // namespace

namespace {

// "script:3: attempt ...": a script runs once, when it is loaded.
Problem failure_of_script(const char* said) {
  std::string_view message = said ? said : "it fails";
  uint32_t line = 1;
  if (message.starts_with(kScriptPrefix)) {
    message.remove_prefix(kScriptPrefix.size());
    line = static_cast<uint32_t>(std::strtoul(message.data(), nullptr, 10));
    message.remove_prefix(std::min(message.size(), message.find(": ") + 2));
  }
  return {line, 1, std::string(message), "a script runs once, to define functions", false};
}

// The name will mean something once the script is right: expressions that use it are not to blame.
void promise(State& state, std::string_view name) {
  lua_State* L = state.L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, state.globals);
  lua_pushlstring(L, name.data(), name.size());
  if (lua_rawget(L, -2) == LUA_TNIL) {
    lua_pushlstring(L, name.data(), name.size());
    lua_pushboolean(L, 0);
    lua_rawset(L, 1);
  }
  lua_settop(L, 0);
}

}  // namespace

bool Engine::load_script(std::string_view text, std::vector<Problem>& problems) {
  State& state = *state_;
  lua_State* L = state.L;
  if (!state.environment) make_environments(state);
  Checker checker(state, text, true);
  if (checker.syntax()) {
    auto known = global_names(state);
    const auto library = state.library_names.empty() ? (state.library_names = known) : state.library_names;
    for (const auto& token : checker.names().made) {
      if (library.count(token.text) || variable_of(token.text))
        checker.problems.push_back({token.line, token.column,
                                    "'" + std::string(token.text) + "' is one of kstreamd's own names",
                                    "give the function another name", false});
      known.insert(std::string(token.text));
    }
    for (const auto& token : checker.names().free)
      if (!known.count(token.text)) checker.unknown(token, known, 0);
    checker.check_libraries();
  }
  if (checker.problems.empty() && luaL_loadbufferx(L, text.data(), text.size(), "=script", "t") == LUA_OK) {
    set_environment(L, state.script_environment);
    state.loading = true;
    start_counting(state);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK) checker.problems.push_back(failure_of_script(lua_tostring(L, -1)));
    stop_counting(state);
    state.loading = false;
  }
  lua_settop(L, 0);
  problems.insert(problems.end(), checker.problems.begin(), checker.problems.end());
  if (worked(checker.problems)) return true;
  for (const auto& token : checker.names().made) promise(state, token.text);
  return false;
}

std::optional<Expression> Engine::compile(std::string_view text, std::vector<Problem>& problems, Scope scope) {
  State& state = *state_;
  lua_State* L = state.L;
  if (!state.environment) make_environments(state);
  const auto known = global_names(state);
  if (state.library_names.empty()) state.library_names = known;
  if (trimmed(text).empty()) {
    problems.push_back({1, 1, "the expression is empty", "write what it gives, such as value", false});
    return std::nullopt;
  }

  Checker checker(state, text, false);
  if (checker.syntax()) checker.check_names(known, scope);
  problems.insert(problems.end(), checker.problems.begin(), checker.problems.end());
  if (!worked(checker.problems)) return std::nullopt;

  Expression out;
  std::vector<std::string_view> constants;  // functions, libraries and null
  bool calls_script = false;
  for (const auto* list : {&checker.names().used, &checker.names().made})
    for (const auto& token : *list) {
      const auto variable = variable_of(token.text);
      if (variable && (scope & bit(*variable))) out.uses_ |= bit(*variable);
      if (variable || !known.count(token.text)) continue;
      if (std::find(constants.begin(), constants.end(), token.text) != constants.end()) continue;
      constants.push_back(token.text);
      calls_script |= state.library_names.count(token.text) == 0;
    }
  out.bounded_ = !checker.names().has_loop && !calls_script;
  if (push_function(state, text, checker.chunk(), out.uses_, constants) != LUA_OK) {
    const char* said = lua_tostring(L, -1);
    problems.push_back({1, 1, said ? said : "it cannot be compiled", "", false});
    lua_settop(L, 0);
    return std::nullopt;
  }
  out.function_ = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_settop(L, 0);
  out.text_ = static_cast<uint32_t>(state.texts.size());
  state.texts.emplace_back(trimmed(text));
  if (auto plan = Plan::make(L, checker.tokens(), out.uses_)) {
    out.plan_ = plan.get();
    state.plans.push_back(std::move(plan));
  }
  if (const auto variable = variable_of(trimmed(text)); variable && (scope & bit(*variable))) out.same_ = variable;
  return out;
}

}  // namespace kstreamd::script
