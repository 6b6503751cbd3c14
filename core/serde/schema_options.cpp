#include "core/serde/schema_options.h"

#include <algorithm>
#include <array>

#include "kstreamd/sdk/big_endian.h"

namespace kstreamd {
namespace {

using nlohmann::json;

constexpr char kMagic = 0;

Error wrong(std::string message, std::string hint) {
  return Error{.message = std::move(message), .hint = std::move(hint)};
}

// A secret stands in the topology file as where it is found.
bool is_reference(const std::string& text) {
  return (text.starts_with("${env:") || text.starts_with("${file:")) && text.ends_with('}');
}

}  // namespace

Result<SchemaOptions> schema_options(const json& given, const std::string& kind) {
  static constexpr std::array kTexts = {"schema", "message", "registry", "subject", "user", "password", "ca", "format"};
  if (!given.is_object()) return wrong("the arguments of " + kind + " are no map", "write { schema: FILE }");
  SchemaOptions options;
  RegistryAddress address;
  std::string format;
  std::string* const texts[] = {&options.schema, &options.message,  &address.url,     &options.subject,
                                &address.user,   &address.password, &address.ca_file, &format};
  for (auto entry = given.begin(); entry != given.end(); ++entry) {
    if (entry.key() == "auto_register" && entry->is_boolean()) {
      options.auto_register = entry->get<bool>();
      continue;
    }
    const auto found = std::find(kTexts.begin(), kTexts.end(), entry.key());
    if (found == kTexts.end() || !entry->is_string())
      return wrong(kind + " takes no '" + entry.key() + "' like this", "see docs/topology-file.md");
    *texts[found - kTexts.begin()] = entry->get<std::string>();
  }
  if (options.schema.empty() && address.url.empty())
    return wrong(kind + " names no schema", "add schema: FILE, or registry: http://HOST:8081");
  if (!options.message.empty() && kind != "protobuf") return wrong(kind + " takes no 'message'", "remove it");
  if (!format.empty() && format != "confluent")
    return wrong("unknown format '" + format + "'", "the one format is confluent");
  if (!address.password.empty() && !is_reference(address.password))
    return wrong("the password for the schema registry stands in the file", "write ${file:/path} or ${env:NAME}");
  if (address.url.empty()) return options;
  if (!address.url.starts_with("http://") && !address.url.starts_with("https://"))
    return wrong("'" + address.url + "' is no address of a schema registry", "write registry: http://HOST:8081");
  if (address.url.find('@') != std::string::npos)
    return wrong("the address of the schema registry has a user in it", "write user: NAME, password: ${file:/path}");
  options.registry = std::move(address);
  return options;
}

Result<int32_t> take_schema_id(std::string_view& bytes) {
  if (bytes.size() < 5 || bytes[0] != kMagic)
    return wrong(bytes.size() < 5 ? "there is no id of a schema in " + std::to_string(bytes.size()) + " bytes"
                                  : "there is no id of a schema: the first byte is " +
                                        std::to_string(static_cast<uint8_t>(bytes[0])) + ", and not 0",
                 "check that the topic was written with a schema registry; without one, leave out 'registry'");
  const auto id = read_big_endian<int32_t>(bytes.data() + 1);
  bytes.remove_prefix(5);
  return id;
}

void append_schema_id(std::string& out, int32_t id) {
  out += kMagic;
  append_big_endian(out, id);
}

}  // namespace kstreamd
