// Avro schemas, as the codec looks at them. Internal to core/serde. Immutable after parsing; any thread.
//
// Logical types are read and written as what they are stored as: a timestamp-millis is a long, a decimal is bytes.
#pragma once
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"

namespace kstreamd {

enum class AvroKind {
  null,
  boolean,
  int32,
  int64,
  float32,
  float64,
  bytes,
  string,
  record,
  enumeration,
  array,
  map,
  fixed,
  one_of
};

struct AvroType;

struct AvroField {
  std::string name;
  std::vector<std::string> aliases;
  const AvroType* type = nullptr;
  std::optional<std::string> default_json;  // canonical, as the decoder writes such values
};

struct AvroType {
  AvroKind kind = AvroKind::null;
  std::string name;                  // of records, enums and fixed: without the namespace
  std::string full_name;             // of these, with it
  std::vector<std::string> aliases;  // without namespaces
  std::vector<AvroField> fields;     // records
  std::vector<std::string> symbols;  // enums
  std::optional<std::string> default_symbol;
  const AvroType* items = nullptr;        // arrays; of maps the values
  std::vector<const AvroType*> branches;  // unions
  size_t size = 0;                        // fixed: bytes
};

// "int", "record Order", "union": for messages.
std::string avro_type_name(const AvroType& type);

class AvroSchema {
 public:
  // `referenced`: other schemas whose types it names, each after those whose types it names itself. The error says what
  // is wrong, and with which type or field.
  static Result<std::shared_ptr<const AvroSchema>> parse(
      std::string_view text, const std::vector<std::pair<std::string, std::string>>& referenced = {});

  const AvroType& root() const { return *root_; }
  // One line of JSON, as it is registered.
  const std::string& text() const { return text_; }

 private:
  friend class AvroSchemaParser;
  AvroSchema() = default;

  std::vector<std::unique_ptr<AvroType>> types_;
  const AvroType* root_ = nullptr;
  std::string text_;
};

}  // namespace kstreamd
