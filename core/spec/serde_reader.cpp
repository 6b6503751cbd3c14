#include "core/spec/serde_reader.h"

#include <algorithm>
#include <optional>

#include "core/topology/compile.h"
#include "core/topology/json_text.h"
#include "core/topology/suggest.h"

namespace kstreamd {
namespace {

// Reads one serde. Every member reports what is wrong and gives nothing then.
class SerdeReader {
 public:
  SerdeReader(Reader& reader, bool reads) : reader_(reader), reads_(reads) {}

  // A name, or a spec.
  std::optional<std::string> read(const YamlNode::Entry& entry) {
    const auto& value = *entry.value;
    if (value.kind != YamlNode::Kind::map) return reader_.text(value, entry.key);
    const auto* kind = kind_of(value);
    if (kind == nullptr) return std::nullopt;
    if (kind->key == "time_windowed") return time_windowed(value, *kind);
    if (kind->key == "session_windowed") return session_windowed(value, *kind);
    reader_.error(kind->place, "serde '" + kind->key + "' is not available in this version", "leave it out");
    return std::nullopt;
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
    auto serde = read(entry);
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

  Reader& reader_;
  const bool reads_;
};

}  // namespace

std::optional<std::string> read_serde_name(const YamlNode::Entry& entry, Reader& reader, bool reads) {
  return SerdeReader(reader, reads).read(entry);
}

bool read_serde(const YamlNode& map, SerdeChoice& serde, Reader& reader, bool reads) {
  bool good = true;
  for (bool key : {true, false}) {
    const auto* entry = map.find(key ? "key" : "value");
    if (entry == nullptr) continue;
    auto name = read_serde_name(*entry, reader, reads);
    good = good && name.has_value();
    if (name) (key ? serde.key : serde.value) = std::move(*name);
  }
  return good;
}

}  // namespace kstreamd
