// Values as JSON, for serdes of schemas. Internal to core/serde; any thread.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "kstreamd/sdk/value.h"

namespace kstreamd {

// The value as JSON: bytes are base64, NaN and the infinities are texts. `kind` is the serde's, for the error of what
// does not fit.
Result<nlohmann::json> json_of_value(const Value& value, std::string_view kind);

// "null", "a text", "4.5", "a list": what does not fit somewhere.
std::string json_word(const nlohmann::json& value);

}  // namespace kstreamd
