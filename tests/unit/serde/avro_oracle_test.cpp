// The Avro codec against another one: avro-c, over random schemas and values.
#include <avro.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <random>

#include "core/serde/avro_codec.h"

namespace kstreamd {
namespace {

using nlohmann::json;

// Random schemas, and values that fit them in the form that both sides agree on: floats that have few digits, no bytes,
// whose JSON differs.
class Maker {
 public:
  explicit Maker(unsigned seed) : random_(seed) {}

  json schema(int depth) {
    static const char* const kPlain[] = {"int", "long", "double", "float", "string", "boolean", "null"};
    const int kind = pick(depth > 3 ? 7 : 12);
    if (kind < 7) return kPlain[kind];
    if (kind == 7) return {{"type", "array"}, {"items", schema(depth + 1)}};
    if (kind == 8) return {{"type", "map"}, {"values", schema(depth + 1)}};
    if (kind == 9) return {{"type", "enum"}, {"name", name("E")}, {"symbols", {"A", "B", "C"}}};
    if (kind == 10) return json::array({"null", record(depth + 1)});
    return record(depth + 1);
  }

  json value(const json& schema) {
    if (schema.is_array()) return pick(2) ? json() : value(schema[1]);
    const std::string type = schema.is_string() ? schema.get<std::string>() : schema["type"].get<std::string>();
    if (type == "null") return nullptr;
    if (type == "boolean") return pick(2) == 1;
    if (type == "int") return static_cast<int32_t>(random_());
    if (type == "long") return static_cast<int64_t>(random_() | static_cast<uint64_t>(random_()) << 32);
    if (type == "double" || type == "float") return static_cast<double>(pick(2000) - 1000) / 8;
    if (type == "string") return text();
    if (type == "enum") return std::string(1, static_cast<char>('A' + pick(3)));
    if (type == "array") {
      json list = json::array();
      for (int i = pick(4); i > 0; --i) list.push_back(value(schema["items"]));
      return list;
    }
    json object = json::object();
    if (type == "map")
      for (int i = pick(4); i > 0; --i) object[text()] = value(schema["values"]);
    else
      for (const auto& field : schema["fields"]) object[field["name"].get<std::string>()] = value(field["type"]);
    return object;
  }

 private:
  int pick(int count) { return static_cast<int>(random_() % static_cast<unsigned>(count)); }
  std::string name(const std::string& start) { return start + std::to_string(++names_); }
  std::string text() {
    static const char* const kTexts[] = {"", "a", "\"", "\\", "\n", "é", "日本", "long enough to need no trick"};
    return kTexts[pick(8)];
  }
  json record(int depth) {
    json fields = json::array();
    for (int i = pick(4); i >= 0; --i)
      fields.push_back({{"name", "f" + std::to_string(pick(1000) * 4 + i)}, {"type", schema(depth)}});
    return {{"type", "record"}, {"name", name("R")}, {"fields", fields}};
  }

  std::mt19937 random_;
  int names_ = 0;
};

// What avro-c makes of bytes, with the tags of its unions taken out; and the bytes that it writes of them again.
struct Oracle {
  explicit Oracle(const std::string& text) {
    REQUIRE(avro_schema_from_json_length(text.data(), text.size(), &schema) == 0);
    iface = avro_generic_class_from_schema(schema);
    REQUIRE(avro_generic_value_new(iface, &value) == 0);
  }
  ~Oracle() {
    avro_value_decref(&value);
    avro_value_iface_decref(iface);
    avro_schema_decref(schema);
  }
  bool read(const std::string& bytes) {
    avro_reader_t reader = avro_reader_memory(bytes.data(), static_cast<int64_t>(bytes.size()));
    const bool good = avro_value_read(reader, &value) == 0;
    avro_reader_free(reader);
    return good;
  }
  std::string write() {
    size_t size = 0;
    avro_value_sizeof(&value, &size);
    std::string bytes(size + 1, '\0');
    avro_writer_t writer = avro_writer_memory(bytes.data(), static_cast<int64_t>(bytes.size()));
    REQUIRE(avro_value_write(writer, &value) == 0);
    bytes.resize(size);
    avro_writer_free(writer);
    return bytes;
  }
  json shown() {
    char* text = nullptr;
    REQUIRE(avro_value_to_json(&value, 1, &text) == 0);
    json parsed = json::parse(text);
    free(text);
    return parsed;
  }

  avro_schema_t schema = nullptr;
  avro_value_iface_t* iface = nullptr;
  avro_value_t value{};
};

// avro-c's JSON without the tags of unions.
json untagged(const json& shown, const json& schema) {
  if (schema.is_array()) return shown.is_null() ? shown : untagged(shown.begin().value(), schema[1]);
  if (!schema.is_object()) return shown;
  if (schema["type"] == "array") {
    json list = json::array();
    for (const auto& item : shown) list.push_back(untagged(item, schema["items"]));
    return list;
  }
  json object = json::object();
  if (schema["type"] == "map")
    for (auto item = shown.begin(); item != shown.end(); ++item) object[item.key()] = untagged(*item, schema["values"]);
  else if (schema["type"] == "record")
    for (const auto& field : schema["fields"])
      object[field["name"].get<std::string>()] = untagged(shown[field["name"].get<std::string>()], field["type"]);
  else
    return shown;
  return object;
}

TEST_CASE("avro-c reads what we write, and we read what it writes") {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    Maker maker(seed);
    const json schema = maker.schema(0), value = maker.value(schema);
    INFO("seed " << seed << ", schema " << schema.dump() << ", value " << value.dump());
    auto ours = AvroSchema::parse(schema.dump());
    REQUIRE(ours);
    std::string bytes;
    auto encoded = avro_encode((*ours)->root(), value, bytes);
    INFO((encoded ? "" : encoded.error().text()));
    REQUIRE(encoded);
    std::string text;
    REQUIRE(AvroDecoder((*ours)->root(), (*ours)->root()).decode(bytes, text));
    CHECK(json::parse(text) == value);
    CHECK(json::parse(text).dump() == text);  // canonical

    Oracle theirs(schema.dump());
    REQUIRE(theirs.read(bytes));
    CHECK(untagged(theirs.shown(), schema) == value);
    std::string again;
    REQUIRE(AvroDecoder((*ours)->root(), (*ours)->root()).decode(theirs.write(), again));
    CHECK(again == text);
  }
}

TEST_CASE("damaged bytes are an error or another value, and no crash") {
  std::mt19937 random(7);
  for (unsigned seed = 1; seed <= 100; ++seed) {
    Maker maker(seed);
    const json schema = maker.schema(0), value = maker.value(schema);
    auto parsed = AvroSchema::parse(schema.dump());
    REQUIRE(parsed);
    const AvroDecoder decoder((*parsed)->root(), (*parsed)->root());
    std::string bytes;
    REQUIRE(avro_encode((*parsed)->root(), value, bytes));
    for (int i = 0; i < 50 && !bytes.empty(); ++i) {
      std::string damaged = bytes.substr(0, random() % (bytes.size() + 1));
      if (!damaged.empty()) damaged[random() % damaged.size()] = static_cast<char>(random());
      std::string text;
      if (decoder.decode(damaged, text)) CHECK(json::accept(text));
    }
  }
}

}  // namespace
}  // namespace kstreamd
