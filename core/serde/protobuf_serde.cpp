// The serde protobuf: values are JSON inside, and a message outside, alone or in Confluent's wire format.
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "core/serde/json_word.h"
#include "core/serde/protobuf_codec.h"
#include "core/serde/protobuf_schema.h"
#include "core/serde/schema_options.h"
#include "core/serde/serdes.h"

namespace kstreamd {
namespace {

namespace pb = google::protobuf;
using Schema = std::shared_ptr<const ProtobufSchema>;

constexpr size_t kMaxImports = 100;  // of one schema, all in all
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

// With a registry. Thread safety: mutex_ guards what has been learned from it.
class ProtobufRegistrySerde final : public Serde {
 public:
  // `own`: of the file; may be without a type.
  ProtobufRegistrySerde(std::string name, SchemaOptions options, MessageType own)
      : name_(std::move(name)),
        options_(std::move(options)),
        registry_(SchemaRegistry::at(*options_.registry)),
        own_(std::move(own)) {}
  const std::string& name() const override { return name_; }

  // With a schema of its own it needs no other: what the writer's has more or less, Protobuf passes over by itself.
  Result<Value> read(std::string_view bytes, Arena& arena) const override {
    auto id = take_schema_id(bytes);
    if (!id) return std::move(id).error();
    auto indexes = take_indexes(bytes);
    if (!indexes) return std::move(indexes).error();
    if (own_.type) return read_message(own_, bytes, arena);
    auto schema = schema_of(*id);
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
    append_indexes(bytes, message_indexes(*with->message.type));
    return write_message(with->message, value, std::move(bytes), arena);
  }

 private:
  struct WrittenWith {
    int32_t id = 0;
    MessageType message;
  };

  Result<Schema> schema_of(int32_t id) const {
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = schemas_.find(id); found != schemas_.end()) return found->second;
    }
    auto schema = parsed(registry_.by_id(id), "the schema with the id " + std::to_string(id));
    if (!schema) return schema;
    const std::lock_guard lock(mutex_);
    return schemas_.emplace(id, std::move(*schema)).first->second;
  }

  Result<WrittenWith> written_with() const {
    {
      const std::lock_guard lock(mutex_);
      if (written_with_.message.type) return written_with_;
    }
    if (options_.subject.empty()) return no_subject("protobuf");
    auto with = own_.type ? registered() : latest();
    if (!with) {
      // Without a schema no record can be written: it is not the fault of one.
      Error error = std::move(with).error();
      error.recovery = Recovery::retry_topology;
      return error;
    }
    const std::lock_guard lock(mutex_);
    written_with_ = *with;
    return written_with_;
  }

  Result<WrittenWith> registered() const {
    auto text = own_.schema->registrable_text();
    if (!text) return std::move(text).error();
    auto id = registry_.id_of(options_.subject, "PROTOBUF", *text, options_.auto_register);
    if (!id) return std::move(id).error();
    return WrittenWith{*id, own_};
  }

  Result<WrittenWith> latest() const {
    auto found = registry_.latest(options_.subject);
    auto schema = parsed(found, "subject '" + options_.subject + "'");
    if (!schema) return std::move(schema).error();
    auto type = (*schema)->message(options_.message);
    if (!type) return std::move(type).error();
    return WrittenWith{found->id, {*schema, *type}};
  }

  Result<Schema> parsed(const Result<RegisteredSchema>& found, const std::string& what) const {
    if (!found) return found.error();
    if (found->type != "PROTOBUF")
      return Error{.message = what + " is " + found->type + ", and not Protobuf",
                   .hint = "name the serde of that kind"};
    std::map<std::string, std::string> imports;
    KSTREAMD_TRY(add_imports(*found, imports));
    auto schema = ProtobufSchema::parse(found->text, imports);
    if (!schema) return std::move(schema).error().in(what);
    return schema;
  }

  Status add_imports(const RegisteredSchema& schema, std::map<std::string, std::string>& imports) const {
    for (const auto& reference : schema.references) {
      if (imports.contains(reference.name)) continue;
      if (imports.size() >= kMaxImports) return Error{.message = "a schema imports too many others", .hint = ""};
      auto imported = registry_.version(reference.subject, reference.version);
      if (!imported) return std::move(imported).error();
      imports[reference.name] = imported->text;
      KSTREAMD_TRY(add_imports(*imported, imports));
    }
    return {};
  }

  const std::string name_;
  const SchemaOptions options_;
  SchemaRegistry& registry_;
  const MessageType own_;

  mutable std::mutex mutex_;
  mutable std::map<int32_t, Schema> schemas_;
  mutable WrittenWith written_with_;
};

}  // namespace

Result<std::unique_ptr<const Serde>> make_protobuf(std::string name, const SchemaOptions& options,
                                                   const std::string& schema_text) {
  MessageType own;
  if (!options.schema.empty()) {
    auto schema = ProtobufSchema::parse(options.schema, schema_text);
    if (!schema) return std::move(schema).error();
    auto type = (*schema)->message(options.message);
    if (!type) return std::move(type).error();
    own = {std::move(*schema), *type};
  }
  if (!options.registry) return std::unique_ptr<const Serde>(new ProtobufFileSerde(std::move(name), std::move(own)));
  return std::unique_ptr<const Serde>(new ProtobufRegistrySerde(std::move(name), options, std::move(own)));
}

}  // namespace kstreamd
