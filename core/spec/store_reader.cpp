#include "core/spec/store_reader.h"

#include <algorithm>
#include <optional>

#include "core/spec/serde_reader.h"
#include "core/topology/suggest.h"

namespace kstreamd {
namespace {

// Empty when it was refused.
std::string store_type(const YamlNode& value, Reader& reader) {
  static const std::vector<std::string> types = {"key_value", "timestamped", "window", "session", "versioned"};
  auto* type = value.find("type");
  if (type == nullptr) return StoreDeclaration().type;
  auto word = reader.text(*type->value, "type");
  if (!word) return "";
  if (std::find(types.begin(), types.end(), *word) != types.end()) return *word;
  reader.error(type->value->place, "unknown store type '" + *word + "'",
               did_you_mean(*word, types, "use one of " + join_names(types)));
  return "";
}

// One of a store's durations, which it must have. 0: it was refused.
std::chrono::milliseconds store_time(const YamlNode::Entry& entry, const std::string& key,
                                     const StoreDeclaration& store, Reader& reader) {
  auto* given = entry.value->find(key);
  if (given == nullptr) {
    reader.error(entry.place, store.type + " store '" + store.name + "' has no " + key,
                 key == "size" ? "add how long its windows are: size: 5m"
                               : "add how far behind the latest a row is kept: retention: 1h");
    return {};
  }
  auto time = reader.duration(*given->value, key);
  if (time && time->count() == 0)
    reader.error(given->value->place, "'" + key + "' has to be longer than 0s", "write for example " + key + ": 5m");
  return time.value_or(std::chrono::milliseconds(0));
}

// How long a value lives, which needs a timestamp of it.
void read_ttl(const YamlNode::Entry& entry, StoreDeclaration& store, Reader& reader) {
  auto* given = entry.value->find("ttl");
  if (given == nullptr) return;
  if (store.type == "timestamped") {
    store.ttl = store_time(entry, "ttl", store, reader);
  } else if (store.type == "key_value") {
    reader.error(given->place,
                 "'ttl' goes by the timestamps of values, and '" + store.name + "' is key_value: it has none",
                 "say type: timestamped");
  } else {
    reader.error(given->place,
                 "'ttl' is for timestamped stores, and '" + store.name + "' is a " + store.type + " store",
                 "remove it: 'retention' says how long its rows are kept");
  }
}

// What only stores of windows, sessions and versions have.
void read_times(const YamlNode::Entry& entry, StoreDeclaration& store, Reader& reader) {
  const bool window = store.type == "window", keeps = kind_of(store.type) != StoreKind::key_value;
  for (const char* key : {"size", "retention", "duplicates"}) {
    auto* given = entry.value->find(key);
    const bool of_all = key == std::string_view("retention");
    if (given == nullptr || window || (keeps && of_all)) continue;
    reader.error(given->place,
                 std::string("'") + key + "' is for " + (of_all ? "window, session and versioned" : "window") +
                     " stores, and '" + store.name + "' is " + (keeps ? "a " + store.type + " store" : store.type),
                 std::string("remove it, or say type: ") + (of_all ? "window, session or versioned" : "window"));
  }
  read_ttl(entry, store, reader);
  if (window) store.size = store_time(entry, "size", store, reader);
  if (keeps) store.retention = store_time(entry, "retention", store, reader);
  if (!window) return;
  if (store.retention.count() > 0 && store.retention < store.size) {
    const auto& size = entry.value->find("size")->value->text;
    const auto& retention = *entry.value->find("retention")->value;
    reader.error(retention.place, "a retention of " + retention.text + " is shorter than a window, " + size,
                 "windows are kept from their start on: make it " + size + " or more");
  }
  if (auto* duplicates = entry.value->find("duplicates"))
    store.duplicates = reader.boolean(*duplicates->value, "duplicates").value_or(false);
}

void read_changelog(const YamlNode::Entry& entry, StoreDeclaration& store, Reader& reader) {
  if (entry.value->kind == YamlNode::Kind::scalar) {
    store.changelogged = reader.boolean(*entry.value, entry.key).value_or(true);
    return;
  }
  if (!reader.map(*entry.value, entry.place, entry.key, {"topic_config"})) return;
  if (auto* config = entry.value->find("topic_config"))
    store.changelog_configs = reader.text_map(*config->value, config->key).value_or(store.changelog_configs);
}

std::optional<StoreDeclaration> read_store(const YamlNode::Entry& entry, Reader& reader) {
  StoreDeclaration store;
  store.name = entry.key;
  const auto& value = *entry.value;
  if (!reader.map(value, entry.place, entry.key,
                  {"type", "key", "value", "backend", "changelog", "size", "retention", "duplicates", "ttl"}) &&
      value.kind != YamlNode::Kind::map)
    return std::nullopt;
  read_serde(value, store.serde, reader);
  store.type = store_type(value, reader);
  store.typed = value.find("type") != nullptr;
  if (!store.type.empty()) read_times(entry, store, reader);
  if (auto* backend = value.find("backend"))
    store.persistent = reader.choice(*backend->value, "backend", {"rocksdb", "memory"}).value_or(0) == 0;
  if (auto* changelog = value.find("changelog")) read_changelog(*changelog, store, reader);
  return store;
}

}  // namespace

std::vector<StoreDeclaration> read_stores(const YamlNode& root, Reader& reader) {
  std::vector<StoreDeclaration> stores;
  auto* entry = root.find("stores");
  if (entry == nullptr || entry->value->kind == YamlNode::Kind::null) return stores;
  if (entry->value->kind != YamlNode::Kind::map) {
    reader.error(entry->place, std::string("'stores' has to be a map, and is ") + kind_name(*entry->value),
                 "write stores: and below it NAME: { type: key_value }");
    return stores;
  }
  reader.duplicates(*entry->value);
  for (const auto& store : entry->value->entries)
    if (auto declared = read_store(store, reader)) stores.push_back(std::move(*declared));
  return stores;
}

}  // namespace kstreamd
