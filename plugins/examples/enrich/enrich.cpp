#include "enrich.h"

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace enrich {

using kstreamd::Value;
using kstreamd::sdk::Config;
using kstreamd::sdk::Context;
using kstreamd::sdk::Held;
using kstreamd::sdk::Json;

namespace {

constexpr std::string_view kBlanks = " \t\r\n";

// {"a":1} and a row become {"a":1,"into":row}.
std::string with_field(std::string_view object, const std::string& into, const std::string& row) {
  const size_t begin = object.find_first_not_of(kBlanks), end = object.find_last_not_of(kBlanks);
  if (begin == object.npos || object[begin] != '{' || object[end] != '}')
    throw std::runtime_error("the value is a JSON " +
                             std::string(begin != object.npos && object[begin] == '[' ? "list" : "scalar") +
                             ": only an object can be given a field");
  const std::string_view fields = object.substr(begin, end - begin);
  const bool empty = fields.find_first_not_of(kBlanks, 1) == fields.npos;
  std::string out(fields);
  out += (empty ? "\"" : ",\"") + into + "\":" + row + "}";
  return out;
}

}  // namespace

Options::Options(const Config& config)
    : place{config.string("database"), config.string("table"), config.string("key"), config.string_list("columns")},
      into(config.string("into")) {
  if (place.columns.empty()) config.problem("columns", "names no column", "write columns: [NAME, ...]");
  if (into.find_first_of("\"\\") != into.npos || into.empty())
    config.problem("into", "is no name of a field", "write a word, without quotes and backslashes");
  const int64_t most = config.integer("batch", 100);
  if (most < 1 || most > 1000) config.problem("batch", "must be from 1 to 1000");
  batch = static_cast<size_t>(most < 1 ? 1 : most);
  const std::string missing = config.string("on_missing", "pass");
  if (missing == "drop")
    on_missing = Missing::drop;
  else if (missing == "fail")
    on_missing = Missing::fail;
  else if (missing != "pass")
    config.problem("on_missing", "is '" + missing + "'; it must be pass, drop or fail");
}

// A bad configuration names no database to be opened, and is told before anything else is.
Enrich::Enrich(Context& context, const Config& config)
    : options_(config),
      records_(context.counter("enriched_records", "Records that were looked up")),
      seconds_(context.histogram("enrich_lookup_seconds", "Time that one SELECT took")),
      database_(options_.place, options_.batch),
      worker_(options_.batch, [this](std::span<Held> held) { look_up(held); }) {}

Enrich::~Enrich() {
  database_.stop();
  worker_.stop();
}

void Enrich::check(const Config& config) {
  const Options options(config);
  std::error_code ignored;
  if (!options.place.file.empty() && !std::filesystem::exists(options.place.file, ignored))
    config.warning("database", "names a file that is not there: " + options.place.file,
                   "it has to be where the topology is to run");
}

void Enrich::process(const Record& record, Context& context) {
  if (!record.value) return context.hold(record).complete(record);  // a tombstone stays one
  const bool fits = kstreamd::is_null(record.key) || kstreamd::is_integer(record.key) || record.key.type == KST_STRING;
  if (!fits)
    throw std::runtime_error(std::string("a key of type ") + kstreamd::type_name(record.key) +
                             " cannot be looked up: let it be a string or an integer");
  worker_.push(context.hold(record));
}

void Enrich::look_up(std::span<Held> held) {
  std::vector<Value> keys;
  for (const Held& one : held) keys.push_back(one.record().key);
  const auto begun = std::chrono::steady_clock::now();
  const auto rows = database_.find(keys);
  seconds_.observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
  records_.add(static_cast<double>(held.size()));
  for (size_t i = 0; i < held.size(); ++i) complete(held[i], rows[i]);
}

void Enrich::complete(Held& held, const std::optional<std::string>& row) const {
  if (!row && options_.on_missing == Missing::drop) return held.drop("missing");
  if (!row && options_.on_missing == Missing::fail)
    return held.fail("the table " + options_.place.table + " has no row of this key");
  if (!row) return held.complete(held.record());
  try {
    const auto record = held.as<Value, Json>();
    const std::string value = with_field(record.value.text, options_.into, *row);
    held.complete(record.with_value(Json{value}));
  } catch (const std::exception& error) {
    held.fail(error.what());
  }
}

}  // namespace enrich

KSTREAMD_PLUGIN("enrich", "1.0.0", enrich::Enrich);
