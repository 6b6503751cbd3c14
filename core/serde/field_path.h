// Where in a structured value something is wrong. Internal to core/serde.
#pragma once
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace kstreamd {

// Collects the path while a codec returns from where it failed: innermost part first.
struct FieldFailure {
  std::string what;
  std::string path;  // ".items[2].price"

  // Notes what is wrong. False, so that it can be returned.
  bool fail(std::string message) {
    what = std::move(message);
    return false;
  }
  bool within(std::string_view field) {
    path = "." + std::string(field) + path;
    return false;
  }
  bool at(size_t index) {
    path = "[" + std::to_string(index) + "]" + path;
    return false;
  }
  Error error(std::string hint) const {
    const std::string field = path.starts_with('.') ? path.substr(1) : path;
    return Error{.message = (field.empty() ? "" : "field '" + field + "': ") + what, .hint = std::move(hint)};
  }
};

}  // namespace kstreamd
