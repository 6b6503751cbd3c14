#include "core/spec/serde_reader.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "core/base/substitution.h"
#include "core/topology/compile.h"
#include "core/topology/json_text.h"
#include "core/topology/suggest.h"

namespace kstreamd {
namespace {

// Reads one serde. Every member reports what is wrong and gives nothing then.
class SerdeReader {
 public:
  SerdeReader(Reader& reader, bool reads, std::string topic)
      : reader_(reader), reads_(reads), topic_(std::move(topic)) {}

  // A name, or a spec, of a record's `part`: key or value.
  std::optional<std::string> read(const YamlNode::Entry& entry, const std::string& part) {
    const auto& value = *entry.value;
    if (value.kind != YamlNode::Kind::map) return reader_.text(value, entry.key);
    const auto* kind = kind_of(value);
    if (kind == nullptr) return std::nullopt;
    if (kind->key == "time_windowed") return time_windowed(value, *kind);
    if (kind->key == "session_windowed") return session_windowed(value, *kind);
    return with_schema(value, *kind, part);
  }

 private:
  const YamlNode::Entry* kind_of(const YamlNode& value) {
    const auto& kinds = serde_kinds();
    for (const auto& entry : value.entries)
      if (std::find(kinds.begin(), kinds.end(), entry.key) != kinds.end()) return &entry;
    const auto place = value.entries.empty() ? value.place : value.entries[0].place;
    const auto name = value.entries.empty() ? "" : value.entries[0].key;
    reader_.error(place, "unknown kind of serde '" + name + "'",
                  did_you_mean(name, kinds, "the serdes with arguments are " + join_names(kinds)));
    return nullptr;
  }

  // As it stands within a spec.
  std::optional<std::string> inner(const YamlNode::Entry& entry) {
    auto serde = read(entry, "key");
    if (serde && !serde->starts_with('{')) serde = quote_json(*serde);
    return serde;
  }

  std::optional<std::string> time_windowed(const YamlNode& value, const YamlNode::Entry& kind) {
    const bool known = reader_.map(value, kind.place, kind.key, {"time_windowed", "size"});
    auto key = inner(kind);
    const auto* size = value.find("size");
    if (size == nullptr) {
      if (reads_)
        reader_.error(kind.place, "time_windowed has no size, and is read here",
                      "add size: 30s, how long its windows are: the bytes of a key have their start only");
      return known && key && !reads_ ? std::optional("{\"time_windowed\":" + *key + "}") : std::nullopt;
    }
    const auto ms = reader_.duration(*size->value, "size");
    if (ms && ms->count() == 0)
      reader_.error(size->value->place, "'size' has to be longer than 0s", "write how long its windows are: size: 30s");
    if (!known || !key || !ms || ms->count() == 0) return std::nullopt;
    return "{\"time_windowed\":" + *key + ",\"size\":" + std::to_string(ms->count()) + "}";
  }

  std::optional<std::string> session_windowed(const YamlNode& value, const YamlNode::Entry& kind) {
    const bool known = reader_.map(value, kind.place, kind.key, {"session_windowed"});
    auto key = inner(kind);
    return known && key ? std::optional("{\"session_windowed\":" + *key + "}") : std::nullopt;
  }

  // What `avro` and `protobuf` take: a file, a registry, or both.
  std::optional<std::string> with_schema(const YamlNode& value, const YamlNode::Entry& kind, const std::string& part) {
    static const std::vector<std::string> texts = {"registry", "subject", "user", "message"};
    std::vector<std::string> known = {"schema", "registry", "subject",  "auto_register",
                                      "format", "user",     "password", "ca"};
    if (kind.key == "protobuf") known.insert(known.begin() + 1, "message");
    const YamlNode& arguments = *kind.value;
    bool good = reader_.map(value, kind.place, kind.key, {kind.key});
    good = reader_.map(arguments, kind.place, kind.key, known) && good;
    if (arguments.kind != YamlNode::Kind::map) {
      if (arguments.kind == YamlNode::Kind::null) needs_schema(kind);
      return std::nullopt;
    }
    std::string spec;
    const auto add = [&](const char* name, const std::optional<std::string>& json) {
      good = good && json.has_value();
      if (json) spec += (spec.empty() ? "" : ",") + quote_json(name) + ":" + *json;
    };
    for (const char* name : {"schema", "ca"})
      if (const auto* entry = arguments.find(name)) add(name, file(*entry));
    for (const auto& name : texts)
      if (const auto* entry = arguments.find(name)) add(name.c_str(), quoted(reader_.text(*entry->value, name)));
    if (const auto* entry = arguments.find("password")) add("password", secret(*entry));
    if (const auto* entry = arguments.find("format"); entry && !reader_.choice(*entry->value, "format", {"confluent"}))
      good = false;
    if (const auto* entry = arguments.find("auto_register")) {
      const auto given = reader_.boolean(*entry->value, "auto_register");
      add("auto_register", given ? std::optional<std::string>(*given ? "true" : "false") : std::nullopt);
    }
    const bool registry = arguments.find("registry") != nullptr;
    if (!registry) good = needs_registry(arguments) && good;
    if (!registry && !arguments.find("schema")) {
      needs_schema(kind);
      good = false;
    }
    if (registry && !arguments.find("subject")) {
      if (!topic_.empty())
        add("subject", quote_json(topic_ + "-" + part));
      else if (!reads_)
        good = refuse(kind.place,
                      "the serde with a registry names no subject, and no topic stands here that it follows from",
                      "add subject: NAME");
    }
    return good ? std::optional("{" + quote_json(kind.key) + ":{" + spec + "}}") : std::nullopt;
  }

  bool refuse(YamlPlace place, std::string message, std::string hint) {
    reader_.error(place, std::move(message), std::move(hint));
    return false;
  }
  void needs_schema(const YamlNode::Entry& kind) {
    reader_.error(kind.place, "'" + kind.key + "' names no schema",
                  "add schema: FILE, or registry: http://HOST:8081, or both");
  }
  // What means nothing without a registry.
  bool needs_registry(const YamlNode& arguments) {
    bool good = true;
    for (const char* name : {"subject", "auto_register", "format", "user", "password", "ca"})
      if (const auto* entry = arguments.find(name))
        good = refuse(entry->place, std::string("'") + name + "' is for a schema registry, and there is none",
                      "add registry: http://HOST:8081, or remove it");
    return good;
  }

  static std::optional<std::string> quoted(const std::optional<std::string>& text) {
    return text ? std::optional(quote_json(*text)) : std::nullopt;
  }
  // Files are named from the topology file's folder on.
  std::optional<std::string> file(const YamlNode::Entry& entry) {
    const auto text = reader_.text(*entry.value, entry.key);
    if (!text) return std::nullopt;
    const auto folder = std::filesystem::path(reader_.filename()).parent_path();
    std::error_code ignored;
    return quote_json(std::filesystem::absolute(folder / *text, ignored).lexically_normal().string());
  }
  // Stays as where it is found: a serde's spec is shown in messages.
  std::optional<std::string> secret(const YamlNode::Entry& entry) {
    const std::string& text = entry.value->text;
    const bool reference =
        (text.starts_with("${env:") || text.starts_with("${file:")) && text.find('}') == text.size() - 1;
    if (entry.value->kind == YamlNode::Kind::scalar && reference) return quote_json(text);
    reader_.error(entry.value->place, "'" + entry.key + "' is a secret, and is to stand elsewhere",
                  "write ${file:/path} or ${env:NAME}");
    return std::nullopt;
  }

  Reader& reader_;
  const bool reads_;
  const std::string topic_;  // empty: none
};

}  // namespace

std::optional<std::string> read_serde_name(const YamlNode::Entry& entry, Reader& reader, bool reads) {
  return SerdeReader(reader, reads, "").read(entry, entry.key);
}

bool read_serde(const YamlNode& map, SerdeChoice& serde, Reader& reader, bool reads) {
  bool good = true;
  const auto* named = map.find("topic");
  const std::string topic =
      named && named->value->kind == YamlNode::Kind::scalar ? substitute(named->value->text).text : "";
  for (bool key : {true, false}) {
    const auto* entry = map.find(key ? "key" : "value");
    if (entry == nullptr) continue;
    auto name = SerdeReader(reader, reads, topic).read(*entry, entry->key);
    good = good && name.has_value();
    if (name) (key ? serde.key : serde.value) = std::move(*name);
  }
  return good;
}

}  // namespace kstreamd
