#include "core/serde/avro_schema.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/serde/avro_codec.h"

namespace kstreamd {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 100;  // of types within types, in the text

constexpr std::pair<const char*, AvroKind> kPrimitives[] = {
    {"null", AvroKind::null},   {"boolean", AvroKind::boolean}, {"int", AvroKind::int32},
    {"long", AvroKind::int64},  {"float", AvroKind::float32},   {"double", AvroKind::float64},
    {"bytes", AvroKind::bytes}, {"string", AvroKind::string}};

std::optional<AvroKind> primitive(std::string_view name) {
  for (const auto& [known, kind] : kPrimitives)
    if (name == known) return kind;
  return std::nullopt;
}

std::string unqualified(const std::string& name) {
  const auto dot = name.rfind('.');
  return dot == std::string::npos ? name : name.substr(dot + 1);
}

bool is_identifier(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && letter(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

// Errors travel as exceptions within this file only.
struct Wrong {
  std::string what;
};

std::string text_field(const json& map, const char* name, const std::string& whose) {
  const auto found = map.find(name);
  if (found == map.end() || !found->is_string()) throw Wrong{whose + " has no text \"" + name + "\""};
  return found->get<std::string>();
}

std::vector<std::string> text_list(const json& map, const char* name) {
  std::vector<std::string> list;
  const auto found = map.find(name);
  if (found == map.end()) return list;
  if (!found->is_array()) throw Wrong{std::string("\"") + name + "\" is no list"};
  for (const auto& item : *found) {
    if (!item.is_string()) throw Wrong{std::string("\"") + name + "\" holds something else than texts"};
    list.push_back(item.get<std::string>());
  }
  return list;
}

}  // namespace

class AvroSchemaParser {
 public:
  explicit AvroSchemaParser(AvroSchema& schema) : schema_(schema) {}

  // Of schemas the last one; the others are there for their types.
  void run(const std::vector<json>& texts) {
    for (const auto& text : texts) schema_.root_ = type(text, "", 0);
    // A default may be of a type that was not complete when it was read.
    for (const auto& [field, value] : defaults_) set_default(*field.first, field.second, value);
  }

 private:
  AvroType& add(AvroKind kind) {
    schema_.types_.push_back(std::make_unique<AvroType>());
    schema_.types_.back()->kind = kind;
    return *schema_.types_.back();
  }

  const AvroType* type(const json& text, const std::string& space, int depth) {
    if (depth > kMaxDepth) throw Wrong{"types are nested more than " + std::to_string(kMaxDepth) + " deep"};
    if (text.is_string()) return named(text.get<std::string>(), space);
    if (text.is_array()) return one_of(text, space, depth);
    if (!text.is_object()) throw Wrong{"a type is a name, a list or an object, and not " + text.dump()};
    const auto kind = text.find("type");
    if (kind == text.end()) throw Wrong{"an object without \"type\""};
    if (!kind->is_string()) return type(*kind, space, depth + 1);
    const auto name = kind->get<std::string>();
    if (name == "record" || name == "error") return record(text, space, depth);
    if (name == "enum") return enumeration(text, space);
    if (name == "fixed") return fixed(text, space);
    if (name == "array" || name == "map") {
      const char* of = name == "array" ? "items" : "values";
      if (!text.contains(of)) throw Wrong{name + " without \"" + of + "\""};
      AvroType& made = add(name == "array" ? AvroKind::array : AvroKind::map);
      made.items = type(text[of], space, depth + 1);
      return &made;
    }
    return named(name, space);
  }

  const AvroType* named(const std::string& name, const std::string& space) {
    if (const auto kind = primitive(name)) return &add(*kind);
    auto found = names_.find(name.find('.') == std::string::npos && !space.empty() ? space + "." + name : name);
    if (found == names_.end()) found = names_.find(name);
    if (found == names_.end()) throw Wrong{"there is no type '" + name + "'"};
    return found->second;
  }

  // The name and namespace of a named type, which is known by it from here on.
  AvroType& define(AvroKind kind, const json& text, std::string& space) {
    const auto name = text_field(text, "name", "a named type");
    AvroType& made = add(kind);
    made.name = unqualified(name);
    if (name.find('.') != std::string::npos)
      space = name.substr(0, name.rfind('.'));
    else if (const auto given = text.find("namespace"); given != text.end() && given->is_string())
      space = given->get<std::string>();
    made.full_name = space.empty() ? made.name : space + "." + made.name;
    if (!is_identifier(made.name)) throw Wrong{"'" + name + "' cannot be the name of a type"};
    for (const auto& alias : text_list(text, "aliases")) made.aliases.push_back(unqualified(alias));
    if (!names_.emplace(made.full_name, &made).second)
      throw Wrong{"the type '" + made.full_name + "' is defined twice"};
    return made;
  }

  const AvroType* record(const json& text, std::string space, int depth) {
    AvroType& made = define(AvroKind::record, text, space);
    const auto fields = text.find("fields");
    if (fields == text.end() || !fields->is_array()) throw Wrong{"record '" + made.name + "' has no list \"fields\""};
    std::set<std::string> names;
    for (const auto& given : *fields) {
      if (!given.is_object()) throw Wrong{"record '" + made.name + "' has a field that is no object"};
      AvroField field;
      field.name = text_field(given, "name", "a field of record '" + made.name + "'");
      if (!names.insert(field.name).second)
        throw Wrong{"record '" + made.name + "' has two fields '" + field.name + "'"};
      field.aliases = text_list(given, "aliases");
      if (!given.contains("type")) throw Wrong{"field '" + made.name + "." + field.name + "' has no \"type\""};
      try {
        field.type = type(given["type"], space, depth + 1);
      } catch (Wrong& wrong) {
        throw Wrong{"field '" + made.name + "." + field.name + "': " + wrong.what};
      }
      made.fields.push_back(std::move(field));
      if (const auto value = given.find("default"); value != given.end())
        defaults_.push_back({{&made, made.fields.size() - 1}, *value});
    }
    return &made;
  }

  const AvroType* enumeration(const json& text, std::string space) {
    AvroType& made = define(AvroKind::enumeration, text, space);
    made.symbols = text_list(text, "symbols");
    if (made.symbols.empty()) throw Wrong{"enum '" + made.name + "' has no symbols"};
    if (const auto given = text.find("default"); given != text.end() && given->is_string()) {
      made.default_symbol = given->get<std::string>();
      if (std::find(made.symbols.begin(), made.symbols.end(), *made.default_symbol) == made.symbols.end())
        throw Wrong{"enum '" + made.name + "': its default is none of its symbols"};
    }
    return &made;
  }

  const AvroType* fixed(const json& text, std::string space) {
    AvroType& made = define(AvroKind::fixed, text, space);
    const auto size = text.find("size");
    if (size == text.end() || !size->is_number_unsigned() || size->get<uint64_t>() > (1u << 30))
      throw Wrong{"fixed '" + made.name + "' has no \"size\" in bytes"};
    made.size = size->get<size_t>();
    return &made;
  }

  const AvroType* one_of(const json& text, const std::string& space, int depth) {
    AvroType& made = add(AvroKind::one_of);
    if (text.empty()) throw Wrong{"a union of no types"};
    std::set<std::string> seen;
    for (const auto& branch : text) {
      const auto* found = type(branch, space, depth + 1);
      if (found->kind == AvroKind::one_of) throw Wrong{"a union within a union"};
      const auto name = found->full_name.empty() ? avro_type_name(*found) : found->full_name;
      if (!seen.insert(name).second) throw Wrong{"a union with two branches " + name};
      made.branches.push_back(found);
    }
    return &made;
  }

  void set_default(AvroType& record, size_t index, const json& value) {
    AvroField& field = record.fields[index];
    auto text = avro_default(*field.type, value);
    if (!text)
      throw Wrong{"field '" + record.name + "." + field.name + "': its default does not fit: " + text.error().message};
    field.default_json = std::move(*text);
  }

  AvroSchema& schema_;
  std::map<std::string, const AvroType*> names_;
  std::vector<std::pair<std::pair<AvroType*, size_t>, json>> defaults_;  // by record and index of the field
};

std::string avro_type_name(const AvroType& type) {
  for (const auto& [name, kind] : kPrimitives)
    if (type.kind == kind) return name;
  switch (type.kind) {
    case AvroKind::record:
      return "record " + type.name;
    case AvroKind::enumeration:
      return "enum " + type.name;
    case AvroKind::fixed:
      return "fixed " + type.name;
    case AvroKind::array:
      return "array";
    case AvroKind::map:
      return "map";
    default:
      return "union";
  }
}

namespace {

// Discarded where it is not JSON.
json read_schema(std::string_view text) {
  json parsed = json::parse(text, nullptr, false);
  // A primitive type may stand there without quotes around it.
  if (parsed.is_discarded() && primitive(text)) return std::string(text);
  return parsed;
}

}  // namespace

Result<std::shared_ptr<const AvroSchema>> AvroSchema::parse(
    std::string_view text, const std::vector<std::pair<std::string, std::string>>& referenced) {
  const char* hint = "see the Avro specification, or check the file with its tools";
  std::vector<json> texts;
  for (const auto& [name, other] : referenced) {
    texts.push_back(read_schema(other));
    if (texts.back().is_discarded())
      return Error{.message = "the Avro schema '" + name + "', which is referred to, is not JSON", .hint = hint};
  }
  const json& own = texts.emplace_back(read_schema(text));
  if (own.is_discarded()) return Error{.message = "the Avro schema is not JSON", .hint = hint};
  auto schema = std::shared_ptr<AvroSchema>(new AvroSchema);
  try {
    AvroSchemaParser(*schema).run(texts);
  } catch (const Wrong& wrong) {
    return Error{.message = "not an Avro schema: " + wrong.what, .hint = hint};
  }
  schema->text_ = nlohmann::ordered_json::parse(own.is_string() ? own.dump() : std::string(text)).dump();
  return std::shared_ptr<const AvroSchema>(std::move(schema));
}

}  // namespace kstreamd
