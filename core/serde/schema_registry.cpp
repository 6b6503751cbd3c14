#include "core/serde/schema_registry.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/base/substitution.h"

namespace kstreamd {
namespace {

using nlohmann::json;

// What the registry's own codes mean for a record.
constexpr int kNoSubject = 40401;
constexpr int kNoVersion = 40402;
constexpr int kNoSchema = 40403;

constexpr size_t kMaxReferenced = 100;  // by one schema, all in all

struct Transport {
  std::mutex mutex;
  std::shared_ptr<HttpTransport> current;  // guarded by mutex
};

Transport& transport() {
  static auto& shared = *new Transport;
  return shared;
}

std::string escaped(const std::string& part) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : part) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    const auto byte = static_cast<uint8_t>(c);
    if (plain)
      out += c;
    else
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

// "http://host:8081/path/" as the server and the path that all requests begin with.
std::pair<std::string, std::string> split(const std::string& url) {
  const auto scheme = url.find("://");
  const auto slash = url.find('/', scheme == std::string::npos ? 0 : scheme + 3);
  if (slash == std::string::npos) return {url, ""};
  std::string path = url.substr(slash);
  while (path.ends_with('/')) path.pop_back();
  return {url.substr(0, slash), path};
}

int64_t number_in(const json& reply, const char* name) {
  const auto found = reply.find(name);
  return found != reply.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

std::string text_in(const json& reply, const char* name) {
  const auto found = reply.find(name);
  return found != reply.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string registration(const RegisteredSchema& schema) {
  json body{{"schema", schema.text}};
  if (schema.type != "AVRO") body["schemaType"] = schema.type;
  for (const auto& reference : schema.references)
    body["references"].push_back(
        {{"name", reference.name}, {"subject", reference.subject}, {"version", reference.version}});
  return body.dump();
}

}  // namespace

void set_http_transport(std::shared_ptr<HttpTransport> given) {
  const std::lock_guard lock(transport().mutex);
  transport().current = std::move(given);
}

std::shared_ptr<HttpTransport> http_transport() {
  const std::lock_guard lock(transport().mutex);
  return transport().current;
}

SchemaRegistry& SchemaRegistry::at(const RegistryAddress& address) {
  static std::mutex mutex;
  static auto& known = *new std::map<RegistryAddress, std::unique_ptr<SchemaRegistry>>;
  const std::lock_guard lock(mutex);
  auto& registry = known[address];
  if (!registry) registry.reset(new SchemaRegistry(address));
  return *registry;
}

Result<HttpReply> SchemaRegistry::send(const std::string& method, const std::string& path, const std::string& body) {
  const auto http = http_transport();
  if (!http)
    return Error{Recovery::retry_topology, "this process has no way to reach the schema registry " + address_.url, ""};
  const auto password = substitute(address_.password);
  if (!password.error.empty())
    return Error{Recovery::retry_topology,
                 "the password for the schema registry " + address_.url + ": " + password.error, password.hint};
  auto [server, prefix] = split(address_.url);
  auto reply = http->send({server, method, prefix + path, body, address_.user, password.text, address_.ca_file});
  if (reply) return reply;
  return Error{
      Recovery::retry_topology, "the schema registry " + address_.url + " cannot be reached: " + reply.error().message,
      reply.error().hint.empty() ? "is it up, and is 'registry' its address? The topology goes on when it answers"
                                 : reply.error().hint};
}

Error SchemaRegistry::refusal(const HttpReply& reply, const std::string& what) const {
  const json said = json::parse(reply.body, nullptr, false);
  const auto code = said.is_object() ? number_in(said, "error_code") : 0;
  const auto message = said.is_object() ? text_in(said, "message") : "";
  Error error{Recovery::retry_topology,
              "the schema registry " + address_.url + " refuses " + what + ": " +
                  (message.empty() ? "HTTP status " + std::to_string(reply.status) : message),
              ""};
  if (code == kNoSubject || code == kNoVersion || code == kNoSchema) {
    error.recovery = Recovery::stop_topology;
    error.hint = code == kNoSchema ? "check that the topic was written with this registry"
                                   : "register a schema, or name a file with schema: FILE and auto_register: true";
  } else if (reply.status == 401 || reply.status == 403) {
    error.hint = "check user and password";
  } else if (reply.status == 409) {
    error.hint = "the schema is not compatible with the subject's earlier ones: change it, or the subject's rule";
  } else if (reply.status == 422) {
    error.hint = "check the schema";
  }
  return error;
}

Result<RegisteredSchema> SchemaRegistry::fetch(const std::string& path, const std::string& what) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = fetched_.find(path); found != fetched_.end()) return found->second;
  }
  auto reply = send("GET", path, "");
  if (!reply) return std::move(reply).error();
  if (reply->status != 200) return refusal(*reply, what);
  const json said = json::parse(reply->body, nullptr, false);
  RegisteredSchema schema;
  if (said.is_object()) {
    schema.id = static_cast<int32_t>(number_in(said, "id"));
    schema.type = text_in(said, "schemaType");
    schema.text = text_in(said, "schema");
  }
  if (schema.text.empty())
    return Error{Recovery::retry_topology,
                 "the schema registry " + address_.url + " answers " + what + " without a schema",
                 "is it the address of a schema registry?"};
  if (schema.type.empty()) schema.type = "AVRO";
  if (const auto references = said.find("references"); references != said.end() && references->is_array())
    for (const auto& given : *references)
      if (given.is_object())
        schema.references.push_back({text_in(given, "name"), text_in(given, "subject"), number_in(given, "version")});
  const std::lock_guard lock(mutex_);
  return fetched_.emplace(path, std::move(schema)).first->second;
}

// A reference that is known is not followed again, so that a loop ends.
Status SchemaRegistry::add_referenced(const RegisteredSchema& by, std::set<std::string>& seen, ReferencedSchemas& all) {
  for (const auto& [name, subject, version] : by.references) {
    if (!seen.insert(name).second) continue;
    if (seen.size() > kMaxReferenced)
      return Error{.message = "more than " + std::to_string(kMaxReferenced) + " schemas are referred to",
                   .hint = "check the references in the schema registry"};
    auto found = fetch("/subjects/" + escaped(subject) + "/versions/" + std::to_string(version),
                       "version " + std::to_string(version) + " of subject '" + subject + "'");
    if (!found) return std::move(found).error().in("'" + name + "', which is referred to");
    KSTREAMD_TRY(add_referenced(*found, seen, all));
    all.emplace_back(name, std::move(found->text));
  }
  return {};
}

Result<RegisteredSchema> SchemaRegistry::fetch_whole(const std::string& path, const std::string& what) {
  auto schema = fetch(path, what);
  if (!schema) return schema;
  std::set<std::string> seen;
  if (auto added = add_referenced(*schema, seen, schema->referenced); !added) return std::move(added).error().in(what);
  return schema;
}

Result<RegisteredSchema> SchemaRegistry::by_id(int32_t id) {
  auto schema = fetch_whole("/schemas/ids/" + std::to_string(id), "the schema with the id " + std::to_string(id));
  if (schema) schema->id = id;
  return schema;
}

Result<RegisteredSchema> SchemaRegistry::latest(const std::string& subject) {
  return fetch_whole("/subjects/" + escaped(subject) + "/versions/latest",
                     "the latest schema of subject '" + subject + "'");
}

// A number of what the registry says of a schema under a subject.
Result<int64_t> SchemaRegistry::ask(const std::string& subject, const std::string& body, bool add, const char* field) {
  auto reply = send("POST", "/subjects/" + escaped(subject) + (add ? "/versions" : ""), body);
  if (!reply) return std::move(reply).error();
  if (reply->status != 200) {
    Error error =
        refusal(*reply, (add ? "to register a schema for subject '" : "the schema of subject '") + subject + "'");
    error.recovery = Recovery::retry_topology;  // the schema is at fault, and not a record
    return error;
  }
  const json said = json::parse(reply->body, nullptr, false);
  const int64_t number = said.is_object() ? number_in(said, field) : 0;
  if (number <= 0 || number > INT32_MAX)
    return Error{Recovery::retry_topology, "the schema registry " + address_.url + " gives a schema no " + field,
                 "is it the address of a schema registry?"};
  return number;
}

Result<int32_t> SchemaRegistry::id_of(const std::string& subject, const RegisteredSchema& schema, bool add) {
  const std::pair key(subject, registration(schema));
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = ids_.find(key); found != ids_.end()) return found->second;
  }
  auto id = ask(subject, key.second, add, "id");
  if (!id) return std::move(id).error();
  const std::lock_guard lock(mutex_);
  return ids_.emplace(key, static_cast<int32_t>(*id)).first->second;
}

Result<int64_t> SchemaRegistry::version_of(const std::string& subject, const RegisteredSchema& schema) {
  return ask(subject, registration(schema), false, "version");
}

}  // namespace kstreamd
