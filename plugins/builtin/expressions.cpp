#include "plugins/builtin/expressions.h"

#include <string>
#include <vector>

namespace kstreamd::builtin {
namespace {

void report(const sdk::Config& config, std::string_view key, std::vector<script::Problem>& problems) {
  for (auto& p : problems)
    config.problem_inside(key, p.line, p.column, std::move(p.message), std::move(p.hint), p.warning);
}

}  // namespace

Expressions::Expressions(const sdk::Config& config) {
  const std::string text = config.string("script", "");
  if (text.empty()) return;
  std::vector<script::Problem> problems;
  engine_.load_script(text, problems);
  report(config, "script", problems);
}

script::Expression Expressions::compile(const sdk::Config& config, std::string_view key, script::Scope scope) {
  if (!config.has(key)) {
    config.problem(key, "is missing", "an expression in Lua");
    return {};
  }
  const size_t known = config.problems().size();
  const std::string text = config.string(key);
  if (config.problems().size() > known) return {};  // it is no text
  return compile_text(config, key, text, scope);
}

script::Expression Expressions::compile_item(const sdk::Config& item, script::Scope scope) {
  return compile_text(item, "", item.read_string(), scope);
}

script::Expression Expressions::compile_text(const sdk::Config& config, std::string_view key, const std::string& text,
                                             script::Scope scope) {
  std::vector<script::Problem> problems;
  const auto expression = engine_.compile(text, problems, scope);
  report(config, key, problems);
  return expression.value_or(script::Expression());
}

bool Expressions::set_timestamp(const script::Expression& expression, Record& record, sdk::Context& context) {
  const auto timestamp = engine_.integer(expression);
  if (!timestamp || *timestamp < 0) {
    context.drop("timestamp");
    return false;
  }
  record.timestamp = *timestamp;
  return true;
}

std::optional<script::Expression> Expressions::compile_optional(const sdk::Config& config, std::string_view key,
                                                                script::Scope scope) {
  if (!config.has(key)) return std::nullopt;
  return compile(config, key, scope);
}

}  // namespace kstreamd::builtin
