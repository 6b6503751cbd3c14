// The groups of built-in serdes, for the registry in serde.cpp. Internal to core/serde.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/serde/serde.h"

namespace kstreamd {

std::vector<const Serde*> text_serdes();   // string, bytes, uuid
std::vector<const Serde*> fixed_serdes();  // bool, int16, int32, int64, float32, float64
std::vector<const Serde*> json_serdes();   // json

// Serdes of specs; `name` is the spec.
// `size` of the windows in ms; 0: unknown, so that what is read has no end.
std::unique_ptr<const Serde> make_time_windowed(std::string name, const Serde& inner, int64_t size);
std::unique_ptr<const Serde> make_session_windowed(std::string name, const Serde& inner);
// Of a table's updates with their old values, where its rows cross a topic to be grouped anew.
std::unique_ptr<const Serde> make_change(std::string name, const Serde& inner);

// `schema_text`: what options.schema holds; empty where it names no file.
struct SchemaOptions;
Result<std::unique_ptr<const Serde>> make_avro(std::string name, const SchemaOptions& options,
                                               const std::string& schema_text);
Result<std::unique_ptr<const Serde>> make_protobuf(std::string name, const SchemaOptions& options,
                                                   const std::string& schema_text);

}  // namespace kstreamd
