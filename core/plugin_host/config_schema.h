// The JSON Schema (draft 7) by which a plugin describes the configuration of a processor.
//
// All keywords of draft 7's validation are held, but for `format`, which is a comment; `$ref` reaches definitions of
// the same schema. Patterns are those of ECMAScript.
#pragma once
#include <memory>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/ports/processor.h"

namespace kstreamd {

// Immutable; every function may be called from any thread.
class ConfigSchema {
 public:
  // The error says which part of the schema is broken.
  static Result<ConfigSchema> parse(std::string_view text);

  // Everything in which a configuration does not fit, placed by JSON pointers: an unknown key at the key ("/size#"), a
  // missing one at the map that lacks it.
  std::vector<ConfigProblem> check(std::string_view config_json) const;

 private:
  struct Impl;
  explicit ConfigSchema(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace kstreamd
