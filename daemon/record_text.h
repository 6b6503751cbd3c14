// Records as people write and read them: between text or JSON and the bytes of a topic, by serde.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/ports/processor.h"
#include "core/record/fetched.h"
#include "core/serde/serde.h"

namespace kstreamd {

// A record to be written, as bytes. Owns everything.
struct TextRecord {
  std::optional<std::string> key;  // nothing: null
  std::optional<std::string> value;
  int32_t partition = -1;  // -1: by the key
  int64_t timestamp = 0;   // ms
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

// The serde of a name, or an error that lists those there are. `catalog` has those of plugins; null: there are none.
Result<const Serde*> serde_named(const std::string& name, const ProcessorCatalog* catalog = nullptr);

// The bytes of what a line of text says: "42" for int64, "true" for bool, JSON for json, the text itself for string and
// bytes. A plugin's serde is given what the line says as JSON, and the text itself where it is none, or refused.
Result<std::string> bytes_of_text(const Serde& serde, std::string_view text);
// The bytes of a piece of JSON: a number for int64, a string for string, anything for json; {"base64": ...} is the
// bytes themselves. JSON's null is a null, which has no bytes.
Result<std::optional<std::string>> bytes_of_json(const Serde& serde, std::string_view json);

// Appends a key or value as JSON: one line. What the serde refuses is shown as {"base64": ...}, with false. `bytes` has
// no data: null.
bool append_json_of_bytes(std::string& out, const Serde& serde, std::optional<std::string_view> bytes);
// Appends it as text: a string as it is, a number in digits, JSON on one line. What the serde refuses is appended as it
// is, with false.
bool append_text_of_bytes(std::string& out, const Serde& serde, std::string_view bytes);

// One line of `consume --output json`: topic, partition, offset, timestamp, key, value, headers. False: a key or value
// was refused by its serde.
bool append_json_of_record(std::string& out, const FetchedRecord& record, const Serde& key, const Serde& value);

}  // namespace kstreamd
