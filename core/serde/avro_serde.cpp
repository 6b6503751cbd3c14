// The serde avro: values are JSON inside, and Avro's binary encoding outside, alone or in Confluent's wire format.
#include <memory>
#include <optional>

#include "core/serde/avro_codec.h"
#include "core/serde/json_scalar.h"
#include "core/serde/json_word.h"
#include "core/serde/registry_serde.h"
#include "core/serde/serdes.h"

namespace kstreamd {
namespace {

using Schema = std::shared_ptr<const AvroSchema>;

Result<std::string_view> encoded(const AvroSchema& schema, const Value& value, std::string& bytes, Arena& arena) {
  auto parsed = json_of_value(value, "avro");
  if (!parsed) return std::move(parsed).error();
  KSTREAMD_TRY(avro_encode(schema.root(), *parsed, bytes));
  return arena.copy(bytes);
}

Result<Value> decoded(const AvroDecoder& decoder, std::string_view bytes, Arena& arena) {
  std::string text;
  KSTREAMD_TRY(decoder.decode(bytes, text));
  return unwrap_json(json_value(arena.copy(text)), arena);
}

// By a file alone: the bytes are the encoding and nothing else.
class AvroFileSerde final : public Serde {
 public:
  AvroFileSerde(std::string name, Schema schema)
      : name_(std::move(name)), schema_(std::move(schema)), decoder_(schema_->root(), schema_->root()) {}
  const std::string& name() const override { return name_; }

  Result<Value> read(std::string_view bytes, Arena& arena) const override { return decoded(decoder_, bytes, arena); }
  Result<std::string_view> write(const Value& value, Arena& arena) const override {
    std::string bytes;
    return encoded(*schema_, value, bytes, arena);
  }

 private:
  const std::string name_;
  const Schema schema_;
  const AvroDecoder decoder_;
};

// The schema of a writer, and how its bytes are read.
struct Writer {
  Writer(Schema writer, Schema reader)
      : writer(std::move(writer)), reader(std::move(reader)), decoder(this->writer->root(), this->reader->root()) {}
  const Schema writer;
  const Schema reader;
  const AvroDecoder decoder;
};

// With a registry. What is read is resolved to the file's schema, where one is named.
class AvroRegistrySerde final : public RegistrySerde<std::shared_ptr<const Writer>, Schema> {
 public:
  AvroRegistrySerde(std::string name, SchemaOptions options, std::optional<Schema> own)
      : RegistrySerde(std::move(name), "AVRO", std::move(options), std::move(own)) {}

  Result<Value> read(std::string_view bytes, Arena& arena) const override {
    auto id = take_schema_id(bytes);
    if (!id) return std::move(id).error();
    auto writer = read_by(*id);
    if (!writer) return std::move(writer).error();
    return decoded((*writer)->decoder, bytes, arena);
  }

  Result<std::string_view> write(const Value& value, Arena& arena) const override {
    auto with = written_with();
    if (!with) return std::move(with).error();
    std::string bytes;
    append_schema_id(bytes, with->id);
    return encoded(*with->by, value, bytes, arena);
  }

 private:
  Result<std::shared_ptr<const Writer>> reader_of(const RegisteredSchema& schema) const override {
    auto writer = writer_of(schema);
    if (!writer) return std::move(writer).error();
    return std::make_shared<const Writer>(*writer, own_.value_or(*writer));
  }
  Result<Schema> writer_of(const RegisteredSchema& schema) const override {
    return AvroSchema::parse(schema.text, schema.referenced);
  }
  Result<int32_t> id_of_own() const override {
    return registry_.id_of(options_.subject, {.type = "AVRO", .text = (*own_)->text()}, options_.auto_register);
  }
};

}  // namespace

Result<std::unique_ptr<const Serde>> make_avro(std::string name, const SchemaOptions& options,
                                               const std::string& schema_text) {
  std::optional<Schema> own;
  if (!options.schema.empty()) {
    auto schema = AvroSchema::parse(schema_text);
    if (!schema) return std::move(schema).error().in("'" + options.schema + "'");
    own = std::move(*schema);
  }
  if (!options.registry) return std::unique_ptr<const Serde>(new AvroFileSerde(std::move(name), std::move(*own)));
  return std::unique_ptr<const Serde>(new AvroRegistrySerde(std::move(name), options, std::move(own)));
}

}  // namespace kstreamd
