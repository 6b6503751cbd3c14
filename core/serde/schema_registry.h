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
#include <string>
#include <string_view>
#include <tuple>
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

struct RegisteredSchema {
  struct Reference {
    std::string name;  // the file that is imported
    std::string subject;
    int64_t version = 0;
  };
  int32_t id = 0;
  std::string type;  // AVRO, PROTOBUF, JSON
  std::string text;
  std::vector<Reference> references;
};

class SchemaRegistry {
 public:
  static SchemaRegistry& at(const RegistryAddress& address);

  Result<RegisteredSchema> by_id(int32_t id);
  Result<RegisteredSchema> latest(const std::string& subject);
  Result<RegisteredSchema> version(const std::string& subject, int64_t version);
  // The id of a schema under a subject, where it is registered first with `add`.
  Result<int32_t> id_of(const std::string& subject, const std::string& type, const std::string& text, bool add);

 private:
  explicit SchemaRegistry(RegistryAddress address) : address_(std::move(address)) {}

  Result<HttpReply> send(const std::string& method, const std::string& path, const std::string& body);
  Result<RegisteredSchema> fetch(const std::string& path, const std::string& what);
  Error refusal(const HttpReply& reply, const std::string& what) const;

  const RegistryAddress address_;
  std::mutex mutex_;
  std::map<std::string, RegisteredSchema> fetched_;  // by path
  std::map<std::tuple<std::string, std::string, std::string>, int32_t> ids_;
};

}  // namespace kstreamd
