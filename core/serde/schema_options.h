// What a spec says of a serde with a schema, {"avro":{...}} or {"protobuf":{...}}; and Confluent's wire format.
// Internal to core/serde; any thread.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/serde/schema_registry.h"

namespace kstreamd {

struct SchemaOptions {
  std::string schema;   // a file; empty: the registry's
  std::string message;  // protobuf: its name; empty: the file's first
  std::optional<RegistryAddress> registry;
  std::string subject;
  bool auto_register = true;
};

Result<SchemaOptions> schema_options(const nlohmann::json& given, const std::string& kind);

// Takes the magic byte and the id of the schema from the front of `bytes`.
Result<int32_t> take_schema_id(std::string_view& bytes);
void append_schema_id(std::string& out, int32_t id);

}  // namespace kstreamd
