// Serdes: between the bytes of a topic or store and a Value. Stateless and shared: every function may be called from
// any thread.
#pragma once
#include <functional>
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
  // The name YAML uses ("string", "int64", ...), or the spec.
  virtual const std::string& name() const = 0;

  // Bytes to a value. Text-like values borrow `bytes`; what has to be made lives in `arena`. Null never gets here: a
  // null key or value is KST_NULL without a serde. The error says what is wrong with the bytes; with another recovery
  // than stop_topology nothing is wrong with them (a schema registry does not answer).
  virtual Result<Value> read(std::string_view bytes, Arena& arena) const = 0;

  // A value to bytes. The result borrows the value's data where the bytes are the same, else lives in `arena`. A value
  // that does not fit is an error with a hint ("value is a string; this sink's serde is int64: ..."). The value is not
  // KST_NULL. Recoveries as those of read.
  virtual Result<std::string_view> write(const Value& value, Arena& arena) const = 0;

  // Whether a plugin's code runs in read and write.
  virtual bool of_plugin() const { return false; }
  // Whether its values are windowed keys.
  virtual bool windowed() const { return false; }
  // Of the bytes of a key, those that choose its partition: of a windowed one, the inner key's.
  virtual std::string_view partitioning_bytes(std::string_view key) const { return key; }
};

// Whether the name of a serde is a spec: what a topology file says of a serde that takes arguments, as compact JSON.
//   {"time_windowed":"string","size":30000}   size in ms
//   {"session_windowed":"int64"}
//   {"change":"json"}                         a table's updates (sdk/change.h); no topology file names it
// A serde within another is a name, or a spec in its turn.
inline bool is_serde_spec(std::string_view name) { return name.starts_with('{'); }

// The serde of a name or spec, or nullptr. Serdes live as long as the process.
const Serde* find_serde(std::string_view name);
// The serde of a spec; names within it are looked up by `lookup`, so that they may be those of plugins. The error says
// what is wrong with the spec.
using SerdeLookup = std::function<const Serde*(std::string_view name)>;
Result<const Serde*> make_serde(std::string_view spec, const SerdeLookup& lookup);

// All plain names, for hints.
std::vector<std::string> serde_names();

}  // namespace kstreamd
