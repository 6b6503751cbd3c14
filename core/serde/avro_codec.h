// Avro's binary encoding, from and to JSON. Internal to core/serde; any thread.
//
// In JSON a union is its value alone, bytes and fixed are base64, an enum is its symbol; NaN and the infinities are
// texts.
#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/serde/avro_schema.h"

namespace kstreamd {

// Reads what was written by one schema as values of another, by the Avro specification's rules for that: promotions,
// fields by name or alias, defaults. Immutable after construction.
class AvroDecoder {
 public:
  // `reader` may be the writer's. The types outlive the decoder.
  AvroDecoder(const AvroType& writer, const AvroType& reader);

  // Appends canonical JSON. Bad bytes, however bad, are an error that names the field.
  Status decode(std::string_view bytes, std::string& json) const;

 private:
  friend class AvroReading;
  // How a record of the writer's becomes one of the reader's.
  struct Plan {
    std::vector<int> fields;    // of each of the writer's, the reader's; -1: skipped
    std::vector<int> defaults;  // the reader's that the writer's has not
    std::string problem;        // empty: none
  };

  void plan(const AvroType& writer, const AvroType& reader);

  const AvroType& writer_;
  const AvroType& reader_;
  std::map<std::pair<const AvroType*, const AvroType*>, Plan> plans_;
};

// Appends the value in Avro's encoding. A value that does not fit is an error that names the field.
Status avro_encode(const AvroType& type, const nlohmann::json& value, std::string& out);

// The default that a schema gives a field, as the decoder would write it.
Result<std::string> avro_default(const AvroType& type, const nlohmann::json& value);

}  // namespace kstreamd
