// Typed objects of plugins (KST_OBJECT) where bytes are needed: at sinks, stores and repartition topics.
#pragma once
#include <string_view>

#include "core/serde/serde.h"

namespace kstreamd {

// The value as something that every serde knows: an object as its JSON text, or with `want_bytes` as the bytes it makes
// of itself (its JSON text when it makes none). Any other value as it is. What has to be made lives in `arena`; it may
// borrow from the object.
Result<Value> plain_value(const Value& value, bool want_bytes, Arena& arena);

// serde.write for a value that may be an object. A plugin's serde is given the object itself first; built-in ones, and
// those that refuse it, get its plain value.
Result<std::string_view> write_object(const Serde& serde, const Value& object, Arena& arena);
inline Result<std::string_view> write_value(const Serde& serde, const Value& value, Arena& arena) {
  if (value.type != KST_OBJECT) [[likely]]
    return serde.write(value, arena);
  return write_object(serde, value, arena);
}

}  // namespace kstreamd
