// A schema registry within the test, by the REST contract of Confluent's as far as kstreamd uses it. Levers: down,
// refusing passwords; what was asked is kept.
#pragma once
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/serde/http_transport.h"

namespace kstreamd::testing {

class FakeRegistry final : public HttpTransport {
 public:
  using json = nlohmann::json;

  Result<HttpReply> send(const HttpRequest& request) override {
    requests.push_back(request);
    const std::string path = request.path.starts_with(kPrefix) ? request.path.substr(kPrefix.size()) : request.path;
    if (down) return Error{Recovery::retry_topology, "Connection refused", ""};
    if (!password.empty() && (request.user != "ann" || request.password != password))
      return error(401, 401, "Unauthorized");
    if (path.starts_with("/schemas/ids/")) return by_id(std::stoi(path.substr(13)));
    if (!path.starts_with("/subjects/")) return error(404, 404, "HTTP 404 Not Found");
    const std::string rest = path.substr(10);
    const std::string subject = rest.substr(0, rest.find('/'));
    const std::string below = rest.find('/') == std::string::npos ? "" : rest.substr(rest.find('/'));
    if (request.method == "POST") return below.empty() ? look_up(subject, request.body) : add(subject, request.body);
    return version(subject, below.substr(below.rfind('/') + 1));
  }

  // A schema as somebody else registers it; its id.
  int add_schema(const std::string& subject, const std::string& type, const std::string& text,
                 json references = json::array()) {
    json schema{{"schema", text}};
    if (type != "AVRO") schema["schemaType"] = type;
    if (!references.empty()) schema["references"] = std::move(references);
    for (size_t i = 0; i < schemas.size(); ++i)
      if (schemas[i] == schema) {
        note(subject, static_cast<int>(i));
        return static_cast<int>(i) + first_id;
      }
    schemas.push_back(schema);
    note(subject, static_cast<int>(schemas.size()) - 1);
    return static_cast<int>(schemas.size()) - 1 + first_id;
  }

  static constexpr std::string_view kPrefix = "/base";
  static constexpr int first_id = 100;
  bool down = false;
  bool incompatible = false;
  std::string password;  // asked for, of ann
  std::vector<HttpRequest> requests;
  std::vector<json> schemas;
  std::map<std::string, std::vector<int>> subjects;  // the schemas of its versions, from 1

 private:
  static HttpReply error(int status, int code, const std::string& message) {
    return {status, json{{"error_code", code}, {"message", message}}.dump()};
  }
  void note(const std::string& subject, int schema) {
    auto& versions = subjects[subject];
    for (int known : versions)
      if (known == schema) return;
    versions.push_back(schema);
  }
  HttpReply by_id(int id) {
    const int index = id - first_id;
    if (index < 0 || index >= static_cast<int>(schemas.size()))
      return error(404, 40403, "Schema " + std::to_string(id) + " not found");
    return {200, schemas[static_cast<size_t>(index)].dump()};
  }
  HttpReply version(const std::string& subject, const std::string& number) {
    const auto found = subjects.find(subject);
    if (found == subjects.end()) return error(404, 40401, "Subject '" + subject + "' not found.");
    const auto& versions = found->second;
    const size_t wanted = number == "latest" ? versions.size() : std::stoul(number);
    if (wanted < 1 || wanted > versions.size()) return error(404, 40402, "Version not found.");
    json schema = schemas[static_cast<size_t>(versions[wanted - 1])];
    schema.update(json{{"subject", subject}, {"version", wanted}, {"id", versions[wanted - 1] + first_id}});
    return {200, schema.dump()};
  }
  HttpReply add(const std::string& subject, const std::string& body) {
    const json asked = json::parse(body);
    if (incompatible) return error(409, 409, "Schema being registered is incompatible with an earlier schema");
    if (!asked.contains("schema")) return error(422, 42201, "Empty schema");
    const int id = add_schema(subject, asked.value("schemaType", "AVRO"), asked["schema"],
                              asked.value("references", json::array()));
    return {200, json{{"id", id}}.dump()};
  }
  HttpReply look_up(const std::string& subject, const std::string& body) {
    const auto found = subjects.find(subject);
    if (found == subjects.end()) return error(404, 40401, "Subject '" + subject + "' not found.");
    const auto& versions = found->second;
    for (size_t i = 0; i < versions.size(); ++i)
      if (schemas[static_cast<size_t>(versions[i])] == json::parse(body))
        return {200, json{{"id", versions[i] + first_id}, {"subject", subject}, {"version", i + 1}}.dump()};
    return error(404, 40403, "Schema not found");
  }
};

}  // namespace kstreamd::testing
