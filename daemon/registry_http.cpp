#include "daemon/registry_http.h"

#include <httplib.h>

namespace kstreamd {
namespace {

// A worker waits meanwhile, and a topology that waits too long loses its place in the group.
constexpr time_t kConnectSeconds = 3;
constexpr time_t kReadSeconds = 5;
constexpr const char* kContent = "application/vnd.schemaregistry.v1+json";

// A connection for each request: there are as many as there are schemas.
class RegistryHttp final : public HttpTransport {
 public:
  Result<HttpReply> send(const HttpRequest& request) override {
    httplib::Client client(request.server);
    if (!client.is_valid())
      return Error{Recovery::retry_topology, "'" + request.server + "' is no address", "write http://HOST:PORT"};
    client.set_connection_timeout(kConnectSeconds);
    client.set_read_timeout(kReadSeconds);
    client.set_write_timeout(kReadSeconds);
    if (!request.user.empty()) client.set_basic_auth(request.user.c_str(), request.password.c_str());
    if (!request.ca_file.empty()) client.set_ca_cert_path(request.ca_file.c_str());
    const httplib::Headers headers{{"Accept", kContent}};
    const auto result = request.method == "POST" ? client.Post(request.path.c_str(), headers, request.body, kContent)
                                                 : client.Get(request.path.c_str(), headers);
    if (result) return HttpReply{result->status, result->body};
    return Error{Recovery::retry_topology, httplib::to_string(result.error()), ""};
  }
};

}  // namespace

std::shared_ptr<HttpTransport> make_registry_http() { return std::make_shared<RegistryHttp>(); }

}  // namespace kstreamd
