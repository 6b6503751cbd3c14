// A schema registry that speaks Confluent's REST interface. Internal to core/serde.
//
// One object for each registry of the process; it lives as long as the process. What it has learned is kept: schemas of
// ids never change. Thread safety: every function may be called from any thread; mutex_ guards what is kept, and is not
// held while a request is under way.
//
// Errors: Recovery::stop_topology where the registry says that there is no such schema, so that the bytes at hand are
// at fault; retry_topology for all else (no answer, no permission, a schema that it refuses), which no record can help.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/serde/http_transport.h"

namespace kstreamd {

// Where a registry is, and who asks. The password is as the topology file has it: ${env:NAME} or ${file:/path}.
struct RegistryAddress {
  std::string url;
  std::string user;
  std::string password;
  std::string ca_file;
  auto operator<=>(const RegistryAddress&) const = default;
};

// Schemas by the names that others refer to them by, each after those that it refers to itself.
using ReferencedSchemas = std::vector<std::pair<std::string, std::string>>;

struct RegisteredSchema {
  struct Reference {
    std::string name;  // of Protobuf the file that is imported, of Avro the type
    std::string subject;
    int64_t version = 0;
  };
  int32_t id = 0;
  std::string type;  // AVRO, PROTOBUF, JSON
  std::string text;
  std::vector<Reference> references;
  ReferencedSchemas referenced;  // what these lead to, all in all
};

class SchemaRegistry {
 public:
  static SchemaRegistry& at(const RegistryAddress& address);

  // With all that they refer to.
  Result<RegisteredSchema> by_id(int32_t id);
  Result<RegisteredSchema> latest(const std::string& subject);
  // The id of a schema under a subject, where it is registered first with `add`. Of it type, text and references count.
  Result<int32_t> id_of(const std::string& subject, const RegisteredSchema& schema, bool add);
  // Which version of the subject it is; it has to be registered.
  Result<int64_t> version_of(const std::string& subject, const RegisteredSchema& schema);

 private:
  explicit SchemaRegistry(RegistryAddress address) : address_(std::move(address)) {}

  Result<HttpReply> send(const std::string& method, const std::string& path, const std::string& body);
  Result<RegisteredSchema> fetch(const std::string& path, const std::string& what);
  Result<RegisteredSchema> fetch_whole(const std::string& path, const std::string& what);
  Status add_referenced(const RegisteredSchema& by, std::set<std::string>& seen, ReferencedSchemas& all);
  Result<int64_t> ask(const std::string& subject, const std::string& body, bool add, const char* field);
  Error refusal(const HttpReply& reply, const std::string& what) const;

  const RegistryAddress address_;
  std::mutex mutex_;
  std::map<std::string, RegisteredSchema> fetched_;             // by path
  std::map<std::pair<std::string, std::string>, int32_t> ids_;  // by subject, and the schema as it is sent
};

}  // namespace kstreamd
