// Whether a JSON Schema is one: what ConfigSchema::parse asks.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "core/base/result.h"

namespace kstreamd {

// The part of `root` that a `$ref` names ("#", "#/definitions/size"); null when there is none.
const nlohmann::json* resolve_reference(const nlohmann::json& root, const std::string& reference);

// Whether every keyword of the schema has a value that draft 7 allows.
Status check_schema(const nlohmann::json& schema);

}  // namespace kstreamd
