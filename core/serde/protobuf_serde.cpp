// The serde protobuf: values are JSON inside, and a message outside, alone or in Confluent's wire format.
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "core/serde/json_word.h"
#include "core/serde/protobuf_codec.h"
#include "core/serde/protobuf_schema.h"
#include "core/serde/registry_serde.h"
#include "core/serde/serdes.h"

namespace kstreamd {
namespace {

namespace pb = google::protobuf;
using Schema = std::shared_ptr<const ProtobufSchema>;

constexpr int64_t kMaxIndexes = 64;  // messages within messages

struct MessageType {
  Schema schema;
  const pb::Descriptor* type = nullptr;
};

Result<Value> read_message(const MessageType& with, std::string_view bytes, Arena& arena) {
  const auto message = with.schema->make(*with.type);
  if (bytes.size() > INT32_MAX || !message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return Error{.message = "the bytes are no message " + with.type->full_name(),
                 .hint = "check that the topic was written with this schema"};
  std::string text;
  KSTREAMD_TRY(protobuf_to_json(*message, text));
  return json_value(arena.copy(text));
}

Result<std::string_view> write_message(const MessageType& with, const Value& value, std::string bytes, Arena& arena) {
  auto parsed = json_of_value(value, "protobuf");
  if (!parsed) return std::move(parsed).error();
  const auto message = with.schema->make(*with.type);
  KSTREAMD_TRY(json_to_protobuf(*parsed, *message));
  if (!message->AppendToString(&bytes))
    return Error{.message = "the message is too large, or not complete", .hint = "see " + with.type->full_name()};
  return arena.copy(bytes);
}

// ---- The numbers of the message, which follow the schema's id: zigzag varints, a count first; 0 alone is the first
// message.

bool take_number(std::string_view& bytes, int64_t& number) {
  uint64_t bits = 0;
  for (int shift = 0; shift < 70 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes[0]);
    bytes.remove_prefix(1);
    bits |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte & 0x80) continue;
    number = static_cast<int64_t>(bits >> 1) ^ -static_cast<int64_t>(bits & 1);
    return true;
  }
  return false;
}

Result<std::vector<int64_t>> take_indexes(std::string_view& bytes) {
  const Error bad{.message = "the numbers of the message after the schema's id make no sense",
                  .hint = "check that the topic was written with a schema registry, as Protobuf"};
  int64_t count = 0;
  if (!take_number(bytes, count) || count < 0 || count > kMaxIndexes) return bad;
  std::vector<int64_t> indexes(static_cast<size_t>(count));
  for (auto& index : indexes)
    if (!take_number(bytes, index)) return bad;
  if (indexes.empty()) indexes = {0};
  return indexes;
}

void append_number(std::string& out, int64_t number) {
  auto bits = static_cast<uint64_t>(number) << 1 ^ static_cast<uint64_t>(number >> 63);
  for (; bits >= 0x80; bits >>= 7) out += static_cast<char>(bits | 0x80);
  out += static_cast<char>(bits);
}

void append_indexes(std::string& out, const std::vector<int64_t>& indexes) {
  if (indexes == std::vector<int64_t>{0}) {
    out += '\0';
    return;
  }
  append_number(out, static_cast<int64_t>(indexes.size()));
  for (const int64_t index : indexes) append_number(out, index);
}

// ---- Serdes

// By a file alone: the bytes are the message and nothing else.
class ProtobufFileSerde final : public Serde {
 public:
  ProtobufFileSerde(std::string name, MessageType with) : name_(std::move(name)), with_(std::move(with)) {}
  const std::string& name() const override { return name_; }
  Result<Value> read(std::string_view bytes, Arena& arena) const override { return read_message(with_, bytes, arena); }
  Result<std::string_view> write(const Value& value, Arena& arena) const override {
    return write_message(with_, value, "", arena);
  }

 private:
  const std::string name_;
  const MessageType with_;
};

// With a registry.
class ProtobufRegistrySerde final : public RegistrySerde<Schema, MessageType> {
 public:
  ProtobufRegistrySerde(std::string name, SchemaOptions options, std::optional<MessageType> own)
      : RegistrySerde(std::move(name), kType, std::move(options), std::move(own)) {}

  // With a schema of its own it needs no other: what the writer's has more or less, Protobuf passes over by itself.
  Result<Value> read(std::string_view bytes, Arena& arena) const override {
    auto id = take_schema_id(bytes);
    if (!id) return std::move(id).error();
    auto indexes = take_indexes(bytes);
    if (!indexes) return std::move(indexes).error();
    if (own_) return read_message(*own_, bytes, arena);
    auto schema = read_by(*id);
    if (!schema) return std::move(schema).error();
    const auto* type = (*schema)->message(*indexes);
    if (!type)
      return Error{.message = "the schema with the id " + std::to_string(*id) + " has no message of these numbers",
                   .hint = "check that the topic was written with this registry"};
    return read_message({*schema, type}, bytes, arena);
  }

  Result<std::string_view> write(const Value& value, Arena& arena) const override {
    auto with = written_with();
    if (!with) return std::move(with).error();
    std::string bytes;
    append_schema_id(bytes, with->id);
    append_indexes(bytes, message_indexes(*with->by.type));
    return write_message(with->by, value, std::move(bytes), arena);
  }

 private:
  static constexpr const char* kType = "PROTOBUF";

  Result<Schema> reader_of(const RegisteredSchema& schema) const override {
    return ProtobufSchema::parse(schema.text, schema.referenced);
  }
  Result<MessageType> writer_of(const RegisteredSchema& found) const override {
    auto schema = reader_of(found);
    if (!schema) return std::move(schema).error();
    auto type = (*schema)->message(options_.message);
    if (!type) return std::move(type).error();
    return MessageType{std::move(*schema), *type};
  }

  // What a file imports is registered before it, under its name as subject, as Confluent's serializers do.
  Result<int32_t> id_of_own() const override {
    std::map<std::string, int64_t> versions;
    const auto to_register = [&](const ProtobufSchema::File& file) {
      RegisteredSchema schema{.type = kType, .text = file.text};
      for (const auto& import : file.imports) schema.references.push_back({import, import, versions.at(import)});
      return schema;
    };
    for (const auto& file : own_->schema->imported()) {
      const auto schema = to_register(file);
      if (options_.auto_register)
        if (auto id = registry_.id_of(file.name, schema, true); !id) return id;
      auto version = registry_.version_of(file.name, schema);
      if (!version) return std::move(version).error();
      versions[file.name] = *version;
    }
    return registry_.id_of(options_.subject, to_register(own_->schema->file()), options_.auto_register);
  }
};

}  // namespace

Result<std::unique_ptr<const Serde>> make_protobuf(std::string name, const SchemaOptions& options,
                                                   const std::string& schema_text) {
  std::optional<MessageType> own;
  if (!options.schema.empty()) {
    auto schema = ProtobufSchema::parse(options.schema, schema_text);
    if (!schema) return std::move(schema).error();
    auto type = (*schema)->message(options.message);
    if (!type) return std::move(type).error();
    own = MessageType{std::move(*schema), *type};
  }
  if (!options.registry) return std::unique_ptr<const Serde>(new ProtobufFileSerde(std::move(name), std::move(*own)));
  return std::unique_ptr<const Serde>(new ProtobufRegistrySerde(std::move(name), options, std::move(own)));
}

}  // namespace kstreamd
