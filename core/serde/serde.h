// Serdes: between the bytes of a topic or store and a Value. Stateless and shared: every function may be called from
// any thread.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "kstreamd/sdk/value.h"

namespace kstreamd {

class Serde {
 public:
  virtual ~Serde() = default;
  // The name YAML uses: "string", "int64", ...
  virtual const std::string& name() const = 0;

  // Bytes to a value. Text-like values borrow `bytes`; what has to be made lives in `arena`. Null never gets here: a
  // null key or value is KST_NULL without a serde. The error says what is wrong with the bytes.
  virtual Result<Value> read(std::string_view bytes, Arena& arena) const = 0;

  // A value to bytes. The result borrows the value's data where the bytes are the same, else lives in `arena`. A value
  // that does not fit is an error with a hint ("value is a string; this sink's serde is int64: ..."). The value is not
  // KST_NULL.
  virtual Result<std::string_view> write(const Value& value, Arena& arena) const = 0;
};

// The serde of a name, or nullptr. Built-in serdes live as long as the process.
const Serde* find_serde(std::string_view name);
// All names, for hints.
std::vector<std::string> serde_names();

}  // namespace kstreamd
