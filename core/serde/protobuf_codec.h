// Protobuf messages, from and to JSON. Internal to core/serde; any thread.
//
// In JSON fields have the names of the .proto file; integers are numbers, 64-bit ones too; bytes are base64, an enum is
// the name of its value; NaN and the infinities are texts. Fields that know whether they are set (`optional`, messages,
// oneofs) are there when they are, all others always. Google's own messages (Timestamp, Duration, wrappers, Struct)
// are as Protobuf's JSON mapping has them.
#pragma once
#include <google/protobuf/message.h>

#include <nlohmann/json.hpp>
#include <string>

#include "core/base/result.h"

namespace kstreamd {

// Appends canonical JSON.
Status protobuf_to_json(const google::protobuf::Message& message, std::string& out);

// Fills an empty message. A value that does not fit is an error that names the field.
Status json_to_protobuf(const nlohmann::json& value, google::protobuf::Message& message);

}  // namespace kstreamd
