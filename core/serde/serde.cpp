#include "core/serde/serde.h"

#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "core/base/text_file.h"
#include "core/serde/schema_options.h"
#include "core/serde/serdes.h"

namespace kstreamd {
namespace {

using nlohmann::json;

constexpr size_t kMaxSchemaFile = 4 << 20;

const std::vector<const Serde*>& plain_serdes() {
  static const std::vector<const Serde*> serdes = [] {
    std::vector<const Serde*> all;
    for (const auto& group : {text_serdes(), fixed_serdes(), json_serdes()})
      all.insert(all.end(), group.begin(), group.end());
    return all;
  }();
  return serdes;
}

// What has been made of specs. Equal specs share a serde as long as what they refer to is the same. Thread safety:
// every function may be called from any thread; mutex_ guards all.
class MadeSerdes {
 public:
  // The spec; the content of its file, if it has one; the serde within it, if there is one.
  using Key = std::tuple<std::string, std::string, const Serde*>;

  const Serde* find(const Key& key) {
    const std::lock_guard lock(mutex_);
    const auto found = serdes_.find(key);
    return found == serdes_.end() ? nullptr : found->second.get();
  }
  // The one that is there already, where somebody else was faster.
  const Serde* add(Key key, std::unique_ptr<const Serde> serde) {
    const std::lock_guard lock(mutex_);
    return serdes_.try_emplace(std::move(key), std::move(serde)).first->second.get();
  }

 private:
  std::mutex mutex_;
  std::map<Key, std::unique_ptr<const Serde>> serdes_;
};

MadeSerdes& made() {
  static auto& serdes = *new MadeSerdes;  // values may still be read while the process ends
  return serdes;
}

Error bad_spec(std::string message, std::string hint) {
  return Error{.message = std::move(message), .hint = std::move(hint)};
}

// The serde that a spec names as its own of `kind`.
Result<const Serde*> inner_serde(const json& parsed, const std::string& kind, const SerdeLookup& lookup) {
  const json& named = parsed[kind];
  const std::string name = named.is_string() ? named.get<std::string>() : named.dump();
  if (is_serde_spec(name)) return make_serde(name, lookup);
  if (const Serde* inner = lookup(name)) return inner;
  return bad_spec("unknown serde '" + name + "' within " + kind,
                  "write " + kind + ": SERDE, the one of what is inside");
}

Result<const Serde*> make_windowed(const std::string& spec, const json& parsed, bool session,
                                   const SerdeLookup& lookup) {
  const std::string kind = session ? "session_windowed" : "time_windowed";
  auto found = inner_serde(parsed, kind, lookup);
  if (!found) return found;
  const Serde* inner = *found;
  if (inner->windowed())
    return bad_spec("the serde within " + kind + " is windowed itself", "name the serde of the inner key");
  const auto size = parsed.find("size");
  int64_t ms = 0;
  if (size != parsed.end()) {
    if (session) return bad_spec("session_windowed takes no size", "sessions carry their end with them: remove size");
    if (!size->is_number_integer() || size->get<int64_t>() <= 0)
      return bad_spec("the size of time_windowed is no number of milliseconds above 0", "write for example size: 30s");
    ms = size->get<int64_t>();
  }
  if (const Serde* found = made().find({spec, "", inner})) return found;
  return made().add({spec, "", inner},
                    session ? make_session_windowed(spec, *inner) : make_time_windowed(spec, *inner, ms));
}

Result<const Serde*> make_with_schema(const std::string& spec, const json& parsed, const std::string& kind) {
  if (parsed.size() != 1) return bad_spec("'" + kind + "' is not alone", "its arguments stand below it");
  auto options = schema_options(parsed[kind], kind);
  if (!options) return std::move(options).error();
  std::string content;
  if (!options->schema.empty()) {
    auto read = read_text_file(options->schema, kMaxSchemaFile);
    if (!read) return std::move(read).error();
    content = std::move(*read);
  }
  if (const Serde* found = made().find({spec, content, nullptr})) return found;
  auto serde = (kind == "avro" ? make_avro : make_protobuf)(spec, *options, content);
  if (!serde) return std::move(serde).error();
  return made().add({spec, content, nullptr}, std::move(*serde));
}

Result<const Serde*> make_of_changes(const std::string& spec, const json& parsed, const SerdeLookup& lookup) {
  auto inner = inner_serde(parsed, "change", lookup);
  if (!inner) return inner;
  if (const Serde* found = made().find({spec, "", *inner})) return found;
  return made().add({spec, "", *inner}, make_change(spec, **inner));
}

}  // namespace

Result<const Serde*> make_serde(std::string_view spec, const SerdeLookup& lookup) {
  const json parsed = json::parse(spec, nullptr, false);
  const std::string text(spec);
  if (!parsed.is_object()) return bad_spec("the serde " + text + " is no JSON object", "write {\"KIND\": ARGUMENTS}");
  if (parsed.contains("time_windowed")) return make_windowed(text, parsed, false, lookup);
  if (parsed.contains("session_windowed")) return make_windowed(text, parsed, true, lookup);
  if (parsed.contains("change")) return make_of_changes(text, parsed, lookup);
  for (const char* kind : {"avro", "protobuf"})
    if (parsed.contains(kind)) return make_with_schema(text, parsed, kind);
  return bad_spec("unknown kind of serde: " + text, "the kinds are time_windowed, session_windowed, avro and protobuf");
}

const Serde* find_serde(std::string_view name) {
  if (is_serde_spec(name)) {
    auto serde = make_serde(name, find_serde);
    return serde ? *serde : nullptr;
  }
  for (const Serde* serde : plain_serdes())
    if (serde->name() == name) return serde;
  return nullptr;
}

std::vector<std::string> serde_names() {
  std::vector<std::string> names;
  for (const Serde* serde : plain_serdes()) names.push_back(serde->name());
  return names;
}

}  // namespace kstreamd
