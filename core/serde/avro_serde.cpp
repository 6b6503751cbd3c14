// The serde avro: values are JSON inside, and Avro's binary encoding outside, alone or in Confluent's wire format.
#include <map>
#include <memory>
#include <mutex>

#include "core/base/text_file.h"
#include "core/serde/avro_codec.h"
#include "core/serde/json_scalar.h"
#include "core/serde/json_word.h"
#include "core/serde/schema_options.h"
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

// With a registry. Thread safety: mutex_ guards what has been learned from it.
class AvroRegistrySerde final : public Serde {
 public:
  AvroRegistrySerde(std::string name, SchemaOptions options, Schema own)
      : name_(std::move(name)),
        options_(std::move(options)),
        registry_(SchemaRegistry::at(*options_.registry)),
        own_(std::move(own)) {}
  const std::string& name() const override { return name_; }

  Result<Value> read(std::string_view bytes, Arena& arena) const override {
    auto id = take_schema_id(bytes);
    if (!id) return std::move(id).error();
    auto writer = writer_of(*id);
    if (!writer) return std::move(writer).error();
    return decoded((*writer)->decoder, bytes, arena);
  }

  Result<std::string_view> write(const Value& value, Arena& arena) const override {
    auto with = written_with();
    if (!with) return std::move(with).error();
    std::string bytes;
    append_schema_id(bytes, with->id);
    return encoded(*with->schema, value, bytes, arena);
  }

 private:
  struct Writer {
    Writer(Schema writer, Schema reader)
        : writer(std::move(writer)), reader(std::move(reader)), decoder(this->writer->root(), this->reader->root()) {}
    const Schema writer;
    const Schema reader;
    const AvroDecoder decoder;
  };
  struct WrittenWith {
    int32_t id = 0;
    Schema schema;
  };

  Result<std::shared_ptr<const Writer>> writer_of(int32_t id) const {
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = writers_.find(id); found != writers_.end()) return found->second;
    }
    auto schema = parsed(registry_.by_id(id), "the schema with the id " + std::to_string(id));
    if (!schema) return std::move(schema).error();
    auto writer = std::make_shared<const Writer>(schema->schema, own_ ? own_ : schema->schema);
    const std::lock_guard lock(mutex_);
    return writers_.emplace(id, std::move(writer)).first->second;
  }

  Result<WrittenWith> written_with() const {
    {
      const std::lock_guard lock(mutex_);
      if (written_with_.schema) return written_with_;
    }
    if (options_.subject.empty()) return no_subject("avro");
    auto with = own_ ? registered() : parsed(registry_.latest(options_.subject), "subject '" + options_.subject + "'");
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
    auto id = registry_.id_of(options_.subject, "AVRO", own_->text(), options_.auto_register);
    if (!id) return std::move(id).error();
    return WrittenWith{*id, own_};
  }

  static Result<WrittenWith> parsed(const Result<RegisteredSchema>& found, const std::string& what) {
    if (!found) return found.error();
    if (found->type != "AVRO")
      return Error{.message = what + " is " + found->type + ", and not Avro", .hint = "name the serde of that kind"};
    if (!found->references.empty())
      return Error{.message = what + " refers to other schemas, which is not supported",
                   .hint = "name a file: schema: FILE"};
    auto schema = AvroSchema::parse(found->text);
    if (!schema) return std::move(schema).error().in(what);
    return WrittenWith{found->id, *schema};
  }

  const std::string name_;
  const SchemaOptions options_;
  SchemaRegistry& registry_;
  const Schema own_;  // of the file: what is written with it, and what is read is resolved to it; may be null

  mutable std::mutex mutex_;
  mutable std::map<int32_t, std::shared_ptr<const Writer>> writers_;
  mutable WrittenWith written_with_;
};

}  // namespace

Result<std::unique_ptr<const Serde>> make_avro(std::string name, const SchemaOptions& options,
                                               const std::string& schema_text) {
  Schema own;
  if (!options.schema.empty()) {
    auto schema = AvroSchema::parse(schema_text);
    if (!schema) return std::move(schema).error().in("'" + options.schema + "'");
    own = std::move(*schema);
  }
  if (!options.registry) return std::unique_ptr<const Serde>(new AvroFileSerde(std::move(name), std::move(own)));
  return std::unique_ptr<const Serde>(new AvroRegistrySerde(std::move(name), options, std::move(own)));
}

}  // namespace kstreamd
