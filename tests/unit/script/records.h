// Records and results for the tests of expressions.
#pragma once
#include <catch2/catch.hpp>
#include <deque>
#include <string>
#include <vector>

#include "plugins/script/expression.h"

namespace kstreamd::script {

class TestMemory final : public Memory {
 public:
  void* allocate(size_t size) override { return blocks_.emplace_back(size, '\0').data(); }

 private:
  std::deque<std::string> blocks_;
};

inline Record make_record(Value key, Value value, int64_t timestamp = 0) {
  return Record{key, value, timestamp, nullptr, nullptr, 0, 0};
}

// "int64 5", "string abc", "json {...}", "null": type and content.
inline std::string shown(const Value& v) {
  const std::string type = type_name(v);
  if (is_null(v)) return type;
  if (has_data(v)) return type + " " + std::string(data_of(v));
  if (v.type == KST_FLOAT64) return type + " " + std::to_string(v.u.real);
  return type + " " + std::to_string(v.u.integer);
}

// One engine and one record, to ask expressions of.
class Asker {
 public:
  explicit Asker(Value value = null_value(), Value key = null_value(), Limits limits = {})
      : engine(limits), record(make_record(key, value)) {}

  Expression compile(const std::string& text, Scope scope = kRecordScope) {
    std::vector<Problem> problems;
    auto expression = engine.compile(text, problems, scope);
    if (!expression)
      FAIL(text << ": "
                << (problems.empty() ? std::string("no problem?")
                                     : problems[0].message + " at column " + std::to_string(problems[0].column)));
    return *expression;
  }
  std::string value(const std::string& text) {
    const auto expression = compile(text);
    engine.set_record(record);
    return shown(engine.value(expression, memory));
  }
  std::string key(const std::string& text) {
    const auto expression = compile(text);
    engine.set_record(record);
    return shown(engine.key(expression, memory));
  }
  bool test(const std::string& text) {
    const auto expression = compile(text);
    engine.set_record(record);
    return engine.test(expression);
  }
  std::string values(const std::string& text) {
    const auto expression = compile(text);
    engine.set_record(record);
    std::vector<Value> out;
    engine.values(expression, memory, out);
    std::string all;
    for (const auto& v : out) all += (all.empty() ? "" : " | ") + shown(v);
    return all;
  }
  std::string error(const std::string& text) {
    const auto expression = compile(text);
    engine.set_record(record);
    try {
      return "no error, but " + shown(engine.value(expression, memory));
    } catch (const ScriptError& error) {
      return error.what();
    }
  }

  Engine engine;
  TestMemory memory;
  Record record;
};

}  // namespace kstreamd::script
