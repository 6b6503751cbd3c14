// What the HTTP port answers, without sockets: requests in, responses out. docs/http.md describes it.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/plugin_host/plugin_host.h"
#include "core/ports/cluster.h"
#include "core/runtime/status.h"

namespace kstreamd {

class LogApi;

struct ApiRequest {
  std::string method;  // "GET", "POST"
  std::string path;
  std::map<std::string, std::string> query;
  std::string body;
  std::string content_type;
  std::string authorization;  // the header
  std::string host;           // the header
};

struct ApiResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
};

// {"error":{"code","message","hint"}}
ApiResponse error_response(int status, const std::string& code, const std::string& message, const std::string& hint);

// Where the API looks. The functions are called from HTTP threads and must be safe there.
struct ApiSources {
  std::function<std::vector<TopologyStatus>()> topologies;
  std::function<bool()> applied = [] { return true; };  // whether topologies() shows all that are to run
  std::function<std::vector<PluginDescription>()> plugins;
  std::function<std::string()> metrics;  // Prometheus text
  Cluster* embedded_log = nullptr;       // null: the daemon runs on Kafka, and serves no topics
  int32_t default_partitions = 4;
  const ProcessorCatalog* catalog = nullptr;  // for serdes of plugins; null: none
  std::string version;
};

struct ApiAccess {
  std::string token;             // empty: everybody who reaches the port may
  bool local_names_only = true;  // without a token: refuse other Host headers than this machine's (DNS rebinding)
};

// Life-cycle: from the composition root until the HTTP server is gone. Thread safety: handle() may be called from any
// thread.
class HttpApi {
 public:
  HttpApi(ApiSources sources, ApiAccess access);
  ~HttpApi();
  ApiResponse handle(const ApiRequest& request);

 private:
  ApiResponse refuse_or_route(const ApiRequest& request);
  ApiResponse ready() const;

  const ApiSources sources_;
  const ApiAccess access_;
  const std::unique_ptr<LogApi> log_;
};

// Equal, in a time that tells nothing of where they differ.
bool same_secret(const std::string& given, const std::string& wanted);

}  // namespace kstreamd
