#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include "core/base/base64.h"
#include "core/base/utf8.h"
#include "core/serde/field_path.h"
#include "core/serde/json_writer.h"
#include "core/serde/protobuf_codec.h"

namespace kstreamd {
namespace {

namespace pb = google::protobuf;
using Field = pb::FieldDescriptor;

class ProtobufReading {
 public:
  explicit ProtobufReading(std::string& out) : out_(out) {}

  Status run(const pb::Message& from) {
    if (message(from)) return {};
    return failure_.error("check that the topic was written with this schema");
  }

 private:
  bool message(const pb::Message& from) {
    const auto& type = *from.GetDescriptor();
    if (type.file()->package() == "google.protobuf") return googles(from);
    JsonObjectWriter object(out_);
    for (int i = 0; i < type.field_count(); ++i) {
      const Field& field = *type.field(i);
      if (field.has_presence() && !from.GetReflection()->HasField(from, &field)) continue;
      object.field(field.name());
      const bool good = field.is_map()        ? map(from, field)
                        : field.is_repeated() ? list(from, field)
                                              : value(from, field, -1);
      if (!good) return failure_.within(field.name());
    }
    object.close();
    return true;
  }

  // As Protobuf's JSON mapping has it, but for 64-bit integers, which it puts into quotes.
  bool googles(const pb::Message& from) {
    std::string text;
    const auto status = pb::util::MessageToJsonString(from, &text);
    if (!status.ok()) return failure_.fail(std::string(status.message()));
    const auto& name = from.GetDescriptor()->name();
    const bool quoted = (name == "Int64Value" || name == "UInt64Value") && text.size() > 2;
    const auto parsed = nlohmann::json::parse(quoted ? text.substr(1, text.size() - 2) : text, nullptr, false);
    if (parsed.is_discarded()) return failure_.fail("it cannot be shown as JSON");
    out_ += parsed.dump();
    return true;
  }

  bool list(const pb::Message& from, const Field& field) {
    out_ += '[';
    const int size = from.GetReflection()->FieldSize(from, &field);
    for (int i = 0; i < size; ++i) {
      if (i > 0) out_ += ',';
      if (!value(from, field, i)) return failure_.at(static_cast<size_t>(i));
    }
    out_ += ']';
    return true;
  }

  bool map(const pb::Message& from, const Field& field) {
    JsonObjectWriter object(out_);
    const int size = from.GetReflection()->FieldSize(from, &field);
    const Field &key = *field.message_type()->map_key(), &item = *field.message_type()->map_value();
    for (int i = 0; i < size; ++i) {
      const pb::Message& entry = from.GetReflection()->GetRepeatedMessage(from, &field, i);
      const std::string name = map_key(entry, key);
      if (!valid_utf8(name)) return failure_.fail("a key is not UTF-8");
      object.field(name);
      if (!value(entry, item, -1)) return failure_.within(name);
    }
    object.close();
    return true;
  }

  static std::string map_key(const pb::Message& entry, const Field& key) {
    const auto& reflection = *entry.GetReflection();
    switch (key.cpp_type()) {
      case Field::CPPTYPE_INT32:
        return std::to_string(reflection.GetInt32(entry, &key));
      case Field::CPPTYPE_INT64:
        return std::to_string(reflection.GetInt64(entry, &key));
      case Field::CPPTYPE_UINT32:
        return std::to_string(reflection.GetUInt32(entry, &key));
      case Field::CPPTYPE_UINT64:
        return std::to_string(reflection.GetUInt64(entry, &key));
      case Field::CPPTYPE_BOOL:
        return reflection.GetBool(entry, &key) ? "true" : "false";
      default:
        return reflection.GetString(entry, &key);
    }
  }

  // A field's value; of a repeated one the item of the index.
  bool value(const pb::Message& from, const Field& field, int index) {
    const auto& reflection = *from.GetReflection();
    const bool one = index < 0;
    switch (field.cpp_type()) {
      case Field::CPPTYPE_INT32:
        out_ +=
            std::to_string(one ? reflection.GetInt32(from, &field) : reflection.GetRepeatedInt32(from, &field, index));
        return true;
      case Field::CPPTYPE_INT64:
        out_ +=
            std::to_string(one ? reflection.GetInt64(from, &field) : reflection.GetRepeatedInt64(from, &field, index));
        return true;
      case Field::CPPTYPE_UINT32:
        out_ += std::to_string(one ? reflection.GetUInt32(from, &field)
                                   : reflection.GetRepeatedUInt32(from, &field, index));
        return true;
      case Field::CPPTYPE_UINT64:
        out_ += std::to_string(one ? reflection.GetUInt64(from, &field)
                                   : reflection.GetRepeatedUInt64(from, &field, index));
        return true;
      case Field::CPPTYPE_DOUBLE:
        append_json_float(out_,
                          one ? reflection.GetDouble(from, &field) : reflection.GetRepeatedDouble(from, &field, index));
        return true;
      case Field::CPPTYPE_FLOAT:
        append_json_float(out_,
                          one ? reflection.GetFloat(from, &field) : reflection.GetRepeatedFloat(from, &field, index));
        return true;
      case Field::CPPTYPE_BOOL:
        out_ += (one ? reflection.GetBool(from, &field) : reflection.GetRepeatedBool(from, &field, index)) ? "true"
                                                                                                           : "false";
        return true;
      case Field::CPPTYPE_ENUM:
        return symbol(
            field, one ? reflection.GetEnumValue(from, &field) : reflection.GetRepeatedEnumValue(from, &field, index));
      case Field::CPPTYPE_STRING:
        return text(field,
                    one ? reflection.GetString(from, &field) : reflection.GetRepeatedString(from, &field, index));
      case Field::CPPTYPE_MESSAGE:
        return message(one ? reflection.GetMessage(from, &field) : reflection.GetRepeatedMessage(from, &field, index));
    }
    return false;
  }

  // A value that the schema does not name stays a number.
  bool symbol(const Field& field, int number) {
    const auto* known = field.enum_type()->FindValueByNumber(number);
    if (known)
      append_json_text(out_, known->name());
    else
      out_ += std::to_string(number);
    return true;
  }

  bool text(const Field& field, const std::string& content) {
    if (field.type() != Field::TYPE_BYTES && !valid_utf8(content)) return failure_.fail("a string is not UTF-8");
    append_json_text(out_, field.type() == Field::TYPE_BYTES ? base64_encode(content) : content);
    return true;
  }

  std::string& out_;
  FieldFailure failure_;
};

}  // namespace

Status protobuf_to_json(const pb::Message& message, std::string& out) { return ProtobufReading(out).run(message); }

}  // namespace kstreamd
