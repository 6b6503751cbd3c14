// What the operators share: the expressions of one node, evaluated into the memory of the call.
#pragma once
#include <kstreamd/sdk/config.h>
#include <kstreamd/sdk/context.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "plugins/script/expression.h"

namespace kstreamd::builtin {

// Memory that lives until the call into the processor returns.
class ScratchMemory final : public script::Memory {
 public:
  explicit ScratchMemory(sdk::Context& context) : context_(context) {}
  void* allocate(size_t size) override { return context_.scratch<char>(size); }

 private:
  sdk::Context& context_;
};

// An engine with the node's script, if it has one. Problems go to the configuration.
class Expressions {
 public:
  explicit Expressions(const sdk::Config& config);

  // A required expression, and one that may be left out. `scope` is what it may name: script/expression.h has one for
  // each kind of operator.
  script::Expression compile(const sdk::Config& config, std::string_view key,
                             script::Scope scope = script::kRecordScope);
  std::optional<script::Expression> compile_optional(const sdk::Config& config, std::string_view key,
                                                     script::Scope scope = script::kRecordScope);
  // An expression that is an item of a list.
  script::Expression compile_item(const sdk::Config& item, script::Scope scope);

  // Gives a record the time that the expression makes of the record at hand. False: it makes none, or a negative one,
  // and the record is counted as dropped.
  bool set_timestamp(const script::Expression& expression, Record& record, sdk::Context& context);

  script::Engine& engine() { return engine_; }

 private:
  script::Expression compile_text(const sdk::Config& config, std::string_view key, const std::string& text,
                                  script::Scope scope);

  script::Engine engine_;
};

}  // namespace kstreamd::builtin
