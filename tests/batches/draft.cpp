#include "tests/batches/draft.h"

#include <algorithm>

namespace kstreamd::batches {
namespace {

std::string quoted(const std::string& expression) { return "\"" + expression + "\""; }
std::string serde(Type type) { return type == Type::object ? "json" : "int64"; }
std::string value_serde(Type type) { return ", serde: { value: " + serde(type) + " }"; }
std::string both_serdes(Type type) { return ", serde: { key: string, value: " + serde(type) + " }"; }

Shape below(const Shape& from) {
  Shape made = from;
  made.used = made.own_topic = false;
  return made;
}

}  // namespace

Draft::Draft(sim::Random& random)
    : random_(random),
      grain_(random.below(2) == 0 ? 1000 : 100),
      skips_errors_(random.below(4) == 0),
      holds_(random.below(7) == 0),
      partitions_(static_cast<int32_t>(1 + random.below(3) / 2)) {}

void Draft::draw() {
  if (skips_errors_) {
    const bool letters = percent(50);
    const std::string action = letters ? "dead_letter" : "skip";
    settings_ += "on_error: { deserialization: " + action + ", processing: " + action + ", production: " + action +
                 " }\n" + (letters ? "dead_letter_topic: dead\n" : "");
    if (letters && percent(50)) settings_ += "late_records: dead_letter\n";
  } else {
    settings_ += "on_error: { processing: skip }\n";
  }
  if (percent(15)) settings_ += "emit_interval: 1s\n";
  source();
  if (!holds_) {
    if (percent(50)) source();
    if (percent(60)) table();
    if (percent(40)) table();
    if (percent(20)) global_table();
  }
  const size_t wanted = 3 + random_.below(8);
  for (size_t made = 0, tries = 0; made < wanted && tries < 100; ++tries) made += draw_one() ? 1 : 0;
  sinks();
}

bool Draft::draw_one() {
  switch (random_.below(holds_ ? 8 : 16)) {
    case 0:
    case 1:
    case 2:
      return stateless();
    case 3:
      return branch();
    case 4:
      return process();
    case 5:
    case 6:
      return aggregate_stream();
    case 7:
      return percent(50) ? of_table() : suppress();
    case 8:
    case 9:
      return merge();
    case 10:
      return process();
    case 11:
      return percent(30) ? cogroup() : aggregate_table();
    case 12:
      return join_streams();
    case 13:
      return percent(25) ? join_global() : join_table();
    case 14:
      return join_tables();
    default:
      return of_table();
  }
}

// ---- Nodes

int Draft::any(const Fits& fits) {
  std::vector<int> found;
  for (size_t i = 0; i < shapes_.size(); ++i)
    if (fits(shapes_[i])) found.insert(found.end(), shapes_[i].used ? 1 : 3, static_cast<int>(i));
  return found.empty() ? -1 : found[random_.below(found.size())];
}

int Draft::any_stream(bool windowed, bool by_key) {
  return any([&](const Shape& s) {
    return s.kind == Kind::stream && (windowed || s.windowed.empty()) && (by_key || !s.by_key);
  });
}

int Draft::any_table(bool windowed) {
  return any([&](const Shape& s) { return s.kind == Kind::table && (windowed || s.windowed.empty()); });
}

std::string Draft::from(const std::vector<int>& nodes) {
  std::string list;
  for (const int node : nodes) {
    list += (list.empty() ? "" : ", ") + shapes_[static_cast<size_t>(node)].name;
    shapes_[static_cast<size_t>(node)].used = true;
  }
  return "from: " + (nodes.size() == 1 ? list : "[" + list + "]");
}

void Draft::add(Shape made, const std::vector<int>& inputs, const std::string& rest) {
  nodes_ += "  " + made.name + ": { " + from(inputs) + ", " + rest + " }\n";
  shapes_.push_back(std::move(made));
}

std::string Draft::duration(int64_t least, int64_t most) {
  return std::to_string(grain_ * random_.between(least, most) + (percent(20) ? random_.between(0, 9) : 0)) + "ms";
}

void Draft::source() {
  Shape made{.name = name("source"), .type = any_type()};
  topics_.push_back({"in-" + made.name, made.type});
  std::string topic = "topic: in-" + made.name;
  if (!holds_ && percent(15)) {
    topics_.push_back({"more-" + made.name, made.type});
    topic = "topics: [in-" + made.name + ", more-" + made.name + "]";
  }
  const std::string timestamp =
      percent(10)
          ? ", timestamp: " + quoted(pick({"timestamp + 7", "value ~= nil and timestamp or nil", "timestamp - 1000"}))
          : "";
  nodes_ +=
      "  " + made.name + ": { source: { " + topic + ", key: string, value: " + serde(made.type) + timestamp + " } }\n";
  shapes_.push_back(made);
  // A second source of the same topic: each record goes to both.
  if (holds_ || !timestamp.empty() || !percent(10)) return;
  made.name = name("source");
  nodes_ += "  " + made.name + ": { source: { " + topic + ", key: string, value: " + serde(made.type) + " } }\n";
  shapes_.push_back(made);
}

void Draft::table() {
  Shape made{.name = name("table"), .kind = Kind::table, .type = any_type(), .own_topic = true};
  topics_.push_back({"in-" + made.name, made.type});
  std::string store;
  if (percent(60)) {
    store = ", store: " + made.name + "-rows";
    made.versioned = percent(30);
    if (made.versioned)
      stores_ += "  " + made.name + "-rows: { type: versioned, key: string, value: " + serde(made.type) +
                 ", retention: " + duration(10, 60) + " }\n";
  }
  nodes_ += "  " + made.name + ": { table: { topic: in-" + made.name + ", key: string, value: " + serde(made.type) +
            store + " } }\n";
  shapes_.push_back(made);
}

void Draft::global_table() {
  Shape made{.name = name("global"), .kind = Kind::global, .type = any_type(), .used = true};
  topics_.push_back({"in-" + made.name, made.type});
  nodes_ += "  " + made.name + ": { global_table: { topic: in-" + made.name +
            ", key: string, value: " + serde(made.type) + ", store: " + made.name + "-rows } }\n";
  shapes_.push_back(made);
}

bool Draft::stateless() {
  const uint64_t which = random_.below(9);
  const int at = any_stream(which < 2, which < 3 || which == 5 || which == 8);
  if (at < 0) return false;
  const Shape& above = shapes_[static_cast<size_t>(at)];
  Shape made = below(above);
  std::string rest;
  if (which == 0) {
    made.name = name("filter");
    rest = pick({"filter: ", "filter_not: "}) + quoted(condition(above.type, true));
  } else if (which <= 2) {
    made.name = name("map_values");
    made.type = any_type();
    rest = "map_values: " + quoted(value(above.type, made.type)) + value_serde(made.type);
  } else if (which == 3) {
    made.name = name("map");
    made.type = any_type();
    rest = "map: { key: " + quoted(new_key(above)) + ", value: " + quoted(value(above.type, made.type)) +
           (percent(25) ? ", timestamp: " + quoted(pick({"timestamp + 3", "timestamp // 2 * 2", "timestamp - 500"}))
                        : "") +
           (percent(25) ? ", headers: " + quoted("{ { key = 'm', value = 'x' } }") : "") + " }" +
           both_serdes(made.type);
  } else if (which == 4) {
    made.name = name("flat_map");
    made.type = any_type();
    rest = "flat_map: " +
           quoted("{ { key = 'f' .. " + number(above.type, "value") + " % 3, value = " + value(above.type, made.type) +
                  " }, { key = key, value = " + value(above.type, made.type) + " } }") +
           both_serdes(made.type);
  } else if (which == 5) {
    made.name = name("flat_map_values");
    made.type = any_type();
    rest = "flat_map_values: " +
           quoted(pick({"value == nil and {} or ", ""}) + "list(" + value(above.type, made.type) + ", " +
                  value(above.type, made.type) + ")") +
           value_serde(made.type);
  } else if (which == 6) {
    made.name = name("select_key");
    rest = "select_key: " + quoted(new_key(above)) + ", serde: { key: string }";
  } else if (which == 7) {
    made.name = name("repartition");
    rest = "repartition: {}" + both_serdes(made.type);
  } else {
    made.name = name("peek");
    rest = "peek: { log: " + quoted("key") + " }";
  }
  add(std::move(made), {at}, rest);
  return true;
}

bool Draft::branch() {
  const int at = any_stream(true, true);
  if (at < 0) return false;
  const Shape above = shapes_[static_cast<size_t>(at)];
  const std::string node = name("branch");
  nodes_ += "  " + node + ": { " + from({at}) + ", branch: { a: " + quoted(condition(above.type, true)) +
            ", b: " + quoted(condition(above.type, true)) + ", rest: default } }\n";
  for (const char* output : {".a", ".b", ".rest"}) {
    shapes_.push_back(below(above));
    shapes_.back().name = node + output;
  }
  return true;
}

bool Draft::merge() {
  const int one = any_stream(false);
  if (one < 0) return false;
  const Type type = shapes_[static_cast<size_t>(one)].type;
  const int other = any([&](const Shape& s) {
    return s.kind == Kind::stream && s.windowed.empty() && s.type == type && &s != &shapes_[static_cast<size_t>(one)];
  });
  if (other < 0) return false;
  Shape made = below(shapes_[static_cast<size_t>(one)]);
  made.name = name("merge");
  add(std::move(made), {one, other}, "merge: {}");
  return true;
}

bool Draft::process() {
  const int at = any_stream(false);
  if (at < 0) return false;
  Shape made = below(shapes_[static_cast<size_t>(at)]);
  const Type above = made.type;
  const std::string type =
      holds_ && percent(60) ? "in_hand" : pick({"tally", "tally", "moments", "moments", "parity", "recent"});
  made.name = name(type);
  if (type == "parity") {
    nodes_ += "  " + made.name + ": { " + from({at}) + ", process: parity" + both_serdes(made.type) + " }\n";
    for (const char* output : {".even", ".odd"}) {
      shapes_.push_back(made);
      shapes_.back().name += output;
    }
    return true;
  }
  std::string store;
  if (type == "tally" && !shared_stores_.empty() && !holds_ && percent(60)) {
    store = pick(shared_stores_);
  } else if (type == "tally") {
    store = made.name + "-counts";
    shared_stores_.push_back(store);
    stores_ += "  " + store + ": { type: " + pick({"timestamped", "key_value"}) + ", key: string, value: int64 }\n";
  } else if (type == "recent") {
    store = made.name + "-counts";
    stores_ += "  " + store +
               ": { type: window, key: string, value: int64, size: 1s, retention: " + pick({"10s", "1m"}) + " }\n";
  }
  if (type != "in_hand") made.type = Type::integer;
  made.by_key = type == "in_hand";
  add(std::move(made), {at},
      "process: " + type + (store.empty() ? "" : ", stores: [" + store + "]") +
          both_serdes(type == "in_hand" ? above : Type::integer));
  return true;
}

// ---- Aggregations

std::string Draft::window(Shape& made, bool& session) {
  const std::string kind = pick({"tumbling", "tumbling", "hopping", "sliding", "session"});
  session = kind == "session";
  const int64_t size = random_.between(2, 9);
  std::string text = kind + ": " + std::to_string(size * grain_) + "ms";
  if (kind == "hopping") text += ", advance: " + std::to_string(grain_ * random_.between(1, size)) + "ms";
  if (percent(50)) text += ", grace: " + duration(0, 7);
  made.windowed = session ? "session_windowed" : "time_windowed";
  made.closes = true;
  return ", window: { " + text + " }";
}

std::string Draft::emit(Shape& made, bool may_close) {
  if (may_close && made.closes && percent(30)) {
    made.closes = false;
    return ", emit: on_window_close";
  }
  return percent(15) ? ", emit: per_commit" : "";
}

// The arguments that say how values of one type are added up to another; most tell in which order they came.
std::string Draft::fold(const std::string& op, Type from, Type to, bool session, bool subtract) {
  if (op == "count") return "";
  const std::string n = number(from, "value");
  if (op == "reduce")
    return from == Type::integer
               ? ", add: " + quoted("((aggregate or 0) * 3 + " + n + ") % 1000003") +
                     (subtract ? ", subtract: " + quoted("(aggregate or 0) - " + n) : "")
               : ", add: " + quoted("{ n = (aggregate.n or 0) + " + n + ", g = value.g, u = aggregate.g }") +
                     (subtract ? ", subtract: " + quoted("{ n = (aggregate.n or 0) - " + n + ", g = aggregate.u }")
                               : "");
  if (to == Type::integer) {
    const std::string add = "(aggregate * 3 + " + n + ") % 1000003";
    return ", init: " + quoted("0") +
           ", value: int64, add: " + quoted(percent(25) ? "return " + n + " % 7 ~= 3 and " + add + " or nil" : add) +
           (subtract ? ", subtract: " + quoted("aggregate - " + n) : "") +
           (session ? ", merge: " + quoted("left * 7 + right") : "");
  }
  return ", init: " + quoted("{ n = 0, g = '' }") + ", value: json, add: " +
         quoted("{ n = aggregate.n + " + n + ", g = string.sub(aggregate.g .. " + n + " % 10, -12) }") +
         (subtract ? ", subtract: " + quoted("{ n = aggregate.n - " + n + ", g = string.sub(aggregate.g .. '-', -12) }")
                   : "") +
         (session ? ", merge: " + quoted("{ n = left.n + right.n, g = string.sub(left.g .. '|' .. right.g, -12) }")
                  : "");
}

bool Draft::aggregate_stream() {
  const int at = any_stream(false, true);
  if (at < 0) return false;
  const Shape& above = shapes_[static_cast<size_t>(at)];
  Shape made = below(above);
  const std::string op = pick({"count", "count", "reduce", "aggregate"});
  made.name = name(op);
  made.kind = Kind::table;
  made.type = op == "count" ? Type::integer : op == "reduce" ? above.type : any_type();
  std::string arguments = "store: " + made.name + "-rows";
  bool session = false;
  if (!above.by_key && percent(55)) arguments += window(made, session);
  arguments += fold(op, above.type, made.type, session, false);
  arguments += emit(made, true);
  const std::string group =
      !above.by_key && percent(25) ? "group_by: " + quoted(new_key(above)) + ", serde: { key: string }, " : "";
  add(std::move(made), {at}, group + op + ": { " + arguments + " }");
  return true;
}

bool Draft::cogroup() {
  const int one = any_stream(false);
  const int other = any([&](const Shape& s) {
    return s.kind == Kind::stream && s.windowed.empty() && &s != &shapes_[static_cast<size_t>(one)];
  });
  if (one < 0 || other < 0) return false;
  const Shape& first = shapes_[static_cast<size_t>(one)];
  const Shape& second = shapes_[static_cast<size_t>(other)];
  Shape made = below(first);
  made.name = name("cogroup");
  made.kind = Kind::table;
  made.type = Type::integer;
  std::string arguments = "store: " + made.name + "-rows, init: " + quoted("1") + ", value: int64";
  bool session = false;
  if (percent(50)) arguments += window(made, session);
  if (session) arguments += ", merge: " + quoted("left * 5 + right");
  arguments += ", add: { " + first.name + ": " +
               quoted("(aggregate * 3 + " + number(first.type, "value") + ") % 1000003") + ", " + second.name + ": " +
               quoted("(aggregate * 5 - " + number(second.type, "value") + ") % 1000003") + " }" + emit(made, false);
  add(std::move(made), {one, other}, "cogroup: { " + arguments + " }");
  return true;
}

bool Draft::aggregate_table() {
  const int at = any_table(true);
  if (at < 0) return false;
  const Shape& above = shapes_[static_cast<size_t>(at)];
  const std::string op = pick({"count", "reduce", "aggregate"});
  Shape made{.name = name(op), .kind = Kind::table, .type = Type::integer};
  const Type grouped = any_type();
  if (op == "reduce") made.type = grouped;
  if (op == "aggregate") made.type = any_type();
  const std::string arguments =
      "store: " + made.name + "-rows" + fold(op, grouped, made.type, false, true) + emit(made, false);
  add(std::move(made), {at},
      "group_by: { key: " + quoted(new_key(above)) + ", value: " + quoted(value(above.type, grouped)) + " }" +
          both_serdes(grouped) + ", " + op + ": { " + arguments + " }");
  return true;
}

// ---- Tables

bool Draft::of_table() {
  if (percent(15)) {
    const int at = any_stream(false);
    if (at < 0) return false;
    Shape made = below(shapes_[static_cast<size_t>(at)]);
    made.name = name("to_table");
    made.kind = Kind::table;
    const std::string store = percent(60) ? " store: " + made.name + "-rows " : "";
    add(std::move(made), {at}, "to_table: {" + store + "}");
    return true;
  }
  const int at = any_table(true);
  if (at < 0) return false;
  const Shape& above = shapes_[static_cast<size_t>(at)];
  Shape made = below(above);
  const uint64_t which = random_.below(3);
  std::string rest;
  if (which == 0) {
    made.name = name("to_stream");
    made.kind = Kind::stream;
    made.closes = made.versioned = false;
    rest = "to_stream: {}";
  } else {
    made.name = name(which == 1 ? "filter" : "map_values");
    if (which == 2) made.type = any_type();
    rest = which == 1 ? pick({"filter: ", "filter_not: "}) + quoted(condition(above.type, false))
                      : "map_values: " + quoted(value(above.type, made.type)) + value_serde(made.type);
    if (above.windowed.empty() && !above.versioned && percent(30)) rest += ", store: " + made.name + "-rows";
  }
  add(std::move(made), {at}, rest);
  return true;
}

bool Draft::suppress() {
  const int at = any([](const Shape& s) { return s.kind == Kind::table && !s.versioned && !s.by_key; });
  if (at < 0) return false;
  Shape made = below(shapes_[static_cast<size_t>(at)]);
  made.name = name("suppress");
  const std::string until =
      made.closes && percent(70)
          ? "window_closes"
          : duration(0, 9) + (percent(40) ? ", max_records: " + std::to_string(1 + random_.below(5)) : "");
  made.closes = false;
  add(std::move(made), {at}, "suppress: { until: " + until + " }");
  return true;
}

// ---- Joins

// What any join gives, below its left side.
Shape Draft::join_below(int left) {
  Shape made = below(shapes_[static_cast<size_t>(left)]);
  made.name = name("join");
  made.type = any_type();
  return made;
}

// `how`: all of its settings but with and value.
bool Draft::add_join(Shape made, int left, int right, const std::string& how) {
  const Shape& one = shapes_[static_cast<size_t>(left)];
  Shape& other = shapes_[static_cast<size_t>(right)];
  other.used = true;
  const std::string rest = "join: { with: " + other.name + ", " + how +
                           ", value: " + quoted(joined(one.type, other.type, made.type)) + " }" +
                           value_serde(made.type);
  add(std::move(made), {left}, rest);
  return true;
}

bool Draft::join_streams() {
  const int left = any_stream(false), right = any_stream(false);
  if (left < 0) return false;
  Shape made = join_below(left);
  const std::string within =
      percent(50) ? duration(0, 5) : "{ before: " + duration(0, 4) + ", after: " + duration(0, 4) + " }";
  return add_join(std::move(made), left, right,
                  "type: " + pick({"inner", "left", "outer", "right"}) + ", within: " + within +
                      (percent(50) ? ", grace: " + duration(0, 5) : ""));
}

bool Draft::join_table() {
  const int left = any_stream(false), right = any_table(false);
  if (left < 0 || right < 0) return false;
  const Shape& other = shapes_[static_cast<size_t>(right)];
  Shape made = join_below(left);
  const std::string grace = other.versioned && other.own_topic && percent(60) ? ", grace: " + duration(1, 8) : "";
  return add_join(std::move(made), left, right, "type: " + pick({"inner", "left"}) + grace);
}

bool Draft::join_tables() {
  const int left = any_table(false);
  const bool foreign = percent(40);
  const int right = any([&](const Shape& s) {
    return s.kind == Kind::table && s.windowed.empty() && &s != &shapes_[static_cast<size_t>(left)] &&
           !(foreign && s.versioned);
  });
  if (left < 0 || right < 0) return false;
  const Shape& one = shapes_[static_cast<size_t>(left)];
  if (foreign && one.versioned) return false;
  Shape made = join_below(left);
  made.versioned = false;
  const std::string kind =
      foreign
          ? pick({"inner", "left"}) +
                ", foreign_key: " + quoted(one.type == Type::object ? pick({"value.g", "value.u"}) : "'k' .. value % 4")
          : pick({"inner", "left", "outer", "right"});
  const std::string store = percent(35) ? ", store: " + made.name + "-rows" : "";
  return add_join(std::move(made), left, right, "type: " + kind + store);
}

bool Draft::join_global() {
  const int left = any_stream(false);
  const int right = any([](const Shape& s) { return s.kind == Kind::global; });
  if (left < 0 || right < 0) return false;
  Shape made = join_below(left);
  const std::string key = quoted(new_key(shapes_[static_cast<size_t>(left)]));
  return add_join(std::move(made), left, right, "type: " + pick({"inner", "left"}) + ", key: " + key);
}

// ---- Sinks

// Below all that nothing reads, and some more; some write the same topic.
void Draft::sinks() {
  for (Shape& shape : shapes_)
    if (shape.kind != Kind::global && (!shape.used || percent(25)))
      sink(shape, !holds_ && percent(35) ? pick({"out-a", "out-b"}) : "out-" + std::to_string(++counter_));
}

void Draft::sink(Shape& shape, const std::string& topic) {
  std::string arguments = "topic: " + topic;
  if (!holds_ && percent(6))
    arguments = "topic: { expr: " + quoted(number(shape.type, "value") + " % 2 == 0 and 'out-a' or 'out-c'") + " }";
  if (percent(8))
    arguments += ", timestamp: " + quoted(pick({"timestamp + 1", "timestamp % 2 == 0 and timestamp or nil"}));
  if (percent(8)) arguments += ", headers: " + quoted("{ { key = 's', value = topic } }");
  if (percent(8)) arguments += ", partition: " + quoted("0");
  const std::string key = shape.windowed.empty() ? "string" : "{ " + shape.windowed + ": string }";
  nodes_ += "  " + name("sink") + ": { from: " + shape.name + ", sink: { " + arguments + ", key: " + key +
            ", value: " + serde(shape.type) + " } }\n";
  shape.used = true;
}

// ---- Expressions

std::string Draft::number(Type type, const std::string& of) {
  return "(" + of + (type == Type::object ? ".n" : "") + " or 0)";
}

std::string Draft::condition(Type type, bool of_stream) {
  const std::string n = number(type, "value");
  if (of_stream && percent(20)) return pick({"timestamp % 2 == 0", "offset % 3 ~= 1", "headers.h ~= '1'"});
  return pick({n + " % 3 ~= 1", n + " > 3", "value ~= nil", "key ~= 'a'", n + " % 2 == 0", n + " < 7"});
}

// Where errors are skipped some expressions fail on null.
std::string Draft::value(Type from, Type to) {
  const std::string n = number(from, "value");
  if (skips_errors_ && percent(30)) {
    const std::string bare = from == Type::object ? "value.n" : "value";
    return to == Type::object ? "{ n = " + bare + " + 1, g = key }" : bare + " + 1";
  }
  if (to == Type::integer) return pick({n + " + 1", n + " * 2 - 3", "-" + n, n + " // 2"});
  if (from == Type::object && percent(20)) return "value";
  return pick({"{ n = " + n + " + 1, g = 'g' .. " + n + " % 3, u = 'a' }", "{ n = " + n + ", u = 'b' }",
               "{ n = " + n + " * 2, g = value ~= nil and 'x' or 'y', u = 'u' .. " + n + " % 4 }"});
}

std::string Draft::new_key(const Shape& from) {
  const std::string n = number(from.type, "value");
  if (!from.windowed.empty())
    return pick({"key", "key and key .. '@' .. window.start", "'w' .. window.start // 1000 % 5"});
  if (percent(20)) return "key and 'z' .. key";
  return from.type == Type::object && percent(60) ? pick({"value.g", "value.u"})
                                                  : pick({"'k' .. " + n + " % 4", "'a'", "'k' .. " + n + " % 4"});
}

std::string Draft::joined(Type left, Type right, Type to) {
  const std::string l = number(left, "left"), r = number(right, "right");
  return to == Type::integer
             ? "(" + l + " * 3 + " + r + ") % 100003"
             : "{ n = (" + l + " + " + r + ") % 1000, g = 'g' .. " + l + " % 3, u = 'u' .. " + r + " % 3 }";
}

}  // namespace kstreamd::batches
