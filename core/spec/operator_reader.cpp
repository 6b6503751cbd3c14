#include "core/spec/operator_reader.h"

#include <algorithm>

#include "core/spec/serde_reader.h"
#include "core/topology/suggest.h"

namespace kstreamd {
namespace {

using std::chrono::milliseconds;

constexpr int64_t most_partitions = 100'000;

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// An expression that the operator cannot do without, or may be left out.
bool read_expression(const YamlNode::Entry& op, const std::string& name, bool required, NodeDeclaration& node,
                     Reader& reader) {
  auto* entry = op.value->find(name);
  if (entry == nullptr) {
    if (required)
      reader.error(op.place, "operator '" + op.key + "' has no '" + name + "'", "add " + name + ": EXPRESSION");
    return !required;
  }
  auto text = reader.expression(*entry->value, name);
  if (text) node.expressions.push_back({name, *text});
  return text.has_value();
}

bool read_time(const YamlNode& map, const std::string& name, milliseconds& time, Reader& reader) {
  auto* entry = map.find(name);
  if (entry == nullptr) return true;
  auto given = reader.duration(*entry->value, name);
  if (given) time = *given;
  return given.has_value();
}

bool read_time(const YamlNode& map, const std::string& name, std::optional<milliseconds>& time, Reader& reader) {
  if (map.find(name) == nullptr) return true;
  milliseconds given{0};
  if (!read_time(map, name, given, reader)) return false;
  time = given;
  return true;
}

bool read_window(const YamlNode::Entry& entry, NodeDeclaration& node, Reader& reader) {
  static const std::vector<std::string> kinds = {"tumbling", "hopping", "sliding", "session"};
  if (!reader.map(*entry.value, entry.place, entry.key,
                  {"tumbling", "hopping", "sliding", "session", "advance", "grace", "retention"}))
    return false;
  Window window;
  const YamlNode::Entry* kind = nullptr;
  for (const auto& key : entry.value->entries) {
    const auto at = std::find(kinds.begin(), kinds.end(), key.key);
    if (at == kinds.end()) continue;
    if (kind != nullptr) {
      reader.error(key.place, "the window is '" + kind->key + "' and '" + key.key + "'", "a window is of one kind");
      return false;
    }
    kind = &key;
    window.kind = static_cast<Window::Kind>(at - kinds.begin());
  }
  if (kind == nullptr) {
    reader.error(entry.place, "the window does not say of which kind it is",
                 "add one of tumbling: 5m, hopping: 5m with advance: 1m, sliding: 10m, session: 30m");
    return false;
  }
  bool good = read_time(*entry.value, kind->key, window.size, reader);
  good = read_time(*entry.value, "advance", window.advance, reader) && good;
  good = read_time(*entry.value, "grace", window.grace, reader) && good;
  good = read_time(*entry.value, "retention", window.retention, reader) && good;
  auto* advance = entry.value->find("advance");
  const bool hopping = window.kind == Window::Kind::hopping;
  if (hopping != (advance != nullptr)) {
    reader.error(hopping ? kind->place : advance->place,
                 hopping ? "hopping windows need 'advance'" : "'advance' is for hopping windows",
                 hopping ? "add how far apart they start: advance: 1m"
                         : "remove it, or say hopping: instead of " + kind->key + ":");
    return false;
  }
  node.window = window;
  return good;
}

bool read_emit(const YamlNode::Entry& entry, NodeDeclaration& node, Reader& reader) {
  auto index = reader.choice(*entry.value, "emit", {"updates", "on_window_close", "per_commit"});
  if (index) node.emit = static_cast<Emit>(*index);
  return index.has_value();
}

// The `add` of a cogroup: one expression for each input.
bool read_adds(const YamlNode::Entry& op, NodeDeclaration& node, Reader& reader) {
  auto* add = op.value->find("add");
  if (add == nullptr || add->value->kind != YamlNode::Kind::map) {
    reader.error(add == nullptr ? op.place : add->place,
                 "a cogroup needs 'add' with an expression for each of its inputs",
                 "write add: { NODE: EXPRESSION, ... }");
    return false;
  }
  reader.duplicates(*add->value);
  bool good = true;
  for (const auto& entry : add->value->entries) {
    auto text = reader.expression(*entry.value, entry.key);
    good = good && text.has_value();
    if (text) node.expressions.push_back({"add/" + entry.key, *text});
    if (contains(node.from, entry.key)) continue;
    reader.error(entry.place, "'" + entry.key + "' is no input of this node",
                 did_you_mean(entry.key, node.from, "its inputs are " + join_names(node.from)));
    good = false;
  }
  for (const auto& from : node.from) {
    if (add->value->find(from) != nullptr) continue;
    reader.error(add->place, "'add' says nothing about the input '" + from + "'", "add " + from + ": EXPRESSION");
    good = false;
  }
  return good;
}

bool read_within(const YamlNode::Entry& entry, JoinDeclaration& join, Reader& reader) {
  join.before = join.after = milliseconds(0);
  if (entry.value->kind != YamlNode::Kind::map) {
    auto time = reader.duration(*entry.value, "within");
    if (time) join.before = join.after = *time;
    return time.has_value();
  }
  return reader.map(*entry.value, entry.place, entry.key, {"before", "after"}) &&
         read_time(*entry.value, "before", *join.before, reader) &&
         read_time(*entry.value, "after", *join.after, reader);
}

bool read_limit(const YamlNode& map, const std::string& name, std::optional<uint64_t>& limit, Reader& reader) {
  auto* entry = map.find(name);
  if (entry == nullptr) return true;
  if (name == "max_bytes") {
    limit = reader.size(*entry->value, name);
  } else if (auto count = reader.integer(*entry->value, name, 0, INT64_MAX)) {
    limit = static_cast<uint64_t>(*count);
  }
  return limit.has_value();
}

}  // namespace

bool read_store_name(const YamlNode& arguments, NodeDeclaration& node, Reader& reader) {
  auto* store = arguments.find("store");
  if (store == nullptr) return true;
  auto name = reader.text(*store->value, "store");
  if (name) node.stores = {*name};
  return name.has_value();
}

bool read_aggregation(const YamlNode::Entry& op, NodeDeclaration& node, Reader& reader) {
  const bool count = op.key == "count", reduce = op.key == "reduce", cogroup = op.key == "cogroup";
  std::vector<std::string> keys = {"store", "window", "emit"};
  if (!count) keys.push_back("add");
  if (!count && !cogroup) keys.push_back("subtract");
  if (!count && !reduce) keys.insert(keys.end(), {"init", "merge", "value"});
  if (!reader.map(*op.value, op.place, op.key, keys)) return false;
  bool good = read_store_name(*op.value, node, reader);
  if (auto* window = op.value->find("window")) good = read_window(*window, node, reader) && good;
  if (auto* emit = op.value->find("emit")) good = read_emit(*emit, node, reader) && good;
  if (count) return good;
  if (!reduce) good = read_expression(op, "init", true, node, reader) && good;
  good = (cogroup ? read_adds(op, node, reader) : read_expression(op, "add", true, node, reader)) && good;
  for (const char* name : {"subtract", "merge"}) good = read_expression(op, name, false, node, reader) && good;
  if (auto* value = op.value->find("value")) {
    auto serde = read_serde_name(*value, reader);
    good = good && serde.has_value();
    if (serde) node.result_serde = *serde;
  }
  return good;
}

bool read_join(const YamlNode::Entry& op, NodeDeclaration& node, Reader& reader) {
  if (!reader.map(*op.value, op.place, op.key,
                  {"with", "type", "value", "within", "grace", "key", "foreign_key", "store"}))
    return false;
  JoinDeclaration join;
  auto* with = op.value->find("with");
  if (with == nullptr) {
    reader.error(op.place, "the join does not say with what", "add with: NODE");
    return false;
  }
  auto name = reader.text(*with->value, "with");
  bool good = name.has_value();
  if (name) join.with = *name;
  if (auto* type = op.value->find("type")) {
    auto index = reader.choice(*type->value, "type", {"inner", "left", "outer", "right"});
    good = good && index.has_value();
    if (index) join.type = static_cast<JoinType>(*index);
  }
  good = read_expression(op, "value", true, node, reader) && good;
  good = read_expression(op, "key", false, node, reader) && good;
  good = read_expression(op, "foreign_key", false, node, reader) && good;
  if (auto* within = op.value->find("within")) good = read_within(*within, join, reader) && good;
  good = read_time(*op.value, "grace", join.grace, reader) && good;
  good = read_store_name(*op.value, node, reader) && good;
  node.join = std::move(join);
  return good;
}

bool read_suppress(const YamlNode::Entry& op, NodeDeclaration& node, Reader& reader) {
  if (!reader.map(*op.value, op.place, op.key, {"until", "max_records", "max_bytes", "full"})) return false;
  SuppressDeclaration suppress;
  auto* until = op.value->find("until");
  if (until == nullptr) {
    reader.error(op.place, "suppress does not say until when", "add until: window_closes, or until: 10s");
    return false;
  }
  bool good = true;
  suppress.window_closes = until->value->kind == YamlNode::Kind::scalar && until->value->text == "window_closes";
  if (!suppress.window_closes) good = read_time(*op.value, "until", suppress.time_limit, reader);
  good = read_limit(*op.value, "max_records", suppress.max_records, reader) && good;
  good = read_limit(*op.value, "max_bytes", suppress.max_bytes, reader) && good;
  suppress.stop_when_full = suppress.window_closes;
  if (auto* full = op.value->find("full")) {
    auto index = reader.choice(*full->value, "full", {"emit", "stop"});
    good = good && index.has_value();
    if (index) suppress.stop_when_full = *index == 1;
  }
  node.suppress = suppress;
  return good;
}

bool read_repartition(const YamlNode::Entry& op, NodeDeclaration& node, Reader& reader) {
  if (!reader.map(*op.value, op.place, op.key, {"partitions"})) return false;
  auto* partitions = op.value->find("partitions");
  if (partitions == nullptr) return true;
  auto count = reader.integer(*partitions->value, "partitions", 1, most_partitions);
  if (count) node.partitions = static_cast<int32_t>(*count);
  return count.has_value();
}

}  // namespace kstreamd
