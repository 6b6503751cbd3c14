// Errors of values and bytes that do not fit a serde. Internal to core/serde.
#pragma once
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "kstreamd/sdk/value.h"

namespace kstreamd {

// "a string does not fit the serde int64".
inline Error misfit(const Value& value, std::string_view serde, std::string hint) {
  if (value.type == KST_WINDOWED)
    hint = "name the serde { time_windowed: " + std::string(serde) + " } or { session_windowed: " + std::string(serde) +
           " }, or make another key of it with map";
  std::string_view type = type_name(value);
  std::string_view article = type == "int32" || type == "int64" || type == "opaque" ? "an " : "a ";
  return Error{
      .message = std::string(article) + std::string(type) + " value does not fit the serde " + std::string(serde),
      .hint = std::move(hint)};
}

inline Error wrong_size(std::string_view serde, size_t needed, size_t got) {
  return Error{.message = std::string(serde) + " needs " + std::to_string(needed) +
                          (needed == 1 ? " byte, got " : " bytes, got ") + std::to_string(got),
               .hint = "check that the topic was written with the serde " + std::string(serde)};
}

}  // namespace kstreamd
