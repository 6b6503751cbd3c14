#include "core/spec/topology_reader.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <regex>

#include "core/base/substitution.h"
#include "core/base/text_file.h"
#include "core/spec/operator_reader.h"
#include "core/spec/serde_reader.h"
#include "core/spec/store_reader.h"
#include "core/spec/values.h"
#include "core/topology/compile.h"
#include "core/topology/suggest.h"

namespace kstreamd {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

constexpr size_t max_script = 1 << 20;
constexpr int64_t most_in_flight = 1'000'000;  // records that one node may hold

const std::vector<std::string> error_actions = {"fail", "skip", "dead_letter"};

// Reads one topology file. Every member reports what is wrong and goes on with the rest.
class TopologyReader {
 public:
  TopologyReader(const YamlNode& root, Reader& reader) : root_(root), reader_(reader) {}

  Declaration run();
  bool has_nodes() const { return has_nodes_; }

 private:
  void read_version();
  void read_settings();
  void read_results();
  void read_on_error();
  void read_default_serde();
  void read_script();
  void read_nodes();
  void read_node(const YamlNode::Entry& entry);
  bool read_node_keys(const YamlNode& value, NodeDeclaration& node);
  const YamlNode::Entry* find_operator(const YamlNode::Entry& entry, NodeDeclaration& node);
  bool read_operator(const YamlNode::Entry& op, NodeDeclaration& node);
  bool read_process(const YamlNode& value, const YamlNode::Entry& op, NodeDeclaration& node);
  bool read_source(const YamlNode::Entry& op, NodeDeclaration& node);
  bool read_sink(const YamlNode::Entry& op, NodeDeclaration& node);
  bool read_map(const YamlNode::Entry& op, NodeDeclaration& node);
  bool read_branch(const YamlNode::Entry& op, NodeDeclaration& node);
  bool read_group_by(const YamlNode::Entry& entry, NodeDeclaration& node);
  bool check_pattern(const std::string& pattern, YamlPlace place);
  bool read_named_expressions(const YamlNode& value, const std::vector<std::string>& names, NodeDeclaration& node);
  std::optional<ErrorAction> error_action(const YamlNode& map, const std::string& key);

  const YamlNode& root_;
  Reader& reader_;
  Declaration declaration_;
  bool has_nodes_ = false;
};

Declaration TopologyReader::run() {
  static const std::vector<std::string> keys = {
      "kstreamd",      "name",         "guarantee",     "commit_interval",   "nodes",
      "stores",        "on_error",     "default_serde", "dead_letter_topic", "standby_replicas",
      "max_task_idle", "late_records", "emit_interval", "optimize",          "script"};
  if (root_.kind != YamlNode::Kind::map) {
    reader_.error(root_.place, std::string("a topology file has to be a map, and is ") + kind_name(root_),
                  "start with 'kstreamd: 1'");
    return {};
  }
  reader_.map(root_, root_.place, "topology", keys);
  read_version();
  read_settings();
  read_results();
  read_on_error();
  read_default_serde();
  read_script();
  declaration_.stores = read_stores(root_, reader_);
  read_nodes();
  return std::move(declaration_);
}

void TopologyReader::read_version() {
  auto* version = root_.find("kstreamd");
  if (version == nullptr) {
    reader_.error(root_.place, "the file does not say its format version", "add 'kstreamd: 1' as its first line");
    return;
  }
  auto number = reader_.text(*version->value, "kstreamd");
  if (number && *number != "1")
    reader_.error(version->value->place, "format version '" + *number + "' is not known to this kstreamd",
                  "this one reads 'kstreamd: 1'");
}

void TopologyReader::read_settings() {
  if (auto* entry = root_.find("name")) declaration_.name = reader_.text(*entry->value, "name").value_or("refused");
  if (auto* entry = root_.find("guarantee")) {
    auto index = reader_.choice(*entry->value, "guarantee", {"exactly_once", "at_least_once"});
    if (index) declaration_.guarantee = *index == 0 ? Guarantee::exactly_once : Guarantee::at_least_once;
  }
  if (auto* entry = root_.find("commit_interval"))
    declaration_.commit_interval = reader_.duration(*entry->value, entry->key).value_or(declaration_.commit_interval);
  if (auto* entry = root_.find("max_task_idle"))
    declaration_.max_task_idle = reader_.duration(*entry->value, entry->key).value_or(declaration_.max_task_idle);
  if (auto* entry = root_.find("optimize"))
    declaration_.merge_repartition_topics =
        reader_.choice(*entry->value, entry->key, {"merge_repartition_topics"}).has_value();
  if (auto* entry = root_.find("dead_letter_topic"))
    declaration_.dead_letter_topic = reader_.text(*entry->value, entry->key).value_or("refused");
}

void TopologyReader::read_results() {
  if (auto* entry = root_.find("late_records"))
    declaration_.late_records = reader_.choice(*entry->value, entry->key, {"drop", "dead_letter"}).value_or(0) == 0
                                    ? LateRecords::drop
                                    : LateRecords::dead_letter;
  if (auto* entry = root_.find("emit_interval"))
    declaration_.emit_interval = reader_.duration(*entry->value, entry->key).value_or(declaration_.emit_interval);
  if (auto* entry = root_.find("standby_replicas")) {
    auto count = reader_.integer(*entry->value, entry->key, 0, 100);
    if (count && *count > 0)
      reader_.warning(entry->place, "standby replicas are not available in this version",
                      "the topology runs without them: state is restored from the changelogs");
  }
}

std::optional<ErrorAction> TopologyReader::error_action(const YamlNode& map, const std::string& key) {
  auto* entry = map.find(key);
  if (entry == nullptr) return std::nullopt;
  auto index = reader_.choice(*entry->value, key, error_actions);
  if (!index) return std::nullopt;
  return static_cast<ErrorAction>(*index);
}

void TopologyReader::read_on_error() {
  auto* entry = root_.find("on_error");
  if (entry == nullptr) return;
  reader_.map(*entry->value, entry->place, entry->key, {"deserialization", "processing", "production"});
  auto& policy = declaration_.on_error;
  policy.deserialization = error_action(*entry->value, "deserialization").value_or(ErrorAction::fail);
  policy.processing = error_action(*entry->value, "processing").value_or(ErrorAction::fail);
  policy.production = error_action(*entry->value, "production").value_or(ErrorAction::fail);
}

void TopologyReader::read_default_serde() {
  auto* entry = root_.find("default_serde");
  if (entry == nullptr) return;
  reader_.map(*entry->value, entry->place, entry->key, {"key", "value"});
  read_serde(*entry->value, declaration_.default_serde, reader_);
}

// The path is relative to the topology's.
void TopologyReader::read_script() {
  auto* entry = root_.find("script");
  if (entry == nullptr || !reader_.map(*entry->value, entry->place, entry->key, {"file"})) return;
  auto* file = entry->value->find("file");
  if (file == nullptr) return reader_.error(entry->place, "the script names no file", "write script: { file: x.lua }");
  auto name = reader_.text(*file->value, "file");
  if (!name) return;
  auto path = (std::filesystem::path(reader_.filename()).parent_path() / *name).string();
  auto content = read_text_file(path, max_script);
  if (!content)
    return reader_.error(file->value->place, content.error().message,
                         "a script is a file of Lua functions; its path is relative to the topology's");
  declaration_.script = {std::move(path), std::move(*content)};
}

void TopologyReader::read_nodes() {
  auto* entry = root_.find("nodes");
  if (entry == nullptr) {
    reader_.error(root_.place, "the topology has no nodes", "add nodes: with at least one source");
    return;
  }
  if (entry->value->kind != YamlNode::Kind::map) {
    reader_.error(entry->place, std::string("'nodes' has to be a map, and is ") + kind_name(*entry->value),
                  "write below it NAME: { from: NODE, OPERATOR: ARGUMENTS }");
    return;
  }
  has_nodes_ = true;
  for (const auto& duplicate : entry->value->duplicates) {
    reader_.enter_node(duplicate.key);
    reader_.error(duplicate.place, "the name is used twice, first in line " + std::to_string(duplicate.first.line),
                  "names are identities: give this node another one");
  }
  for (const auto& node : entry->value->entries) {
    reader_.enter_node(node.key);
    read_node(node);
  }
  reader_.enter_node("");
}

void TopologyReader::read_node(const YamlNode::Entry& entry) {
  NodeDeclaration node;
  node.name = entry.key;
  if (entry.value->kind != YamlNode::Kind::map) {
    reader_.error(entry.place, std::string("a node has to be a map, and is ") + kind_name(*entry.value),
                  "write " + entry.key + ": { from: NODE, OPERATOR: ARGUMENTS }");
    node.broken = true;
  } else {
    auto* op = find_operator(entry, node);
    bool good = read_node_keys(*entry.value, node);
    if (op == nullptr)
      node.broken = true;
    else if (op->key == "process")
      node.broken = !read_process(*entry.value, *op, node) || !good;
    else
      node.broken = !read_operator(*op, node) || !good;
  }
  declaration_.nodes.push_back(std::move(node));
}

// What every node may have.
bool TopologyReader::read_node_keys(const YamlNode& value, NodeDeclaration& node) {
  bool good = true;
  reader_.duplicates(value);
  if (auto* from = value.find("from")) {
    auto names = reader_.texts(*from->value, "from");
    good = good && names.has_value();
    if (names) node.from = std::move(*names);
  }
  if (auto* serde = value.find("serde")) {
    reader_.map(*serde->value, serde->place, serde->key, {"key", "value"});
    good = read_serde(*serde->value, node.serde, reader_) && good;
  }
  if (auto* on_error = value.find("on_error")) {
    reader_.map(*on_error->value, on_error->place, on_error->key, {"deserialization", "processing", "production"});
    node.on_error = {error_action(*on_error->value, "deserialization"), error_action(*on_error->value, "processing"),
                     error_action(*on_error->value, "production")};
  }
  auto* store = value.find("store");
  if (store != nullptr) {
    auto name = reader_.text(*store->value, "store");
    good = good && name.has_value();
    if (name) node.stores = {*name};
  }
  auto* group_by = value.find("group_by");
  if (group_by == nullptr) return good;
  return read_group_by(*group_by, node) && good;
}

// EXPR, or of a table {key: EXPR, value: EXPR}.
bool TopologyReader::read_group_by(const YamlNode::Entry& entry, NodeDeclaration& node) {
  if (entry.value->kind != YamlNode::Kind::map) {
    auto key = reader_.expression(*entry.value, "group_by");
    if (key) node.group_by = {*key, std::nullopt};
    return key.has_value();
  }
  if (!reader_.map(*entry.value, entry.place, entry.key, {"key", "value"})) return false;
  auto* key = entry.value->find("key");
  if (key == nullptr) {
    reader_.error(entry.place, "'group_by' has no 'key'", "add key: EXPRESSION, the new key");
    return false;
  }
  auto text = reader_.expression(*key->value, "key");
  if (!text) return false;
  node.group_by = {*text, std::nullopt};
  auto* value = entry.value->find("value");
  if (value == nullptr) return true;
  node.group_by->value = reader_.expression(*value->value, "value");
  return node.group_by->value.has_value();
}

// The one key that is an operator; the others have to be known as well.
const YamlNode::Entry* TopologyReader::find_operator(const YamlNode::Entry& entry, NodeDeclaration& node) {
  const YamlNode::Entry* op = nullptr;
  bool bad = false;
  for (const auto& candidate : entry.value->entries) {
    if (!contains(available_operators(), candidate.key)) continue;
    if (op != nullptr) {
      reader_.error(candidate.place, "the node has two operators, '" + op->key + "' and '" + candidate.key + "'",
                    "a node has exactly one: make two nodes");
      bad = true;
    } else {
      op = &candidate;
    }
  }
  std::vector<std::string> known = {"from", "serde", "on_error", "group_by"};
  static const std::vector<std::string> stored = {"filter", "filter_not", "map_values"};
  if (op != nullptr && contains(stored, op->key)) known.push_back("store");
  if (op != nullptr && op->key == "process") known.insert(known.end(), {"config", "stores", "max_in_flight"});
  auto possible = known;
  possible.insert(possible.end(), available_operators().begin(), available_operators().end());
  for (const auto& key : entry.value->entries) {
    if (contains(known, key.key) || contains(available_operators(), key.key)) continue;
    bad = true;
    if (key.key == "store" && op != nullptr)
      reader_.error(key.place, "'store' does not stand beside operator '" + op->key + "'",
                    "operators with a store of their own take its name as an argument: count: { store: NAME }");
    else
      reader_.error(key.place, "unknown key '" + key.key + "'",
                    did_you_mean(key.key, op == nullptr ? possible : known,
                                 op == nullptr ? "operators are " + join_names(available_operators())
                                               : "a node has " + join_names(known) + " and one operator"));
  }
  if (op != nullptr) node.operator_name = op->key;
  if (op == nullptr && !bad)
    reader_.error(entry.place, "the node has no operator", "add one of " + join_names(available_operators()));
  return bad ? nullptr : op;
}

bool TopologyReader::read_operator(const YamlNode::Entry& op, NodeDeclaration& node) {
  const auto& name = op.key;
  if (name == "source" || name == "table" || name == "global_table") return read_source(op, node);
  if (name == "sink") return read_sink(op, node);
  if (name == "map") return read_map(op, node);
  if (name == "branch") return read_branch(op, node);
  if (name == "count" || name == "reduce" || name == "aggregate" || name == "cogroup")
    return read_aggregation(op, node, reader_);
  if (name == "join") return read_join(op, node, reader_);
  if (name == "suppress") return read_suppress(op, node, reader_);
  if (name == "repartition") return read_repartition(op, node, reader_);
  if (name == "to_table")
    return reader_.map(*op.value, op.place, name, {"store"}) && read_store_name(*op.value, node, reader_);
  if (name == "peek")
    return reader_.map(*op.value, op.place, name, {"log"}) && read_named_expressions(*op.value, {"log"}, node);
  if (name == "merge" || name == "to_stream") return reader_.map(*op.value, op.place, name, {});
  auto text = reader_.expression(*op.value, name);
  if (text) node.expressions = {{"", *text}};
  return text.has_value();
}

bool TopologyReader::read_process(const YamlNode& value, const YamlNode::Entry& op, NodeDeclaration& node) {
  auto type = reader_.text(*op.value, op.key);
  bool good = type.has_value();
  if (type) node.process_type = *type;
  if (auto* config = value.find("config"); config != nullptr && config->value->kind != YamlNode::Kind::null) {
    if (config->value->kind != YamlNode::Kind::map) {
      reader_.error(config->place, std::string("'config' has to be a map, and is ") + kind_name(*config->value),
                    "write config: { KEY: VALUE, ... }; 'kstreamd plugins' shows what the plugin takes");
      good = false;
    } else {
      auto json = reader_.json(*config->value, "config");
      good = good && json.has_value();
      if (json) node.config = std::move(*json);
    }
  }
  if (auto* stores = value.find("stores"); stores != nullptr && stores->value->kind != YamlNode::Kind::null) {
    auto names = reader_.texts(*stores->value, "stores");
    good = good && names.has_value();
    if (names) node.stores = std::move(*names);
  }
  if (auto* limit = value.find("max_in_flight"); limit != nullptr && limit->value->kind != YamlNode::Kind::null) {
    auto records = reader_.integer(*limit->value, "max_in_flight", 1, most_in_flight);
    good = good && records.has_value();
    if (records) node.max_in_flight = static_cast<uint32_t>(*records);
  }
  return good;
}

bool TopologyReader::read_source(const YamlNode::Entry& op, NodeDeclaration& node) {
  const auto& value = *op.value;
  const bool stream = op.key == "source";
  bool good =
      reader_.map(value, op.place, op.key,
                  stream ? std::vector<std::string>{"topic", "topics", "pattern", "key", "value", "reset", "timestamp"}
                         : std::vector<std::string>{"topic", "key", "value", "store", "timestamp"});
  if (value.kind != YamlNode::Kind::map && value.kind != YamlNode::Kind::null) return false;
  good = read_serde(value, node.serde, reader_, true) && good;
  auto* topic = value.find("topic");
  auto* topics = value.find("topics");
  auto* pattern = value.find("pattern");
  if ((topic != nullptr) + (topics != nullptr) + (pattern != nullptr) > 1) {
    auto* second = pattern != nullptr ? pattern : topics;
    reader_.error(second->place, "the " + op.key + " says more than one of 'topic', 'topics' and 'pattern'",
                  "use one of them");
    return false;
  }
  if (topic != nullptr) {
    auto name = reader_.text(*topic->value, "topic");
    good = good && name.has_value();
    if (name) node.topics = {*name};
  } else if (topics != nullptr) {
    auto names = reader_.texts(*topics->value, "topics");
    good = good && names.has_value();
    if (names) node.topics = std::move(*names);
  } else if (pattern != nullptr) {
    auto text = reader_.text(*pattern->value, "pattern");
    good = good && text.has_value() && check_pattern(*text, pattern->value->place);
    if (text) node.pattern = *text;
  }
  if (good && node.topics.empty() && node.pattern.empty()) {
    reader_.error(op.place, "the " + op.key + " names no topic",
                  stream ? "add topic: NAME, topics: [NAME, ...] or pattern: REGULAR_EXPRESSION" : "add topic: NAME");
    good = false;
  }
  if (value.find("timestamp") != nullptr) good = read_named_expressions(value, {"timestamp"}, node) && good;
  good = read_store_name(value, node, reader_) && good;
  if (auto* reset = value.find("reset")) {
    auto index = reader_.choice(*reset->value, "reset", {"earliest", "latest", "none"});
    if (index) node.reset = static_cast<OffsetReset>(*index);
  }
  return good;
}

bool TopologyReader::read_sink(const YamlNode::Entry& op, NodeDeclaration& node) {
  const auto& value = *op.value;
  bool good = reader_.map(value, op.place, op.key, {"topic", "key", "value", "partition", "timestamp", "headers"});
  if (value.kind != YamlNode::Kind::map && value.kind != YamlNode::Kind::null) return false;
  good = read_serde(value, node.serde, reader_) && good;
  auto* topic = value.find("topic");
  if (topic == nullptr) {
    if (good) reader_.error(op.place, "the sink names no topic", "add topic: NAME");
    return false;
  }
  for (const char* part : {"partition", "timestamp", "headers"})
    if (value.find(part) != nullptr) good = read_named_expressions(value, {part}, node) && good;
  if (topic->value->kind == YamlNode::Kind::map) {
    if (!reader_.map(*topic->value, topic->place, "topic", {"expr"})) return false;
    auto* expr = topic->value->find("expr");
    auto text = expr == nullptr ? std::nullopt : reader_.expression(*expr->value, "expr");
    if (expr == nullptr)
      reader_.error(topic->place, "'topic' is a map without 'expr'",
                    "write topic: NAME, or topic: { expr: EXPRESSION }");
    if (text) node.expressions.push_back({"topic", *text});
    return good && text.has_value();
  }
  auto name = reader_.text(*topic->value, "topic");
  if (name) node.topics = {*name};
  return good && name.has_value();
}

// Topics are matched by their whole names, as Java's regular expressions would; where the two differ is no place for
// surprises in names of topics.
bool TopologyReader::check_pattern(const std::string& pattern, YamlPlace place) {
  try {
    const std::regex compiled(pattern, std::regex::ECMAScript);
    return true;
  } catch (const std::regex_error& error) {
    reader_.error(place, "'" + pattern + "' is no regular expression: " + error.what(),
                  "it has to fit whole names of topics: 'metrics-[a-z]+'");
    return false;
  }
}

bool TopologyReader::read_named_expressions(const YamlNode& value, const std::vector<std::string>& names,
                                            NodeDeclaration& node) {
  bool good = true;
  for (const auto& name : names) {
    auto* entry = value.find(name);
    if (entry == nullptr) continue;
    auto text = reader_.expression(*entry->value, name);
    good = good && text.has_value();
    if (text) node.expressions.push_back({name, *text});
  }
  if (good && node.expressions.empty()) {
    reader_.error(value.place, "operator '" + node.operator_name + "' has no expression",
                  "add " + join_names(names) + (names.size() > 1 ? ": one or more of them" : ": EXPRESSION"));
    return false;
  }
  return good;
}

bool TopologyReader::read_map(const YamlNode::Entry& op, NodeDeclaration& node) {
  static const std::vector<std::string> names = {"key", "value", "timestamp", "headers"};
  if (!reader_.map(*op.value, op.place, op.key, names)) return false;
  return read_named_expressions(*op.value, names, node);
}

bool TopologyReader::read_branch(const YamlNode::Entry& op, NodeDeclaration& node) {
  if (op.value->kind != YamlNode::Kind::map) {
    reader_.error(op.place, std::string("'branch' has to be a map, and is ") + kind_name(*op.value),
                  "write branch: { NAME: EXPRESSION, ..., NAME: default }");
    return false;
  }
  reader_.duplicates(*op.value);
  bool good = true;
  for (const auto& entry : op.value->entries) {
    bool is_default = entry.value->kind == YamlNode::Kind::scalar && entry.value->text == "default";
    auto text = is_default ? std::optional<std::string>("") : reader_.expression(*entry.value, entry.key);
    good = good && text.has_value();
    node.expressions.push_back({entry.key, text.value_or("false")});
  }
  return good;
}

// A segment of a JSON pointer: ~1 is a slash, ~0 a tilde.
std::string unescaped(const std::string& segment) {
  std::string out;
  for (size_t i = 0; i < segment.size(); ++i) {
    bool escape = segment[i] == '~' && i + 1 < segment.size();
    out += !escape ? segment[i] : segment[++i] == '1' ? '/' : '~';
  }
  return out;
}

// The entry whose key, not its value, a last segment means: "size#".
const YamlNode::Entry* key_of(const YamlNode& map, std::string_view segment) {
  return segment.ends_with('#') ? map.find(segment.substr(0, segment.size() - 1)) : nullptr;
}

}  // namespace

TopologyFile read_topology(std::shared_ptr<const YamlNode> root, Reader& reader) {
  TopologyReader topology(*root, reader);
  TopologyFile file;
  file.declaration = topology.run();
  file.has_nodes = topology.has_nodes();
  file.root = std::move(root);
  return file;
}

YamlPlace place_of(const GraphProblem& problem, const TopologyFile& file, std::string_view source) {
  auto at = file.root;
  YamlPlace place = at->place;
  if (!problem.node.empty()) {
    auto* nodes = at->find("nodes");
    auto* node = nodes == nullptr ? nullptr : nodes->value->find(problem.node);
    if (node == nullptr) return place;
    at = node->value;
    place = node->place;
  }
  for (size_t begin = 1; begin <= problem.pointer.size();) {
    auto end = std::min(problem.pointer.find('/', begin), problem.pointer.size());
    auto segment = unescaped(problem.pointer.substr(begin, end - begin));
    begin = end + 1;
    size_t index = 0;
    std::from_chars(segment.data(), segment.data() + segment.size(), index);
    if (auto* entry = at->find(segment)) {
      place = entry->place;
      at = entry->value;
    } else if (auto* key = end == problem.pointer.size() ? key_of(*at, segment) : nullptr) {
      return key->place;
    } else if (at->kind == YamlNode::Kind::list && index < at->items.size()) {
      at = at->items[index];
      place = at->place;
    } else {
      break;
    }
  }
  if (at->kind != YamlNode::Kind::scalar || problem.pointer.empty()) return place;
  if (problem.line == 0 || has_substitution(at->text)) return at->place;
  return place_within(*at, source, static_cast<int>(problem.line), static_cast<int>(problem.column));
}

}  // namespace kstreamd
